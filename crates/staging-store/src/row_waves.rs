//! Levels of rows across tables that point at each other.

use staging_schema::row_wave::{self, Group};

use crate::levels::{LevelProgress, Rounds};
use crate::store::SLICE_ROWS;
use crate::{Error, Store};

/// The levels that the rows of several tables have together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowWaves {
    /// Rows per level and table of the group; level 0 has no parent in the group.
    pub levels: Vec<Vec<u64>>,
    /// Rows that sit on a cycle of rows or hang below one: while there are any, the tables cannot be loaded row by row.
    pub without: u64,
}

/// What becomes of the levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Computed {
    /// They are counted and forgotten.
    Counted,
    /// They are written to `DataMigration_Level` when every row has one.
    Written,
}

impl Store {
    /// Computes the levels of the rows of several tables along the lookups between them, those to themselves included.
    ///
    /// Stopped half-way, the levels of the main tables are those from before or those of this computation, row by row; another
    /// call begins anew.
    pub async fn compute_row_waves(&self, group: &Group<'_>, computed: Computed) -> Result<RowWaves, Error> {
        self.compute_row_waves_telling(group, computed, &|_, _| {}).await
    }

    /// [`compute_row_waves`](Self::compute_row_waves), telling how far it is. May be dropped at any time.
    pub async fn compute_row_waves_telling(
        &self,
        group: &Group<'_>,
        computed: Computed,
        progress: LevelProgress<'_>,
    ) -> Result<RowWaves, Error> {
        let mut rounds = Rounds::over(self, group.hierarchy(), progress);
        rounds.begin(group.tables()).await?;
        let links = group.links();
        let mut slices = Vec::new();
        for table in group.tables() {
            slices.push(self.slices(&table.name(), SLICE_ROWS).await?);
        }
        for (table, slices) in slices.iter().enumerate() {
            for slice in slices {
                for link in links.iter().filter(|link| link.table == table) {
                    let parents = row_wave::parents(group, link, slice)
                        .map_err(|error| Error::Model { source: error })?;
                    self.execute(&parents).await?;
                }
                rounds.meter.looked_up(slice);
            }
        }
        for (table, slices) in slices.iter().enumerate() {
            for slice in slices {
                self.execute(&row_wave::roots(group, table, slice)).await?;
            }
        }
        rounds.descend().await?;
        let mut found = RowWaves::default();
        for row in self.query(&row_wave::counts(group)).await? {
            let (place, rows) = (usize::try_from(row.count(1)?).unwrap_or(0), row.count(2)?);
            let Some(level) = row.optional_integer(0)? else {
                found.without += rows;
                continue;
            };
            let level = usize::try_from(level).unwrap_or(0);
            while found.levels.len() <= level {
                found.levels.push(vec![0; group.tables().len()]);
            }
            if let Some(count) = found.levels[level].get_mut(place) {
                *count = rows;
            }
        }
        if computed == Computed::Written && found.without == 0 {
            for (table, slices) in slices.iter().enumerate() {
                for slice in slices {
                    self.execute(&row_wave::write_back(group, table, slice)).await?;
                    rounds.meter.written(slice);
                }
            }
        }
        rounds.clear().await?;
        Ok(found)
    }
}
