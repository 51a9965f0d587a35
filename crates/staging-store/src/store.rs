//! The one handle to a staging database, whatever engine keeps it.

use std::ops::RangeInclusive;
use std::sync::Arc;

use staging_schema::{Dialect, Statement, TableName, control};

use crate::append::{AppendTicket, Appender};
use crate::mssql::SqlServer;
use crate::options::{EngineKind, StoreOptions};
use crate::row::Row;
use crate::sqlite::Sqlite;
use crate::step::{Step, StepOutcome};
use crate::stream::RowStream;
use crate::{Error, RowBatch};

/// Rows in a slice of a set-based statement: nobody waits long for a lock.
pub const SLICE_ROWS: u64 = 50_000;

/// An open staging database. Cheap to clone; all clones share one writer, which works off writes in their order. A store of a
/// SQL Server belongs to the runtime in which it was opened.
///
/// Writes are handed to the engine and run to their end even when the future that waits for them is dropped: after a
/// drop, ask the database what happened.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Arc<Engine>,
    #[cfg(feature = "faults")]
    faults: Option<crate::FaultHook>,
}

/// Does something between two moments at which tests may let it fail ([`crate::FaultHook`]). Without the feature `faults`,
/// nothing but that.
#[cfg(not(feature = "faults"))]
macro_rules! guarded {
    ($faults:expr, $verb:ident, $sql:expr, $work:expr) => {
        $work.await
    };
}
#[cfg(feature = "faults")]
macro_rules! guarded {
    ($faults:expr, $verb:ident, $sql:expr, $work:expr) => {
        crate::fault::around($faults.as_ref(), crate::fault::Verb::$verb, $sql, $work).await
    };
}
pub(crate) use guarded;

/// The engines behind a store.
#[derive(Debug)]
pub(crate) enum Engine {
    Sqlite(Sqlite),
    SqlServer(SqlServer),
}

impl Engine {
    pub(crate) async fn append(
        &self,
        table: &TableName,
        columns: &[String],
        rows: RowBatch,
    ) -> Result<AppendTicket, Error> {
        match self {
            Self::Sqlite(sqlite) => sqlite.append(table, columns, rows).await,
            Self::SqlServer(server) => Box::pin(server.append(table, columns, rows)).await,
        }
    }
}

impl Store {
    /// Opens a staging database, or makes it with its control tables.
    pub async fn open(options: StoreOptions) -> Result<Self, Error> {
        match options.engine {
            EngineKind::Sqlite => {
                let opened = tokio::task::spawn_blocking(move || Sqlite::open(&options)).await;
                let sqlite = opened.map_err(|_| Error::Closed)??;
                Ok(Self::over(Engine::Sqlite(sqlite)))
            }
            EngineKind::SqlServer => {
                SqlServer::open(&options).await.map(|server| Self::over(Engine::SqlServer(server)))
            }
        }
    }

    fn over(engine: Engine) -> Self {
        Self {
            engine: Arc::new(engine),
            #[cfg(feature = "faults")]
            faults: None,
        }
    }

    /// A handle to the same database whose operations, streams included, ask this hook first and last. Appends of
    /// [`Store::append`] do not.
    #[cfg(feature = "faults")]
    #[must_use]
    pub fn with_faults(&self, hook: crate::FaultHook) -> Self {
        Self { faults: Some(hook), ..self.clone() }
    }

    /// The SQL that this engine speaks.
    pub fn dialect(&self) -> Dialect {
        match &*self.engine {
            Engine::Sqlite(_) => Dialect::Sqlite,
            Engine::SqlServer(_) => Dialect::Mssql,
        }
    }

    /// Executes a statement. Returns the rows changed.
    pub async fn execute(&self, statement: &Statement) -> Result<u64, Error> {
        guarded!(self.faults, Execute, statement.text(self.dialect()), async {
            match &*self.engine {
                Engine::Sqlite(sqlite) => sqlite.execute(statement.clone()).await,
                Engine::SqlServer(server) => Box::pin(server.execute(statement.clone())).await,
            }
        })
    }

    /// Executes statements in one transaction. Returns the rows that each changed.
    pub async fn execute_all(&self, statements: &[Statement]) -> Result<Vec<u64>, Error> {
        let steps = statements.iter().cloned().map(Step::execute).collect();
        let outcomes = self.transaction(steps).await?;
        Ok(outcomes.iter().map(StepOutcome::changed).collect())
    }

