//! One pass over the pending rows of a table: read, write down, send, record, all at the same time.
//!
//! Everything runs inside the future of the caller. Dropping it half-way is a crash: what was sent stays in the
//! manifest and is looked for by the next run; leases expire.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, OptionFuture};
use futures::stream::{FuturesUnordered, StreamExt as _};
use staging_schema::{Levels, Pass};
use staging_store::{ChunkPlan, Cut, Lease, RequestEnd};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Error;
use crate::chunk::{Commit, OpenChunk};
use crate::context::{Context, count_success, staging};
use crate::doubt::{self, Doubt};
use crate::event::Event;
use crate::lease::{LeaseClock, Moment};
use crate::operation::Operation;
use crate::plan::LoadTable;
use crate::rows::Request;
use crate::work::{Found, Sent, read, record, send, take};

/// How long to wait at most before asking again what others have left.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Works until nothing is pending in the operation's pass and no row of it is in doubt. Answers whether anything was.
pub(crate) async fn run(ctx: &Context<'_>, op: &Operation<'_>, levels: Levels) -> Result<bool, Error> {
    let table = op.table.name();
    let plan =
        ChunkPlan { table: &op.table.staged, pass: op.pass(), levels, chunk_rows: ctx.options.chunk_rows };
    let (mut is_told, mut found) = (false, false);
    loop {
        ctx.go_on()?;
        match ctx.store.cut_chunks(&plan).await.map_err(staging(table, "cutting chunks"))? {
            Cut::Cut { rows, .. } => {
                if !is_told {
                    is_told = true;
                    ctx.tell(&Event::Planned { table: table.to_owned(), pass: op.pass(), rows });
                }
                Floor::new(ctx, op).work_off().await?;
            }
            Cut::Open { .. } => Floor::new(ctx, op).work_off().await?,
            Cut::OtherPass { next_expiry, .. } => {
                ctx.tell(&Event::Others { table: table.to_owned(), pass: op.pass(), expiry: next_expiry });
                ctx.wait(next_expiry.clamp(Duration::from_millis(5), ASK_AGAIN)).await?;
            }
            Cut::NothingPending => {
                if !doubts_settled(ctx, op.table, op.pass()).await? {
                    return Ok(found);
                }
            }
        }
        found = true;
    }
}

/// Waits until no row of a table is in doubt. Answers whether any was.
pub(crate) async fn wait_for_doubts(ctx: &Context<'_>, table: &LoadTable, pass: Pass) -> Result<bool, Error> {
    let mut any = false;
    while doubts_settled(ctx, table, pass).await? {
        any = true;
    }
    Ok(any)
}

/// Settles what may be settled, or waits a while; answers whether there was anything in doubt.
async fn doubts_settled(ctx: &Context<'_>, table: &LoadTable, pass: Pass) -> Result<bool, Error> {
    match doubt::settle(ctx, table, pass).await? {
        Doubt::None => Ok(false),
        Doubt::Settled => Ok(true),
        Doubt::Waiting { requests, wait, due } => {
            ctx.tell(&Event::Waiting { table: table.name().to_owned(), pass, requests, wait, due });
            ctx.wait(wait).await?;
            Ok(true)
        }
    }
}

/// How long an answer waits at most for others, to become durable together with them.
const GATHER: Duration = Duration::from_millis(5);

/// The state of one run over the open chunks.
pub(crate) struct Floor<'a> {
    pub(crate) ctx: &'a Context<'a>,
    pub(crate) op: &'a Operation<'a>,
    pub(crate) chunks: BTreeMap<i64, OpenChunk>,
    /// Leased, not read yet.
    unread: VecDeque<(Lease, Arc<LeaseClock>)>,
    /// In the manifest, waiting for a send.
    ready: VecDeque<Request>,
    /// No chunk is left to take.
    drained: bool,
    ask_at: Option<Instant>,
    pub(crate) stop: Option<Error>,
    /// Set with `stop`: requests that are not sent yet stay so.
    stopping: CancellationToken,
    deadline: Option<Instant>,
    pub(crate) doubts_in_a_row: u32,
    last_committed: i64,
    /// Answers since the latest commit began, and since when the first of them waits.
    answers: usize,
    waiting_since: Option<Instant>,
    /// The chunk whose rows are being read.
    reading: Option<(Lease, Arc<LeaseClock>)>,
}

