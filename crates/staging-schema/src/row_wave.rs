//! Levels of rows across several tables that point at each other, for loading them together: parents before children whatever
//! their tables. Nothing is pulled out of the database.
//!
//! The scratch tables are those of [`level`](crate::level). There the rows of a group are numbered through: row `r` of its
//! table `i` of `n` is `r * n + i`, so that the rounds of a [`Hierarchy`] serve for all of them.
//! `Store::compute_row_waves` of `staging-store` runs these in order.

use std::ops::RangeInclusive;

use crate::Error;
use crate::control;
use crate::hierarchy::{Hierarchy, row_level, row_parent};
use crate::lookup::{KeyColumns, Parent, resolve};
use crate::pending::{in_range, range_params};
use crate::statement::Statement;
use crate::table::TargetTable;

/// Tables whose rows get levels together.
#[derive(Debug, Clone)]
pub struct Group<'a> {
    tables: Vec<&'a TargetTable>,
}

/// A lookup from a table of a group to one of them, by their places in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The table with the lookup.
    pub table: usize,
    /// Its column.
    pub column: String,
    /// The table that it points to.
    pub target: usize,
}

impl<'a> Group<'a> {
    /// A group of these tables.
    pub fn new(tables: impl Into<Vec<&'a TargetTable>>) -> Self {
        Self { tables: tables.into() }
    }

    /// Its tables.
    pub fn tables(&self) -> &[&'a TargetTable] {
        &self.tables
    }

    /// The lookups of these tables to each other and to themselves.
    pub fn links(&self) -> Vec<Link> {
        let mut links = Vec::new();
        for (table, staged) in self.tables.iter().enumerate() {
            for lookup in staged.lookups() {
                let crate::StagedKind::Lookup { targets, .. } = &lookup.kind else { continue };
                for (target, other) in self.tables.iter().enumerate() {
                    if targets.contains(&other.logical_name) {
                        links.push(Link { table, column: lookup.name.clone(), target });
                    }
                }
            }
        }
        links
    }

    /// The rounds in which its rows get levels.
    pub fn hierarchy(&self) -> Hierarchy {
        Hierarchy::named(self.name())
    }

    /// What the scratch tables call it; no table is called so.
    fn name(&self) -> String {
        format!("{}+{}", self.tables.first().map_or("", |table| &table.logical_name), self.tables.len())
    }

    fn numbered(&self, row_id: &str, table: usize) -> String {
        format!("{row_id} * {} + {table}", self.tables.len())
    }
}

/// Writes the parents of a range of rows of the link's table.
pub fn parents(group: &Group<'_>, link: &Link, rows: &RangeInclusive<i64>) -> Result<Statement, Error> {
    let (table, target) = (group.tables[link.table], group.tables[link.target]);
    let lookup = table.column(&link.column).filter(|column| column.is_lookup()).ok_or_else(|| {
        Error::NoSuchColumn {
            table: table.logical_name.clone(),
            column: link.column.clone(),
            expected: "lookup",
        }
    })?;
    let parent = [Parent::new(&target.logical_name)];
    let mut params = range_params(rows);
    params.push(group.name().as_str().into());
    Ok(Statement::new(
        |d| {
            let found = resolve(d, &KeyColumns::of(d, lookup), &parent, control::ROW_ID);
            format!(
                "INSERT INTO {parents} (TargetTable, RowId, ParentRowId) SELECT {name}, r.RowId, r.ParentRowId FROM \
                 (SELECT {row} AS RowId, {found} AS ParentRowId FROM {table} AS t \
                 WHERE {range} AND t.{key} IS NOT NULL) AS r WHERE r.ParentRowId IS NOT NULL AND NOT EXISTS \
                 (SELECT 1 FROM {parents} AS x WHERE x.TargetTable = {name} AND x.RowId = r.RowId AND x.ParentRowId = r.ParentRowId)",
                parents = d.table(&row_parent()),
                name = d.param(3),
                row = group.numbered(&format!("t.{}", d.quote(control::ROW_ID)), link.table),
                found = group.numbered(&found, link.target),
                table = d.table(&table.name()),
                range = in_range(d),
                key = d.quote(&format!("{}{}", link.column, crate::SOURCE_KEY_SUFFIX)),
            )
        },
        params,
    ))
}

/// Writes level 0 for the rows of a range of one table that have no parent in the group, NULL for the others.
pub fn roots(group: &Group<'_>, table: usize, rows: &RangeInclusive<i64>) -> Statement {
    let mut params = range_params(rows);
    params.push(group.name().as_str().into());
    Statement::new(
        |d| {
            let row = group.numbered(&format!("t.{}", d.quote(control::ROW_ID)), table);
            format!(
                "INSERT INTO {levels} (TargetTable, RowId, Level) SELECT {name}, {row}, CASE WHEN EXISTS \
                 (SELECT 1 FROM {parents} AS e WHERE e.TargetTable = {name} AND e.RowId = {row}) THEN NULL ELSE 0 END \
                 FROM {table} AS t WHERE {range}",
                levels = d.table(&row_level()),
                name = d.param(3),
                parents = d.table(&row_parent()),
                table = d.table(&group.tables[table].name()),
                range = in_range(d),
            )
        },
        params,
    )
}

/// Counts the rows per level and table: level (NULL: on a cycle or below one), place of the table in the group, rows.
pub fn counts(group: &Group<'_>) -> Statement {
    let tables = group.tables.len();
    Statement::new(
        |d| {
            format!(
                "SELECT c.Level, c.Place, COUNT(*) FROM (SELECT l.Level, l.RowId % {tables} AS Place FROM {} AS l \
                 WHERE l.TargetTable = {}) AS c GROUP BY c.Level, c.Place ORDER BY c.Level, c.Place",
                d.table(&row_level()),
                d.param(1)
            )
        },
        vec![group.name().as_str().into()],
    )
}

/// Copies the levels of a range of rows to their main table, where they differ.
pub fn write_back(group: &Group<'_>, table: usize, rows: &RangeInclusive<i64>) -> Statement {
    let mut params = range_params(rows);
    params.push(group.name().as_str().into());
    Statement::new(
        |d| {
            let level = d.quote(control::LEVEL);
            let computed = format!(
                "FROM {} AS l WHERE l.TargetTable = {} AND l.RowId = {}",
                d.table(&row_level()),
                d.param(3),
                group.numbered(&format!("t.{}", d.quote(control::ROW_ID)), table)
            );
            d.update(
                &group.tables[table].name(),
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
