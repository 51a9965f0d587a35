//! The rounds in which the rows of a hierarchy get their levels, each of which touches only rows of its own by an index: what
//! they cost together grows with the rows and not with the depth.
//!
//! Down from the roots, round `n` writes level `n`, until one changes nothing. What is left then sits on a cycle of rows or hangs
//! below one. Up from the ends, round `n` marks with `-n` what is the parent of no other row that is left; what is left after
//! that is on a cycle, or between two of them, and keeps NULL. From the last of these rounds back to the first, the
//! marked rows are settled: the marked parents of each were marked in a later round, so that they have levels already.

use std::ops::RangeInclusive;

use crate::dialect::Dialect;
use crate::name::TableName;
use crate::statement::Statement;
use crate::table::TargetTable;

pub(crate) fn row_level() -> TableName {
    TableName::migration("RowLevel")
}

pub(crate) fn row_parent() -> TableName {
    TableName::migration("RowParent")
}

/// Rows that get levels together: those of a table that points to itself, or of tables that point at each other.
#[derive(Debug, Clone)]
pub struct Hierarchy {
    /// What the scratch tables call it.
    name: String,
}

/// Which way the rounds go through a hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    /// Down from the rows without parents: round `n` writes level `n` for rows whose parents all have levels, the deepest of
    /// them `n - 1`.
    Children,
    /// Up from the rows without children, among those that have no level: round `n` marks rows whose children are all marked,
    /// the last of them in round `n - 1`.
    Parents,
}

impl Towards {
    /// In `RowParent`, the column of the row that a round looks at, and of those it has to wait for.
    fn columns(self) -> (&'static str, &'static str) {
        match self {
            Self::Children => ("RowId", "ParentRowId"),
            Self::Parents => ("ParentRowId", "RowId"),
        }
    }

    /// What a round writes.
    fn level(self, round: u32) -> i64 {
        match self {
            Self::Children => i64::from(round),
            Self::Parents => -i64::from(round),
        }
    }
}

impl Hierarchy {
    /// The rows of a table that points to itself.
    pub fn of(table: &TargetTable) -> Self {
        Self::named(table.logical_name.clone())
    }

    pub(crate) fn named(name: String) -> Self {
        Self { name }
    }

    /// Reads the first and the last of its rows in the scratch tables, NULL without any.
    pub fn span(&self) -> Statement {
        Statement::new(
            |d| {
                let mut ends = Vec::new();
                for scratch in [row_parent(), row_level()] {
                    for end in ["MIN", "MAX"] {
                        let (table, name) = (d.table(&scratch), d.param(1));
                        ends.push(format!(
                            "SELECT {end}(RowId) AS RowId FROM {table} WHERE TargetTable = {name}"
                        ));
                    }
                }
                format!("SELECT MIN(s.RowId), MAX(s.RowId) FROM ({}) AS s", ends.join(" UNION ALL "))
            },
            vec![self.name.as_str().into()],
        )
    }

    /// Counts its rows that have no level.
    pub fn unknown(&self) -> Statement {
        Statement::new(
            |d| format!("SELECT COUNT(*) FROM {} AS t WHERE {}", d.table(&row_level()), unknown(d)),
            vec![self.name.as_str().into()],
        )
    }

    /// Forgets a range of its rows.
    pub fn clear(&self, rows: &RangeInclusive<i64>) -> [Statement; 2] {
        [row_parent(), row_level()].map(|scratch| {
            Statement::new(
                |d| {
                    let (name, first, last) = (d.param(1), d.param(2), d.param(3));
                    let table = d.table(&scratch);
                    format!(
                        "DELETE FROM {table} WHERE TargetTable = {name} AND RowId BETWEEN {first} AND {last}"
                    )
                },
                vec![self.name.as_str().into(), (*rows.start()).into(), (*rows.end()).into()],
            )
        })
    }

