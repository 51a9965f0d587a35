//! Field mapping: from source rows, as they were, to typed target rows that fit the metadata.

pub mod model;
pub mod values;
