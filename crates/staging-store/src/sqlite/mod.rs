//! The embedded engine: one SQLite file in WAL mode, written by one thread.

mod connection;
mod file;
mod key;
mod open;
mod reader;
mod writer;

pub(crate) use open::Sqlite;
