//! The client over real sockets: against a server that misbehaves as it is told, and against the emulator.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop them")]

mod authority;
mod batches;
mod cancellation;
mod changes;
mod define;
mod doubt;
mod elastic;
mod emulated;
mod faults;
mod fetch;
mod files;
mod foreign;
mod https;
mod many;
mod metadata;
mod office;
mod pages;
mod permit;
mod queries;
mod requests;
mod rows;
mod secrets;
mod sendable;
mod server;
mod throttling;
mod tls;
mod tokens;
