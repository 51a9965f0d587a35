//! How far a migration is, read from its staging database alone.

use serde::Serialize;
use staging_schema::{Statement, TableName};
use staging_store::{Row, Store};

use crate::error::in_staging;
use crate::lock::AtWork;
use crate::record::{self, Environment};
use crate::{Error, Project};

/// The state of a migration.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Status {
    /// What the staging database is bound to.
    pub environment: Option<Environment>,
    /// Whether a run is at work at this moment.
    pub at_work: bool,
    /// The latest run of each step, in the order in which they began.
    pub runs: Vec<RunStatus>,
    /// One entry per target table.
    pub tables: Vec<TableStatus>,
}

/// The latest run of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunStatus {
    /// The step.
    pub step: String,
    /// When it began (UTC).
    pub started_at: String,
    /// When it ended. A step at work has none, nor has one that was killed.
    pub ended_at: Option<String>,
    /// Exit code of the step.
    pub exit_code: Option<i64>,
    /// What came of it.
    pub summary: Option<String>,
}

/// A target table, counted in rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableStatus {
    /// Logical name.
    pub table: String,
    /// All rows.
    pub staged: u64,
    /// Nothing was done with them yet.
    pub unprocessed: u64,
    /// Accepted by Dataverse, something is still to be written.
    pub accepted: u64,
    /// Complete.
    pub processed: u64,
    /// In error.
    pub errors: u64,
    /// Have a GUID in Dataverse.
    pub arrived: u64,
    /// Have a lookup that waits for its parent.
    pub owed: u64,
    /// In requests whose answer is not known.
    pub in_doubt: u64,
    /// Chunks that are not done.
    pub open_chunks: u64,
}

/// Reads the state. The staging database is opened for reading only, so that this works beside a running migration.
///
/// # Errors
/// The staging database cannot be read. One that does not exist yet is an empty status.
pub async fn status(project: &Project) -> Result<Status, Error> {
    of(project, project.settings().staging.open_for_reading().await?).await
}

/// The state in a store, if there is one.
pub(crate) async fn of(project: &Project, store: Option<Store>) -> Result<Status, Error> {
    let Some(store) = store else { return Ok(Status::default()) };
    let status = Status {
        at_work: AtWork::is_held(&project.settings().staging).await?,
        environment: record::environment(&store).await?,
        runs: runs(&store).await?,
        tables: tables(&store).await?,
    };
    store.close().await.map_err(in_staging("closing it"))?;
    Ok(status)
}

async fn runs(store: &Store) -> Result<Vec<RunStatus>, Error> {
    let table = TableName::migration("Run");
    if !record::exists(store, &table).await? {
        return Ok(Vec::new());
    }
    let read = Statement::new(
        |d| {
            let run = d.table(&table);
            let columns = ["Step", "StartedAt", "EndedAt", "ExitCode", "Summary"].map(|name| d.quote(name));
            format!(
                "SELECT {step}, {started}, {ended}, {code}, {summary} FROM {run} WHERE {id} IN (SELECT MAX({id}) FROM {run} GROUP BY {step}) ORDER BY {id}",
                step = columns[0],
                started = d.stamp_text(&columns[1]),
                ended = d.stamp_text(&columns[2]),
                code = columns[3],
                summary = columns[4],
                id = d.quote("RunId"),
            )
        },
        Vec::new(),
    );
    let rows = store.query(&read).await.map_err(in_staging("reading migration.Run"))?;
    rows.iter().map(|row| run(row).map_err(in_staging("reading migration.Run"))).collect()
}

fn run(row: &Row) -> Result<RunStatus, staging_store::Error> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Ok(RunStatus {
        step: row.text(0)?.to_owned(),
        started_at: row.text(1)?.to_owned(),
        ended_at: owned(row.optional_text(2)?),
        exit_code: row.optional_integer(3)?,
        summary: owned(row.optional_text(4)?),
    })
}

/// The rows of `target.TableStatus`, which exists once tables are prepared.
pub(crate) async fn tables(store: &Store) -> Result<Vec<TableStatus>, Error> {
    let view = TableName::target("TableStatus");
    if !record::exists(store, &view).await? {
        return Ok(Vec::new());
    }
    let read = Statement::new(
        |d| {
            let columns = [
                "TargetTable",
                "Staged",
                "Unprocessed",
                "Accepted",
                "Processed",
                "InError",
                "WithId",
                "Owed",
                "InDoubt",
                "OpenChunks",
            ]
            .map(|name| d.quote(name));
            format!("SELECT {} FROM {}", columns.join(", "), d.table(&view))
        },
        Vec::new(),
    );
    let rows = store.query(&read).await.map_err(in_staging("reading target.TableStatus"))?;
    rows.iter().map(|row| table(row).map_err(in_staging("reading target.TableStatus"))).collect()
}

fn table(row: &Row) -> Result<TableStatus, staging_store::Error> {
    Ok(TableStatus {
        table: row.text(0)?.to_owned(),
        staged: row.count(1)?,
        unprocessed: row.count(2)?,
        accepted: row.count(3)?,
        processed: row.count(4)?,
        errors: row.count(5)?,
        arrived: row.count(6)?,
        owed: row.count(7)?,
        in_doubt: row.count(8)?,
        open_chunks: row.count(9)?,
    })
}
