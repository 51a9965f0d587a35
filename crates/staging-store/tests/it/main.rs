//! Promises of the staging store, kept by its SQLite engine.

mod contract;
mod world;
