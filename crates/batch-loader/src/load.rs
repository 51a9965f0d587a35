//! The load: tables wave by wave, rows of a hierarchy level by level.

use std::time::Instant;

use dataverse_client::Client;
use futures::future::{BoxFuture, FutureExt as _, join_all};
use staging_schema::{Levels, Pass, pending, summary};
use staging_store::Store;
use tokio_util::sync::CancellationToken;

use crate::context::{Context, staging};
use crate::event::{Event, Observer};
use crate::operation::Operation;
use crate::pace_log::recorded;
use crate::plan::LoadTable;
use crate::preload::{Which, copy_back, preload};
use crate::{Error, Options, Plan, Report, stage, sweep};

/// Creates the staged rows of all tables that are in mode `load`.
///
/// Ends when no row is pending or in doubt. Rows that Dataverse refuses are outcomes, not errors. Dropped half-way it is
/// a crash, from which the next call recovers: nothing is lost, nothing is sent twice; rows that were on their way are
/// looked for after the quiet time.
pub async fn load(
    store: &Store,
    clients: &[Client],
    plan: &Plan,
    options: &Options,
    observer: &dyn Observer,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let cancel = cancel.child_token();
    let ctx = Context::open(store, clients, plan, options, observer, &cancel).await?;
    let waves = async {
        for wave in &plan.waves {
            let tables = wave.iter().filter(|table| table.inserts());
            side_by_side(&ctx, tables.map(|table| load_table(&ctx, table).boxed()).collect()).await?;
        }
        Ok(())
    };
    recorded(&ctx, waves.boxed()).await?;
    Ok(ctx.into_report())
}

/// Runs the work of several tables at the same time. The first error lets the others end what is in flight.
pub(crate) async fn side_by_side(ctx: &Context<'_>, work: Vec<Work<'_>>) -> Result<(), Error> {
    let mut guarded: Vec<Work<'_>> = Vec::with_capacity(work.len());
    for work in work {
        guarded.push(guard(ctx, work).boxed());
    }
    let errors: Vec<Error> = join_all(guarded).await.into_iter().filter_map(Result::err).collect();
    let (cancelled, mut others): (Vec<_>, Vec<_>) =
        errors.into_iter().partition(|error| matches!(error, Error::Cancelled { .. }));
    // What stopped the others, rather than their having been stopped.
    others.extend(cancelled);
    others.into_iter().next().map_or(Ok(()), Err)
}

/// The work of one table. Boxed, so that the whole stays `Send` whatever it borrows.
pub(crate) type Work<'a> = BoxFuture<'a, Result<(), Error>>;

async fn guard(ctx: &Context<'_>, work: Work<'_>) -> Result<(), Error> {
    let result = work.await;
    if result.is_err() {
        ctx.cancel.cancel();
    }
    result
}

async fn load_table(ctx: &Context<'_>, table: &LoadTable) -> Result<(), Error> {
    let started = Instant::now();
    let name = table.name();
    let done = load_rows(ctx, table).await;
    let counts = account(ctx, table).await;
    ctx.count(name, |report| report.seconds += started.elapsed().as_secs_f64());
    done?;
    counts?;
    ctx.tell(&Event::TableDone { table: name.to_owned(), pass: Pass::Insert });
    Ok(())
}

async fn load_rows(ctx: &Context<'_>, table: &LoadTable) -> Result<(), Error> {
    let failed = || staging(table.name(), "looking for pending rows");
    // What an earlier run recorded and could not copy any more.
    copy_back(ctx, table).await?;
    preload(ctx, table, Which::Prompt).await?;
    let pending = pending::any(&table.staged, Pass::Insert);
    let is_pending = ctx.store.count(&pending).await.map_err(failed())? > 0;
    if is_pending && sweep::sweep(ctx, table).await? {
        copy_back(ctx, table).await?;
    }
    let before = ctx.count(table.name(), |report| report.loaded + report.adopted);
    let op = Operation::create(ctx, table).await?;
    if table.self_lookups.is_empty() {
        stage::run(ctx, &op, Levels::All).await?;
    } else {
        load_levels(ctx, &op).await?;
    }
    copy_back(ctx, table).await?;
    let is_new = ctx.count(table.name(), |report| report.loaded + report.adopted) > before;
    if is_new && sweep::sweep(ctx, table).await? {
        copy_back(ctx, table).await?;
    }
    Ok(())
}

/// Rows on cycles first, since they wait for nobody; then level by level, each with its parents' GUIDs.
async fn load_levels(ctx: &Context<'_>, op: &Operation<'_>) -> Result<(), Error> {
    let name = op.table.name();
    // Rows in doubt belong to no level until they are settled; then they are parents of others.
    if stage::wait_for_doubts(ctx, op.table, op.pass()).await? {
        copy_back(ctx, op.table).await?;
    }
    let mut done: Vec<Levels> = Vec::new();
    loop {
        let statement = pending::levels(&op.table.staged);
        let rows = ctx.store.query(&statement).await.map_err(staging(name, "reading levels"))?;
        let found: Vec<Levels> = rows
            .iter()
            .map(|row| match row.get(0).as_integer() {
                None => Levels::Cycle,
                Some(level) => Levels::At(u32::try_from(level).unwrap_or(0)),
            })
            .collect();
        let Some(next) = found.into_iter().find(|levels| !done.contains(levels)) else {
            // Chunks whose rows all have outcomes, but which a worker that died has not closed.
            return stage::run(ctx, op, Levels::All).await.map(drop);
        };
        preload(ctx, op.table, Which::Own).await?;
        stage::run(ctx, op, next).await?;
        copy_back(ctx, op.table).await?;
        done.push(next);
        let level = match next {
            Levels::At(level) => Some(i64::from(level)),
            Levels::All | Levels::Cycle => None,
        };
        ctx.tell(&Event::LevelDone { table: name.to_owned(), level });
    }
}

/// Reads what the table's report says about the staged rows as a whole.
pub(crate) async fn account(ctx: &Context<'_>, table: &LoadTable) -> Result<(), Error> {
    let failed = || staging(table.name(), "accounting for rows");
    let statement = summary::table(&table.staged);
    let rows = ctx.store.query(&statement).await.map_err(failed())?;
    let Some(row) = rows.first() else { return Ok(()) };
    let column =
        |name: &str| summary::TABLE_COLUMNS.iter().position(|known| *known == name).unwrap_or(usize::MAX);
    let staged = row.count(column("Staged")).map_err(failed())?;
    let owed = row.count(column("Owed")).map_err(failed())?;
    ctx.count(table.name(), |report| {
        report.staged = staged;
        report.owed = owed;
    });
    Ok(())
}
