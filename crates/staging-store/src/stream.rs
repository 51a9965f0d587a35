//! Rows of a large answer, in batches, with bounded memory.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::store::guarded;
use crate::{Error, RowBatch};

/// Rows in a batch of a stream.
pub(crate) const BATCH_ROWS: usize = 1_000;
/// Batches that the reader may be ahead.
pub(crate) const BATCHES_AHEAD: usize = 4;

/// A running answer. It holds a read transaction: the log cannot shrink while it lives, so drain or drop it soon.
/// Dropping it ends the reader at its next batch.
#[derive(Debug)]
pub struct RowStream {
    columns: Arc<[String]>,
    batches: mpsc::Receiver<Result<RowBatch, Error>>,
    #[cfg(feature = "faults")]
    faults: Option<crate::FaultHook>,
}

impl RowStream {
    pub(crate) fn new(columns: Arc<[String]>, batches: mpsc::Receiver<Result<RowBatch, Error>>) -> Self {
        Self {
            columns,
            batches,
            #[cfg(feature = "faults")]
            faults: None,
        }
    }

    #[cfg(feature = "faults")]
    pub(crate) fn with_faults(self, faults: Option<crate::FaultHook>) -> Self {
        Self { faults, ..self }
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The next batch, of at most about a thousand rows; `None` after the last. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<RowBatch>, Error> {
        guarded!(self.faults, Next, "", async { self.batches.recv().await.transpose() })
    }
}
