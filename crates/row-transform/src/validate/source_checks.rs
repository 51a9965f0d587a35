//! What only the source row can tell: keys that are missing or repeated, and texts that could not be read.

use std::ops::RangeInclusive;

use staging_schema::{Statement, TableName};
use staging_store::Store;

use super::record::{self, Origin};
use crate::finding::{Rule, Severity};
use crate::plan::{Cell, MapPlan, Reading, TablePlan};
use crate::sql::Fragment;
use crate::stage;

/// Records the findings of one slice of source rows.
pub(crate) async fn run(
    store: &Store,
    planned: &TablePlan,
    map: &MapPlan,
    slice: &RangeInclusive<i64>,
) -> Result<(), staging_store::Error> {
    let failures = map.readings.iter().map(unreadable);
    let misfits = if store.dialect().has_typed_columns() { misfits(planned, map) } else { Vec::new() };
    let keys =
        [map.key.clone().text(" IS NULL"), stage::is_duplicate(planned, map), stage::is_too_long(&map.key)];
    let lost = misfits.iter().map(|misfit| misfit.broken.clone());
    let any = Fragment::join(keys.into_iter().chain(failures).chain(lost), " OR ");
    let count = Fragment::sql("SELECT COUNT(*)")
        .then(stage::from_source(map))
        .text(" AND ")
        .then(in_slice(slice))
        .text(" AND (")
        .then(any)
        .text(")");
    if store.count(&count.statement()).await? == 0 {
        return Ok(());
    }
    let mut statements = vec![
        finding(
            planned,
            map,
            slice,
            None,
            Rule::KeyMissing,
            &map.key.clone().text(" IS NULL"),
            &Fragment::sql("NULL"),
        ),
        finding(planned, map, slice, None, Rule::DuplicateKey, &stage::is_duplicate(planned, map), &map.key),
        finding(planned, map, slice, None, Rule::KeyLength, &stage::is_too_long(&map.key), &map.key),
    ];
    for reading in &map.readings {
        let column = Some(reading.column.as_str());
        statements.push(finding(
            planned,
            map,
            slice,
            column,
            reading.rule,
            &unreadable(reading),
            &reading.text,
        ));
    }
    for misfit in &misfits {
        let Misfit { column, rule, broken, unfilled, value } = misfit;
        let broken = Fragment::sql("(").then(broken.clone()).text(") AND ").then(unfilled.clone());
        statements.push(finding(planned, map, slice, Some(column), *rule, &broken, value));
    }
    store.execute_all(&statements).await?;
    Ok(())
}

/// A value that a typed column of SQL Server did not take.
struct Misfit {
    column: String,
    rule: Rule,
    broken: Fragment,
    /// Nobody has given the staged row another value since.
    unfilled: Fragment,
    value: Fragment,
}

fn misfits(planned: &TablePlan, map: &MapPlan) -> Vec<Misfit> {
    let of_cell = |cell: &Cell| -> Vec<Misfit> {
        let Some(sql_type) = stage::type_of(planned, &cell.column) else { return Vec::new() };
        let columns = &planned.target.columns;
        let owner = columns.iter().find(|c| c.physical().iter().any(|column| column.name == cell.column));
        let Some(staged) = owner else { return Vec::new() };
        let misfit = |(rule, broken)| Misfit {
            column: staged.name.clone(),
            rule,
            broken,
            unfilled: crate::sql::column("t", &cell.column).text(" IS NULL"),
            value: cell.value.clone(),
        };
        stage::misfits(sql_type, &cell.value).into_iter().map(misfit).collect()
    };
    map.cells.iter().flat_map(of_cell).collect()
}

fn unreadable(reading: &Reading) -> Fragment {
    Fragment::sql("(")
        .then(reading.text.clone())
        .text(" IS NOT NULL AND ")
        .then(reading.value.clone())
        .text(" IS NULL)")
}

fn in_slice(slice: &RangeInclusive<i64>) -> Fragment {
    let [first, last] = stage::bounds(slice);
    stage::row_id("s")
        .text(" BETWEEN ")
        .then(Fragment::param(first))
        .text(" AND ")
        .then(Fragment::param(last))
}

fn finding(
    planned: &TablePlan,
    map: &MapPlan,
    slice: &RangeInclusive<i64>,
    column: Option<&str>,
    rule: Rule,
    broken: &Fragment,
    value: &Fragment,
) -> Statement {
    let from = Fragment::each(|d| {
        format!(
            " FROM {} s {} {} t ON ",
            d.table(&TableName::source(&map.source)),
            d.join_in_order(),
            d.table(&planned.target.name())
        )
    })
    .then(stage::is_row_of(map, stage::effective_key(planned, map)))
    .text(" WHERE ")
    .then(in_slice(slice))
    .text(" AND ")
    .then(broken.clone());
    let from = match &map.condition {
        Some(condition) => from.text(" AND (").then(condition.clone()).text(")"),
        None => from,
    };
    record::insert(planned, &Origin { column, rule, severity: Severity::Error }, value, &from).statement()
}
