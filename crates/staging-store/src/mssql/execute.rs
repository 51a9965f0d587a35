//! Statements on a connection.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt as _;
use staging_schema::{Dialect, Statement};
use tiberius::error::Error as TdsError;
use tiberius::{ColumnData, QueryItem, ResultMetadata, ToSql};
use tokio::sync::{mpsc, oneshot};

use super::connection::Link;
use super::failure::{failure, shorten};
use super::value;
use crate::row::Row;
use crate::stream::BATCH_ROWS;
use crate::{Error, RowBatch};

/// A statement that takes longer is told of: with 50,000 rows a slice, none should.
const SLOW: Duration = Duration::from_secs(1);

/// Tells of a statement that took long, by its text, which holds no values.
struct SlowClock<'a> {
    statement: &'a Statement,
    started: Instant,
}

impl<'a> SlowClock<'a> {
    fn start(statement: &'a Statement) -> Self {
        Self { statement, started: Instant::now() }
    }
}

impl Drop for SlowClock<'_> {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed();
        if elapsed > SLOW {
            let text = self.statement.text(Dialect::Mssql);
            tracing::debug!(seconds = elapsed.as_secs_f64(), statement = text, "slow statement");
        }
    }
}

fn params(statement: &Statement) -> Vec<ColumnData<'_>> {
    statement.params().iter().map(value::param).collect()
}

fn borrowed<'a>(params: &'a [ColumnData<'_>]) -> Vec<&'a dyn ToSql> {
    params.iter().map(|param| param as &dyn ToSql).collect()
}

/// Executes a statement or script; rows that it answers are passed over. Returns the rows changed.
pub(super) async fn execute(link: &mut Link, statement: &Statement) -> Result<u64, Error> {
    let text = statement.nulls_written_out(Dialect::Mssql);
    if text.trim().is_empty() {
        return Ok(0);
    }
    let _clock = SlowClock::start(statement);
    let params = params(statement);
    link.begins();
    let answer = link.client.execute(text, &borrowed(&params)).await;
    let changed = link.ended(answer).map_err(|error| failed(link, statement, error))?;
    Ok(changed.total())
}

/// Reads all rows of a statement.
pub(super) async fn query(link: &mut Link, statement: &Statement) -> Result<Vec<Row>, Error> {
    let _clock = SlowClock::start(statement);
    let text = statement.nulls_written_out(Dialect::Mssql);
    let params = params(statement);
    link.begins();
    let answer = read_all(link, text, &params).await;
    let (columns, rows) = link.ended(answer).map_err(|error| failed(link, statement, error))?;
    rows.into_iter()
        .map(|row| {
            let values = row.into_iter().map(value::owned).collect::<Result<Vec<_>, _>>();
            values.map(|values| Row::new(Arc::clone(&columns), values))
        })
        .collect::<Result<_, _>>()
        .map_err(|error| no_form(statement, error))
}

async fn read_all(
    link: &mut Link,
    text: Cow<'_, str>,
    params: &[ColumnData<'_>],
) -> Result<(Arc<[String]>, Vec<tiberius::Row>), TdsError> {
    let borrowed = borrowed(params);
    let mut items = link.client.query(text, &borrowed).await?;
    let mut columns = Arc::default();
    let mut rows = Vec::new();
    while let Some(item) = items.try_next().await? {
        match item {
            QueryItem::Metadata(metadata) => columns = names(&metadata),
            QueryItem::Row(row) => rows.push(row),
        }
    }
    Ok((columns, rows))
}

/// Where a stream goes: the names of its columns first, then batches.
pub(super) struct Outlet {
    pub(super) names: Option<oneshot::Sender<Result<Arc<[String]>, Error>>>,
    pub(super) batches: mpsc::Sender<Result<RowBatch, Error>>,
}

/// Reads rows in batches until nobody takes them any more; then the connection is not sound, and dropping it ends the
/// statement.
pub(super) async fn stream(link: &mut Link, statement: &Statement, outlet: &mut Outlet) -> Result<(), Error> {
    let text = statement.nulls_written_out(Dialect::Mssql);
    let params = params(statement);
    link.begins();
    match pump(link, text, &params, outlet).await {
        Ok(Pumped::All) => {
            // An answer without columns, such as that of a statement that reads nothing.
            if let Some(names) = outlet.names.take() {
                let _ = names.send(Ok(Arc::default()));
            }
            link.ended(Ok(())).map_err(|error| failed(link, statement, error))
        }
        Ok(Pumped::Enough) => Ok(()),
        Ok(Pumped::NoForm(error)) => Err(no_form(statement, error)),
        Err(error) => link.ended(Err(error)).map_err(|error| failed(link, statement, error)),
    }
}

enum Pumped {
    All,
    /// The receiver is gone.
    Enough,
    NoForm(value::NoStorageForm),
}

async fn pump(
    link: &mut Link,
    text: Cow<'_, str>,
    params: &[ColumnData<'_>],
    outlet: &mut Outlet,
) -> Result<Pumped, TdsError> {
    let borrowed = borrowed(params);
    let mut items = tokio::select! {
        items = link.client.query(text, &borrowed) => items?,
        () = outlet.batches.closed() => return Ok(Pumped::Enough),
    };
    let mut full = RowBatch::default();
    loop {
        let item = tokio::select! {
            item = items.try_next() => item?,
            () = outlet.batches.closed() => return Ok(Pumped::Enough),
        };
        match item {
            Some(QueryItem::Metadata(metadata)) => {
                let Some(sender) = outlet.names.take() else { continue };
                full = RowBatch::new(metadata.columns().len());
                if sender.send(Ok(names(&metadata))).is_err() {
                    return Ok(Pumped::Enough);
                }
            }
            Some(QueryItem::Row(row)) => {
                if let Err(error) = row.cells().try_for_each(|(_, cell)| value::push(&mut full, cell)) {
                    return Ok(Pumped::NoForm(error));
                }
                if full.len() >= BATCH_ROWS {
                    let next = RowBatch::new(full.width());
                    if outlet.batches.send(Ok(std::mem::replace(&mut full, next))).await.is_err() {
                        return Ok(Pumped::Enough);
                    }
                }
            }
            None => break,
        }
    }
    if !full.is_empty() {
        // The receiver may be gone: then nobody wants to know.
        let _ = outlet.batches.send(Ok(full)).await;
    }
    Ok(Pumped::All)
}

fn names(metadata: &ResultMetadata) -> Arc<[String]> {
    metadata.columns().iter().map(|column| column.name().to_owned()).collect()
}

fn failed(link: &Link, statement: &Statement, error: TdsError) -> Error {
    failure(statement.text(Dialect::Mssql), error, link.patience.statement)
}

fn no_form(statement: &Statement, error: value::NoStorageForm) -> Error {
    Error::Statement { doing: shorten(statement.text(Dialect::Mssql)), source: error.into() }
}