    /// A round that looks at a range of the rows without a level; those before it must be done to their end.
    pub fn look(&self, towards: Towards, round: u32, rows: &RangeInclusive<i64>) -> Statement {
        let level = towards.level(round);
        Statement::new(
            |d| {
                let range = format!("t.RowId BETWEEN {} AND {}", d.param(4), d.param(5));
                let condition = format!("{} AND {range} AND {}", unknown(d), waits_for_none(d, towards));
                d.update(&row_level(), &format!("Level = {}", d.param(2)), &condition)
            },
            vec![
                self.name.as_str().into(),
                level.into(),
                (level - towards.level(1)).into(),
                (*rows.start()).into(),
                (*rows.end()).into(),
            ],
        )
    }

    /// A round that looks only at what the one before it leads to, and changes at most `most` rows: where it changes so many,
    /// [`look`](Self::look) finds the others. Later rounds may have run before it.
    pub fn follow(&self, towards: Towards, round: u32, most: u64) -> Statement {
        let (own, other) = towards.columns();
        let level = towards.level(round);
        Statement::new(
            |d| {
                let reached = format!(
                    "SELECT f.{own} FROM {levels} AS p JOIN {parents} AS f ON f.TargetTable = p.TargetTable AND f.{other} = p.RowId \
                     WHERE p.TargetTable = {name} AND p.Level = {before}",
                    levels = d.table(&row_level()),
                    parents = d.table(&row_parent()),
                    name = d.param(1),
                    before = d.param(3),
                );
                // Through the rows that are reached, and not through all that have no level.
                let (name, level) = (d.param(1), d.not_by_index("t.Level"));
                let condition =
                    format!("t.TargetTable = {name} AND {level} IS NULL AND {}", waits_for_none(d, towards));
                let level = format!("Level = {}", d.param(2));
                d.update_some_listed(&d.param(4), &row_level(), &level, ("RowId", &reached), &condition)
            },
            vec![
                self.name.as_str().into(),
                level.into(),
                (level - towards.level(1)).into(),
                i64::try_from(most).unwrap_or(i64::MAX).into(),
            ],
        )
    }

    /// Gives levels to at most `most` of the rows that were marked in a round: one more than their deepest parent, where rows
    /// on a cycle count as 0. Where it changes so many, there may be more.
    pub fn settle(&self, round: u32, most: u64) -> Statement {
        Statement::new(
            |d| {
                let parents_of = format!(
                    "FROM {} AS e WHERE e.TargetTable = {} AND e.RowId = t.RowId",
                    d.table(&row_parent()),
                    d.param(1)
                );
                let parent = level_of(d, "e.ParentRowId");
                let level = format!(
                    "Level = (SELECT 1 + MAX(x.ParentLevel) FROM (SELECT COALESCE({parent}, 0) AS ParentLevel {parents_of}) AS x)"
                );
                let condition = format!(
                    "t.TargetTable = {} AND t.Level = {} AND NOT EXISTS (SELECT 1 {parents_of} AND {parent} < 0)",
                    d.param(1),
                    d.param(2)
                );
                d.update_some(&d.param(3), &row_level(), &level, &condition)
            },
            vec![
                self.name.as_str().into(),
                Towards::Parents.level(round).into(),
                i64::try_from(most).unwrap_or(i64::MAX).into(),
            ],
        )
    }
}

fn unknown(d: Dialect) -> String {
    format!("t.TargetTable = {} AND t.Level IS NULL", d.param(1))
}

/// The level of another row. A subquery rather than a join: joined, SQLite would go through all rows of that level for each row.
fn level_of(d: Dialect, row_id: &str) -> String {
    format!(
        "(SELECT p.Level FROM {} AS p WHERE p.TargetTable = {} AND p.RowId = {row_id})",
        d.table(&row_level()),
        d.param(1)
    )
}

/// That all rows for which a row waits were done by the round before. Those of later rounds that have run already are none.
fn waits_for_none(d: Dialect, towards: Towards) -> String {
    let (own, other) = towards.columns();
    let (level, before) = (level_of(d, &format!("e.{other}")), d.param(3));
    let waits = match towards {
        Towards::Children => format!("COALESCE({level}, {before} + 1) > {before}"),
        Towards::Parents => format!("COALESCE({level}, {before} - 1) < {before}"),
    };
    format!(
        "NOT EXISTS (SELECT 1 FROM {} AS e WHERE e.TargetTable = {} AND e.{own} = t.RowId AND {waits})",
        d.table(&row_parent()),
        d.param(1)
    )
}
