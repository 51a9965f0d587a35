//! Requests without outcome: left alone for the quiet time, then looked for.

use std::time::Duration;

use staging_schema::Pass;
use staging_store::{InDoubt, RequestEnd, Resolution, RowError, Success};

use crate::Error;
use crate::context::{Context, count_success, staging};
use crate::event::Event;
use crate::operation::Operation;
use crate::plan::LoadTable;
use crate::probe;

/// What came of asking for rows in doubt.
pub(crate) enum Doubt {
    /// No row of the table is in doubt.
    None,
    /// Some were settled.
    Settled,
    /// Some must be left alone for longer.
    Waiting { requests: usize, wait: Duration, due: Duration },
}

/// How long to wait at most before asking again.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Settles the requests of a table, up to a pass, that have been quiet for long enough. Another worker may be at a later pass.
pub(crate) async fn settle(ctx: &Context<'_>, table: &LoadTable, pass: Pass) -> Result<Doubt, Error> {
    let asked = ctx.store.in_doubt_until(table.name(), pass, ctx.options.quiet_time).await;
    let doubts = asked.map_err(staging(table.name(), "asking for rows in doubt"))?;
    for request in &doubts.due {
        ctx.go_on()?;
        resolve(ctx, table, request).await?;
    }
    if !doubts.due.is_empty() {
        return Ok(Doubt::Settled);
    }
    if doubts.waiting == 0 {
        return Ok(Doubt::None);
    }
    let requests = usize::try_from(doubts.waiting).unwrap_or(usize::MAX);
    let due = doubts.next_due.unwrap_or(ASK_AGAIN);
    Ok(Doubt::Waiting { requests, wait: due.clamp(Duration::from_millis(5), ASK_AGAIN), due })
}

/// Settles one request: what a repetition cannot harm is pending again, rows that were created are adopted.
async fn resolve(ctx: &Context<'_>, table: &LoadTable, request: &InDoubt) -> Result<(), Error> {
    let (successes, errors) = match request.pass {
        Pass::Insert => probe_inserts(ctx, table, request).await?,
        // Updates, deletions and associations may be repeated; states are read before they are set.
        _ => (Vec::new(), Vec::new()),
    };
    let adopted = successes.len();
    let end = if successes.len() + errors.len() == request.rows.len() && !request.rows.is_empty() {
        RequestEnd::Answered
    } else {
        RequestEnd::Void
    };
    ctx.count(table.name(), |report| {
        report.errors += errors.len() as u64;
        for success in &successes {
            count_success(report, request.pass, success.kind);
        }
    });
    let resolution = Resolution { request: request.clone(), end, successes, errors };
    match ctx.store.resolve(&table.staged, &resolution).await {
        Ok(()) => {
            let (table, pass, rows) = (table.name().to_owned(), request.pass, request.rows.len());
            ctx.tell(&Event::Probed { table, pass, request: request.request, rows, adopted });
            Ok(())
        }
        // Another worker was faster; what it recorded holds.
        Err(error) if error.is_request_settled() => Ok(()),
        Err(error) => Err(staging(table.name(), "recording what was found")(error)),
    }
}

async fn probe_inserts(
    ctx: &Context<'_>,
    table: &LoadTable,
    request: &InDoubt,
) -> Result<(Vec<Success>, Vec<RowError>), Error> {
    let op = Operation::create(ctx, table).await?;
    let row_ids: Vec<i64> = request.rows.iter().map(|row| row.row_id).collect();
    let (rows, mut slots) = op.read_named(ctx, &row_ids).await?;
    // Outcomes are those of the generation that was sent.
    for slot in &mut slots {
        if let Some(sent) = request.rows.iter().find(|row| row.row_id == slot.row.row_id) {
            slot.sent_as(*sent);
        }
    }
    probe::find(ctx, &op, &rows, &slots).await
}
