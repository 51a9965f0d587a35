//! What the load did in the last minute, kept in the staging database: why it went as fast as it did.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use staging_schema::pace::{self, Minute, Of};
use staging_schema::{Pass, Statement};
use tokio::time::Instant;

use crate::context::Context;
use crate::event::Answer;

/// Minutes in a window of the service; with an emulator whose time runs faster, minutes are shorter.
const MINUTES: u32 = 5;

/// Counts since the last row was written.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    requests: i64,
    rows: i64,
    errors: i64,
    execution: Duration,
}

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    users: BTreeMap<usize, Tally>,
    tables: BTreeMap<(String, Pass), (Tally, usize)>,
    throttled: BTreeMap<usize, u64>,
}

/// Counts of one load.
#[derive(Debug, Default)]
pub(crate) struct PaceLog(Mutex<State>);

/// One answer, as it counts here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered<'a> {
    pub(crate) lane: usize,
    pub(crate) table: &'a str,
    pub(crate) pass: Pass,
    pub(crate) answer: Answer,
    pub(crate) rows: usize,
    pub(crate) errors: usize,
    pub(crate) elapsed: Duration,
    /// Rows of the next request.
    pub(crate) batch: usize,
}

impl PaceLog {
    pub(crate) fn note(&self, answered: Answered<'_>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.since.get_or_insert_with(Instant::now);
        state.users.entry(answered.lane).or_default().add(&answered);
        let key = (answered.table.to_owned(), answered.pass);
        let (tally, batch) = state.tables.entry(key).or_default();
        tally.add(&answered);
        *batch = answered.batch;
    }

    /// The rows to be written, and all counts from zero again.
    fn take(&self, ctx: &Context<'_>) -> Vec<Statement> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(since) = state.since.take() else { return Vec::new() };
        let milliseconds = whole(since.elapsed().as_millis());
        let worker = ctx.options.worker.as_str();
        let mut statements = Vec::new();
        for (number, tally) in std::mem::take(&mut state.users) {
            let lane = &ctx.lanes[number];
            let standing = lane.standing();
            let throttled = lane.throttled();
            let before = state.throttled.insert(number, throttled).unwrap_or_default();
            #[expect(clippy::cast_possible_truncation, reason = "far below 2^53")]
            let known = |amount: Option<f64>, unit: f64| amount.map(|amount| (amount * unit) as i64);
            let user = lane.user.to_string();
            tracing::info!(
                user,
                in_flight = standing.in_flight,
                most_in_flight = standing.most_in_flight,
                aim = standing.aim,
                monotonic_counter.dataverse_requests = tally.requests,
                monotonic_counter.dataverse_rows = tally.rows,
                monotonic_counter.dataverse_execution_seconds = tally.execution.as_secs_f64(),
                monotonic_counter.dataverse_throttled = throttled - before,
                "pace"
            );
            let of = Of::User {
                user: &user,
                in_flight: whole(standing.most_in_flight),
                throttled: whole(throttled - before),
                paused_milliseconds: whole(standing.paused_for.as_millis()),
                window_requests: known(standing.requests, 1.0),
                window_milliseconds: known(standing.execution, 1_000.0),
            };
            statements.push(pace::append(&tally.minute(worker, of, milliseconds)));
        }
        for ((table, pass), (tally, batch)) in std::mem::take(&mut state.tables) {
            let of = Of::Table { table: &table, pass, batch_rows: whole(batch), errors: tally.errors };
            statements.push(pace::append(&tally.minute(worker, of, milliseconds)));
        }
        statements
    }
}

impl Tally {
    fn minute<'a>(&self, worker: &'a str, of: Of<'a>, milliseconds: i64) -> Minute<'a> {
        Minute {
            worker,
            of,
            milliseconds,
            requests: self.requests,
            rows: self.rows,
            execution_milliseconds: whole(self.execution.as_millis()),
        }
    }

    fn add(&mut self, answered: &Answered<'_>) {
        self.requests += 1;
        if answered.answer == Answer::Done {
            self.rows += whole(answered.rows);
            self.errors += whole(answered.errors);
        }
        self.execution += answered.elapsed;
    }
}

/// Carries out the work, and writes down every minute how it went.
pub(crate) async fn recorded<T>(ctx: &Context<'_>, work: impl Future<Output = T>) -> T {
    let minutes = async {
        loop {
            tokio::time::sleep(ctx.options.pace.window / MINUTES).await;
            write(ctx).await;
        }
    };
    let done = tokio::select! {
        biased;
        done = work => done,
        never = minutes => never,
    };
    write(ctx).await;
    done
}

/// The load goes on without it: nothing depends on these rows.
async fn write(ctx: &Context<'_>) {
    let mut statements = ctx.log.take(ctx);
    if statements.is_empty() {
        return;
    }
    statements.insert(0, pace::create());
    if let Err(error) = ctx.store.execute_all(&statements).await {
        tracing::warn!(%error, "how the load went could not be written to migration.Pace");
    }
}

fn whole(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
