//! `dv-migrate` as people and scripts use it: exit codes, messages, files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod bad_input;
mod demo;
mod disk;
mod help;
mod rehearsal;
mod retry;
mod stopping;
mod target;
mod unheard;
