//! Taking back what a run created.
//!
//! Nothing is deleted before it was looked for what a cascade would take along, and before somebody agreed. What is to be
//! deleted is written down first: a rollback that was killed is carried on, and until it has ended nothing else is done on
//! the staging database. Rows are deleted as safely as they were loaded, children before parents, and may be loaded again.

mod cascade;
mod runs;

use std::collections::BTreeMap;
use std::sync::Arc;

use batch_loader::{LoadTable, PaceMemory, Plan, Strategy};
use serde::Serialize;
use staging_schema::{Mode, Shape, ddl, rollback as sql, settle};
use staging_store::{Existing, SLICE_ROWS, Step as Statements, Store};
use tokio_util::sync::CancellationToken;

use crate::error::in_staging;
use crate::event::{Observer, Unobserved};
use crate::journey::watch::Watch;
use crate::journey::{Journey, Steps, check, load};
use crate::keep::open_for_work;
use crate::lock::{AtWork, Company};
use crate::record::{self, RunRecord, worker_of};
use crate::{Error, Event, ExitStatus, Organization, Project, Secrets, Step};

pub use runs::{LoadRun, RunChoice, load_runs};

/// The step under whose name events of a rollback are told.
const STEP: Step = Step::Settle;

/// Whether what a rollback would do is agreed to.
pub type Confirm = Arc<dyn Fn(&RollbackPlan) -> bool + Send + Sync>;

/// How a run is to be taken back.
#[derive(Clone)]
pub struct RollbackOptions {
    /// Which run.
    pub run: RunChoice,
    /// Tables whose rows may be deleted or changed by a cascade though the project does not know them.
    pub take_along: Vec<String>,
    /// Is asked before anything is deleted; not when a rollback is carried on.
    pub confirm: Confirm,
    /// What proves who we are.
    pub secrets: Secrets,
    /// Is told what happens.
    pub observer: Arc<dyn Observer>,
    /// Cancelled when the rollback is to stop; requests under way get the project's grace time.
    pub cancel: CancellationToken,
}

impl RollbackOptions {
    /// Takes back this run, asking nobody.
    pub fn new(run: RunChoice) -> Self {
        Self {
            run,
            take_along: Vec::new(),
            confirm: Arc::new(|_| true),
            secrets: Secrets::default(),
            observer: Arc::new(Unobserved),
            cancel: CancellationToken::new(),
        }
    }
}

impl std::fmt::Debug for RollbackOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RollbackOptions").field("run", &self.run).finish_non_exhaustive()
    }
}

/// What a rollback would delete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RollbackPlan {
    /// The run.
    pub run: i64,
    /// Where.
    pub organization: Organization,
    /// Rows to delete per table, children first.
    pub tables: Vec<RollbackTable>,
}

/// A table in a rollback, counted in rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RollbackTable {
    /// Logical name.
    pub table: String,
    /// Created by the run: to be deleted, or deleted.
    pub rows: u64,
    /// Refused to be deleted; they stay what they were.
    pub kept: u64,
    /// Taken over by the run, not created: they stay.
    pub adopted: u64,
}

/// What a rollback did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RollbackSummary {
    /// The run.
    pub run: i64,
    /// Where.
    pub organization: Organization,
    /// One entry per table, children first.
    pub tables: Vec<RollbackTable>,
    /// What keeps this from being exit code 0, one sentence each.
    pub open: Vec<String>,
}

impl RollbackSummary {
    /// [`ExitStatus::Partly`] when rows could not be deleted.
    pub fn exit_status(&self) -> ExitStatus {
        if self.open.is_empty() { ExitStatus::Done } else { ExitStatus::Partly }
    }
}

/// Refuses to go on while a rollback is begun and not ended.
pub(crate) async fn refuse_while_open(store: &Store) -> Result<(), Error> {
    match open_run(store).await? {
        Some(run) => Err(Error::RollbackOpen { run }),
        None => Ok(()),
    }
}

async fn open_run(store: &Store) -> Result<Option<i64>, Error> {
    if !record::exists(store, &sql::head()).await? {
        return Ok(None);
    }
    let doing = || in_staging("asking whether a rollback is open");
    let rows = store.query(&sql::open()).await.map_err(doing())?;
    rows.first().map(|row| row.integer(0).map_err(doing())).transpose()
}

