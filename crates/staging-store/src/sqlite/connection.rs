//! Connections: pragmas, functions, and the way of values in and out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef as SqlRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, Row as SqlRow, ToSql};
use staging_schema::{Accents, Dialect, KEY_FUNCTION, Statement, Value, ValueRef, fold_key};

use crate::options::ScalarFunction;
use crate::row::Row;
use crate::{Error, RowBatch};

/// Statements that a connection keeps prepared.
const PREPARED: usize = 64;

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
            let text = self.statement.text(Dialect::Sqlite);
            tracing::debug!(seconds = elapsed.as_secs_f64(), statement = text, "slow statement");
        }
    }
}

/// Pages in the log before they are moved into the file: 32 MiB of pages of 8 KiB, or of 4 KiB in an encrypted file.
const CHECKPOINT_PAGES: i64 = 4_000;
const ENCRYPTED_CHECKPOINT_PAGES: i64 = 2 * CHECKPOINT_PAGES;

/// What a connection is for; decides its share of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Write,
    Read,
}

/// Compares keys as Dataverse does; statements of `staging-schema` need it wherever a store is opened.
const KEY: ScalarFunction = ScalarFunction { name: KEY_FUNCTION, arity: 2, call: folded_key, tsql: None };

fn folded_key(arguments: &[Value]) -> Result<Value, String> {
    let accents = match arguments.get(1).and_then(Value::as_integer) {
        Some(0) => Accents::Ignored,
        Some(1) => Accents::Distinguished,
        _ => return Err("the second argument must be 0 or 1".to_owned()),
    };
    Ok(arguments.first().and_then(Value::as_text).map_or(Value::Null, |text| fold_key(text, accents).into()))
}

/// Sets up a fresh connection: everything but the journal mode, which belongs to the file.
pub(super) fn configure(
    connection: &Connection,
    purpose: Use,
    encrypted: bool,
    busy: Duration,
    functions: &[ScalarFunction],
) -> rusqlite::Result<()> {
    connection.busy_timeout(busy)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    // A misspelt "name" must be an error, not a text.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false)?;
    // A table that takes the place of another one is renamed; views over that name, people's own too, must not hinder it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, true)?;
    // In KiB: 16 MiB for the writer, 4 MiB for each reader. Memory-mapped pages would count as resident memory.
    let cache = match purpose {
        Use::Write => -16 * 1024,
        Use::Read => -4 * 1024,
    };
    connection.pragma_update(None, "cache_size", cache)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    // Only the database and its log are encrypted: what is sorted must not be on the disk.
    connection.pragma_update(None, "temp_store", if encrypted { "MEMORY" } else { "FILE" })?;
    if purpose == Use::Write {
        // A commit is durable when it returns: lease and manifest depend on it.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
        let pages = if encrypted { ENCRYPTED_CHECKPOINT_PAGES } else { CHECKPOINT_PAGES };
        // Rows are written several times on their way: pages that change again soon are moved into the file once.
        connection.pragma_update(None, "wal_autocheckpoint", pages)?;
    }
    register(connection, KEY)?;
    functions.iter().try_for_each(|function| register(connection, *function))
}

fn register(connection: &Connection, function: ScalarFunction) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function(function.name, function.arity, flags, move |context| {
        let arguments = (0..context.len())
            .map(|n| value_of(context.get_raw(n)).map(ValueRef::to_owned))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| rusqlite::Error::UserFunctionError(Box::new(error)))?;
        let answer =
            (function.call)(&arguments).map_err(|why| rusqlite::Error::UserFunctionError(why.into()))?;
        Ok(match answer {
            Value::Null => SqlValue::Null,
            Value::Integer(n) => SqlValue::Integer(n),
            Value::Real(n) => SqlValue::Real(n),
            Value::Text(text) => SqlValue::Text(text),
            Value::Blob(bytes) => SqlValue::Blob(bytes),
        })
    })
}

/// A value on its way into SQLite.
struct Bound<'a>(ValueRef<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            ValueRef::Null => SqlRef::Null,
            ValueRef::Integer(n) => SqlRef::Integer(n),
            ValueRef::Real(n) => SqlRef::Real(n),
            ValueRef::Text(text) => SqlRef::Text(text.as_bytes()),
            ValueRef::Blob(bytes) => SqlRef::Blob(bytes),
        }))
    }
}

