//! What the staging database says about itself: whose it is, and what was done.

use serde::Serialize;
use staging_schema::{Statement, TableName, Value, ddl};
use staging_store::Store;
use uuid::Uuid;

use crate::error::in_staging;
use crate::{Error, ExitStatus, Organization, Step};

/// The environment that a staging database is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Environment {
    /// Id of its organisation.
    pub id: Uuid,
    /// Name of its organisation.
    pub name: String,
    /// Address at the time of binding.
    pub url: String,
}

/// Reads the environment; `None` where nothing is bound yet.
pub(crate) async fn environment(store: &Store) -> Result<Option<Environment>, Error> {
    const DOING: &str = "reading migration.Environment";
    let table = TableName::migration("Environment");
    if !exists(store, &table).await? {
        return Ok(None);
    }
    let read = Statement::new(
        |d| {
            format!(
                "SELECT {}, {}, {} FROM {}",
                d.quote("OrganizationId"),
                d.quote("Name"),
                d.quote("Url"),
                d.table(&table)
            )
        },
        Vec::new(),
    );
    let rows = store.query(&read).await.map_err(in_staging(DOING))?;
    let Some(row) = rows.first() else { return Ok(None) };
    let id = row.text(0).map_err(in_staging(DOING))?;
    Ok(Some(Environment {
        id: Uuid::try_parse(id).map_err(|_| Error::Metadata {
            message: format!("migration.Environment holds {id:?}, which is no organisation id"),
        })?,
        name: row.optional_text(1).map_err(in_staging(DOING))?.unwrap_or_default().to_owned(),
        url: row.text(2).map_err(in_staging(DOING))?.to_owned(),
    }))
}

/// The setting that holds the name of the project.
const PROJECT: &str = "Project";

/// The project that a staging database belongs to; `None` where none has taken it yet.
pub(crate) async fn owner(store: &Store) -> Result<Option<String>, Error> {
    setting(store, PROJECT).await
}

/// The statements that give it to a project.
pub(crate) fn own(project: &str) -> [Statement; 2] {
    set_setting(PROJECT, project)
}

/// Binds the staging database to an organisation, unless it is bound already.
pub(crate) async fn bind(store: &Store, organization: &Organization) -> Result<(), Error> {
    let table = TableName::migration("Environment");
    let bind = Statement::new(
        |d| {
            format!(
                "INSERT INTO {table} ({id}, {name}, {url}) SELECT {p1}, {p2}, {p3} WHERE NOT EXISTS (SELECT 1 FROM {table})",
                table = d.table(&table),
                id = d.quote("OrganizationId"),
                name = d.quote("Name"),
                url = d.quote("Url"),
                p1 = d.param(1),
                p2 = d.param(2),
                p3 = d.param(3),
            )
        },
        vec![
            organization.id.to_string().into(),
            organization.name.clone().into(),
            organization.url.clone().into(),
        ],
    );
    // There is one environment at most, and no index says so.
    let bind = [Statement::alone("environment"), bind];
    store.execute_all(&bind).await.map_err(in_staging("binding the staging database to its environment"))?;
    Ok(())
}

/// Whether a table or view is there.
pub(crate) async fn exists(store: &Store, table: &TableName) -> Result<bool, Error> {
    let rows =
        store.query(&ddl::columns_of(table)).await.map_err(in_staging(format!("looking for {table}")))?;
    Ok(!rows.is_empty())
}

/// Reads a setting.
pub(crate) async fn setting(store: &Store, name: &str) -> Result<Option<String>, Error> {
    let read = Statement::new(
        |d| {
            format!(
                "SELECT {} FROM {} WHERE {} = {}",
                d.quote("Value"),
                d.table(&TableName::migration("Setting")),
                d.quote("Name"),
                d.param(1)
            )
        },
        vec![name.into()],
    );
    let doing = || in_staging(format!("reading the setting {name}"));
    let rows = store.query(&read).await.map_err(doing())?;
    rows.first()
        .map_or(Ok(None), |row| row.optional_text(0).map(|text| text.map(str::to_owned)).map_err(doing()))
}

/// The statements that write a setting.
pub(crate) fn set_setting(name: &str, value: &str) -> [Statement; 2] {
    let table = TableName::migration("Setting");
    let delete = Statement::new(
        |d| format!("DELETE FROM {} WHERE {} = {}", d.table(&table), d.quote("Name"), d.param(1)),
        vec![name.into()],
    );
    let insert = Statement::new(
        |d| {
            format!(
                "INSERT INTO {} ({}, {}) VALUES ({}, {})",
                d.table(&table),
                d.quote("Name"),
                d.quote("Value"),
                d.param(1),
                d.param(2)
            )
        },
        vec![name.into(), value.into()],
    );
    [delete, insert]
}

/// The run of one step, as it is written down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunRecord {
    id: i64,
}

impl RunRecord {
    /// Notes that a step begins.
    pub(crate) async fn begin(store: &Store, step: Step) -> Result<Self, Error> {
        Self::begin_as(store, step.as_str()).await
    }

    /// The name of this run's worker in leases and in the manifest: what it sent is found by it.
    pub(crate) fn worker(self) -> String {
        worker_of(self.id)
    }

    /// Notes that something begins that is no step of the journey.
    pub(crate) async fn begin_as(store: &Store, step: &str) -> Result<Self, Error> {
        const DOING: &str = "noting the begin of a step in migration.Run";
        let table = TableName::migration("Run");
        let insert = Statement::new(
            |d| {
                let values = format!("{}, {}", d.param(1), d.param(2));
                let columns = format!("{}, {}", d.quote("Step"), d.quote("Worker"));
                d.insert_answering(&table, &columns, &values, "RunId")
            },
            vec![step.into(), format!("process {}", std::process::id()).into()],
        );
        let steps = vec![staging_store::Step::Query(insert)];
        let outcomes = store.transaction(steps).await.map_err(in_staging(DOING))?;
        let row = outcomes.into_iter().flat_map(staging_store::StepOutcome::into_rows).next();
        match row {
            Some(row) => Ok(Self { id: row.integer(0).map_err(in_staging(DOING))? }),
            None => Err(Error::Metadata { message: "migration.Run gave no number to a run".to_owned() }),
        }
    }

    /// Notes how it ended.
    pub(crate) async fn end(self, store: &Store, status: ExitStatus, summary: &str) -> Result<(), Error> {
        let table = TableName::migration("Run");
        let update = Statement::new(
            |d| {
                format!(
                    "UPDATE {} SET {} = {}, {} = {}, {} = {} WHERE {} = {}",
                    d.table(&table),
                    d.quote("EndedAt"),
                    d.now(),
                    d.quote("ExitCode"),
                    d.param(1),
                    d.quote("Summary"),
                    d.param(2),
                    d.quote("RunId"),
                    d.param(3)
                )
            },
            vec![Value::Integer(status.code().into()), summary.into(), Value::Integer(self.id)],
        );
        store.execute(&update).await.map_err(in_staging("noting the end of a step in migration.Run"))?;
        Ok(())
    }
}

/// The name of a run's worker.
pub(crate) fn worker_of(run: i64) -> String {
    format!("run-{run}")
}
