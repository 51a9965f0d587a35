//! Rows of a large answer, in batches, with bounded memory.

use std::sync::Arc;

use tokio::sync::mpsc;

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
}

impl RowStream {
    pub(crate) fn new(columns: Arc<[String]>, batches: mpsc::Receiver<Result<RowBatch, Error>>) -> Self {
        Self { columns, batches }
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The next batch, of at most about a thousand rows; `None` after the last. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<RowBatch>, Error> {
        self.batches.recv().await.transpose()
    }
}
