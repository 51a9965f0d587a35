//! Rows in our number range that staging does not know.
//!
//! Before a load: a restored backup may not know what was loaded since. Afterwards: an answer later than any quiet time.

use std::collections::{HashMap, HashSet};

use dataverse_client::{Filter, Query};
use staging_schema::{Levels, Pass, Statement, control, manifest, pending};
use uuid::Uuid;

use crate::Error;
use crate::columns::guid;
use crate::context::{Context, count_success, staging};
use crate::event::Event;
use crate::numbered::NumberedRow;
use crate::operation::Operation;
use crate::options::Sweep;
use crate::plan::{LoadTable, Strategy};
use crate::probe::{self, SEQUENCE_NUMBER};
use crate::report::Stray;

/// Sweeps the number range of a table: adopts what belongs to pending rows, reports what belongs to nobody. Answers whether
/// outcomes were recorded.
pub(crate) async fn sweep(ctx: &Context<'_>, table: &LoadTable) -> Result<bool, Error> {
    let Strategy::SequenceNumber { base } = table.strategy else { return Ok(false) };
    if ctx.options.sweep == Sweep::Never {
        return Ok(false);
    }
    let name = table.name();
    let slices = ctx.store.slices(&table.staged.name(), u64::MAX).await.map_err(staging(name, "sweeping"))?;
    let Some(all) = slices.first() else { return Ok(false) };
    let range = Filter::at_least(SEQUENCE_NUMBER, base + all.start())
        .and(Filter::at_most(SEQUENCE_NUMBER, base + all.end()));
    let definition = &table.definition;
    // One question, read page by page: nothing says that the number is indexed, and each question may be a scan.
    let query = Query::new(&definition.entity_set_name)
        .select([definition.primary_id.as_str(), SEQUENCE_NUMBER])
        .filter(probe::ours(ctx, table, range).await?);
    let mut pages = ctx.lanes[0].client.query(&query);
    let unreadable = |source| probe::unreadable(name, source);
    let (mut adopted, mut strays) = (0, Vec::new());
    let mut op = None;
    let mut next = pages.next_page_as::<NumberedRow>().await.map_err(unreadable)?;
    while let Some(page) = next.take() {
        ctx.go_on()?;
        let number = |row: &NumberedRow| Some(Stray { row: row.number? - base, id: row.id? });
        let there: Vec<Stray> = page.rows.iter().filter_map(number).collect();
        // The next page is on its way while this one is compared.
        let (unknown, following) = tokio::join!(unknown(ctx, table, there), pages.next_page_as());
        let unknown = unknown?;
        next = following.map_err(unreadable)?;
        if unknown.is_empty() {
            continue;
        }
        let op = match &mut op {
            Some(op) => op,
            none => none.insert(Operation::create(ctx, table).await?),
        };
        let judged = judge(ctx, table, op, unknown).await?;
        adopted += judged.0;
        strays.extend(judged.1);
    }
    if !strays.is_empty() {
        tracing::warn!(
            table = name,
            strays = strays.len(),
            "rows carry our numbers and are not known to staging"
        );
    }
    let found = strays.len();
    ctx.count(name, |report| report.note_strays(strays));
    ctx.tell(&Event::Swept { table: name.to_owned(), adopted, strays: found });
    Ok(op.is_some())
}

/// Those of the rows found that staging does not know under that GUID, each with the GUID that it does know.
async fn unknown(
    ctx: &Context<'_>,
    table: &LoadTable,
    there: Vec<Stray>,
) -> Result<Vec<(Stray, Option<Uuid>)>, Error> {
    let failed = || staging(table.name(), "sweeping");
    let row_ids: Vec<i64> = there.iter().map(|found| found.row).collect();
    let mut known: HashMap<i64, Uuid> = HashMap::with_capacity(there.len());
    for row in ctx.store.query(&known_ids(table, &row_ids)).await.map_err(failed())? {
        if let Some(id) = guid(row.get(1).as_ref()) {
            known.insert(row.integer(0).map_err(failed())?, id);
        }
    }
    let is_unknown = |found: &Stray| known.get(&found.row) != Some(&found.id);
    Ok(there.into_iter().filter(is_unknown).map(|found| (found, known.get(&found.row).copied())).collect())
}

