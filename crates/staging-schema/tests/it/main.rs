//! The SQL of the staging database, as it is written for both engines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod parse;
mod sample;
mod snapshot;
