//! Opens a staging database: set-based statements, streamed reads, bulk appends, chunk leases, the request manifest and
//! outcomes. SQLite is embedded; the engine sits behind [`Store`], so that SQL Server fits there.
//!
//! ```
//! use staging_schema::ddl;
//! use staging_store::{Store, StoreOptions};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let store = Store::open(StoreOptions::sqlite(folder.path().join("staging.db"))).await?;
//! let source = ddl::SourceTable::new("Account", ["Id", "Name"])?;
//! store.execute(&source.create()).await?;
//! let mut appender = store.append(&source.name(), ["Id", "Name", "DataMigration_ArrivedAt"]);
//! let mut batch = appender.batch();
//! for cell in ["001A", "Contoso", "2026-11-21T04:00:00.000Z"] {
//!     batch.push_text(cell);
//! }
//! batch = appender.push(batch).await?; // empty again, to be filled while the first is written
//! # drop(batch);
//! assert_eq!(appender.finish().await?, 1);
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new()?.block_on(example())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod append;
mod batch;
#[cfg(feature = "contract")]
pub mod contract;
mod error;
#[cfg(feature = "faults")]
mod fault;
mod lease;
mod levels;
mod manifest;
mod mssql;
mod options;
mod record;
mod row;
mod row_waves;
mod settle;
mod sqlite;
mod step;
mod store;
mod stream;
mod upgrade;

pub use append::{Appender, DEFAULT_ROWS_PER_COMMIT};
pub use batch::{RowBatch, RowView};
pub use error::Error;
#[cfg(feature = "faults")]
pub use fault::{Fault, FaultHook, Moment, Operation, Verb};
pub use lease::{ChunkPlan, Cut, Lease, Renewal, Take, Taken};
pub use levels::{LevelProgress, RowLevels};
pub use manifest::{
    Doubts, InDoubt, NewRequest, RequestEnd, RequestOutcome, Resolution, RowError, StagedRow, Success,
};
pub use mssql::{LockMode, SessionLock};
pub use options::{
    DEFAULT_BUSY_TIMEOUT, DEFAULT_LEASE, DEFAULT_LOGIN_TIMEOUT, DEFAULT_QUIET_TIME,
    DEFAULT_STATEMENT_TIMEOUT, EngineKind, Existing, ScalarFunction, ServerOptions, StoreOptions, Versions,
};
pub use record::{ChunkEnd, Entry};
pub use row::Row;
pub use row_waves::{Computed, RowWaves};
pub use step::{Expect, Step, StepOutcome};
pub use store::{SLICE_ROWS, Store};
pub use stream::RowStream;
pub use upgrade::Upgraded;

/// The examples of the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
