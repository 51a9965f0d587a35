//! The emulated service: who asks, what it costs, what goes wrong, and what is answered.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::Error;
use crate::clock::Clock;
use crate::connection::Wire;
use crate::emulator::Options;
use crate::fault::{FaultKind, FaultPlan, FaultScript};
use crate::latency::{Written, server_of_cookie};
use crate::refusal::{self, Refusal};
use crate::route::{
    Answer, Context, Headers, Request, Sessions, answer, before_commit, control, kind, run_due, thousands,
    throttled, writes_of,
};
use crate::schema::{Schema, Table, build};
use crate::settings::{Keep, Settings};
use crate::standard::standard_schema;
use crate::state::row::Cell;
use crate::state::{
    Caller, DefinitionChange, Journal, Key, Opened, Organisation, Replay, fingerprint, head, plant, read,
    seeds,
};
use crate::stats::{Counters, Stats};
use crate::throttle::{Limits, Routing, Throttle};

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

    /// Answers a request that has been read wholly.
    pub(crate) async fn run(&self, head: Parts, body: Bytes, wire: &Wire) -> http::Response<Bytes> {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let headers = Headers::from(&head.headers);
        if let Some(target) = path.strip_prefix("/emulator") {
            let target = target.trim_start_matches('/').to_owned();
            let request = Request { method: head.method.to_string(), target, headers, body };
            return http_answer(control(self, &request));
        }
        lock(&self.counters).arrived();
        let host = head.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
        let url = host.map_or_else(|| self.url(), |host| format!("{}://{host}", self.scheme));
        let (answer, kind) = if let Some((version, target)) = version_and_target(path) {
            let root = format!("{url}/api/data/{version}/");
            let request =
                Request { method: head.method.to_string(), target: target.to_owned(), headers, body };
            let kind = kind(&request.method, request.path());
            (self.run_request(request, root, wire).await, kind)
        } else {
            let text = format!("No HTTP resource was found that matches the request URI '{url}{path}'.");
            (Answer::refused(&refusal::refusal(404, 0, text)), "other")
        };
        lock(&self.counters).answered(kind, answer.status);
        http_answer(answer)
    }

    async fn run_request(&self, request: Request, root: String, wire: &Wire) -> Answer {
        let user = match self.authenticate(&request.headers) {
            Ok(user) => user,
            Err(answer) => return answer,
        };
        let clock = self.clock();
        let (admitted, limits, server) = {
            let mut throttle = lock(&self.throttle);
            let servers = throttle.limits().servers.max(1);
            let number = match throttle.limits().routing {
                Routing::Connections => wire.number,
                Routing::Requests => scattered(self.seed ^ self.next_number()),
            };
            let server = server_of_cookie(&request)
                .unwrap_or_else(|| usize::try_from(number).unwrap_or_default())
                % servers;
            (throttle.admit(user, server, clock.elapsed()), throttle.limits().clone(), server)
        };
        let budget = match admitted {
            Ok(budget) => budget,
            Err(refused) => {
                lock(&self.counters).throttled(refused.facet);
                let wait = clock.to_real(refused.retry_after).as_secs_f64().ceil();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "at most a window"
                )]
                let seconds = (wait as u64).max(limits.least_retry_after);
                return throttled(refused.facet, &limits, seconds);
            }
        };
        let started = clock.elapsed();
        let path = request.path().to_owned();
        let (answer, written) = self.run_struck(request, root, user, wire, &clock).await;
        let latency = limits.cost_ms(|| self.schema(), &path, &written);
        if latency > 0.0 {
            tokio::time::sleep(clock.to_real(Duration::from_secs_f64(latency / 1_000.0))).await;
        }
        let finished = clock.elapsed();
        lock(&self.throttle).finish(user, server, finished, finished.saturating_sub(started));
        let answer = if limits.servers > 1 {
            // Who sends it back stays with this server, and has its budget alone.
            answer.with("set-cookie", format!("ARRAffinity={server};Path=/;HttpOnly"))
        } else {
            answer
        };
        answer
            .with("x-ms-dop-hint", limits.dop_hint.to_string())
            .with("x-ms-ratelimit-burst-remaining-xrm-requests", budget.requests_left.to_string())
            .with(
                "x-ms-ratelimit-time-remaining-xrm-requests",
                thousands(budget.execution_left.as_secs_f64()),
            )
            .with(
                "x-ms-service-request-id",
                crate::state::key::named_id(self.next_number(), "request").to_string(),
            )
    }

    /// Runs a request with whatever the plan of faults has in store for it.
    async fn run_struck(
        &self,
        request: Request,
        root: String,
        user: u32,
        wire: &Wire,
        clock: &Clock,
    ) -> (Answer, Written) {
        let asks = lock(&self.faults).asks_for_writes();
        let mut writes = if asks { writes_of(&request) } else { Vec::new() };
        let strike = lock(&self.faults).strike(&request.method, request.path(), &writes);
        let Some(strike) = strike else { return self.execute(&request, root, user, clock, None) };
        if !asks {
            writes = writes_of(&request);
        }
        {
            let mut counters = lock(&self.counters);
            counters.faulted(&strike.kind.name());
            if !writes.is_empty() {
                counters.struck(&strike.kind.name(), &writes);
            }
        }
        if let Some(answer) = before_commit(strike, &self.limits()) {
            match strike.kind {
                FaultKind::ResetBefore => wire.cut(),
                FaultKind::Kill => self.kill(),
                _ => {}
            }
            return (answer, Written::default());
        }
        if strike.kind == FaultKind::CommitLate {
            tokio::time::sleep(strike.delay).await;
        }
        let fails_every = (strike.kind == FaultKind::PartialFailure).then_some(strike.rows);
        let (answer, rows) = self.execute(&request, root, user, clock, fails_every);
        match strike.kind {
            FaultKind::LoseAnswer => wire.cut(),
            // Without a body there is nothing to cut in two.
            FaultKind::CutAnswer if answer.body.len() < 2 => wire.cut(),
            FaultKind::CutAnswer => wire.cut_half(),
            FaultKind::Slow => tokio::time::sleep(strike.delay).await,
            FaultKind::KillAfterCommit => self.kill(),
            _ => {}
        }
        (answer, rows)
    }

    /// Whether the connection is to be reset before the body of this request has arrived.
    pub(crate) fn resets_during(&self, method: &str, path: &str) -> bool {
        let Some((_, target)) = version_and_target(path) else { return false };
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        let Some(strike) = lock(&self.faults).strike_early(method, path) else { return false };
        let mut counters = lock(&self.counters);
        counters.arrived();
        counters.faulted(&strike.kind.name());
        counters.unanswered(kind(method, path));
        true
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

    fn execute(
        &self,
        request: &Request,
        root: String,
        user: u32,
        clock: &Clock,
        fails_every: Option<usize>,
    ) -> (Answer, Written) {
        let caller = match self.caller(user, &request.headers, clock.now_seconds()) {
            Ok(caller) => caller,
            Err(refusal) => return (Answer::refused(&refusal), Written::default()),
        };
        self.expire(clock.now_seconds());
        self.run_jobs(clock.now_seconds());
        let context = Context { service: self, caller, root, written: RefCell::default(), fails_every };
        let answer = answer(&context, request);
        (answer, context.written.into_inner())
    }

    /// Rows of elastic tables end by themselves.
    fn expire(&self, now: i64) {
        if self.organisation.read().unwrap_or_else(PoisonError::into_inner).is_expiry_due(now) {
            self.organisation.write().unwrap_or_else(PoisonError::into_inner).expire(now);
        }
    }

    /// The number of the application user behind a token: `user-2` is the second, any other token the first.
    fn authenticate(&self, headers: &Headers) -> Result<u32, Answer> {
        let token = headers
            .get("authorization")
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty())
            .map(|(_, token)| token.trim());
        let Some(token) = token else {
            let challenge =
                format!("Bearer authorization_uri={0}/oauth2/authorize, resource_id={0}/", self.url());
            return Err(Answer::refused(&refusal::refusal(
                401,
                0x8004_4300,
                "HTTP Error 401 - Unauthorized: Access is denied",
            ))
            .with("www-authenticate", challenge));
        };
        let number = token.strip_prefix("user-").and_then(|number| number.parse().ok());
        match number {
            Some(number) if number > self.users.max(1) || number == 0 => {
                Err(Answer::refused(&refusal::refusal(
                    403,
                    0x8007_2560,
                    format!(
                        "The user is not a member of the organization. ({token}; there are {})",
                        self.users
                    ),
                )))
            }
            Some(number) => Ok(number),
            None => Ok(1),
        }
    }

    /// Who writes: the application user, or whom it impersonates.
    fn caller(&self, user: u32, headers: &Headers, now: i64) -> Result<Caller, Refusal> {
        let organisation = self.organisation.read().unwrap_or_else(PoisonError::into_inner);
        let index = usize::try_from(user).unwrap_or(1).saturating_sub(1);
        let actual = organisation.seeds.users.get(index).copied().unwrap_or(organisation.seeds.users[0]);
        let by_object = headers.get("callerobjectid");
        let asked = by_object.or_else(|| headers.get("mscrmcallerid"));
        let Some(asked) = asked else { return Ok(Caller { user: actual, on_behalf: None, now }) };
        let id = dataverse_wire::literal::parse_guid(asked.trim());
        let found = organisation.schema.named("systemuser").zip(id).and_then(|(users, id)| {
            if by_object.is_some() {
                return user_of_object(&organisation, users, id);
            }
            organisation.rows(users.id).contains(Key::from(id)).then_some(id)
        });
        match found {
            Some(impersonated) => Ok(Caller { user: impersonated, on_behalf: Some(actual), now }),
            None => Err(refusal::refusal(
                403,
                0x8004_0225,
                format!("The user '{asked}' to be impersonated is unknown or disabled."),
            )),
        }
    }
}

