//! Copies source files into the snapshot.

mod csv_rows;
mod decode;
mod error;
mod extract;
mod snapshot;
mod table;

pub use error::Error;
pub use extract::{Extracted, Options, Progress, extract, headers};
pub use table::SourceTable;
