//! `dv-stage` as its users call it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so loudly")]

mod backup;
mod discard;
mod encrypted;
mod grants;
mod money;
mod script;
mod upgrade;
mod world;
