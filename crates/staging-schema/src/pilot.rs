//! A trial load: some rows with all that hangs on them and all that they need, marked in `migration.Pilot`.
//!
//! From the seeds down, lookups and parties that point to a marked row mark the rows that have them, for as long as more are
//! found; from all of these up, what they point to is marked as needed, and nothing hangs on that. A table whose model says
//! [`pilot`](TargetTable::pilot) has pending rows among the marked ones only.

use crate::column::StagedColumn;
use crate::control;
use crate::dialect::Dialect;
use crate::flag::{Levels, Pass};
use crate::lookup::{KeyColumns, Parent, resolve};
use crate::name::TableName;
use crate::pending::condition;
use crate::statement::Statement;
use crate::table::TargetTable;

/// `migration.Pilot`.
pub fn name() -> TableName {
    TableName::migration("Pilot")
}

/// Forgets which rows were marked.
pub fn clear() -> Statement {
    Statement::new(|d| format!("DELETE FROM {}", d.table(&name())), Vec::new())
}

/// Marks the first rows of a table that are pending to be created.
pub fn seed(table: &TargetTable, rows: u32) -> Statement {
    let all = table.clone().with_pilot(false);
    Statement::new(
        |d| {
            let row_id = d.quote(control::ROW_ID);
            let first = format!(
                "{}, t.{row_id}, 'seed' FROM {} AS t WHERE {} AND {} ORDER BY t.{row_id}",
                d.literal(&table.logical_name),
                d.table(&table.name()),
                condition(d, &all, Pass::Insert, Levels::All),
                unmarked(d, &table.logical_name, &format!("t.{row_id}")),
            );
            format!(
                "INSERT INTO {} (TargetTable, RowId, Reason) {}",
                d.table(&name()),
                d.select_top(&d.param(1), &first)
            )
        },
        vec![rows.into()],
    )
}

/// Marks rows whose lookup points to a row that is a seed or hangs on one.
pub fn hang(table: &TargetTable, lookup: &StagedColumn, parent: &Parent) -> Statement {
    Statement::new(
        |d| {
            let row_id = d.quote(control::ROW_ID);
            let found = resolve(d, &KeyColumns::of(d, lookup), std::slice::from_ref(parent), control::ROW_ID);
            format!(
                "INSERT INTO {} (TargetTable, RowId, Reason) SELECT {}, t.{row_id}, 'hangs' FROM {} AS t \
                 WHERE t.{} IS NOT NULL AND {} AND {found} IN ({})",
                d.table(&name()),
                d.literal(&table.logical_name),
                d.table(&table.name()),
                d.quote(&format!("{}{}", lookup.name, crate::SOURCE_KEY_SUFFIX)),
                unmarked(d, &table.logical_name, &format!("t.{row_id}")),
                below(d, &parent.table),
            )
        },
        Vec::new(),
    )
}

/// Marks what the lookup of marked rows points to.
pub fn need(table: &TargetTable, lookup: &StagedColumn, parent: &Parent) -> Statement {
    Statement::new(
        |d| {
            let found = resolve(d, &KeyColumns::of(d, lookup), std::slice::from_ref(parent), control::ROW_ID);
            needed(d, &table.logical_name, &table.name(), control::ROW_ID, &found, parent)
        },
        Vec::new(),
    )
}

/// Marks activities with a party that is a seed or hangs on one.
pub fn hang_parties(table: &TargetTable, parent: &Parent) -> Statement {
    Statement::new(
        |d| {
            let found = resolve(d, &KeyColumns::of_parties(d), std::slice::from_ref(parent), control::ROW_ID);
            format!(
                "INSERT INTO {} (TargetTable, RowId, Reason) SELECT DISTINCT {}, t.RowId, 'hangs' FROM {} AS t \
                 WHERE t.PartySourceKey IS NOT NULL AND {} AND {found} IN ({})",
                d.table(&name()),
                d.literal(&table.logical_name),
                d.table(&table.party()),
                unmarked(d, &table.logical_name, "t.RowId"),
                below(d, &parent.table),
            )
        },
        Vec::new(),
    )
}

/// Marks the parties of marked activities.
pub fn need_parties(table: &TargetTable, parent: &Parent) -> Statement {
    Statement::new(
        |d| {
            let found = resolve(d, &KeyColumns::of_parties(d), std::slice::from_ref(parent), control::ROW_ID);
            needed(d, &table.logical_name, &table.party(), "RowId", &found, parent)
        },
        Vec::new(),
    )
}

/// Counts the marked rows: table, reason, rows.
pub fn counts() -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT TargetTable, Reason, COUNT(*) FROM {} GROUP BY TargetTable, Reason ORDER BY TargetTable, Reason",
                d.table(&name())
            )
        },
        Vec::new(),
    )
}

fn needed(d: Dialect, table: &str, rows: &TableName, row_id: &str, found: &str, parent: &Parent) -> String {
    format!(
        "INSERT INTO {pilot} (TargetTable, RowId, Reason) SELECT DISTINCT {parent}, n.RowId, 'needed' FROM \
         (SELECT {found} AS RowId FROM {rows} AS t WHERE t.{row_id} IN (SELECT m.RowId FROM {pilot} AS m \
         WHERE m.TargetTable = {table})) AS n WHERE n.RowId IS NOT NULL AND {unmarked}",
        pilot = d.table(&name()),
        parent = d.literal(&parent.table),
        rows = d.table(rows),
        row_id = d.quote(row_id),
        table = d.literal(table),
        unmarked = unmarked(d, &parent.table, "n.RowId"),
    )
}

/// The row is marked: a condition on the alias `t`.
pub(crate) fn marked(d: Dialect, table: &TargetTable) -> String {
    format!(
        "t.{} IN (SELECT m.RowId FROM {} AS m WHERE m.TargetTable = {})",
        d.quote(control::ROW_ID),
        d.table(&name()),
        d.literal(&table.logical_name)
    )
}

fn unmarked(d: Dialect, table: &str, row: &str) -> String {
    format!(
        "NOT EXISTS (SELECT 1 FROM {} AS m WHERE m.TargetTable = {} AND m.RowId = {row})",
        d.table(&name()),
        d.literal(table)
    )
}

fn below(d: Dialect, parent: &str) -> String {
    format!(
        "SELECT m.RowId FROM {} AS m WHERE m.TargetTable = {} AND m.Reason IN ('seed', 'hangs')",
        d.table(&name()),
        d.literal(parent)
    )
}