type Renewal = Result<(staging_store::Renewal, Moment), staging_store::Error>;

impl<'a> Floor<'a> {
    fn new(ctx: &'a Context<'a>, op: &'a Operation<'a>) -> Self {
        Self {
            ctx,
            op,
            chunks: BTreeMap::new(),
            unread: VecDeque::new(),
            ready: VecDeque::new(),
            drained: false,
            ask_at: None,
            stop: None,
            stopping: CancellationToken::new(),
            deadline: None,
            doubts_in_a_row: 0,
            last_committed: 0,
            answers: 0,
            waiting_since: None,
            reading: None,
        }
    }

    async fn work_off(mut self) -> Result<(), Error> {
        let (ctx, op) = (self.ctx, self.op);
        let mut sends: FuturesUnordered<BoxFuture<'a, Sent>> = FuturesUnordered::new();
        let mut looking: Option<BoxFuture<'a, Result<Found, Error>>> = None;
        let mut committing: Option<BoxFuture<'a, (Commit, Result<(), staging_store::Error>)>> = None;
        let mut renewing: Option<BoxFuture<'a, Renewal>> = None;
        let beat = ctx.options.lease / 3;
        let mut next_beat = Instant::now() + beat;
        loop {
            let capacity = ctx.in_flight();
            // Written down before a sender is free, but not long before.
            let ahead = capacity + capacity.div_ceil(2);
            while let Some(request) = self.ready.pop_front() {
                let Some(chunk) = self.chunks.get(&request.chunk) else { continue };
                sends.push(Box::pin(send(ctx, op, request, Arc::clone(&chunk.clock), self.stopping.clone())));
            }
            if looking.is_none() && self.wants_work(capacity) {
                looking = Some(match self.unread.pop_front() {
                    Some((lease, clock)) => {
                        self.reading = Some((lease.clone(), Arc::clone(&clock)));
                        Box::pin(read(ctx, op, lease, clock))
                    }
                    None => Box::pin(take(ctx, op)),
                });
            }
            if committing.is_none() && self.is_ripe(sends.len()) {
                let room = ahead.saturating_sub(self.ready.len() + sends.len());
                committing = self
                    .next_commit(room)
                    .map(|commit| Box::pin(record(ctx, op, commit)) as BoxFuture<'_, _>);
                self.gathered(committing.is_some());
            }
            let is_idle = sends.is_empty() && looking.is_none() && committing.is_none();
            if is_idle
                && self.chunks.is_empty()
                && self.unread.is_empty()
                && (self.drained || self.stop.is_some())
            {
                return self.stop.map_or(Ok(()), Err);
            }
            let ask_at = self.ask_at;
            let deadline = self.deadline;
            let ripe_at = self.waiting_since.filter(|_| committing.is_none()).map(|since| since + GATHER);
            tokio::select! {
                biased;
                () = ctx.cancel.cancelled(), if self.stop.is_none() => self.stop_with(ctx.cancelled()),
                Some(sent) = sends.next(), if !sends.is_empty() => {
                    self.answers += 1;
                    self.waiting_since.get_or_insert_with(Instant::now);
                    self.sent(sent);
                }
                Some((commit, result)) = OptionFuture::from(committing.as_mut()), if committing.is_some() => {
                    committing = None;
                    self.committed(commit, result);
                }
                Some(found) = OptionFuture::from(looking.as_mut()), if looking.is_some() => {
                    looking = None;
                    self.found(found);
                }
                Some(renewal) = OptionFuture::from(renewing.as_mut()), if renewing.is_some() => {
                    renewing = None;
                    self.renewed(renewal);
                }
                () = tokio::time::sleep_until(next_beat), if renewing.is_none() => {
                    next_beat = Instant::now() + beat;
                    renewing = self.renew();
                }
                () = sleep_until(ask_at), if ask_at.is_some() => self.ask_at = None,
                () = sleep_until(ripe_at), if ripe_at.is_some() => {}
                () = sleep_until(deadline), if deadline.is_some() => {
                    // What is still in flight is in doubt from now on; the manifest knows it.
                    self.deadline = None;
                    sends.clear();
                    for chunk in self.chunks.values_mut() {
                        chunk.answered.restamp.extend(std::mem::take(&mut chunk.open));
                    }
                }
            }
        }
    }

    /// Whether more rows should be read: the next requests must be there before a sender is free.
    fn wants_work(&self, capacity: usize) -> bool {
        let waiting: usize = self.chunks.values().map(|chunk| chunk.fresh.len()).sum();
        let waiting = waiting.div_ceil(self.op.next_size().rows);
        self.stop.is_none()
            && self.ask_at.is_none()
            && !(self.drained && self.unread.is_empty())
            && waiting < capacity
    }

    fn found(&mut self, found: Result<Found, Error>) {
        self.reading = None;
        match found {
            Err(error) => self.stop_with(error),
            Ok(Found::Nothing) => self.drained = true,
            Ok(Found::AskAgain(wait)) => {
                let (table, pass) = (self.op.table.name().to_owned(), self.op.pass());
                self.ctx.tell(&Event::Others { table, pass, expiry: wait });
                self.ask_at = Some(Instant::now() + wait.clamp(Duration::from_millis(5), ASK_AGAIN));
            }
            Ok(Found::Leases(leases)) => self.unread.extend(leases),
            Ok(Found::Rows { lease, clock, rows, slots }) => {
                let (table, pass) = (self.op.table.name().to_owned(), self.op.pass());
                self.ctx.tell(&Event::Leased { table, pass, rows: slots.len() as u64 });
                self.chunks.insert(lease.chunk, OpenChunk::new(lease, clock, rows, slots.into()));
            }
        }
    }

    /// Whether it is time to make answers durable: enough of them are there, or the first has waited for long enough. A commit
    /// costs the same for one answer and for many, and the next requests are written down already.
    fn is_ripe(&self, in_flight: usize) -> bool {
        self.stop.is_some()
            || self.answers * 4 >= in_flight
            || self.waiting_since.is_none_or(|since| since.elapsed() >= GATHER)
    }

    /// A commit has begun, or there is nothing to commit. Answers of other chunks go on waiting.
    fn gathered(&mut self, has_begun: bool) {
        self.answers = 0;
        if !has_begun || !self.chunks.values().any(OpenChunk::is_urgent) {
            self.waiting_since = None;
        }
    }

    fn next_commit(&mut self, room: usize) -> Option<Commit> {
        let stopping = self.stop.is_some();
        if stopping {
            // Written down and not sent: their rows are pending again.
            for request in std::mem::take(&mut self.ready) {
                self.unsent(&request);
            }
            for (lease, clock) in std::mem::take(&mut self.unread) {
                let chunk = OpenChunk::new(lease, clock, Arc::default(), VecDeque::new());
                self.chunks.insert(chunk.lease.chunk, chunk);
            }
        }
        // In turn, so that the answers of one chunk do not keep the requests of the next from being written down.
        let is_due =
            |chunk: &OpenChunk| stopping || chunk.is_urgent() || (room > 0 && !chunk.fresh.is_empty());
        let after = self.last_committed;
        let due: Vec<i64> =
            self.chunks.iter().filter(|(_, chunk)| is_due(chunk)).map(|(number, _)| *number).collect();
        let (first, second): (Vec<i64>, Vec<i64>) = due.into_iter().partition(|number| *number > after);
        for number in first.into_iter().chain(second) {
            let Some(chunk) = self.chunks.get_mut(&number) else { continue };
            let cut = if stopping { Vec::new() } else { self.op.cut(chunk, room) };
            if let Some(commit) = chunk.commit(cut, stopping, self.ctx) {
                self.last_committed = number;
                return Some(commit);
            }
        }
        None
    }

    fn committed(&mut self, commit: Commit, result: Result<(), staging_store::Error>) {
        let (table, pass) = (self.op.table.name(), self.op.pass());
        match result {
            Ok(()) => {
                if !commit.manifest.is_empty() {
                    let rows = commit.manifest.iter().map(|request| request.rows.len()).sum();
                    let requests = commit.manifest.len();
                    self.ctx.tell(&Event::Manifested { table: table.to_owned(), pass, requests, rows });
                }
                self.count(&commit);
                if commit.end.is_some() {
                    self.chunks.remove(&commit.chunk);
                    // What was all leased a moment ago was ours.
                    self.ask_at = None;
                } else if let Some(chunk) = self.chunks.get_mut(&commit.chunk) {
                    chunk.open.extend(commit.next.iter().map(|request| request.id));
                    self.ready.extend(commit.next);
                }
            }
            Err(error) if error.is_lease_lost() || error.is_request_settled() => {
                tracing::warn!(table, chunk = commit.chunk, error = %error, "a chunk was taken over; its outcomes are not ours to record");
                self.abandon(commit.chunk);
            }
            Err(error) => {
                self.abandon(commit.chunk);
                self.stop_with(staging(table, "recording outcomes")(error));
            }
        }
    }

    /// Nothing more is sent or recorded for a chunk; its requests without outcome are in doubt.
    fn abandon(&mut self, chunk: i64) {
        if let Some(lost) = self.chunks.remove(&chunk) {
            lost.clock.lose();
        }
        self.ready.retain(|request| request.chunk != chunk);
    }

    fn count(&mut self, commit: &Commit) {
        let (table, pass) = (self.op.table.name(), self.op.pass());
        let errors: usize = commit.outcomes.iter().map(|outcome| outcome.errors.len()).sum();
        let succeeded: usize = commit.outcomes.iter().map(|outcome| outcome.successes.len()).sum();
        if errors + succeeded == 0 {
            return;
        }
        self.ctx.count(table, |report| {
            report.errors += errors as u64;
            for success in commit.outcomes.iter().flat_map(|outcome| &outcome.successes) {
                count_success(report, pass, success.kind);
            }
        });
        let (succeeded, errors) = (succeeded as u64, errors as u64);
        self.ctx.tell(&Event::Recorded { table: table.to_owned(), pass, succeeded, errors });
        if let Some(error) = self.op.limit.note(table, pass, succeeded, errors) {
            self.stop_with(error);
        }
    }

    pub(crate) fn stop_with(&mut self, error: Error) {
        if self.stop.is_none() {
            let table = self.op.table.name();
            if matches!(error, Error::Cancelled { .. }) {
                // Whoever asked for it knows.
                tracing::debug!(table, "stopping on request");
            } else {
                tracing::warn!(table, error = %error, "stopping");
            }
            self.deadline = Some(Instant::now() + self.ctx.options.grace);
            self.stopping.cancel();
            self.stop = Some(error);
        }
    }

    fn unsent(&mut self, request: &Request) {
        if let Some(chunk) = self.chunks.get_mut(&request.chunk) {
            chunk.open.remove(&request.id);
            chunk.answered.settle(request, RequestEnd::Void, Vec::new(), Vec::new());
        }
    }

    fn renew(&self) -> Option<BoxFuture<'a, Renewal>> {
        let chunks = self.chunks.values().map(|chunk| &chunk.lease);
        let leases: Vec<Lease> =
            chunks.chain(self.unread.iter().chain(&self.reading).map(|(lease, _)| lease)).cloned().collect();
        if leases.is_empty() {
            return None;
        }
        let open: Vec<(Lease, Vec<Uuid>)> = self
            .chunks
            .values()
            .filter(|chunk| !chunk.open.is_empty())
            .map(|chunk| (chunk.lease.clone(), chunk.open.iter().copied().collect()))
            .collect();
        let ctx = self.ctx;
        Some(Box::pin(async move {
            let before = Moment::now();
            let renewal = ctx.store.renew(&leases, ctx.options.lease).await?;
            // A request may have waited for room or for the end of a throttling: its quiet time starts when it was
            // sent at the latest, and that is now.
            for (lease, requests) in &open {
                match ctx.store.restamp_requests(lease, requests).await {
                    Err(error) if !error.is_lease_lost() && !error.is_request_settled() => return Err(error),
                    Ok(()) | Err(_) => {}
                }
            }
            Ok((renewal, before))
        }))
    }

    fn renewed(&mut self, renewal: Renewal) {
        match renewal {
            Err(error) => self.stop_with(staging(self.op.table.name(), "renewing leases")(error)),
            Ok((renewal, since)) => {
                for chunk in &renewal.renewed {
                    if let Some(open) = self.chunks.get(chunk) {
                        open.clock.renew(since);
                    }
                    for (_, clock) in
                        self.unread.iter().chain(&self.reading).filter(|(lease, _)| lease.chunk == *chunk)
                    {
                        clock.renew(since);
                    }
                }
                for chunk in renewal.lost {
                    tracing::warn!(table = self.op.table.name(), chunk, "a lease was lost");
                    self.unread.retain(|(lease, _)| lease.chunk != chunk);
                    if let Some((_, clock)) = self.reading.as_ref().filter(|(lease, _)| lease.chunk == chunk)
                    {
                        clock.lose();
                    }
                    self.abandon(chunk);
                }
            }
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
