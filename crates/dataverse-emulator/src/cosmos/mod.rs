//! Cosmos SQL over an elastic table: the part that is documented for JSON columns (reference §10).

mod evaluate;
mod parse;
mod token;

pub(crate) use evaluate::{document, run};
pub(crate) use parse::{Parameters, parse};
