//! Taking rows back: what is in doubt is settled first, then rows are deleted, some tables at a time.

use dataverse_client::Client;
use futures::future::FutureExt as _;
use staging_schema::Pass;
use staging_store::Store;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::event::Observer;
use crate::load::{account, side_by_side};
use crate::preload::copy_back;
use crate::{Error, Options, Plan, Report, settle, stage};

/// Settles every request whose answer was lost, after its quiet time: rows that were created are known afterwards. Sends nothing
/// that writes.
pub async fn settle_doubts(
    store: &Store,
    clients: &[Client],
    plan: &Plan,
    options: &Options,
    observer: &dyn Observer,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let cancel = cancel.child_token();
    let ctx = Context::open(store, clients, plan, options, observer, &cancel).await?;
    for table in plan.tables() {
        ctx.go_on()?;
        stage::wait_for_doubts(&ctx, table, Pass::State).await?;
        copy_back(&ctx, table).await?;
    }
    Ok(ctx.into_report())
}

/// Deletes the rows of these tables that are staged to be deleted, the tables at the same time: children belong into an earlier
/// call than their parents. Everything that [`settle`](crate::settle) promises holds: leases, manifest, repetition; a row that
/// is gone already is a success.
pub async fn delete(
    store: &Store,
    clients: &[Client],
    plan: &Plan,
    tables: &[&str],
    options: &Options,
    observer: &dyn Observer,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let cancel = cancel.child_token();
    let ctx = Context::open(store, clients, plan, options, observer, &cancel).await?;
    let meant = || plan.tables().filter(|table| tables.contains(&table.name()));
    side_by_side(&ctx, meant().map(|table| settle::run(&ctx, table, Pass::Delete).boxed()).collect()).await?;
    for table in meant() {
        copy_back(&ctx, table).await?;
        account(&ctx, table).await?;
    }
    Ok(ctx.into_report())
}
