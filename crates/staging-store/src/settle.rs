//! Set-based work that runs in slices over a whole table: tables made, flags settled, levels computed.

use std::ops::RangeInclusive;

use staging_schema::{Statement, TargetTable, ddl, level, settle};

use crate::step::Step;
use crate::store::SLICE_ROWS;
use crate::{Error, Store};

/// How deep a self-referencing table is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowLevels {
    /// The deepest level; 0 when no row has a parent in the table.
    pub deepest: u32,
    /// Rows on a cycle.
    pub on_cycles: u64,
}

/// Most rounds of the level computation in one transaction: a round of a deep hierarchy is quick, a commit is not.
const MOST_ROUNDS: u32 = 64;

impl Store {
    /// Creates what is not there of these tables, adds columns that were mapped since, and makes the status views anew.
    /// `all` are all target tables of the project: the views are over them.
    pub async fn ensure_tables(&self, all: &[TargetTable]) -> Result<(), Error> {
        for table in all {
            self.execute_all(&ddl::target_table(table)).await?;
            let columns = self.query(&ddl::columns_of(&table.name())).await?;
            let existing =
                columns.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
            let added = ddl::added_columns(table, &existing);
            if !added.is_empty() {
                self.execute_all(&added).await?;
            }
        }
        self.execute_all(&ddl::status_views(all)).await.map(drop)
    }

    /// Copies GUIDs back and settles the flags of a range of rows; returns the rows changed.
    pub async fn settle_rows(&self, table: &TargetTable, rows: &RangeInclusive<i64>) -> Result<u64, Error> {
        self.execute(&settle::settle(table, rows)).await
    }

    /// Copies GUIDs back and settles the flags of a whole table, slice by slice; returns the rows changed.
    pub async fn settle_table(&self, table: &TargetTable) -> Result<u64, Error> {
        if self.count(&settle::is_due(table)).await? == 0 {
            return Ok(0);
        }
        self.in_slices(&table.name(), SLICE_ROWS, |slice| settle::settle(table, &slice)).await
    }

    /// Computes `DataMigration_Level` by these lookups, which point to their own table. Rows on a cycle get NULL, rows
    /// below one a level behind their parents. `source` is the source of all rows, where a lookup does not name it itself
    /// and there are several.
    ///
    /// Stopped half-way, the levels are as before; another call begins anew.
    pub async fn compute_levels(
        &self,
        table: &TargetTable,
        lookups: &[&str],
        source: Option<&str>,
    ) -> Result<RowLevels, Error> {
        let name = table.name();
        self.execute_all(&level::clear(table)).await?;
        let slices = self.slices(&name, SLICE_ROWS).await?;
        for slice in &slices {
            for lookup in lookups {
                let parents = level::parents(table, lookup, source, slice)
                    .map_err(|error| Error::Model { source: error })?;
                self.execute(&parents).await?;
            }
        }
        for slice in &slices {
            self.execute(&level::roots(table, slice)).await?;
        }
        self.rounds(|round| level::next(table, round)).await?;
        self.rounds(|_| level::peel(table)).await?;
        self.rounds(|_| level::below_cycles(table)).await?;
        for slice in &slices {
            self.execute(&level::write_back(table, slice)).await?;
        }
        let mut levels = RowLevels::default();
        for row in self.query(&level::counts(table)).await? {
            match row.optional_integer(0)? {
                Some(level) => levels.deepest = levels.deepest.max(u32::try_from(level).unwrap_or(0)),
                None => levels.on_cycles = row.count(1)?,
            }
        }
        self.execute_all(&level::clear(table)).await?;
        Ok(levels)
    }

    /// Repeats a statement, numbered from 1, until it changes nothing.
    pub(crate) async fn rounds(&self, statement: impl Fn(u32) -> Statement) -> Result<(), Error> {
        let (mut done, mut rounds) = (0, 2);
        loop {
            let steps = (1..=rounds).map(|round| Step::execute(statement(done + round))).collect();
            let changed = self.transaction(steps).await?;
            if changed.last().is_none_or(|outcome| outcome.changed() == 0) {
                return Ok(());
            }
            done += rounds;
            rounds = (rounds * 2).min(MOST_ROUNDS);
        }
    }
}