/// Deletes what a run created. Dropped half-way, the next call goes on from there.
///
/// # Errors
/// See [`Error::exit_status`]; with [`Error::WouldTakeAlong`] before the first deletion and [`Error::NotConfirmed`] nothing was
/// deleted.
pub async fn rollback(project: &Project, options: RollbackOptions) -> Result<RollbackSummary, Error> {
    let steps = Steps::between(Step::Load, Step::Settle);
    let checked = check::check(project, &options.secrets, steps, &*options.observer).await?;
    let organization = checked.target(STEP)?.organization.clone();
    let staging = &project.settings().staging;
    let told = |message| options.observer.event(&Event::Notice { step: STEP, table: None, message });
    let missing = || format!("there is no staging database {staging}");
    let store = open_for_work(staging, Existing::Open, told).await?;
    let store = store.ok_or_else(|| Error::NotReady { step: STEP, missing: missing() })?;
    let at_work = AtWork::begin(staging, Company::Alone).await?;
    ensure_control_tables(&store).await?;
    let run = runs::find(&store, &checked.tables, options.run).await?;
    let open = open_run(&store).await?;
    if let Some(other) = open.filter(|open| *open != run) {
        return Err(Error::RollbackOpen { run: other });
    }
    let journey = Journey {
        project,
        checked,
        retry_errors: false,
        repairs: Vec::new(),
        pilot: None,
        observer: Arc::clone(&options.observer),
        cancel: options.cancel.clone(),
        pace: PaceMemory::default(),
    };
    let plan = load::plan(&journey, &store, STEP).await?;
    let record = RunRecord::begin_as(&store, "rollback").await?;
    let work = Rollback {
        journey: &journey,
        store: &store,
        plan: &plan,
        run,
        take_along: &options.take_along,
        worker: record.worker(),
    };
    let done = match open {
        Some(_) => work.carry_on().await,
        None => work.begin(&organization, &options.confirm).await,
    };
    if let Err(error) = done {
        // The error is what matters.
        let _ = record.end(&store, error.exit_status(), &error.with_causes()).await;
        return Err(error);
    }
    let tables = work.account(true).await?;
    let open: Vec<String> = tables
        .iter()
        .filter(|table| table.kept > 0)
        .map(|table| {
            format!(
                "{}: {} rows could not be deleted and stay; see target.{}_Error",
                table.table, table.kept, table.table
            )
        })
        .collect();
    let summary = RollbackSummary { run, organization, tables, open };
    let deleted: u64 = summary.tables.iter().map(|table| table.rows).sum();
    let sentence = format!("{deleted} rows that run {run} created were deleted");
    record.end(&store, summary.exit_status(), &sentence).await?;
    store.close().await.map_err(in_staging("closing it"))?;
    at_work.end().await;
    Ok(summary)
}

/// Tables that a staging database of an earlier version does not have yet.
pub(crate) async fn ensure_control_tables(store: &Store) -> Result<(), Error> {
    let statements: Vec<_> = ddl::control_tables()
        .into_iter()
        .filter(|statement| !statement.text(store.dialect()).is_empty())
        .collect();
    store.execute_all(&statements).await.map(drop).map_err(in_staging("making control tables"))
}

/// A rollback at work.
struct Rollback<'a> {
    journey: &'a Journey<'a>,
    store: &'a Store,
    plan: &'a Plan,
    run: i64,
    take_along: &'a [String],
    worker: String,
}

