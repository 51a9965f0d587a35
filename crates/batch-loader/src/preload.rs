//! GUIDs of rows that are in Dataverse, filled into what points to them, and what was done copied to the main table.

use staging_schema::{StagedKind, lookup, pending};
use staging_store::SLICE_ROWS;

use crate::Error;
use crate::context::{Context, staging};
use crate::plan::LoadTable;
use crate::reading::parents_of;

/// Which lookups of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// All, and parties.
    All,
    /// Those that are to be filled before the insert, and parties.
    Prompt,
    /// Those that point to rows of the same table.
    Own,
}

/// Fills lookups and parties whose parents have arrived. Changes nothing the second time.
pub(crate) async fn preload(ctx: &Context<'_>, table: &LoadTable, which: Which) -> Result<(), Error> {
    let name = table.name();
    let unresolvable =
        |error: staging_schema::Error| Error::Plan { table: name.to_owned(), complaint: error.to_string() };
    let mut fills = Vec::new();
    for column in table.staged.lookups() {
        let is_own = table.self_lookups.contains(&column.name);
        let is_meant = match which {
            Which::All => true,
            Which::Prompt => !table.deferred.contains(&column.name),
            Which::Own => is_own,
        };
        let StagedKind::Lookup { targets, .. } = &column.kind else { continue };
        let parents = parents_of(ctx, table, &column.name, targets);
        if is_meant && !parents.is_empty() {
            fills.push(lookup::Fill::new(&column.name, parents));
        }
    }
    if !fills.is_empty() {
        for slice in slices(ctx, table).await? {
            let statement = lookup::preload(&table.staged, &fills, &slice).map_err(unresolvable)?;
            ctx.store.execute(&statement).await.map_err(staging(name, "filling lookups"))?;
        }
    }
    if which != Which::Own && table.staged.has_parties() {
        let mut parents: Vec<lookup::Parent> = Vec::new();
        for column in &table.staged.columns {
            let StagedKind::Parties { targets } = &column.kind else { continue };
            for parent in parents_of(ctx, table, &column.name, targets) {
                if !parents.contains(&parent) {
                    parents.push(parent);
                }
            }
        }
        if !parents.is_empty() {
            for slice in slices(ctx, table).await? {
                let statement =
                    lookup::preload_parties(&table.staged, &parents, &slice).map_err(unresolvable)?;
                ctx.store.execute(&statement).await.map_err(staging(name, "filling parties"))?;
            }
        }
    }
    Ok(())
}

/// Copies outcomes to the main table: GUIDs and flags. Changes nothing the second time.
pub(crate) async fn copy_back(ctx: &Context<'_>, table: &LoadTable) -> Result<(), Error> {
    let settled = ctx.store.settle_table(&table.staged).await;
    settled.map(drop).map_err(staging(table.name(), "copying outcomes back"))
}

/// Opens rows again for which more of what they owe has arrived since their lookups were written.
pub(crate) async fn reopen_late(ctx: &Context<'_>, table: &LoadTable) -> Result<(), Error> {
    if table.staged.lookups().next().is_none() {
        return Ok(());
    }
    for slice in slices(ctx, table).await? {
        let statement = pending::reopen_late_lookups(&table.staged, &slice);
        ctx.store.execute(&statement).await.map_err(staging(table.name(), "looking for late lookups"))?;
    }
    Ok(())
}

async fn slices(ctx: &Context<'_>, table: &LoadTable) -> Result<Vec<std::ops::RangeInclusive<i64>>, Error> {
    let slices = ctx.store.slices(&table.staged.name(), SLICE_ROWS).await;
    slices.map_err(staging(table.name(), "cutting slices"))
}
