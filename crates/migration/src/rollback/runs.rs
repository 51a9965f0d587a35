//! The runs that created rows.

use std::str::FromStr;

use serde::Serialize;
use staging_schema::{Statement, SuccessKind, TableName, TargetTable, rollback as sql};
use staging_store::Store;

use crate::error::in_staging;
use crate::event::Unobserved;
use crate::journey::{Steps, check};
use crate::{Error, Project, Secrets, Step, record};

/// Which run is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunChoice {
    /// The latest that created rows which are still there.
    Last,
    /// The one of this number.
    Number(i64),
}

impl FromStr for RunChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("last", _) => Ok(Self::Last),
            (_, Ok(number)) if number > 0 => Ok(Self::Number(number)),
            _ => Err("write the number of a run, or `last`".to_owned()),
        }
    }
}

/// A run that created rows which are still there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LoadRun {
    /// Its number.
    pub run: i64,
    /// What it was doing.
    pub step: String,
    /// When it began (UTC).
    pub started_at: String,
    /// When it ended; none while it is at work, or when it was killed.
    pub ended_at: Option<String>,
    /// Rows that it created.
    pub created: u64,
    /// Rows that it found after a lost answer, or took over.
    pub adopted: u64,
}

/// What one worker inserted into a table.
pub(super) struct Inserts {
    /// The run that it worked for.
    pub(super) run: Option<i64>,
    pub(super) kind: String,
    pub(super) rows: u64,
}

pub(super) async fn inserts(store: &Store, table: &TargetTable) -> Result<Vec<Inserts>, Error> {
    let doing = || in_staging(format!("counting what runs inserted into {}", table.logical_name));
    let rows = store.query(&sql::inserts(table)).await.map_err(doing())?;
    rows.iter()
        .map(|row| {
            let run = row.text(0).map_err(doing())?.strip_prefix("run-").and_then(|run| run.parse().ok());
            let kind = row.text(1).map_err(doing())?.to_owned();
            Ok(Inserts { run, kind, rows: row.count(2).map_err(doing())? })
        })
        .collect()
}

/// Lists the runs that created rows which are still there, the earliest first. The staging database is opened for reading only.
///
/// # Errors
/// The project is wrong, or its staging database cannot be read.
pub async fn load_runs(project: &Project) -> Result<Vec<LoadRun>, Error> {
    let steps = Steps::only(Step::Sequence);
    let Some(store) = project.settings().staging.open_for_reading().await? else {
        return Ok(Vec::new());
    };
    let checked = check::check(project, &Secrets::default(), steps, &Unobserved).await?;
    let found = list(&store, &checked.tables).await?;
    store.close().await.map_err(in_staging("closing it after a look"))?;
    Ok(found)
}

async fn list(store: &Store, tables: &[TargetTable]) -> Result<Vec<LoadRun>, Error> {
    let mut runs: Vec<LoadRun> = Vec::new();
    for table in tables {
        if !record::exists(store, &table.success()).await? {
            continue;
        }
        for insert in inserts(store, table).await? {
            let Some(number) = insert.run else { continue };
            let at = runs.iter().position(|known| known.run == number).unwrap_or_else(|| {
                runs.push(LoadRun { run: number, ..LoadRun::default() });
                runs.len() - 1
            });
            if insert.kind == SuccessKind::Created.as_str() {
                runs[at].created += insert.rows;
            } else {
                runs[at].adopted += insert.rows;
            }
        }
    }
    runs.sort_by_key(|run| run.run);
    let doing = || in_staging("reading migration.Run");
    for row in store.query(&all_runs()).await.map_err(doing())? {
        let number = row.integer(0).map_err(doing())?;
        if let Some(run) = runs.iter_mut().find(|known| known.run == number) {
            row.text(1).map_err(doing())?.clone_into(&mut run.step);
            row.text(2).map_err(doing())?.clone_into(&mut run.started_at);
            run.ended_at = row.optional_text(3).map_err(doing())?.map(str::to_owned);
        }
    }
    Ok(runs)
}

fn all_runs() -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT RunId, Step, {}, {} FROM {} ORDER BY RunId",
                d.stamp_text("StartedAt"),
                d.stamp_text("EndedAt"),
                d.table(&TableName::migration("Run"))
            )
        },
        Vec::new(),
    )
}

/// The number of the run that is meant.
pub(super) async fn find(store: &Store, tables: &[TargetTable], choice: RunChoice) -> Result<i64, Error> {
    if let Some(open) = super::open_run(store).await?
        && choice == RunChoice::Last
    {
        return Ok(open);
    }
    match choice {
        // Whether it created anything is said when its rows are chosen: they may be in doubt until then.
        RunChoice::Number(number) => {
            let rows = store.query(&all_runs()).await.map_err(in_staging("reading migration.Run"))?;
            if rows.iter().any(|row| row.get(0).as_integer() == Some(number)) {
                Ok(number)
            } else {
                Err(Error::NoSuchRun {
                    message: format!("there is no run {number} in this staging database"),
                })
            }
        }
        RunChoice::Last => {
            let runs = list(store, tables).await?;
            runs.last().map(|run| run.run).ok_or_else(|| Error::NoSuchRun {
                message: "no run has created rows that are still there".to_owned(),
            })
        }
    }
}
