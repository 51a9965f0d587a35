//! The load: tables wave by wave, rows of a hierarchy level by level.

use std::collections::{BTreeMap, BTreeSet};
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
use crate::{Error, Options, Plan, Report, keys, stage, sweep};

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
            let work = together(plan, wave).into_iter().map(|group| load_group(&ctx, group).boxed());
            side_by_side(&ctx, work.collect()).await?;
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

/// The tables of a wave that insert anything, those whose rows load together side by side; most are alone.
fn together<'p>(plan: &Plan, wave: &'p [LoadTable]) -> Vec<Vec<&'p LoadTable>> {
    let mut groups: Vec<Vec<&LoadTable>> = Vec::new();
    for table in wave.iter().filter(|table| table.inserts()) {
        let mates = plan.row_waves.iter().find(|group| group.iter().any(|name| name == table.name()));
        let is_mate =
            |other: &&LoadTable| mates.is_some_and(|mates| mates.iter().any(|name| name == other.name()));
        match groups.iter_mut().find(|group| group.iter().any(is_mate)) {
            Some(group) => group.push(table),
            None => groups.push(vec![table]),
        }
    }
    groups
}

/// Loads a table, or tables whose rows load together.
async fn load_group(ctx: &Context<'_>, group: Vec<&LoadTable>) -> Result<(), Error> {
    let started = Instant::now();
    let done = load_rows(ctx, &group).await;
    for table in group {
        let counts = account(ctx, table).await;
        ctx.count(table.name(), |report| report.seconds += started.elapsed().as_secs_f64());
        if done.is_ok() {
            counts?;
            ctx.tell(&Event::TableDone { table: table.name().to_owned(), pass: Pass::Insert });
        }
    }
    done
}

async fn load_rows(ctx: &Context<'_>, group: &[&LoadTable]) -> Result<(), Error> {
    let mut started = Vec::with_capacity(group.len());
    for &table in group {
        let failed = || staging(table.name(), "looking for pending rows");
        // What an earlier run recorded and could not copy any more.
        copy_back(ctx, table).await?;
        preload(ctx, table, Which::Prompt).await?;
        if let Some(columns) = keys::key_of(table)? {
            keys::check(ctx, table, columns).await?;
        }
        let pending = pending::any(&table.staged, Pass::Insert);
        let is_pending = ctx.store.count(&pending).await.map_err(failed())? > 0;
        if is_pending && sweep::sweep(ctx, table).await? {
            copy_back(ctx, table).await?;
        }
        let before = ctx.count(table.name(), |report| report.loaded + report.adopted);
        started.push((Operation::create(ctx, table).await?, before));
    }
    match &started[..] {
        [(op, _)] if op.table.self_lookups.is_empty() => {
            stage::run(ctx, op, Levels::All).await?;
        }
        _ => load_levels(ctx, &started.iter().map(|(op, _)| op).collect::<Vec<_>>()).await?,
    }
    for (op, before) in &started {
        let table = op.table;
        copy_back(ctx, table).await?;
        let is_new = ctx.count(table.name(), |report| report.loaded + report.adopted) > *before;
        if is_new && sweep::sweep(ctx, table).await? {
            copy_back(ctx, table).await?;
        }
    }
    Ok(())
}

/// Rows on cycles first, since they wait for nobody; then level by level, each with its parents' GUIDs. Several tables take each
/// level together, since the rows of one wait for those of another.
async fn load_levels(ctx: &Context<'_>, group: &[&Operation<'_>]) -> Result<(), Error> {
    // Rows in doubt belong to no level until they are settled; then they are parents of others.
    for op in group {
        if stage::wait_for_doubts(ctx, op.table, op.pass()).await? {
            copy_back(ctx, op.table).await?;
        }
    }
    // What is found while a level is loaded, such as rows that another worker gave up, is looked for once all levels are through.
    let mut done: BTreeSet<Option<u32>> = BTreeSet::new();
    loop {
        let mut found: BTreeMap<Option<u32>, Vec<&Operation<'_>>> = BTreeMap::new();
        for &op in group {
            for level in pending_levels(ctx, op).await?.difference(&done) {
                found.entry(*level).or_default().push(op);
            }
        }
        if found.is_empty() {
            // Chunks whose rows all have outcomes, but which a worker that died has not closed.
            for op in group {
                stage::run(ctx, op, Levels::All).await?;
            }
            return Ok(());
        }
        for (level, operations) in found {
            let levels = level.map_or(Levels::Cycle, Levels::At);
            let work = operations.iter().map(|op| load_level(ctx, op, levels).boxed());
            side_by_side(ctx, work.collect()).await?;
            done.insert(level);
            for op in operations {
                ctx.tell(&Event::LevelDone {
                    table: op.table.name().to_owned(),
                    level: level.map(i64::from),
                });
            }
        }
    }
}

/// The levels at which rows are pending, those on cycles of rows (`None`) first.
async fn pending_levels(ctx: &Context<'_>, op: &Operation<'_>) -> Result<BTreeSet<Option<u32>>, Error> {
    let failed = || staging(op.table.name(), "reading levels");
    let rows = ctx.store.query(&pending::levels(&op.table.staged)).await.map_err(failed())?;
    Ok(rows
        .iter()
        .map(|row| row.get(0).as_integer().map(|level| u32::try_from(level).unwrap_or(0)))
        .collect())
}

async fn load_level(ctx: &Context<'_>, op: &Operation<'_>, level: Levels) -> Result<(), Error> {
    preload(ctx, op.table, Which::Own).await?;
    stage::run(ctx, op, level).await?;
    copy_back(ctx, op.table).await
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
