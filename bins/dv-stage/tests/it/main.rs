//! `dv-stage` as its users call it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod backup;
mod discard;
mod grants;
mod money;
mod script;
mod upgrade;
mod world;
