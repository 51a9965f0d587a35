//! The journey: checks, then the steps in order.

mod account;
pub(crate) mod base;
pub(crate) mod check;
mod errors;
mod extract;
mod graph;
pub(crate) mod load;
mod owners;
mod pilot;
mod prepare;
mod repair;
mod retry;
mod row_waves;
pub(crate) mod sequence;
mod steps;
pub(crate) mod target;
pub(crate) mod transform;
mod verify;
pub(crate) mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use batch_loader::PaceMemory;
use staging_store::{Existing, Store};
use tokio_util::sync::CancellationToken;

use crate::error::in_staging;
use crate::event::{Observer, Unobserved};
use crate::keep::{Backups, Keeper, open_for_work};
use crate::lock::{AtWork, Company};
use crate::record::RunRecord;
use crate::rollback;
use crate::{
    Error, Event, ExitStatus, Project, RepairRule, Secrets, Step, StepSummary, Summary, TableSummary,
};
use check::Checked;
pub use graph::lookup_graph;
pub use pilot::Pilot;
pub use steps::Steps;

/// How a project is to be run.
#[derive(Clone)]
pub struct RunOptions {
    /// Which steps.
    pub steps: Steps,
    /// Whether rows that Dataverse refused in earlier runs are taken again; the steps must contain [`Step::Load`].
    pub retry_errors: bool,
    /// How rows that are taken again may be changed; each must be allowed by `[load.repairs]`.
    pub repairs: Vec<RepairRule>,
    /// Only a trial: these rows with all that they need and all that hangs on them; the steps must be load and settle.
    pub pilot: Option<Pilot>,
    /// Copies of the staging database that are taken meanwhile.
    pub backups: Option<Backups>,
    /// What proves who we are.
    pub secrets: Secrets,
    /// Is told what happens.
    pub observer: Arc<dyn Observer>,
    /// Cancelled when the journey is to stop; requests under way get the project's grace time.
    pub cancel: CancellationToken,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            steps: Steps::all(),
            retry_errors: false,
            repairs: Vec::new(),
            pilot: None,
            backups: None,
            secrets: Secrets::default(),
            observer: Arc::new(Unobserved),
            cancel: CancellationToken::new(),
        }
    }
}

impl std::fmt::Debug for RunOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunOptions")
            .field("steps", &self.steps)
            .field("retry_errors", &self.retry_errors)
            .finish_non_exhaustive()
    }
}

/// What all steps share.
pub(crate) struct Journey<'a> {
    pub(crate) project: &'a Project,
    pub(crate) checked: Checked,
    pub(crate) retry_errors: bool,
    pub(crate) repairs: Vec<RepairRule>,
    pub(crate) pilot: Option<Pilot>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) cancel: CancellationToken,
    /// What one step learns about the pace of the application users, for the next.
    pub(crate) pace: PaceMemory,
}

impl Journey<'_> {
    /// Begins a part of a step, unless a stop was asked for.
    pub(crate) fn part(&self, step: Step, part: &'static str, table: Option<&str>) -> Result<(), Error> {
        if self.cancel.is_cancelled() {
            return Err(Error::Stopped { step });
        }
        self.observer.event(&Event::PartStarted { step, part, table: table.map(str::to_owned) });
        Ok(())
    }

    /// Tells people something.
    pub(crate) fn notice(&self, step: Step, table: Option<&str>, message: impl Into<String>) {
        self.observer.event(&Event::Notice {
            step,
            table: table.map(str::to_owned),
            message: message.into(),
        });
    }
}

/// What a step has to say when it has ended.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// One sentence.
    pub(crate) sentence: String,
    /// What keeps the run from being clean.
    pub(crate) open: Vec<String>,
    /// What it did to tables.
    pub(crate) tables: BTreeMap<String, TableSummary>,
}

impl From<String> for Outcome {
    fn from(sentence: String) -> Self {
        Self { sentence, ..Self::default() }
    }
}

