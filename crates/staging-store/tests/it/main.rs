//! Promises of the staging store, kept by its engines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![expect(clippy::print_stdout, reason = "a process that is to be killed says what is durable")]

mod contract;
mod killed;
mod leases;
mod money;
mod open;
mod server;
mod shared;
mod upgrade;
mod views;
mod wire;
mod world;
