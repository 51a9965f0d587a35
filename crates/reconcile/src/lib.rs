//! Comparing what Dataverse holds with what was staged, value by value.
//!
//! Every row that staging believes to be loaded is read back and compared column by column, within tolerances that are
//! printed with the result: the service's own normalisations and nothing else. What differs is kept in
//! `migration.Difference`, so that people can join it with the staged rows. Rows in this project's number range that staging
//! does not know are found as well, and so are missing rows, missing pairs of N:N relationships and parties of activities.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # async fn example(store: staging_store::Store, client: dataverse_client::Client,
//! #     definition: dataverse_wire::metadata::TableDefinition, staged: staging_schema::TargetTable) -> Result<(), reconcile::Error> {
//! use reconcile::{Quiet, VerifyTable, verify};
//!
//! let account =
//!     VerifyTable { definition: Arc::new(definition), staged, base: Some(1_200_000_000), association: None };
//! let report = verify(&store, &client, &[account], &Quiet).await?;
//! for table in &report.tables {
//!     println!("{}: {} of {} agree", table.table, table.agreeing, table.staged);
//! }
//! assert!(report.is_clean(), "see migration.Difference");
//! # Ok(())
//! # }
//! ```

mod association;
mod error;
mod page;
mod party;
mod read;
mod report;
mod rule;
mod statement;
mod table;
mod verify;

pub use error::Error;
pub use report::{ColumnReport, Report, TableReport};
pub use rule::Rule;
pub use statement::{difference_table, verified_table};
pub use table::{Association, VerifyTable};
pub use verify::{Progress, Quiet, verify};