/// A value on its way out; SQLite does not promise that its texts are UTF-8.
fn value_of(value: SqlRef<'_>) -> Result<ValueRef<'_>, std::str::Utf8Error> {
    Ok(match value {
        SqlRef::Null => ValueRef::Null,
        SqlRef::Integer(n) => ValueRef::Integer(n),
        SqlRef::Real(n) => ValueRef::Real(n),
        SqlRef::Text(text) => ValueRef::Text(std::str::from_utf8(text)?),
        SqlRef::Blob(bytes) => ValueRef::Blob(bytes),
    })
}

fn cell<'a>(row: &'a SqlRow<'_>, column: usize) -> rusqlite::Result<ValueRef<'a>> {
    value_of(row.get_ref(column)?).map_err(|error| rusqlite::Error::Utf8Error(column, error))
}

/// Prepares a statement and binds its parameters.
fn prepare<'c>(connection: &'c Connection, statement: &Statement) -> rusqlite::Result<CachedStatement<'c>> {
    let mut prepared = connection.prepare_cached(statement.text(Dialect::Sqlite))?;
    let wanted = prepared.parameter_count();
    if wanted != statement.params().len() {
        return Err(rusqlite::Error::InvalidParameterCount(statement.params().len(), wanted));
    }
    for (n, value) in statement.params().iter().enumerate() {
        prepared.raw_bind_parameter(n + 1, Bound(value.as_ref()))?;
    }
    Ok(prepared)
}

/// Executes a statement or script; rows that it answers are passed over. Returns the rows changed.
pub(super) fn execute(connection: &Connection, statement: &Statement) -> rusqlite::Result<u64> {
    let _clock = SlowClock::start(statement);
    let before = connection.total_changes();
    if statement.is_script() {
        connection.execute_batch(statement.text(Dialect::Sqlite))?;
    } else {
        let mut prepared = prepare(connection, statement)?;
        let mut rows = prepared.raw_query();
        while rows.next()?.is_some() {}
    }
    Ok(connection.total_changes() - before)
}

/// Reads all rows of a statement.
pub(super) fn query(connection: &Connection, statement: &Statement) -> rusqlite::Result<Vec<Row>> {
    let _clock = SlowClock::start(statement);
    let mut prepared = prepare(connection, statement)?;
    let columns = column_names(&prepared);
    let mut rows = prepared.raw_query();
    let mut answer = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..columns.len())
            .map(|column| cell(row, column).map(ValueRef::to_owned))
            .collect::<rusqlite::Result<_>>()?;
        answer.push(Row::new(Arc::clone(&columns), values));
    }
    Ok(answer)
}

/// Reads rows in batches; `names` gets the columns first, `batch` every batch and says whether to go on.
pub(super) fn stream(
    connection: &Connection,
    statement: &Statement,
    batch_rows: usize,
    names: impl FnOnce(Arc<[String]>) -> bool,
    mut batch: impl FnMut(RowBatch) -> bool,
) -> rusqlite::Result<()> {
    let mut prepared = prepare(connection, statement)?;
    let columns = column_names(&prepared);
    let width = columns.len();
    if !names(columns) {
        return Ok(());
    }
    let mut rows = prepared.raw_query();
    let mut full = RowBatch::new(width);
    while let Some(row) = rows.next()? {
        for column in 0..width {
            full.push(cell(row, column)?);
        }
        if full.len() >= batch_rows && !batch(std::mem::replace(&mut full, RowBatch::new(width))) {
            return Ok(());
        }
    }
    if !full.is_empty() {
        batch(full);
    }
    Ok(())
}

/// Appends rows through one prepared statement; the caller holds a transaction.
pub(super) fn append(connection: &Connection, insert: &str, rows: &RowBatch) -> rusqlite::Result<u64> {
    let mut prepared = connection.prepare_cached(insert)?;
    let width = rows.width();
    for row in 0..rows.len() {
        for column in 0..width {
            prepared.raw_bind_parameter(column + 1, Bound(rows.cell(row * width + column)))?;
        }
        prepared.raw_execute()?;
    }
    Ok(rows.len() as u64)
}

fn column_names(prepared: &CachedStatement<'_>) -> Arc<[String]> {
    prepared.column_names().map(str::to_owned).collect()
}

/// Gives a failure its meaning. `doing` is a statement's text or a description; parameters are never part of it.
pub(super) fn failure(doing: &str, error: rusqlite::Error) -> Error {
    let doing = shorten(doing);
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::Busy { doing, source: error.into() }
        }
        Some(ErrorCode::DiskFull) => Error::Full { doing, source: error.into() },
        Some(ErrorCode::SystemIoFailure) => Error::Disk { doing, source: error.into() },
        Some(ErrorCode::DatabaseCorrupt) => Error::Damaged { doing, source: error.into() },
        Some(ErrorCode::ConstraintViolation) => Error::Constraint { doing, source: error.into() },
        _ => Error::Statement { doing, source: error.into() },
    }
}

fn shorten(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
