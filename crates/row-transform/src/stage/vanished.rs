//! Rows that have left the source.

use staging_schema::{Pass, RequestState, TableName, control};
use staging_store::Store;

use super::statements::{effective_key, from_source, is_in_dataverse, target_table};
use crate::Error;
use crate::error::while_doing;
use crate::plan::{MapPlan, TablePlan};
use crate::sql::{Fragment, column};

/// Removes the staged rows that have no source row any more and of which nothing was ever sent. Returns how many.
///
/// A row that was sent stays whatever became of it: it, or a part of it, may be in Dataverse.
pub(crate) async fn remove_unsent(store: &Store, planned: &TablePlan, map: &MapPlan) -> Result<u64, Error> {
    let table = planned.target.logical_name.as_str();
    let failed = while_doing(table, "removing rows that left the source");
    let unsent = unsent(planned, map);
    let settle = Fragment::each(|d| {
        format!(
            "UPDATE {} SET Retried = 1 WHERE Retried = 0 AND RowId IN (",
            d.table(&planned.target.error())
        )
    })
    .text("SELECT ")
    .then(super::row_id("t"))
    .then(unsent.clone())
    .text(")");
    let mut statements = vec![settle.statement()];
    if planned.target.has_parties() {
        let parties =
            Fragment::each(|d| format!("DELETE FROM {} WHERE RowId IN (", d.table(&planned.target.party())))
                .text("SELECT ")
                .then(super::row_id("t"))
                .then(unsent.clone())
                .text(")");
        statements.push(parties.statement());
    }
    let remove = Fragment::sql("DELETE FROM ")
        .then(target_table(planned))
        .then(Fragment::each(|d| format!(" WHERE {} IN (SELECT ", d.quote(control::ROW_ID))))
        .then(super::row_id("t"))
        .then(unsent)
        .text(")");
    statements.push(remove.statement());
    let changed = store.execute_all(&statements).await.map_err(failed)?;
    Ok(changed.last().copied().unwrap_or_default())
}

fn unsent(planned: &TablePlan, map: &MapPlan) -> Fragment {
    let target = &planned.target;
    Fragment::sql(" FROM ")
        .then(target_table(planned))
        .text(" t WHERE ")
        .then(column("t", control::SOURCE_TABLE))
        .text(" = ")
        .then(Fragment::param(map.source.as_str()))
        .text(" AND NOT ")
        .then(Fragment::each(|d| is_in_dataverse(planned, d)))
        .then(Fragment::each(|d| {
            format!(
                " AND NOT EXISTS (SELECT 1 FROM {success} y WHERE y.RowId = t.{row}) AND NOT EXISTS (SELECT 1 FROM {error} e \
                 WHERE e.RowId = t.{row} AND e.Pass <> {validate}) AND NOT EXISTS (SELECT 1 FROM {request} r WHERE \
                 r.TargetTable = {table} AND r.State = {sent})",
                success = d.table(&target.success()),
                error = d.table(&target.error()),
                request = d.table(&TableName::target("Request")),
                row = d.quote(control::ROW_ID),
                validate = d.literal(Pass::Validate.as_str()),
                table = d.literal(&target.logical_name),
                sent = d.literal(RequestState::Sent.as_str()),
            )
        }))
        .text(" AND ")
        .then(column("t", control::SOURCE_KEY))
        .text(" NOT IN (SELECT ")
        .then(effective_key(planned, map))
        .then(from_source(map))
        .text(")")
}
