//! The settling: what could not be written when rows were created.

use std::time::Instant;

use dataverse_client::Client;
use futures::future::FutureExt as _;
use staging_schema::{Levels, Pass, Shape};
use staging_store::Store;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::event::{Event, Observer};
use crate::load::{account, side_by_side};
use crate::operation::Operation;
use crate::pace_log::recorded;
use crate::plan::LoadTable;
use crate::preload::{Which, copy_back, preload, reopen_late};
use crate::{Error, Options, Plan, Report, stage};

/// Brings loaded rows to their end: changed rows are updated, owed lookups written, pairs associated, rows deleted, states
/// set, each where it is pending; outcomes are copied back to the main tables.
///
/// May be called again at any time, also after it was dropped half-way: only what is pending is sent.
pub async fn settle(
    store: &Store,
    clients: &[Client],
    plan: &Plan,
    options: &Options,
    observer: &dyn Observer,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let cancel = cancel.child_token();
    let ctx = Context::open(store, clients, plan, options, observer, &cancel).await?;
    recorded(&ctx, passes(&ctx).boxed()).await?;
    Ok(ctx.into_report())
}

/// All that follows the inserts, in its order.
async fn passes(ctx: &Context<'_>) -> Result<(), Error> {
    let plan = ctx.plan;
    let waves = || plan.waves.iter().flatten().filter(|table| table.staged.shape == Shape::Standard);
    for table in plan.tables() {
        copy_back(ctx, table).await?;
    }
    for table in plan.tables() {
        preload(ctx, table, Which::All).await?;
    }
    for wave in &plan.waves {
        side_by_side(ctx, wave.iter().map(|table| run(ctx, table, Pass::Update).boxed()).collect()).await?;
    }
    for table in waves() {
        reopen_late(ctx, table).await?;
    }
    side_by_side(ctx, waves().map(|table| run(ctx, table, Pass::Lookups).boxed()).collect()).await?;
    side_by_side(
        ctx,
        plan.associations.iter().map(|table| run(ctx, table, Pass::Associate).boxed()).collect(),
    )
    .await?;
    // Children go before their parents.
    side_by_side(ctx, plan.associations.iter().map(|table| run(ctx, table, Pass::Delete).boxed()).collect())
        .await?;
    for wave in plan.waves.iter().rev() {
        side_by_side(ctx, wave.iter().map(|table| run(ctx, table, Pass::Delete).boxed()).collect()).await?;
    }
    // A case can be closed when its activities are, or are gone: one table after the other.
    for table in plan.state_order() {
        run(ctx, table, Pass::State).await?;
    }
    for table in plan.tables() {
        copy_back(ctx, table).await?;
        account(ctx, table).await?;
    }
    Ok(())
}

/// One pass of one table, if the table has it.
pub(crate) async fn run(ctx: &Context<'_>, table: &LoadTable, pass: Pass) -> Result<(), Error> {
    if !table.staged.passes().contains(&pass) {
        return Ok(());
    }
    let started = Instant::now();
    let op = match pass {
        Pass::Update => Operation::update(ctx, table).await?,
        Pass::Lookups => Operation::lookups(ctx, table).await?,
        Pass::Associate => Operation::associate(ctx, table).await?,
        Pass::State => Operation::state(ctx, table).await?,
        Pass::Delete => Operation::delete(ctx, table).await?,
        Pass::Validate | Pass::Insert => return Ok(()),
    };
    let done = stage::run(ctx, &op, Levels::All).await;
    ctx.count(table.name(), |report| report.seconds += started.elapsed().as_secs_f64());
    if done? {
        copy_back(ctx, table).await?;
    }
    ctx.tell(&Event::TableDone { table: table.name().to_owned(), pass });
    Ok(())
}
