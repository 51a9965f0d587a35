//! Promises of the staging store, kept by its SQLite engine.

mod contract;
mod killed;
mod leases;
mod open;
mod shared;
mod world;
