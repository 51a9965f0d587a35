//! Reading: connections of their own, on threads of their own, which see the last commit and never wait for the writer.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use staging_schema::{Dialect, Statement};
use tokio::sync::{mpsc, oneshot};

use super::connection::{self, Use, failure};
use super::file::File;
use super::open::Sqlite;
use super::writer;
use crate::append::AppendTicket;
use crate::row::Row;
use crate::step::{Step, StepOutcome};
use crate::stream::{BATCH_ROWS, BATCHES_AHEAD, RowStream};
use crate::{Error, RowBatch};
use staging_schema::TableName;

/// Idle connections that are kept for the next reader.
const IDLE: usize = 4;

/// Opens connections for reading and keeps a few.
pub(crate) struct Readers {
    file: File,
    functions: Vec<crate::ScalarFunction>,
    busy: Duration,
    idle: Mutex<Vec<Connection>>,
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Readers")
    }
}

impl Readers {
    pub(super) fn new(file: File, functions: Vec<crate::ScalarFunction>, busy: Duration) -> Self {
        Self { file, functions, busy, idle: Mutex::default() }
    }

    fn take(&self) -> Result<Connection, Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(connection) = idle {
            return Ok(connection);
        }
        let connection = self.file.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let encrypted = self.file.is_encrypted();
        connection::configure(&connection, Use::Read, encrypted, self.busy, &self.functions)
            .map_err(|error| self.file.opening(error))?;
        Ok(connection)
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
    }

    fn query(&self, statement: &Statement) -> Result<Vec<Row>, Error> {
        let connection = self.take()?;
        let rows = connection::query(&connection, statement)
            .map_err(|error| failure(statement.text(Dialect::Sqlite), error))?;
        self.give_back(connection);
        Ok(rows)
    }

    fn stream(
        &self,
        statement: &Statement,
        names: oneshot::Sender<Result<Arc<[String]>, Error>>,
        batches: &mpsc::Sender<Result<RowBatch, Error>>,
    ) {
        let connection = match self.take() {
            Ok(connection) => connection,
            Err(error) => return drop(names.send(Err(error))),
        };
        let mut names = Some(names);
        let done = connection::stream(
            &connection,
            statement,
            BATCH_ROWS,
            |columns| names.take().is_some_and(|names| names.send(Ok(columns)).is_ok()),
            |batch| batches.blocking_send(Ok(batch)).is_ok(),
        );
        match (done.map_err(|error| failure(statement.text(Dialect::Sqlite), error)), names) {
            (Ok(()), _) => self.give_back(connection),
            // The receiver may be gone: then nobody wants to know.
            (Err(error), Some(names)) => drop(names.send(Err(error))),
            (Err(error), None) => drop(batches.blocking_send(Err(error))),
        }
    }
}

impl Sqlite {
    fn writer(&self) -> Result<&writer::Writer, Error> {
        self.writer.as_ref().ok_or_else(|| Error::ReadOnly { database: self.file.name() })
    }

    pub(crate) async fn execute(&self, statement: Statement) -> Result<u64, Error> {
        self.writer()?.run(move |connection| writer::execute(connection, &statement)).await
    }

    pub(crate) async fn transaction(&self, steps: Vec<Step>) -> Result<Vec<StepOutcome>, Error> {
        self.writer()?.run(move |connection| writer::transaction(connection, steps)).await
    }

    pub(crate) async fn append(
        &self,
        table: &TableName,
        columns: &[String],
        rows: RowBatch,
    ) -> Result<AppendTicket, Error> {
        let insert = writer::insert_text(table, columns);
        let job = move |connection: &mut Connection| {
            let mut rows = rows;
            let appended = writer::append(connection, &insert, &rows)?;
            rows.clear();
            Ok((appended, rows))
        };
        Ok(AppendTicket(self.writer()?.submit(job).await?))
    }

    pub(crate) async fn query(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        let readers = Arc::clone(&self.readers);
        tokio::task::spawn_blocking(move || readers.query(&statement)).await.map_err(|_| Error::Closed)?
    }

    pub(crate) async fn stream(&self, statement: Statement) -> Result<RowStream, Error> {
        let readers = Arc::clone(&self.readers);
        let (names, columns) = oneshot::channel();
        let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
        std::thread::Builder::new()
            .name("staging-reader".to_owned())
            .spawn(move || readers.stream(&statement, names, &sender))
            .map_err(|error| Error::Statement {
                doing: "starting a reader".to_owned(),
                source: error.into(),
            })?;
        let columns = columns.await.map_err(|_| Error::Closed)??;
        Ok(RowStream::new(columns, batches))
    }

    /// Waits until everything handed over is done and the file is closed.
    pub(crate) async fn close(self) -> Result<(), Error> {
        // The writer closes last: only the last connection moves the log into the file, and readers may not write.
        drop(self.readers);
        let Some(thread) = self.writer.and_then(writer::Writer::stop) else { return Ok(()) };
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        match joined {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Error::Closed),
        }
    }
}
