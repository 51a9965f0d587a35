//! Opens a staging database.

mod append;
mod batch;
#[cfg(feature = "contract")]
pub mod contract;
mod error;
mod lease;
mod manifest;
mod options;
mod row;
mod settle;
mod sqlite;
mod step;
mod store;
mod stream;

pub use append::{Appender, DEFAULT_ROWS_PER_COMMIT};
pub use batch::{RowBatch, RowView};
pub use error::Error;
pub use lease::{ChunkPlan, Cut, Lease, Renewal, Take, Taken};
pub use manifest::{
    Doubts, InDoubt, NewRequest, RequestEnd, RequestOutcome, Resolution, RowError, StagedRow, Success,
};
pub use options::{
    DEFAULT_BUSY_TIMEOUT, DEFAULT_LEASE, DEFAULT_QUIET_TIME, EngineKind, Existing, ScalarFunction,
    StoreOptions,
};
pub use row::Row;
pub use settle::{RowLevels, Settled};
pub use step::{Expect, Step, StepOutcome};
pub use store::{SLICE_ROWS, Store};
pub use stream::RowStream;
