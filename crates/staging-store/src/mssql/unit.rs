//! Units of work: transactions that are done as a whole or not at all, and repeated when they were rolled back through no
//! fault of their own.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use bb8::{Pool, PooledConnection, RunError};
use staging_schema::{Dialect, TableName};

use super::connection::{Link, Manager};
use super::failure::{commit_failure, failure};
use super::{append, execute};
use crate::step::{Expect, Step, StepOutcome};
use crate::{Error, RowBatch};

/// A pool whose connections are judged before they are used again.
pub(super) type Links = Pool<Manager>;

/// Takes a connection, made anew where none is idle.
pub(super) async fn take(links: &Links) -> Result<PooledConnection<'_, Manager>, Error> {
    make_one(links).await?;
    match links.get().await {
        Ok(link) => Ok(link),
        Err(RunError::User(error)) => Err(error),
        Err(RunError::TimedOut) => {
            // The one that was idle may have been dead, and no other to be had.
            make_one(links).await?;
            Err(Error::Busy {
                doing: "waiting for one of our own connections".to_owned(),
                source: "all connections are in use; streams hold one each".into(),
            })
        }
    }
}

/// Makes a connection where none is idle and the pool has room for one. The pool would keep to itself why it could not.
async fn make_one(links: &Links) -> Result<(), Error> {
    let state = links.state();
    if state.idle_connections == 0 && state.connections < links.config().max_size {
        let link = links.dedicated_connection().await?;
        // Refused where somebody was faster: then theirs is there.
        let _ = links.add(link);
    }
    Ok(())
}

/// Repeats what was rolled back for sure, for about half a minute: a server that fails over is away for so long.
pub(super) fn patience() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(25))
        .with_max_delay(Duration::from_secs(5))
        .with_max_times(12)
        .with_jitter()
}

/// Whether repeating may help at once: a lock was waited for long enough already.
pub(super) fn worth_repeating(error: &Error) -> bool {
    matches!(error, Error::Deadlock { .. } | Error::ConnectionLost { .. } | Error::Unreachable { .. })
}

/// Executes steps in one transaction; it is rolled back when one fails or misses what is expected of it.
pub(super) async fn transaction(links: &Links, steps: &[Step]) -> Result<Vec<StepOutcome>, Error> {
    (|| attempt(links, steps))
        .retry(patience())
        .when(worth_repeating)
        .notify(|error, wait| tracing::debug!(%error, ?wait, "a transaction is repeated"))
        .await
}

async fn attempt(links: &Links, steps: &[Step]) -> Result<Vec<StepOutcome>, Error> {
    let mut link = take(links).await?;
    begin(&mut link).await?;
    match perform_all(&mut link, steps).await {
        Ok(outcomes) => commit(&mut link, "a transaction").await.map(|()| outcomes),
        Err(error) => {
            link.roll_back().await;
            Err(error)
        }
    }
}

/// Appends a batch in a transaction of its own, or not at all.
pub(super) async fn append(
    links: &Links,
    table: &TableName,
    columns: &[String],
    rows: &RowBatch,
) -> Result<u64, Error> {
    (|| attempt_append(links, table, columns, rows))
        .retry(patience())
        .when(worth_repeating)
        .notify(|error, wait| tracing::debug!(%error, ?wait, "an append is repeated"))
        .await
}

async fn attempt_append(
    links: &Links,
    table: &TableName,
    columns: &[String],
    rows: &RowBatch,
) -> Result<u64, Error> {
    let mut link = take(links).await?;
    begin(&mut link).await?;
    match append::append(&mut link, table, columns, rows).await {
        Ok(appended) => {
            let doing = format!("an append to {}", Dialect::Mssql.table(table));
            commit(&mut link, &doing).await.map(|()| appended)
        }
        Err(error) => {
            link.roll_back().await;
            Err(error)
        }
    }
}

pub(super) async fn begin(link: &mut Link) -> Result<(), Error> {
    let patience = link.patience.statement;
    link.begin().await.map_err(|error| failure("beginning a transaction", error, patience))
}

pub(super) async fn commit(link: &mut Link, doing: &str) -> Result<(), Error> {
    let patience = link.patience.statement;
    match link.commit().await {
        Ok(()) => Ok(()),
        Err(error) => {
            link.roll_back().await;
            Err(commit_failure(doing, error, patience))
        }
    }
}

async fn perform_all(link: &mut Link, steps: &[Step]) -> Result<Vec<StepOutcome>, Error> {
    let mut outcomes = Vec::with_capacity(steps.len());
    for (n, step) in steps.iter().enumerate() {
        outcomes.push(perform(link, n, step).await?);
    }
    Ok(outcomes)
}

async fn perform(link: &mut Link, n: usize, step: &Step) -> Result<StepOutcome, Error> {
    match step {
        Step::Execute(statement, expect) => {
            let changed = execute::execute(link, statement).await?;
            match expect {
                Expect::Exactly(expected) if *expected != changed => {
                    Err(Error::Unexpected { step: n, changed, expected: *expected })
                }
                Expect::Exactly(_) | Expect::Any => Ok(StepOutcome::Changed(changed)),
            }
        }
        Step::Query(statement) => execute::query(link, statement).await.map(StepOutcome::Rows),
        Step::Append { table, columns, rows } => {
            append::append(link, table, columns, rows).await.map(StepOutcome::Changed)
        }
    }
}