    /// Executes steps in one transaction; all of it is rolled back when one fails or changes another number of rows than
    /// is expected of it.
    pub async fn transaction(&self, steps: Vec<Step>) -> Result<Vec<StepOutcome>, Error> {
        #[cfg(feature = "faults")]
        let last = crate::fault::last_of(&steps);
        guarded!(self.faults, Transaction, &last, async {
            match &*self.engine {
                Engine::Sqlite(sqlite) => sqlite.transaction(steps).await,
                Engine::SqlServer(server) => Box::pin(server.transaction(steps)).await,
            }
        })
    }

    /// Reads all rows of a small answer.
    pub async fn query(&self, statement: &Statement) -> Result<Vec<Row>, Error> {
        guarded!(self.faults, Query, statement.text(self.dialect()), async {
            match &*self.engine {
                Engine::Sqlite(sqlite) => sqlite.query(statement.clone()).await,
                Engine::SqlServer(server) => Box::pin(server.query(statement.clone())).await,
            }
        })
    }

    /// Reads one number, such as a count; NULL and no row at all are 0.
    pub async fn count(&self, statement: &Statement) -> Result<u64, Error> {
        match self.query(statement).await?.first() {
            Some(row) if !row.get(0).is_null() => row.count(0),
            Some(_) | None => Ok(0),
        }
    }

    /// Reads rows in batches from a snapshot of its own, with bounded memory.
    pub async fn stream(&self, statement: &Statement) -> Result<RowStream, Error> {
        let stream = guarded!(self.faults, Stream, statement.text(self.dialect()), async {
            match &*self.engine {
                Engine::Sqlite(sqlite) => sqlite.stream(statement.clone()).await,
                Engine::SqlServer(server) => Box::pin(server.stream(statement.clone())).await,
            }
        });
        #[cfg(feature = "faults")]
        let stream = stream.map(|stream| stream.with_faults(self.faults.clone()));
        stream
    }

    /// Begins to append rows to a table.
    pub fn append<C: Into<String>>(
        &self,
        table: &TableName,
        columns: impl IntoIterator<Item = C>,
    ) -> Appender {
        Appender::new(self.clone(), table.clone(), columns.into_iter().map(Into::into).collect())
    }

    /// Executes a statement for one range of RowIds after another, each in a transaction of its own. Returns the rows
    /// changed. The statement must be idempotent: after an error, slices before it are done.
    pub async fn in_slices(
        &self,
        table: &TableName,
        slice_rows: u64,
        statement: impl Fn(RangeInclusive<i64>) -> Statement + Send,
    ) -> Result<u64, Error> {
        let mut changed = 0;
        for slice in self.slices(table, slice_rows).await? {
            changed += self.execute(&statement(slice)).await?;
        }
        Ok(changed)
    }

    /// The ranges of RowIds that [`in_slices`](Self::in_slices) goes through.
    pub async fn slices(
        &self,
        table: &TableName,
        slice_rows: u64,
    ) -> Result<Vec<RangeInclusive<i64>>, Error> {
        let bounds = Statement::new(
            |dialect| {
                let row_id = dialect.quote(control::ROW_ID);
                format!("SELECT MIN({row_id}), MAX({row_id}) FROM {}", dialect.table(table))
            },
            Vec::new(),
        );
        Ok(ranges(&self.query(&bounds).await?, slice_rows))
    }

    /// Closes the database when this is the last clone, after everything handed over is done; otherwise does nothing.
    pub async fn close(self) -> Result<(), Error> {
        match Arc::try_unwrap(self.engine) {
            Ok(Engine::Sqlite(sqlite)) => sqlite.close().await,
            Ok(Engine::SqlServer(server)) => server.close().await,
            Err(_) => Ok(()),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// The ranges between the first and the last RowId, which are all of an answer; none where they are NULL.
pub(crate) fn ranges(answer: &[Row], slice_rows: u64) -> Vec<RangeInclusive<i64>> {
    let ends = answer.first().and_then(|row| Some((row.get(0).as_integer()?, row.get(1).as_integer()?)));
    let Some((mut start, last)) = ends else { return Vec::new() };
    let size = i64::try_from(slice_rows.max(1)).unwrap_or(i64::MAX);
    let mut slices = Vec::new();
    loop {
        let end = start.saturating_add(size - 1).min(last);
        slices.push(start..=end);
        if end == last {
            return slices;
        }
        start = end + 1;
    }
}
