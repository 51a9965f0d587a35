//! The emulator over real sockets: one test per fact of the service that it keeps.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

mod activities;
mod addresses;
mod batch;
mod bulk;
mod cascades;
mod changes;
mod client;
mod csdl;
mod define;
mod definitions;
mod documented;
mod durable;
mod elastic;
mod faults;
mod fetchxml;
mod files;
mod jobs;
mod keep;
mod keys;
mod lambda;
mod links;
mod metadata;
mod parties;
mod query;
mod real_requests;
mod rights;
mod rows;
mod sql;
mod states;
mod throttling;
mod values;
