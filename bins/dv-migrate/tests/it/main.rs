//! `dv-migrate` as people and scripts use it: exit codes, messages, files.

mod bad_input;
mod demo;
mod help;
mod rehearsal;
mod stopping;
mod target;
