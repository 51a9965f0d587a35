//! Which rows the user's scripts changed.

use staging_schema::{Dialect, StagedColumn, StagedKind, Statement, control};
use staging_store::{SLICE_ROWS, Store};

use super::statements::{
    Change, hash_of, key_columns, new_generation, resolved_columns, script_half, source_half, was_sent,
};
use crate::Error;
use crate::error::while_doing;
use crate::plan::{MapPlan, TablePlan};
use crate::sql::{Fragment, column};

/// Compares the script half of each row's hash and begins a new generation where it differs.
///
/// Rows of which nothing has been sent keep their generation: a script that fills them belongs to their first staging.
pub(crate) async fn notice(store: &Store, planned: &TablePlan, map: &MapPlan) -> Result<u64, Error> {
    let table = planned.target.logical_name.as_str();
    store
        .in_slices(&planned.target.name(), SLICE_ROWS, |slice| statement(planned, map, &slice))
        .await
        .map_err(while_doing(table, "noticing what the scripts changed"))
}

fn statement(planned: &TablePlan, map: &MapPlan, slice: &std::ops::RangeInclusive<i64>) -> Statement {
    let staged: Vec<&StagedColumn> =
        map.script_columns.iter().filter_map(|name| planned.target.column(name)).collect();
    let hash = hash_of(staged.iter().flat_map(|column| script_content(column)).collect());
    let [first, last] = super::bounds(slice);
    let mut assignments = vec![
        Fragment::each(|d| format!("{} = CONCAT({}, ", d.quote(control::ROW_HASH), source_half(d)))
            .then(hash.clone())
            .text(")"),
    ];
    let sent = |d: Dialect| format!("CASE WHEN {} THEN 1 ELSE 0 END", was_sent(planned, d));
    let generation = Fragment::built(|d| new_generation(planned, map, &sent(d), Change::Script));
    assignments.push(generation);
    for staged in staged {
        if key_columns(staged).is_empty() {
            continue;
        }
        // Resolved from another key or text: resolve again.
        for name in resolved_columns(staged) {
            let is_choice = staged.text_column();
            assignments.push(match is_choice {
                // A script may set the value of a choice itself and leave the text empty.
                Some(text) => Fragment::each(|d| {
                    format!(
                        "{name} = CASE WHEN t.{} IS NULL THEN t.{name} END",
                        d.quote(&text),
                        name = d.quote(&name)
                    )
                }),
                None => Fragment::each(|d| format!("{} = NULL", d.quote(&name))),
            });
        }
    }
    let around = |d: Dialect| d.update_around(&planned.target.name());
    Fragment::each(|d| around(d).0)
        .then(Fragment::join(assignments, ", "))
        .then(Fragment::each(|d| around(d).1))
        .text(" WHERE ")
        .then(super::row_id("t"))
        .text(" BETWEEN ")
        .then(Fragment::param(first))
        .text(" AND ")
        .then(Fragment::param(last))
        .text(" AND ")
        .then(column("t", control::SOURCE_TABLE))
        .text(" = ")
        .then(Fragment::param(map.source.as_str()))
        .text(" AND ")
        .then(Fragment::each(|d| format!("COALESCE({}, '')", script_half(d))))
        .text(" <> ")
        .then(hash)
        .statement()
}

/// The value of a column that is no reference; a double by its digits, of which a text keeps six otherwise.
fn digits_of(staged: &StagedColumn) -> Fragment {
    let value = column("t", &staged.name);
    match staged.kind {
        StagedKind::Double { .. } => Fragment::over([&value], |d, [value]| d.digits(value)),
        _ => value,
    }
}

/// What a script can have written into a column.
fn script_content(staged: &StagedColumn) -> Vec<Fragment> {
    let keys = key_columns(staged);
    match staged.text_column() {
        Some(text) => vec![
            column("t", &text),
            Fragment::each(|d| {
                format!("CASE WHEN t.{} IS NULL THEN t.{} END", d.quote(&text), d.quote(&staged.name))
            }),
        ],
        None if keys.is_empty() => vec![digits_of(staged)],
        None => keys.iter().map(|key| column("t", key)).collect(),
    }
}
