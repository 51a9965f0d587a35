//! Levels of rows in self-referencing tables, computed in the database for hierarchies of any depth.
//!
//! First the parents of each row are written to `migration.RowParent`, then levels to `migration.RowLevel`: 0 without a
//! parent, NULL for the others. These get theirs in the rounds of a [`Hierarchy`](crate::Hierarchy), and the main table is
//! written last: a kill before that changes nothing.
//! `Store::compute_levels` of `staging-store` runs these in order.

use std::ops::RangeInclusive;

use crate::Error;
use crate::control;
use crate::hierarchy::{row_level, row_parent};
use crate::lookup::{KeyColumns, Parent, resolve};
use crate::pending::{in_range, range_params};
use crate::statement::Statement;
use crate::table::TargetTable;

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
