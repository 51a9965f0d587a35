//! The futures of a stage: looking for work, making outcomes durable, sending.

use std::sync::Arc;
use std::time::Duration;

use staging_store::{Entry, Lease, Take, Taken};
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::chunk::Commit;
use crate::context::{Context, staging};
use crate::event::Event;
use crate::lane::Fared;
use crate::lease::{LeaseClock, Moment};
use crate::operation::Operation;
use crate::rows::{Request, Rows, Slot};
use crate::verdict::Verdict;

/// What was found when work was looked for.
pub(crate) enum Found {
    Rows { lease: Lease, clock: Arc<LeaseClock>, rows: Arc<Rows>, slots: Vec<Slot> },
    Leases(Vec<(Lease, Arc<LeaseClock>)>),
    AskAgain(Duration),
    Nothing,
}

/// A request whose sending has ended.
pub(crate) struct Sent {
    pub(crate) request: Request,
    pub(crate) verdict: Verdict,
    pub(crate) elapsed: Duration,
    /// The client saw a deadlock meanwhile.
    pub(crate) deadlocked: bool,
}

/// Takes chunks that are free.
pub(crate) async fn take(ctx: &Context<'_>, op: &Operation<'_>) -> Result<Found, Error> {
    let table = op.table.name();
    let take = Take {
        chunks: ctx.options.chunks_ahead,
        lease: ctx.options.lease,
        ..Take::new(&ctx.options.worker, table, op.pass())
    };
    let before = Moment::now();
    let clock = || Arc::new(LeaseClock::new(ctx.options.lease, before));
    match ctx.store.take_chunks(&take).await.map_err(staging(table, "leasing chunks"))? {
        Taken::Chunks(leases) => {
            Ok(Found::Leases(leases.into_iter().map(|lease| (lease, clock())).collect()))
        }
        Taken::AllLeased { next_expiry, .. } => Ok(Found::AskAgain(next_expiry)),
        Taken::NothingLeft => Ok(Found::Nothing),
    }
}

/// Reads the rows of a chunk that are still pending.
pub(crate) async fn read(
    ctx: &Context<'_>,
    op: &Operation<'_>,
    lease: Lease,
    clock: Arc<LeaseClock>,
) -> Result<Found, Error> {
    let (rows, slots) = op.read(ctx, &lease).await?;
    Ok(Found::Rows { lease, clock, rows: Arc::new(rows), slots })
}

/// Makes outcomes and new requests durable, in one transaction.
pub(crate) async fn record(
    ctx: &Context<'_>,
    op: &Operation<'_>,
    commit: Commit,
) -> (Commit, Result<(), staging_store::Error>) {
    let Commit { lease, outcomes, manifest, restamp, end, .. } = &commit;
    let entry = Entry { outcomes, requests: manifest, restamp, end: *end };
    let result = ctx.store.record(lease, &op.table.staged, &entry).await;
    (commit, result)
}

/// Sends one request, if its lease still covers it.
pub(crate) async fn send(
    ctx: &Context<'_>,
    op: &Operation<'_>,
    request: Request,
    clock: Arc<LeaseClock>,
    stopping: CancellationToken,
) -> Sent {
    let lane = &ctx.lanes[request.lane];
    let margin = ctx.options.request_timeout;
    let unsent =
        |request| Sent { request, verdict: Verdict::Unsent, elapsed: Duration::ZERO, deadlocked: false };
    let permit = tokio::select! {
        biased;
        () = stopping.cancelled() => return unsent(request),
        () = clock.lost(margin) => return unsent(request),
        permit = async {
            tokio::time::sleep(request.delay).await;
            lane.acquire().await
        } => permit,
    };
    // The last look before the send: the lease must outlive the request.
    if clock.remaining() <= margin || stopping.is_cancelled() {
        return unsent(request);
    }
    let (table, pass) = (op.table.name().to_owned(), op.pass());
    let (rows, isolates) = (request.slots.len(), request.isolates);
    ctx.tell(&Event::Sending { table, pass, request: request.id, rows, isolates });
    let deadlocks = lane.client.limits().deadlocks;
    let started = permit.stamp();
    let verdict = op.send(ctx, lane, &request, &clock, &stopping, &started).await;
    let elapsed = started.elapsed();
    permit.ended(match &verdict {
        Verdict::Settled { successes, errors, doubtful, .. } if doubtful.is_empty() => {
            Fared::Well { rows: successes.len() + errors.len() }
        }
        Verdict::Refused(_) | Verdict::Fatal(_) => Fared::Well { rows: 0 },
        Verdict::Unwritable(_) | Verdict::Unsent => Fared::Unsent,
        Verdict::Settled { .. } | Verdict::Postponed(_) | Verdict::InDoubt => Fared::Badly,
    });
    ctx.tell_news(lane);
    let deadlocked = lane.client.limits().deadlocks > deadlocks;
    Sent { request, verdict, elapsed, deadlocked }
}
