//! The emulated service: who asks, what it costs, what goes wrong, and what is answered.

mod caller;
mod request;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::Notify;
use uuid::Uuid;

use crate::Error;
use crate::clock::Clock;
use crate::emulator::Options;
use crate::fault::{FaultPlan, FaultScript};
use crate::route::{Context, Headers, Request, Sessions, answer, run_due};
use crate::schema::{Schema, build};
use crate::settings::{Keep, Settings};
use crate::standard::standard_schema;
use crate::state::{
    DefinitionChange, Journal, Opened, Organisation, Replay, fingerprint, head, plant, read, seeds,
};
use crate::stats::{Counters, Stats};
use crate::throttle::{Limits, Throttle};

/// Everything behind the socket.
#[derive(Debug)]
pub(crate) struct Service {
    scheme: &'static str,
    address: SocketAddr,
    settings: Settings,
    seed: u64,
    users: u32,
    /// The tables of a fresh organisation.
    base: Arc<Schema>,
    organisation: RwLock<Organisation>,
    clock: RwLock<Clock>,
    throttle: Mutex<Throttle>,
    faults: Mutex<FaultScript>,
    counters: Mutex<Counters>,
    numbers: AtomicU64,
    /// When the next job is due.
    next_job: AtomicI64,
    file_sessions: Mutex<Sessions>,
    killed: Arc<AtomicBool>,
    killing: Notify,
}

impl Service {
    pub(crate) fn new(scheme: &'static str, address: SocketAddr, options: Options) -> Result<Self, Error> {
        let problem = options.limits.problem().map(|problem| format!("limits: {problem}"));
        let problem =
            problem.or_else(|| options.faults.problem().map(|problem| format!("faults: {problem}")));
        if let Some(problem) = problem {
            return Err(Error::Options(problem));
        }
        let base = if options.standard_tables {
            standard_schema(options.settings.standard_change_tracking)?
        } else {
            Schema::default()
        };
        let base = if options.metadata.is_empty() { base } else { build(&base, options.metadata) };
        let base = Arc::new(base);
        let clock = Clock::starting_now(options.limits.time_scale);
        let organisation = fresh(&base, options.seed, options.users, &options.settings, clock.now_seconds());
        let service = Self {
            scheme,
            address,
            settings: options.settings,
            seed: options.seed,
            users: options.users,
            base,
            organisation: RwLock::new(organisation),
            clock: RwLock::new(clock),
            throttle: Mutex::new(Throttle::new(options.limits)),
            faults: Mutex::new(FaultScript::new(options.faults)),
            counters: Mutex::default(),
            numbers: AtomicU64::new(1),
            next_job: AtomicI64::new(i64::MAX),
            file_sessions: Mutex::default(),
            killed: Arc::default(),
            killing: Notify::new(),
        };
        if let Some(folder) = &options.data {
            service.open_data(folder)?;
        }
        Ok(service)
    }

    /// Takes a data folder: goes on from what it holds, or begins it with what is here.
    fn open_data(&self, folder: &Path) -> Result<(), Error> {
        let head = {
            let organisation = self.organisation.read().unwrap_or_else(PoisonError::into_inner);
            head(
                fingerprint(&self.base),
                organisation.seeds.organization,
                self.users,
                self.settings.keep == Keep::Keys,
            )
        };
        let mut changes = Vec::new();
        let mut is_first = true;
        let opened = Journal::open(folder, &mut |kind, fields| {
            let Some(replay) = read(kind, fields, &head)? else { return Ok(()) };
            let mut organisation = self.organisation.write().unwrap_or_else(PoisonError::into_inner);
            if std::mem::take(&mut is_first) {
                organisation.clear_rows();
            }
            match replay {
                Replay::Rows(fields) => organisation.replay_rows(fields),
                Replay::Keys(fields) => organisation.replay_keys(fields),
                Replay::Definition(change) => {
                    drop(organisation);
                    self.define_again(&change)?;
                    changes.push(change);
                    Ok(())
                }
            }
        })?;
        let mut organisation = self.organisation.write().unwrap_or_else(PoisonError::into_inner);
        organisation.forget_derived();
        match opened {
            Opened::New(lock) => organisation.begin_journal(lock, head),
            Opened::Known(journal) => organisation
                .continue_journal(journal, changes, head)
                .map_err(|error| Error::Data { path: folder.to_owned(), reason: error.to_string() }),
        }
    }

