//! Bulk appends: the caller fills one batch while the engine writes the one before.

use staging_schema::TableName;
use tokio::sync::oneshot;

use crate::{Error, RowBatch, Store};

/// Rows per commit when nothing else is said.
pub const DEFAULT_ROWS_PER_COMMIT: usize = 20_000;
/// Bytes of text per commit, so that rows of any width stay within bounded memory.
const BYTES_PER_COMMIT: usize = 16 * 1024 * 1024;

/// A batch on its way; answers with the rows appended and the emptied batch.
#[derive(Debug)]
pub(crate) struct AppendTicket(pub(crate) oneshot::Receiver<Result<(u64, RowBatch), Error>>);

/// Appends rows to one table. Every batch is one transaction; an error tells of the batch before.
///
/// Dropped half-way, batches that were pushed are written, the others are not.
#[derive(Debug)]
pub struct Appender {
    store: Store,
    table: TableName,
    columns: Vec<String>,
    rows_per_commit: usize,
    on_its_way: Option<AppendTicket>,
    appended: u64,
}

impl Appender {
    pub(crate) fn new(store: Store, table: TableName, columns: Vec<String>) -> Self {
        Self {
            store,
            table,
            columns,
            rows_per_commit: DEFAULT_ROWS_PER_COMMIT,
            on_its_way: None,
            appended: 0,
        }
    }

    /// Sets when [`is_full`](Self::is_full) says so.
    #[must_use]
    pub fn rows_per_commit(self, rows: usize) -> Self {
        Self { rows_per_commit: rows.max(1), ..self }
    }

    /// An empty batch of the right width.
    pub fn batch(&self) -> RowBatch {
        RowBatch::new(self.columns.len())
    }

    /// Whether a batch should be pushed before it grows further.
    pub fn is_full(&self, batch: &RowBatch) -> bool {
        batch.len() >= self.rows_per_commit || batch.bytes() >= BYTES_PER_COMMIT
    }

    /// Hands a batch to the engine and gives back an empty one to fill next.
    pub async fn push(&mut self, rows: RowBatch) -> Result<RowBatch, Error> {
        if rows.width() != self.columns.len() || rows.len() * rows.width() != rows.cells() {
            return Err(Error::UnevenBatch {
                table: self.table.to_string(),
                cells: rows.cells(),
                width: self.columns.len(),
            });
        }
        if rows.is_empty() {
            return Ok(rows);
        }
        let ticket = self.store.engine().append(&self.table, &self.columns, rows).await?;
        let before = self.on_its_way.replace(ticket);
        match before {
            Some(before) => self.arrived(before).await,
            None => Ok(self.batch()),
        }
    }

    /// Waits for the last batch. Returns the rows appended.
    pub async fn finish(mut self) -> Result<u64, Error> {
        if let Some(last) = self.on_its_way.take() {
            self.arrived(last).await?;
        }
        Ok(self.appended)
    }

    async fn arrived(&mut self, ticket: AppendTicket) -> Result<RowBatch, Error> {
        let (rows, emptied) = ticket.0.await.map_err(|_| Error::Closed)??;
        self.appended += rows;
        Ok(emptied)
    }
}
