//! The engine: one task that writes, in the order in which jobs arrive, and connections for reading.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::Retryable as _;
use staging_schema::{Statement, TableName};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::connection::{Link, Manager};
use super::execute::{self, Outlet};
use super::unit::{self, Links};
use crate::append::AppendTicket;
use crate::row::Row;
use crate::step::{Step, StepOutcome};
use crate::stream::{BATCHES_AHEAD, RowStream};
use crate::{Error, RowBatch};

/// Jobs that may wait; more than that and callers wait instead.
const WAITING: usize = 32;
/// Connections for reading: every stream holds one.
const READERS: u32 = 32;
/// How long a connection is kept that nobody needs.
const IDLE: Duration = Duration::from_mins(5);

/// An open database of a server.
pub(crate) struct SqlServer {
    /// Database and server, for people.
    pub(super) place: String,
    writer: Option<Writer>,
    readers: Links,
}

impl fmt::Debug for SqlServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlServer").field("place", &self.place).finish_non_exhaustive()
    }
}

struct Writer {
    jobs: mpsc::Sender<Job>,
    task: JoinHandle<()>,
}

enum Job {
    Transaction { steps: Vec<Step>, answer: oneshot::Sender<Result<Vec<StepOutcome>, Error>> },
    Append { table: TableName, columns: Vec<String>, rows: RowBatch, answer: Appended },
}

type Appended = oneshot::Sender<Result<(u64, RowBatch), Error>>;

impl Job {
    /// Does it to its end, whether anybody still waits for the answer or not.
    async fn run(self, links: &Links) {
        match self {
            Self::Transaction { steps, answer } => {
                let _ = answer.send(unit::transaction(links, &steps).await);
            }
            Self::Append { table, columns, mut rows, answer } => {
                let appended = unit::append(links, &table, &columns, &rows).await;
                rows.clear();
                let _ = answer.send(appended.map(|appended| (appended, rows)));
            }
        }
    }
}

/// A pool.
pub(super) fn pool(manager: Manager, most: u32) -> Links {
    let patience = manager.patience.login * 2;
    bb8::Pool::builder()
        .max_size(most)
        .min_idle(0)
        .idle_timeout(IDLE)
        .max_lifetime(None)
        .connection_timeout(patience)
        .retry_connection(false)
        .build_unchecked(manager)
}

impl SqlServer {
    /// Starts the task that writes, unless the database is for reading only.
    pub(super) fn start(place: String, writer: Option<Links>, readers: Manager) -> Self {
        let writer = writer.map(|links| {
            let (jobs, mut waiting) = mpsc::channel::<Job>(WAITING);
            let task = tokio::spawn(async move {
                while let Some(job) = waiting.recv().await {
                    job.run(&links).await;
                }
            });
            Writer { jobs, task }
        });
        Self { place, writer, readers: pool(readers, READERS) }
    }

    async fn hand_over(&self, job: Job) -> Result<(), Error> {
        let read_only = || Error::ReadOnly { database: self.place.clone() };
        self.writer.as_ref().ok_or_else(read_only)?.jobs.send(job).await.map_err(|_| Error::Closed)
    }

    pub(crate) async fn execute(&self, statement: Statement) -> Result<u64, Error> {
        let outcomes = self.transaction(vec![Step::execute(statement)]).await?;
        Ok(outcomes.iter().map(StepOutcome::changed).sum())
    }

    pub(crate) async fn transaction(&self, steps: Vec<Step>) -> Result<Vec<StepOutcome>, Error> {
        let (answer, receiver) = oneshot::channel();
        self.hand_over(Job::Transaction { steps, answer }).await?;
        receiver.await.map_err(|_| Error::Closed)?
    }

    pub(crate) async fn append(
        &self,
        table: &TableName,
        columns: &[String],
        rows: RowBatch,
    ) -> Result<AppendTicket, Error> {
        let (answer, receiver) = oneshot::channel();
        let (table, columns) = (table.clone(), columns.to_vec());
        self.hand_over(Job::Append { table, columns, rows, answer }).await?;
        Ok(AppendTicket(receiver))
    }

    pub(crate) async fn query(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        (|| self.read(&statement)).retry(unit::patience()).when(unit::worth_repeating).await
    }

    async fn read(&self, statement: &Statement) -> Result<Vec<Row>, Error> {
        let mut link = unit::take(&self.readers).await?;
        if self.writer.is_some() {
            return execute::query(&mut link, statement).await;
        }
        // What is open for reading only changes nothing, whatever the statement says.
        unit::begin(&mut link).await?;
        let rows = execute::query(&mut link, statement).await;
        link.roll_back().await;
        rows
    }

    pub(crate) async fn stream(&self, statement: Statement) -> Result<RowStream, Error> {
        (|| self.begin_stream(statement.clone())).retry(unit::patience()).when(unit::worth_repeating).await
    }

    async fn begin_stream(&self, statement: Statement) -> Result<RowStream, Error> {
        let (readers, read_only) = (self.readers.clone(), self.writer.is_none());
        let (names, columns) = oneshot::channel();
        let (batches, receiver) = mpsc::channel(BATCHES_AHEAD);
        tokio::spawn(async move {
            let mut outlet = Outlet { names: Some(names), batches };
            let done = match unit::take(&readers).await {
                Ok(mut link) if read_only => stream_and_roll_back(&mut link, &statement, &mut outlet).await,
                Ok(mut link) => execute::stream(&mut link, &statement, &mut outlet).await,
                Err(error) => Err(error),
            };
            match (done, outlet.names.take()) {
                // The receiver may be gone: then nobody wants to know.
                (Err(error), Some(names)) => drop(names.send(Err(error))),
                (Err(error), None) => drop(outlet.batches.send(Err(error)).await),
                (Ok(()), _) => {}
            }
        });
        let columns: Arc<[String]> = columns.await.map_err(|_| Error::Closed)??;
        Ok(RowStream::new(columns, receiver))
    }

    /// Waits until everything handed over is done.
    pub(crate) async fn close(self) -> Result<(), Error> {
        drop(self.readers);
        let Some(Writer { jobs, task }) = self.writer else { return Ok(()) };
        drop(jobs);
        task.await.map_err(|_| Error::Closed)
    }
}

async fn stream_and_roll_back(
    link: &mut Link,
    statement: &Statement,
    outlet: &mut Outlet,
) -> Result<(), Error> {
    unit::begin(link).await?;
    let done = execute::stream(link, statement, outlet).await;
    link.roll_back().await;
    done
}
