//! The loader against a running emulator and a real staging database, a file or that of a server (`STAGING_TEST_MSSQL`).
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as loudly as the tests themselves")]

mod associate;
mod clean;
mod closing;
mod crash;
mod doubt;
mod elastic;
mod hierarchy;
mod isolate;
mod keys;
mod lookups;
mod matching;
mod metrics;
mod pace;
mod parties;
mod points;
mod row_waves;
mod state;
mod stop;
mod strategy;
mod update;
mod workers;
mod world;
