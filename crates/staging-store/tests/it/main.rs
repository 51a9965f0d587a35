//! Promises of the staging store, kept by its engines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![expect(
    clippy::print_stdout,
    reason = "a process that is to be killed says what is durable, a test what is not shown"
)]

mod claims;
mod contract;
mod encrypted;
mod killed;
mod leases;
mod money;
mod open;
mod planners;
mod plans;
/// Every statement of `staging-schema`, as its own tests have them.
#[path = "../../../staging-schema/tests/it/sample.rs"]
mod sample;
mod server;
mod shared;
mod upgrade;
mod views;
mod wire;
mod world;
