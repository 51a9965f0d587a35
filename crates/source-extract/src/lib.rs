//! Copies source files into the snapshot of a staging database: everything as it was, each row stamped with arrival, file,
//! line and a hash of its content.
//!
//! A file arrives whole or not at all. What a careless reader would let pass is refused with file, line and column: a row
//! with too few or too many cells, two headers of one name, bytes that are no text in the file's encoding, a quote that is
//! never closed. A file that is known by its content is left alone; a changed one updates the snapshot row by row where the
//! table has a key.
//!
//! ```
//! use source_extract::{Options, SourceTable, extract, headers};
//! use staging_store::{Store, StoreOptions};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("Account.csv"), "Id,Name\n1,\"Baker, Sons\"\n2,\n")?;
//! let tables = SourceTable::discover(folder.path(), &[])?;
//! assert_eq!(headers(folder.path(), &tables).expect("good headers")["Account"], ["Id", "Name"]);
//!
//! let store = Store::open(StoreOptions::sqlite(folder.path().join("staging.db"))).await?;
//! let options = Options::at("2026-11-21T09:00:00Z".parse()?);
//! let first = extract(&store, folder.path(), &tables[0], &options).await?;
//! assert_eq!((first.rows, first.unchanged), (2, false));
//! assert!(extract(&store, folder.path(), &tables[0], &options).await?.unchanged);
//! # Ok(())
//! # }
//! ```

mod csv_rows;
mod decode;
mod error;
mod extract;
mod snapshot;
mod table;

pub use error::Error;
pub use extract::{Extracted, Options, Progress, extract, headers};
pub use table::SourceTable;