impl Rollback<'_> {
    /// The tables in which the run may have created rows, children first.
    fn tables(&self) -> impl Iterator<Item = &LoadTable> {
        let waves = self.plan.waves.iter().rev().flatten();
        waves.filter(|table| table.staged.mode == Mode::Load && table.staged.shape == Shape::Standard)
    }

    /// Chooses, checks and asks; then deletes.
    async fn begin(&self, organization: &Organization, confirm: &Confirm) -> Result<(), Error> {
        self.journey.part(STEP, "settle what is in doubt", None)?;
        let clients = self.journey.checked.target(STEP)?.clients();
        let options = load::options(self.journey, &self.worker);
        let watch = Watch::new(STEP, &self.journey.observer);
        batch_loader::settle_doubts(self.store, &clients, self.plan, &options, &watch, &self.journey.cancel)
            .await?;
        self.journey.part(STEP, "choose rows", None)?;
        let worker = worker_of(self.run);
        let mut choice = vec![sql::forget_choice(self.run)];
        choice.extend(self.tables().map(|table| {
            // A number or a GUID of ours: what was found after a lost answer was created by that request.
            let found = matches!(table.strategy, Strategy::SequenceNumber { .. } | Strategy::Sequential);
            sql::choose(&table.staged, &worker, self.run, found)
        }));
        self.store.execute_all(&choice).await.map_err(in_staging("choosing the rows to delete"))?;
        let agreed = self.agreed(organization, confirm).await;
        if let Err(error) = agreed {
            let forget = self.store.execute(&sql::forget_choice(self.run)).await;
            forget.map_err(in_staging("forgetting the rows to delete"))?;
            return Err(error);
        }
        let mut marks = sql::begin(self.run).to_vec();
        marks.extend(self.tables().flat_map(|table| sql::mark(&table.staged, self.run)));
        self.store.execute_all(&marks).await.map_err(in_staging("marking the rows to delete"))?;
        self.delete().await
    }

    async fn agreed(&self, organization: &Organization, confirm: &Confirm) -> Result<(), Error> {
        let tables: Vec<_> = self.account(false).await?.into_iter().filter(|table| table.rows > 0).collect();
        if tables.is_empty() {
            let message = format!("run {} created no row that is still there", self.run);
            return Err(Error::NoSuchRun { message });
        }
        let all: Vec<&LoadTable> = self.tables().collect();
        self.check_cascades(&all).await?;
        let plan = RollbackPlan { run: self.run, organization: organization.clone(), tables };
        if confirm(&plan) { Ok(()) } else { Err(Error::NotConfirmed { run: self.run }) }
    }

    async fn check_cascades(&self, tables: &[&LoadTable]) -> Result<(), Error> {
        let obstacles = cascade::obstacles(self, tables).await?;
        if obstacles.is_empty() {
            return Ok(());
        }
        Err(Error::WouldTakeAlong { run: self.run, obstacles })
    }

    /// Goes on where an earlier call ended, whatever that was doing.
    async fn carry_on(&self) -> Result<(), Error> {
        self.journey.notice(STEP, None, format!("the rollback of run {} is carried on", self.run));
        let mut marks = Vec::new();
        for table in self.tables() {
            marks.extend(sql::mark(&table.staged, self.run));
            // Rows that were refused to be deleted are tried again.
            marks.push(settle::clear_flags(&table.staged));
        }
        self.store.execute_all(&marks).await.map_err(in_staging("marking the rows to delete"))?;
        self.delete().await
    }

    async fn delete(&self) -> Result<(), Error> {
        let clients = self.journey.checked.target(STEP)?.clients();
        let options = load::options(self.journey, &self.worker);
        let watch = Watch::new(STEP, &self.journey.observer);
        for wave in self.plan.waves.iter().rev() {
            let tables: Vec<&LoadTable> =
                wave.iter().filter(|table| self.tables().any(|known| known.name() == table.name())).collect();
            if tables.is_empty() {
                continue;
            }
            // Somebody may have added children since.
            self.check_cascades(&tables).await?;
            let names: Vec<&str> = tables.iter().map(|table| table.name()).collect();
            self.journey.part(STEP, "delete rows", names.first().copied())?;
            let cancel = &self.journey.cancel;
            batch_loader::delete(self.store, &clients, self.plan, &names, &options, &watch, cancel).await?;
        }
        self.forget().await
    }

    /// Staging forgets what is gone. A kill between any two statements is repaired by doing all of it again.
    async fn forget(&self) -> Result<(), Error> {
        self.journey.part(STEP, "forget what is gone", None)?;
        let doing = |table: &str| in_staging(format!("forgetting the deleted rows of {table}"));
        let noted: Vec<_> = self.tables().map(|table| sql::note_deleted(&table.staged, self.run)).collect();
        self.store.execute_all(&noted).await.map_err(in_staging("noting what is gone"))?;
        for table in self.plan.tables() {
            let name = table.name();
            for slice in self.store.slices(&table.staged.name(), SLICE_ROWS).await.map_err(doing(name))? {
                self.one_transaction(sql::let_go(&table.staged, self.run, &slice), name).await?;
            }
        }
        for table in self.tables() {
            let name = table.name();
            for slice in self.store.slices(&table.staged.name(), SLICE_ROWS).await.map_err(doing(name))? {
                self.one_transaction(sql::renew(&table.staged, self.run, &slice), name).await?;
            }
            self.one_transaction(sql::keep(&table.staged, self.run).to_vec(), name).await?;
            self.store.settle_table(&table.staged).await.map_err(doing(name))?;
        }
        self.store.execute(&sql::end(self.run)).await.map(drop).map_err(in_staging("ending the rollback"))
    }

    async fn one_transaction(
        &self,
        statements: Vec<staging_schema::Statement>,
        table: &str,
    ) -> Result<(), Error> {
        let steps = statements.into_iter().map(Statements::execute).collect();
        let done = self.store.transaction(steps).await;
        done.map(drop).map_err(in_staging(format!("forgetting the deleted rows of {table}")))
    }

    /// What the rollback is about, or has done, table by table.
    async fn account(&self, is_done: bool) -> Result<Vec<RollbackTable>, Error> {
        let doing = || in_staging("counting what a rollback is about");
        let mut counted: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for row in self.store.query(&sql::outcomes(self.run)).await.map_err(doing())? {
            let (table, rows) = (row.text(0).map_err(doing())?, row.count(2).map_err(doing())?);
            let (deleted, kept) = counted.entry(table.to_owned()).or_default();
            match row.optional_text(1).map_err(doing())? {
                Some("kept") => *kept += rows,
                Some(_) if is_done => *deleted += rows,
                None if !is_done => *deleted += rows,
                _ => {}
            }
        }
        let mut tables = Vec::new();
        for table in self.tables() {
            let (rows, kept) = counted.get(table.name()).copied().unwrap_or_default();
            let still = runs::inserts(self.store, &table.staged).await?;
            let still: u64 =
                still.iter().filter(|insert| insert.run == Some(self.run)).map(|insert| insert.rows).sum();
            // Before the deletion the chosen rows are among those that are there, afterwards they are not.
            let chosen = self.store.query(&sql::chosen(table.name(), self.run)).await.map_err(doing())?;
            let chosen = chosen.first().map_or(Ok(0), |row| row.count(0)).map_err(doing())?;
            let adopted = still.saturating_sub(chosen + kept);
            if rows + kept + adopted > 0 {
                tables.push(RollbackTable { table: table.name().to_owned(), rows, kept, adopted });
            }
        }
        Ok(tables)
    }
}