/// Runs a project: every check that needs no write first, then the steps.
///
/// Each step is restartable and changes nothing the second time. Dropped half-way, what was finished is kept, and the next
/// run goes on from there; requests under way are in doubt then and looked for after the quiet time.
///
/// # Errors
/// See [`Error::exit_status`]; with [`ExitStatus::Input`] nothing was changed.
pub async fn run(project: &Project, options: RunOptions) -> Result<Summary, Error> {
    if options.retry_errors && !options.steps.contains(Step::Load) {
        return Err(Error::RetryWithoutLoad);
    }
    repair::check(&options.repairs, project)?;
    let checked = check::check(project, &options.secrets, options.steps, &*options.observer).await?;
    if let Some(pilot) = &options.pilot {
        pilot::check(pilot, &checked.tables)?;
    }
    let organization = checked.target.as_ref().map(|target| target.organization.clone());
    let journey = Journey {
        project,
        checked,
        retry_errors: options.retry_errors,
        repairs: options.repairs,
        pilot: options.pilot,
        observer: options.observer,
        cancel: options.cancel,
        pace: PaceMemory::default(),
    };
    if journey.cancel.is_cancelled() {
        return Err(Error::Stopped { step: Step::Prepare });
    }
    let staging = &project.settings().staging;
    let first_step = options.steps.iter().next().unwrap_or(Step::Prepare);
    // Only prepare makes one.
    let existing = if first_step == Step::Prepare { Existing::OpenOrCreate } else { Existing::Open };
    let told = |message| journey.notice(first_step, None, message);
    let store = open_for_work(staging, existing, told).await?.ok_or_else(|| Error::NotReady {
        step: first_step,
        missing: format!("there is no staging database {staging}; run the step prepare"),
    })?;
    // A trial has rows of its own pending, and others would take all.
    let company = |step| if journey.pilot.is_some() { Company::Alone } else { Company::of(step) };
    let first = options.steps.iter().next().map_or(Company::Alone, company);
    let mut at_work = AtWork::begin(staging, first).await?;
    rollback::refuse_while_open(&store).await?;
    let mut summary = Summary {
        project: project.settings().name.clone(),
        organization,
        steps: Vec::new(),
        tables: Vec::new(),
        files: Vec::new(),
        open: Vec::new(),
    };
    let keeper = match options.backups {
        Some(backups) => Some(Keeper::start(store.clone(), staging, backups, Arc::clone(&journey.observer))?),
        None => None,
    };
    let mut done = BTreeMap::new();
    let worked: Result<(), Error> = async {
        for step in options.steps.iter() {
            at_work.change_to(company(step)).await?;
            one_step(&journey, &store, step, &mut summary, &mut done).await?;
        }
        Ok(())
    }
    .await;
    if let Some(keeper) = keeper {
        keeper.end().await;
    }
    if let Err(error) = worked {
        at_work.end().await;
        return Err(error);
    }
    if journey.pilot.is_some() {
        pilot::end(&store).await?;
    }
    account::complete(&journey, &store, options.steps, &done, &mut summary).await?;
    store.close().await.map_err(in_staging("closing it"))?;
    at_work.end().await;
    Ok(summary)
}

async fn one_step(
    journey: &Journey<'_>,
    store: &Store,
    step: Step,
    summary: &mut Summary,
    tables: &mut BTreeMap<String, TableSummary>,
) -> Result<(), Error> {
    if journey.cancel.is_cancelled() {
        return Err(Error::Stopped { step });
    }
    let started = Instant::now();
    journey.observer.event(&Event::StepStarted { step });
    let run = RunRecord::begin(store, step).await?;
    let done = match step {
        Step::Prepare => prepare::prepare(journey, store).await,
        Step::Extract => extract::extract(journey, store).await.map(Outcome::from),
        Step::Transform => transform::transform(journey, store).await,
        Step::Sequence => sequence::sequence(journey, store).await,
        Step::Load => load::load(journey, store, &run.worker()).await,
        Step::Settle => load::settle(journey, store, &run.worker()).await,
        Step::Verify => verify::verify(journey, store).await,
    };
    let outcome = match done {
        Ok(outcome) => outcome,
        Err(error) => {
            // The error is what matters; a run that could not be noted as ended looks killed, and is treated alike.
            let _ = run.end(store, error.exit_status(), &error.with_causes()).await;
            return Err(error);
        }
    };
    let status = if outcome.open.is_empty() { ExitStatus::Done } else { ExitStatus::Partly };
    run.end(store, status, &outcome.sentence).await?;
    let elapsed = started.elapsed();
    journey.observer.event(&Event::StepFinished { step, elapsed, outcome: outcome.sentence.clone() });
    summary.steps.push(StepSummary { step, seconds: elapsed.as_secs_f64(), outcome: outcome.sentence });
    summary.open.extend(outcome.open);
    for (name, did) in outcome.tables {
        let table = tables.entry(name).or_default();
        table.retried += did.retried;
        table.loaded += did.loaded;
        table.updated += did.updated;
        table.requests += did.requests;
        table.seconds += did.seconds;
    }
    Ok(())
}
