//! Levels of rows in self-referencing tables, computed in the database for hierarchies of any depth.
//!
//! First the parents of each row are written to `migration.RowParent`, then levels to `migration.RowLevel`: 0 without a
//! parent, then one more in each round, until a round changes nothing. What is left sits on a cycle or hangs below one.
//! Rows below are peeled off from their ends and get levels behind their parents, so that only rows *on* a cycle keep
//! NULL. The main table is written last: a kill before that changes nothing.
//! `Store::compute_levels` of `staging-store` runs these in order.

use std::ops::RangeInclusive;

use crate::Error;
use crate::control;
use crate::dialect::Dialect;
use crate::lookup::{KeyColumns, Parent, resolve};
use crate::name::TableName;
use crate::pending::{in_range, range_params};
use crate::statement::Statement;
use crate::table::TargetTable;

pub(crate) fn row_level() -> TableName {
    TableName::migration("RowLevel")
}

pub(crate) fn row_parent() -> TableName {
    TableName::migration("RowParent")
}

/// The level of another row, by an expression of its RowId. A subquery rather than a join: joined, SQLite would go through
/// all rows of that level for each row.
fn level_of(d: Dialect, row_id: &str) -> String {
    format!(
        "(SELECT p.Level FROM {} AS p WHERE p.TargetTable = {} AND p.RowId = {row_id})",
        d.table(&row_level()),
        d.param(1)
    )
}

/// Forgets what an earlier computation left.
pub fn clear(table: &TargetTable) -> [Statement; 2] {
    clear_named(&table.logical_name)
}

pub(crate) fn clear_named(name: &str) -> [Statement; 2] {
    [row_parent(), row_level()].map(|scratch| {
        Statement::new(
            |d| format!("DELETE FROM {} WHERE TargetTable = {}", d.table(&scratch), d.param(1)),
            vec![name.into()],
        )
    })
}

/// Writes the parents of a range of rows by one lookup that points to its own table.
pub fn parents(
    table: &TargetTable,
    column: &str,
    source: Option<&str>,
    rows: &RangeInclusive<i64>,
) -> Result<Statement, Error> {
    let lookup =
        table.column(column).filter(|column| column.is_lookup()).ok_or_else(|| Error::NoSuchColumn {
            table: table.logical_name.clone(),
            column: column.to_owned(),
            expected: "lookup",
        })?;
    let parent = [Parent { table: table.logical_name.clone(), source: source.map(str::to_owned) }];
    let mut params = range_params(rows);
    params.push(table.logical_name.as_str().into());
    Ok(Statement::new(
        |d| {
            format!(
                "INSERT INTO {parents} (TargetTable, RowId, ParentRowId) SELECT {name}, r.RowId, r.ParentRowId FROM \
                 (SELECT t.{row_id} AS RowId, {parent} AS ParentRowId FROM {table} AS t \
                 WHERE {range} AND t.{key} IS NOT NULL) AS r WHERE r.ParentRowId IS NOT NULL AND NOT EXISTS \
                 (SELECT 1 FROM {parents} AS x WHERE x.TargetTable = {name} AND x.RowId = r.RowId AND x.ParentRowId = r.ParentRowId)",
                parents = d.table(&row_parent()),
                name = d.param(3),
                row_id = d.quote(control::ROW_ID),
                parent = resolve(d, &KeyColumns::of(d, lookup), &parent, control::ROW_ID),
                table = d.table(&table.name()),
                range = in_range(d),
                key = d.quote(&format!("{column}{}", crate::SOURCE_KEY_SUFFIX)),
            )
        },
        params,
    ))
}

/// Writes level 0 for the rows of a range without a parent, NULL for the others.
pub fn roots(table: &TargetTable, rows: &RangeInclusive<i64>) -> Statement {
    let mut params = range_params(rows);
    params.push(table.logical_name.as_str().into());
    Statement::new(
        |d| {
            format!(
                "INSERT INTO {levels} (TargetTable, RowId, Level) SELECT {name}, t.{row_id}, CASE WHEN EXISTS \
                 (SELECT 1 FROM {parents} AS e WHERE e.TargetTable = {name} AND e.RowId = t.{row_id}) THEN NULL ELSE 0 END \
                 FROM {table} AS t WHERE {range}",
                levels = d.table(&row_level()),
                name = d.param(3),
                row_id = d.quote(control::ROW_ID),
                parents = d.table(&row_parent()),
                table = d.table(&table.name()),
                range = in_range(d),
            )
        },
        params,
    )
}

