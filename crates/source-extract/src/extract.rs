//! One file into one table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use staging_schema::TableName;
use staging_store::{Appender, RowBatch, Store};
use tokio::sync::mpsc;

use crate::csv_rows::CsvRows;
use crate::snapshot::{self, Arrival, Arriving, Begin};
use crate::{Error, SourceTable, decode};

/// Called with the rows read so far.
pub type Progress = Arc<dyn Fn(u64) + Send + Sync>;

/// How an extraction is done.
#[derive(Clone)]
pub struct Options {
    /// The arrival stamp of every row.
    pub arrived_at: Timestamp,
    /// Told after every batch.
    pub progress: Option<Progress>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("arrived_at", &self.arrived_at).finish_non_exhaustive()
    }
}

impl Options {
    /// Rows that arrive at this moment.
    pub fn at(arrived_at: Timestamp) -> Self {
        Self { arrived_at, progress: None }
    }
}

/// What an extraction came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extracted {
    /// Source table.
    pub table: String,
    /// Its file.
    pub file: PathBuf,
    /// Its columns, as in the header.
    pub columns: Vec<String>,
    /// Rows in the snapshot now.
    pub rows: u64,
    /// Rows that were not there before; a changed row counts here and under `removed`.
    pub added: u64,
    /// Rows that were there before and are no more.
    pub removed: u64,
    /// Whether the file was known already and nothing was done.
    pub unchanged: bool,
    /// Wall time.
    pub elapsed: Duration,
}

