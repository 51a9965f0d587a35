//! The SQL of the staging database, as it is written for both engines.

mod parse;
mod sample;
mod snapshot;