/// The user whose object in Entra has this id. Users that were only ever loaded have none.
fn user_of_object(organisation: &Organisation, users: &Table, object: Uuid) -> Option<Uuid> {
    let column = *users.by_name.get("azureactivedirectoryobjectid")?;
    let mut rows = organisation.rows(users.id).after(None);
    rows.find(|(key, row)| users.read(*key, row, column) == Cell::Id(object)).map(|(key, _)| key.id())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fresh(base: &Arc<Schema>, seed: u64, users: u32, settings: &Settings, now: i64) -> Organisation {
    let mut organisation = Organisation::new(Arc::clone(base), seeds(seed, users), seed, settings);
    plant(&mut organisation, seed, now);
    organisation
}

/// `/api/data/v9.2/accounts` as `v9.2` and `accounts`.
fn version_and_target(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/api/data/")?;
    let (version, target) = rest.split_once('/').unwrap_or((rest, ""));
    matches!(version, "v9.0" | "v9.1" | "v9.2").then_some((version, target))
}

fn http_answer(answer: Answer) -> http::Response<Bytes> {
    let mut builder = http::Response::builder().status(answer.status).header("odata-version", "4.0");
    for (name, value) in &answer.headers {
        builder = builder.header(*name, value);
    }
    builder.body(answer.body).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer with impossible headers");
        http::Response::new(Bytes::new())
    })
}

/// A number that looks random (`SplitMix64`).
fn scattered(number: u64) -> u64 {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)) >> 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_versions_are_served() {
        assert_eq!(version_and_target("/api/data/v9.2/accounts?x"), Some(("v9.2", "accounts?x")));
        assert_eq!(version_and_target("/api/data/v9.0"), Some(("v9.0", "")));
        assert_eq!(version_and_target("/api/data/v8.2/accounts"), None);
    }
}
