//! Copies source files into the snapshot.
mod csv_rows;
mod decode;
mod error;
mod table;

pub use error::Error;
pub use table::SourceTable;
