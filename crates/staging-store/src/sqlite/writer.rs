//! The one thread that writes: jobs come through a bounded channel and run to their end.

use std::fmt;
use std::sync::Mutex;
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, TransactionBehavior};
use staging_schema::{Dialect, Statement, TableName};
use tokio::sync::{mpsc, oneshot};

use super::connection::{self, failure};
use crate::step::{Expect, Step, StepOutcome};
use crate::{Error, RowBatch};

/// Jobs that may wait; more than that and callers wait instead.
const WAITING: usize = 32;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The writer's end for callers.
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writer")
    }
}

impl Writer {
    /// Starts the thread, which owns the connection until the last caller is gone.
    pub(super) fn start(mut connection: Connection) -> Result<Self, Error> {
        let (jobs, mut waiting) = mpsc::channel::<Job>(WAITING);
        let thread = thread::Builder::new()
            .name("staging-writer".to_owned())
            .spawn(move || {
                while let Some(job) = waiting.blocking_recv() {
                    job(&mut connection);
                }
                // A checkpoint on closing is a courtesy to the next one who opens; the log holds everything.
                let _ = connection.close();
            })
            .map_err(|error| Error::Statement {
                doing: "starting the writer".to_owned(),
                source: error.into(),
            })?;
        Ok(Self { jobs, thread: Mutex::new(Some(thread)) })
    }

    /// Hands a job to the thread; the answer comes through the receiver. Once handed over, it runs to its end whether
    /// the receiver is still there or not.
    pub(super) async fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, Error>>, Error> {
        let (answer, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Nobody listens any more: the work is done all the same.
            let _ = answer.send(job(connection));
        });
        self.jobs.send(job).await.map_err(|_| Error::Closed)?;
        Ok(receiver)
    }

    /// Runs a job and waits for its answer.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.submit(job).await?.await.map_err(|_| Error::Closed)?
    }

    /// Lets the thread finish what waits and gives its handle for joining.
    pub(super) fn stop(self) -> Option<JoinHandle<()>> {
        let Self { jobs, thread } = self;
        drop(jobs);
        thread.into_inner().ok().flatten()
    }
}

/// Executes one statement; a script is one transaction.
pub(super) fn execute(connection: &mut Connection, statement: &Statement) -> Result<u64, Error> {
    if statement.is_script() {
        let outcomes = transaction(connection, vec![Step::execute(statement.clone())])?;
        return Ok(outcomes.iter().map(StepOutcome::changed).sum());
    }
    connection::execute(connection, statement)
        .map_err(|error| failure(statement.text(Dialect::Sqlite), error))
}

/// Executes steps in one IMMEDIATE transaction; it is rolled back when one fails or misses what is expected of it.
pub(super) fn transaction(connection: &mut Connection, steps: Vec<Step>) -> Result<Vec<StepOutcome>, Error> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|error| failure("beginning a transaction", error))?;
    let outcomes = steps
        .into_iter()
        .enumerate()
        .map(|(n, step)| perform(&transaction, n, step))
        .collect::<Result<Vec<_>, _>>()?;
    transaction.commit().map_err(|error| failure("committing a transaction", error))?;
    Ok(outcomes)
}

fn perform(connection: &Connection, n: usize, step: Step) -> Result<StepOutcome, Error> {
    match step {
        Step::Execute(statement, expect) => {
            let changed = connection::execute(connection, &statement)
                .map_err(|error| failure(statement.text(Dialect::Sqlite), error))?;
            match expect {
                Expect::Exactly(expected) if expected != changed => {
                    Err(Error::Unexpected { step: n, changed, expected })
                }
                Expect::Exactly(_) | Expect::Any => Ok(StepOutcome::Changed(changed)),
            }
        }
        Step::Query(statement) => connection::query(connection, &statement)
            .map(StepOutcome::Rows)
            .map_err(|error| failure(statement.text(Dialect::Sqlite), error)),
        Step::Append { table, columns, rows } => {
            let insert = insert_text(&table, &columns);
            connection::append(connection, &insert, &rows)
                .map(StepOutcome::Changed)
                .map_err(|error| failure(&insert, error))
        }
    }
}

/// Appends a batch in a transaction of its own, or not at all.
pub(super) fn append(connection: &mut Connection, insert: &str, rows: &RowBatch) -> Result<u64, Error> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|error| failure("beginning a transaction", error))?;
    let appended = connection::append(&transaction, insert, rows).map_err(|error| failure(insert, error))?;
    transaction.commit().map_err(|error| failure("committing appended rows", error))?;
    Ok(appended)
}

/// The statement that inserts one row.
pub(super) fn insert_text(table: &TableName, columns: &[String]) -> String {
    let dialect = Dialect::Sqlite;
    let names: Vec<_> = columns.iter().map(|column| dialect.quote(column)).collect();
    let params: Vec<_> = (1..=columns.len()).map(|n| dialect.param(n)).collect();
    format!("INSERT INTO {} ({}) VALUES ({})", dialect.table(table), names.join(", "), params.join(", "))
}
