//! `dv-load` as people and scripts use it: plans, loads, processes side by side.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so loudly")]

mod backups;
mod deletions;
mod elastic;
mod help;
mod pilot;
mod plan;
mod repairs;
mod rollback;
mod row_waves;
mod server;
mod together;
mod users;
mod wire;
mod world;
