//! Rows as JSON, written straight from their bytes.

mod formatted;
mod projection;
mod row_writer;

pub(crate) use formatted::write_annotated;
pub(crate) use projection::{Annotations, Expand, ExpandSource, Projection};
pub(crate) use row_writer::{write_cell, write_row, write_text};