/// Writes level `level`, from 1, for the rows whose parents all have levels, one of them the level before.
pub fn next(table: &TargetTable, level: u32) -> Statement {
    next_named(&table.logical_name, level)
}

pub(crate) fn next_named(name: &str, level: u32) -> Statement {
    Statement::new(
        |d| {
            let (levels, parents, name) = (d.table(&row_level()), d.table(&row_parent()), d.param(1));
            let condition = format!(
                "t.TargetTable = {name} AND t.Level IS NULL AND t.RowId IN (SELECT e.RowId FROM {levels} AS p \
                 JOIN {parents} AS e ON e.TargetTable = p.TargetTable AND e.ParentRowId = p.RowId \
                 WHERE p.TargetTable = {name} AND p.Level = {before}) AND NOT EXISTS (SELECT 1 FROM {parents} AS e \
                 WHERE e.TargetTable = {name} AND e.RowId = t.RowId AND {parent_level} IS NULL)",
                before = d.param(2),
                parent_level = level_of(d, "e.ParentRowId"),
            );
            d.update(&row_level(), &format!("Level = {} + 1", d.param(2)), &condition)
        },
        vec![name.into(), level.saturating_sub(1).into()],
    )
}

/// Marks rows without a level that are no parent of another such row: they hang below a cycle. Repeat until it changes
/// nothing.
pub fn peel(table: &TargetTable) -> Statement {
    Statement::new(
        |d| {
            let condition = format!(
                "t.TargetTable = {name} AND t.Level IS NULL AND NOT EXISTS (SELECT 1 FROM {parents} AS e \
                 WHERE e.TargetTable = {name} AND e.ParentRowId = t.RowId AND {child_level} IS NULL)",
                name = d.param(1),
                parents = d.table(&row_parent()),
                child_level = level_of(d, "e.RowId"),
            );
            d.update(&row_level(), "Level = -1", &condition)
        },
        vec![table.logical_name.as_str().into()],
    )
}

/// Gives a level to marked rows whose parents are no marked rows: one more than their deepest parent, where rows on a
/// cycle count as 0. Repeat until it changes nothing.
pub fn below_cycles(table: &TargetTable) -> Statement {
    Statement::new(
        |d| {
            let parents_of = format!(
                "FROM {} AS e WHERE e.TargetTable = {} AND e.RowId = t.RowId",
                d.table(&row_parent()),
                d.param(1)
            );
            let parent_level = level_of(d, "e.ParentRowId");
            let condition = format!(
                "t.TargetTable = {} AND t.Level = -1 AND NOT EXISTS (SELECT 1 {parents_of} AND {parent_level} = -1)",
                d.param(1)
            );
            d.update(
                &row_level(),
                &format!("Level = (SELECT 1 + MAX(x.ParentLevel) FROM (SELECT COALESCE({parent_level}, 0) AS ParentLevel {parents_of}) AS x)"),
                &condition,
            )
        },
        vec![table.logical_name.as_str().into()],
    )
}

/// Copies the levels of a range of rows to the main table, where they differ.
pub fn write_back(table: &TargetTable, rows: &RangeInclusive<i64>) -> Statement {
    let mut params = range_params(rows);
    params.push(table.logical_name.as_str().into());
    Statement::new(
        |d| {
            let level = d.quote(control::LEVEL);
            let computed = format!(
                "FROM {} AS l WHERE l.TargetTable = {} AND l.RowId = t.{}",
                d.table(&row_level()),
                d.param(3),
                d.quote(control::ROW_ID)
            );
            d.update(
                &table.name(),
                &format!("{level} = (SELECT l.Level {computed})"),
                &format!(
                    "{} AND EXISTS (SELECT 1 {computed} AND COALESCE(l.Level, -1) <> COALESCE(t.{level}, -1))",
                    in_range(d)
                ),
            )
        },
        params,
    )
}

/// Counts the rows per level: level (NULL: on a cycle), rows.
pub fn counts(table: &TargetTable) -> Statement {
    Statement::new(
        |d| {
            let level = d.quote(control::LEVEL);
            format!(
                "SELECT {level}, COUNT(*) FROM {} GROUP BY {level} ORDER BY {level}",
                d.table(&table.name())
            )
        },
        Vec::new(),
    )
}