/// GUIDs of staged rows, copied back or not.
fn known_ids(table: &LoadTable, row_ids: &[i64]) -> Statement {
    Statement::new(
        |d| {
            let (row_id, id) = (d.quote(control::ROW_ID), d.quote(control::DATAVERSE_ID));
            format!(
                "SELECT t.{row_id}, COALESCE(t.{id}, (SELECT s.DataverseId FROM {success} AS s WHERE s.RowId = t.{row_id} \
                 AND s.Pass = 'insert')) FROM {table} AS t WHERE t.{row_id} IN (SELECT {} FROM {})",
                d.json_value("a"),
                d.json_array(&d.param(1), "a"),
                success = d.table(&table.staged.success()),
                table = d.table(&table.staged.name()),
            )
        },
        vec![manifest::json(row_ids).into()],
    )
}

/// Adopts what belongs to pending rows; what belongs to a row in doubt is left to its own probe.
async fn judge(
    ctx: &Context<'_>,
    table: &LoadTable,
    op: &Operation<'_>,
    unknown: Vec<(Stray, Option<Uuid>)>,
) -> Result<(usize, Vec<Stray>), Error> {
    let failed = || staging(table.name(), "sweeping");
    let mut row_ids: Vec<i64> = unknown.iter().map(|(found, _)| found.row).collect();
    row_ids.sort_unstable();
    row_ids.dedup();
    let read = |rows: Vec<staging_store::Row>| -> HashSet<i64> {
        rows.iter().filter_map(|row| row.get(0).as_integer()).collect()
    };
    let in_doubt = read(ctx.store.query(&probe::in_doubt_among(table, &row_ids)).await.map_err(failed())?);
    let waiting = read(ctx.store.query(&pending_among(table, &row_ids)).await.map_err(failed())?);
    let wanted: Vec<i64> =
        row_ids.iter().copied().filter(|row| waiting.contains(row) && !in_doubt.contains(row)).collect();
    let (rows, slots) = op.read_named(ctx, &wanted).await?;
    let (successes, errors) = probe::find(ctx, op, &rows, &slots).await?;
    ctx.store.record_rows(&table.staged, Pass::Insert, &successes, &errors).await.map_err(failed())?;
    ctx.count(table.name(), |report| {
        report.errors += errors.len() as u64;
        for success in &successes {
            count_success(report, Pass::Insert, success.kind);
        }
    });
    let strays = unknown.into_iter().filter(|(found, known)| {
        known.is_some() || !(waiting.contains(&found.row) || in_doubt.contains(&found.row))
    });
    let strays: Vec<Stray> = strays.map(|(found, _)| found).collect();
    if strays.is_empty() {
        return Ok((successes.len(), strays));
    }
    // Another worker may have recorded them between one question and the next.
    let still = self::unknown(ctx, table, strays).await?;
    Ok((successes.len(), still.into_iter().map(|(found, _)| found).collect()))
}

/// RowIds among those given that are pending to be inserted.
fn pending_among(table: &LoadTable, row_ids: &[i64]) -> Statement {
    // A row that a trial load leaves for later is no stray.
    let staged = table.staged.clone().with_pilot(false);
    Statement::new(
        |d| {
            let row_id = d.quote(control::ROW_ID);
            format!(
                "SELECT t.{row_id} FROM {} AS t WHERE t.{row_id} IN (SELECT {} FROM {}) AND {}",
                d.table(&table.staged.name()),
                d.json_value("a"),
                d.json_array(&d.param(1), "a"),
                pending::condition(d, &staged, Pass::Insert, Levels::All),
            )
        },
        vec![manifest::json(row_ids).into()],
    )
}