    fn define_again(&self, change: &DefinitionChange) -> Result<(), String> {
        let root = format!("{}/api/data/v9.2/", self.url());
        let context = Context {
            service: self,
            caller: change.caller,
            root,
            written: RefCell::default(),
            fails_every: None,
        };
        let request = Request {
            method: change.method.clone(),
            target: change.target.clone(),
            headers: if change.merges_labels {
                Headers::from([("MSCRM.MergeLabels".to_owned(), "true".to_owned())].as_slice())
            } else {
                Headers::default()
            },
            body: change.body.clone().into(),
        };
        let answer = answer(&context, &request);
        // A rewritten journal says by itself how the indices of keys are: there may be nothing to activate.
        if answer.is_success() || change.target == "ReactivateEntityKey" {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        Err(format!("{} {} was accepted once and is refused now: {text}", change.method, change.target))
    }

    /// Writes nothing any more, and frees the data folder for the next emulator.
    pub(crate) fn close_data(&self) {
        self.organisation.write().unwrap_or_else(PoisonError::into_inner).close_journal();
    }

    /// Where it is reached: `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn organisation(&self) -> &RwLock<Organisation> {
        &self.organisation
    }

    pub(crate) fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.organisation.read().unwrap_or_else(PoisonError::into_inner).schema)
    }

    pub(crate) fn organization_id(&self) -> Uuid {
        self.organisation.read().unwrap_or_else(PoisonError::into_inner).seeds.organization
    }

    /// Never the same twice: boundaries and request ids.
    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = lock(&self.counters).snapshot();
        stats.rows = self.organisation.read().unwrap_or_else(PoisonError::into_inner).counts();
        stats
    }

    /// Uploads and downloads that take several requests.
    pub(crate) fn file_sessions(&self) -> MutexGuard<'_, Sessions> {
        lock(&self.file_sessions)
    }

    /// A job is to begin at this second, or with the first request after it.
    pub(crate) fn job_is_due_at(&self, second: i64) {
        self.next_job.fetch_min(second, Ordering::Relaxed);
    }

    fn run_jobs(&self, now: i64) {
        if now < self.next_job.load(Ordering::Relaxed) {
            return;
        }
        let mut organisation = self.organisation.write().unwrap_or_else(PoisonError::into_inner);
        let next = run_due(&mut organisation, &self.settings, now);
        self.next_job.store(next.unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn count_duplicate(&self) {
        lock(&self.counters).duplicate_refused();
    }

    pub(crate) fn fault_plan(&self) -> FaultPlan {
        lock(&self.faults).plan().clone()
    }

    pub(crate) fn set_faults(&self, plan: FaultPlan) {
        *lock(&self.faults) = FaultScript::new(plan);
    }

    pub(crate) fn limits(&self) -> Limits {
        lock(&self.throttle).limits().clone()
    }

    pub(crate) fn set_limits(&self, limits: Limits) {
        if let Some(problem) = limits.problem() {
            tracing::warn!(problem, "limits that make no sense");
        }
        let mut throttle = lock(&self.throttle);
        if throttle.takes_speed(&limits) {
            return;
        }
        *self.clock.write().unwrap_or_else(PoisonError::into_inner) = Clock::starting_now(limits.time_scale);
        throttle.set_limits(limits);
    }

    pub(crate) fn reset(&self) {
        let now = self.clock().now_seconds();
        let mut organisation = fresh(&self.base, self.seed, self.users, &self.settings, now);
        {
            let mut before = self.organisation.write().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = organisation.succeed(&mut before) {
                tracing::error!(%error, "the data folder could not be emptied; nothing more is written to it");
            }
            *before = organisation;
        }
        lock(&self.counters).reset();
        let mut throttle = lock(&self.throttle);
        let limits = throttle.limits().clone();
        throttle.set_limits(limits);
    }

    fn clock(&self) -> Clock {
        self.clock.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends like a killed process: nothing is answered any more.
    fn kill(&self) {
        self.killed.store(true, Ordering::SeqCst);
        self.killing.notify_waiters();
    }

    /// Set once the emulator was killed on purpose.
    pub(crate) fn killed(&self) -> &Arc<AtomicBool> {
        &self.killed
    }

    /// Waits until the emulator is killed on purpose.
    pub(crate) async fn until_killed(&self) {
        let notified = self.killing.notified();
        if !self.killed.load(Ordering::SeqCst) {
            notified.await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fresh(base: &Arc<Schema>, seed: u64, users: u32, settings: &Settings, now: i64) -> Organisation {
    let mut organisation = Organisation::new(Arc::clone(base), seeds(seed, users), seed, settings);
    plant(&mut organisation, seed, now);
    organisation
}