/// The columns of every table, from the headers of the files alone; nothing is written.
///
/// # Errors
/// Every file that is missing, in a format that is not supported, or with a header that cannot be used.
pub fn headers(folder: &Path, tables: &[SourceTable]) -> Result<BTreeMap<String, Vec<String>>, Vec<Error>> {
    let mut columns = BTreeMap::new();
    let mut errors = Vec::new();
    for table in tables {
        match CsvRows::open(table, &table.path_in(folder)) {
            Ok(rows) => {
                columns.insert(table.name.clone(), rows.columns().to_vec());
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(columns) } else { Err(errors) }
}

/// Copies a file into `source.<table>`.
///
/// A file that is known by its content and settings is left alone. Otherwise its rows are appended beside the snapshot,
/// which changes in one transaction when all of them are there: with a `key`, row by row (what is the same keeps its
/// RowId), without, as a whole. An error, a drop or a kill half-way leaves the snapshot as it was.
///
/// # Errors
/// The file cannot be used, with file, line and column, or the staging database refused.
pub async fn extract(
    store: &Store,
    folder: &Path,
    table: &SourceTable,
    options: &Options,
) -> Result<Extracted, Error> {
    let started = Instant::now();
    let path = table.path_in(folder);
    let refused = |source| Error::Store { table: table.name.clone(), source: Box::new(source) };
    let opened = {
        let (table, path) = (table.clone(), path.clone());
        blocking(&path.clone(), move || CsvRows::open(&table, &path)).await??
    };
    let columns = opened.columns().to_vec();
    store.execute(&snapshot::create_arrivals()).await.map_err(refused)?;
    let hash = {
        let file = path.clone();
        let unreadable = |source| Error::FileUnreadable { path: path.clone(), line: 0, source };
        blocking(&path, move || decode::hash_of_file(&file)).await?.map_err(unreadable)?
    };
    let arrival = Arrival {
        file: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        file_hash: format!("{hash:016x}"),
        settings: table.settings_text(),
    };
    let known = snapshot::last_arrival(store, &table.name).await.map_err(refused)?;
    if let Some((_, rows)) = known.filter(|(last, _)| *last == arrival) {
        let snapshot = TableName::source(&table.name);
        if !snapshot::columns_of(store, &snapshot).await.map_err(refused)?.is_empty() {
            let name = table.name.clone();
            let elapsed = started.elapsed();
            return Ok(Extracted {
                table: name,
                file: path,
                columns,
                rows,
                added: 0,
                removed: 0,
                unchanged: true,
                elapsed,
            });
        }
    }
    let arriving = Arriving::begin(store, &table.name, &columns).await.map_err(|begin| match begin {
        Begin::Name(why) => Error::TableNameUnusable {
            table: table.name.clone(),
            file: arrival.file.clone(),
            why: why.to_string(),
        },
        Begin::Store(source) => refused(source),
    })?;
    let arrived_at = options.arrived_at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let appender = store.append(&arriving.name(), arriving.filled_columns());
    let rows = match append_all(appender, opened, &table.name, &arrival.file, &arrived_at, options).await {
        Ok(rows) => rows,
        Err(error) => {
            arriving.abandon(store).await.map_err(refused)?;
            return Err(error);
        }
    };
    let columns = arriving.columns().to_vec();
    let change =
        arriving.complete(store, table.key.as_deref(), &arrival, rows, &arrived_at).await.map_err(refused)?;
    let elapsed = started.elapsed();
    tracing::info!(table = %table.name, rows, added = change.added, removed = change.removed, "extracted");
    Ok(Extracted {
        table: table.name.clone(),
        file: path,
        columns,
        rows,
        added: change.added,
        removed: change.removed,
        unchanged: false,
        elapsed,
    })
}

/// Batches that the reader may be ahead of the engine.
const AHEAD: usize = 1;

/// Reads rows on a thread of its own while the engine writes those before. Returns how many there were.
async fn append_all(
    mut appender: Appender,
    rows: CsvRows,
    table: &str,
    file: &str,
    arrived_at: &str,
    options: &Options,
) -> Result<u64, Error> {
    let refused = |source| Error::Store { table: table.to_owned(), source: Box::new(source) };
    let (filled, mut to_append) = mpsc::channel::<RowBatch>(AHEAD);
    let (emptied, to_fill) = mpsc::channel::<RowBatch>(AHEAD + 2);
    let width = appender.batch().width();
    let path = rows.path().to_path_buf();
    let mut reader =
        Reader { rows, filled, to_fill, file: file.to_owned(), arrived_at: arrived_at.to_owned(), width };
    let reading = tokio::task::spawn_blocking(move || reader.run());
    let mut count = 0;
    while let Some(batch) = to_append.recv().await {
        count += batch.len() as u64;
        let mut empty = appender.push(batch).await.map_err(refused)?;
        empty.clear();
        // The reader may have ended already; then nobody needs the memory.
        let _ = emptied.try_send(empty);
        if let Some(progress) = &options.progress {
            progress(count);
        }
    }
    reading.await.map_err(|_| Error::ReaderLost { path })??;
    appender.finish().await.map_err(refused)
}

/// The reading thread.
struct Reader {
    rows: CsvRows,
    filled: mpsc::Sender<RowBatch>,
    to_fill: mpsc::Receiver<RowBatch>,
    file: String,
    arrived_at: String,
    width: usize,
}

/// Cells and bytes of a batch, which is also a commit: some ten megabytes, however wide the table is.
const BATCH_CELLS: usize = 250_000;
const BATCH_BYTES: usize = 4 * 1024 * 1024;

impl Reader {
    fn run(&mut self) -> Result<(), Error> {
        let mut batch = RowBatch::new(self.width);
        while let Some(row) = self.rows.next()? {
            for cell in row.cells {
                if cell.is_empty() { batch.push_null() } else { batch.push_text(cell) }
            }
            batch.push_text(&self.arrived_at);
            batch.push_text(&self.file);
            batch.push_integer(i64::try_from(row.line).unwrap_or(i64::MAX));
            batch.push_text(hexadecimal(row.hash, &mut [0; 16]));
            if batch.cells() >= BATCH_CELLS || batch.bytes() >= BATCH_BYTES {
                let next = self.to_fill.try_recv().unwrap_or_else(|_| RowBatch::new(self.width));
                // A caller that went away needs no more rows.
                if self.filled.blocking_send(std::mem::replace(&mut batch, next)).is_err() {
                    return Ok(());
                }
            }
        }
        let _ = self.filled.blocking_send(batch);
        Ok(())
    }
}

/// Sixteen digits, without the formatting machinery: it would be felt at a million rows a second.
fn hexadecimal(hash: u64, digits: &mut [u8; 16]) -> &str {
    for (index, digit) in digits.iter_mut().enumerate() {
        let nibble = (hash >> (60 - 4 * index)) & 0xF;
        *digit = b"0123456789abcdef"[usize::try_from(nibble).unwrap_or_default()];
    }
    str::from_utf8(digits).unwrap_or_default()
}

async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::ReaderLost { path: path.to_path_buf() })
}
