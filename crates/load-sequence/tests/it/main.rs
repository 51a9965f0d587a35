//! What the crate promises, one file a promise.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod cases;
mod explained;
mod geometry;
mod large;
mod laws;
mod pictures;
mod planted;
mod real;
mod schema;
mod strategies;
