//! What the crate promises, one file a promise.

mod cases;
mod laws;
mod real;
mod schema;
