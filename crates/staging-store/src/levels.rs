//! Levels of the rows of tables that point to themselves, and the rounds that compute them.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use staging_schema::{Hierarchy, Statement, TargetTable, Towards, level};

use crate::store::{SLICE_ROWS, ranges};
use crate::{Error, Store};

/// How deep a self-referencing table is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowLevels {
    /// The deepest level; 0 when no row has a parent in the table.
    pub deepest: u32,
    /// Rows on a cycle, or between two of them.
    pub on_cycles: u64,
}

/// Is told now and then how many rows are done, of how many.
pub type LevelProgress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// Most rounds in one transaction: a round of a deep hierarchy is quick, a commit is not.
const MOST_ROUNDS: u32 = 64;

/// A round that changed more than this part of the rows that are left is followed by one that looks at all of these.
const WIDE: u64 = 16;

/// How often progress is told at most.
const TELLING: Duration = Duration::from_millis(500);

impl Store {
    /// Computes `DataMigration_Level` by these lookups, which point to their own table. Rows on a cycle get NULL, and so do rows
    /// between two cycles; rows below one get a level behind their parents. `source` is the source of all rows, where a lookup
    /// does not name it itself and there are several.
    ///
    /// Stopped before the levels are written, they are as before; while they are, they are old or new, row by row. Another
    /// call begins anew.
    pub async fn compute_levels(
        &self,
        table: &TargetTable,
        lookups: &[&str],
        source: Option<&str>,
    ) -> Result<RowLevels, Error> {
        self.compute_levels_telling(table, lookups, source, &|_, _| {}).await
    }

    /// [`compute_levels`](Self::compute_levels), telling how far it is. May be dropped at any time.
    pub async fn compute_levels_telling(
        &self,
        table: &TargetTable,
        lookups: &[&str],
        source: Option<&str>,
        progress: LevelProgress<'_>,
    ) -> Result<RowLevels, Error> {
        let rounds = Rounds::over(self, Hierarchy::of(table), progress);
        rounds.compute(table, lookups, source).await
    }
}

/// The rounds of one hierarchy, in transactions of bounded size: each change is a slice at most, and narrow rounds share one.
pub(crate) struct Rounds<'a> {
    store: &'a Store,
    hierarchy: Hierarchy,
    /// Most rows that a statement changes.
    slice_rows: u64,
    /// Rows that have no level yet and are not marked.
    unknown: u64,
    pub(crate) meter: Meter<'a>,
}

impl<'a> Rounds<'a> {
    pub(crate) fn over(store: &'a Store, hierarchy: Hierarchy, progress: LevelProgress<'a>) -> Self {
        let meter = Meter { progress, rows: 0, sixths: 0, told: Instant::now(), interval: TELLING };
        Self { store, hierarchy, slice_rows: SLICE_ROWS, unknown: 0, meter }
    }

    async fn compute(
        mut self,
        table: &TargetTable,
        lookups: &[&str],
        source: Option<&str>,
    ) -> Result<RowLevels, Error> {
        self.begin(&[table]).await?;
        let slices = self.store.slices(&table.name(), self.slice_rows).await?;
        for slice in &slices {
            for lookup in lookups {
                let parents = level::parents(table, lookup, source, slice)
                    .map_err(|error| Error::Model { source: error })?;
                self.store.execute(&parents).await?;
            }
            self.meter.looked_up(slice);
        }
        for slice in &slices {
            self.store.execute(&level::roots(table, slice)).await?;
        }
        if self.descend().await? > 0 {
            self.settle_below_cycles().await?;
        }
        for slice in &slices {
            self.store.execute(&level::write_back(table, slice)).await?;
            self.meter.written(slice);
        }
        let mut levels = RowLevels::default();
        for row in self.store.query(&level::counts(table)).await? {
            match row.optional_integer(0)? {
                Some(level) => levels.deepest = levels.deepest.max(u32::try_from(level).unwrap_or(0)),
                None => levels.on_cycles = row.count(1)?,
            }
        }
        self.clear().await?;
        Ok(levels)
    }

    /// Counts the rows, and forgets what an earlier computation left.
    pub(crate) async fn begin(&mut self, tables: &[&TargetTable]) -> Result<(), Error> {
        for table in tables {
            let name = table.name();
            let count = Statement::new(|d| format!("SELECT COUNT(*) FROM {}", d.table(&name)), Vec::new());
            self.meter.rows += self.store.count(&count).await?;
        }
        self.clear().await
    }

    pub(crate) async fn clear(&self) -> Result<(), Error> {
        for slice in self.slices().await? {
            self.store.execute_all(&self.hierarchy.clear(&slice)).await?;
        }
        Ok(())
    }

    /// Writes the levels of all rows but those on a cycle and below one, and returns how many these are.
    pub(crate) async fn descend(&mut self) -> Result<u64, Error> {
        self.unknown = self.store.count(&self.hierarchy.unknown()).await?;
        self.meter.levelled(self.meter.rows.saturating_sub(self.unknown));
        if self.unknown > 0 {
            self.climb(Towards::Children).await?;
        }
        Ok(self.unknown)
    }

    /// Writes the levels of rows below a cycle.
    async fn settle_below_cycles(&mut self) -> Result<(), Error> {
        let mut round = self.climb(Towards::Parents).await?;
        let mut together = 1;
        while round > 0 {
            let lowest = round.saturating_sub(together - 1).max(1);
            let settle = |round| self.hierarchy.settle(round, self.slice_rows);
            let statements: Vec<_> = (lowest..=round).rev().map(settle).collect();
            let changed = self.store.execute_all(&statements).await?;
            let rows = changed.iter().sum();
            self.meter.halfway(rows);
            together = self.next_together(together, rows);
            for rows in changed {
                // There may be more of this round; those below it have left out what waits for them.
                if rows >= self.slice_rows {
                    break;
                }
                round -= 1;
            }
        }
        Ok(())
    }

    /// Runs rounds until one changes nothing. Returns the last that changed something.
    async fn climb(&mut self, towards: Towards) -> Result<u32, Error> {
        let (mut round, mut reached) = (1, 0);
        let (mut together, mut by_slices) = (1, true);
        loop {
            let (looked, before) = (by_slices, reached);
            let changed = if looked {
                vec![self.look(towards, round).await?]
            } else {
                let rounds = round..round + together;
                let follow = |round| self.hierarchy.follow(towards, round, self.slice_rows);
                let statements: Vec<_> = rounds.map(follow).collect();
                reached = reached.max(round + together - 1);
                self.store.execute_all(&statements).await?
            };
            let rows = changed.iter().sum();
            self.unknown = self.unknown.saturating_sub(rows);
            match towards {
                Towards::Children => self.meter.levelled(rows),
                Towards::Parents => self.meter.halfway(rows),
            }
            together = self.next_together(together, rows);
            // Looking at all rows costs little more than following so many.
            by_slices = rows > self.unknown / WIDE;
            for rows in changed {
                if rows >= self.slice_rows {
                    by_slices = true;
                    // There may be more of this round, and rounds after it have not seen them.
                    if !looked {
                        break;
                    }
                }
                if rows == 0 && round > before {
                    return Ok(round - 1);
                }
                round += 1;
            }
        }
    }

    /// One round over all rows that have no level.
    async fn look(&self, towards: Towards, round: u32) -> Result<u64, Error> {
        let mut changed = 0;
        for slice in self.slices().await? {
            changed += self.store.execute(&self.hierarchy.look(towards, round, &slice)).await?;
        }
        Ok(changed)
    }

    async fn slices(&self) -> Result<Vec<RangeInclusive<i64>>, Error> {
        let span = self.store.query(&self.hierarchy.span()).await?;
        Ok(ranges(&span, self.slice_rows))
    }

    fn next_together(&self, together: u32, rows: u64) -> u32 {
        if rows < self.slice_rows { (together * 2).min(MOST_ROUNDS) } else { 1 }
    }
}

/// How far a computation is. A row counts in sixths: two for its parents, two for its level, two when that is written.
pub(crate) struct Meter<'a> {
    progress: LevelProgress<'a>,
    rows: u64,
    sixths: u64,
    told: Instant,
    interval: Duration,
}

impl Meter<'_> {
    pub(crate) fn looked_up(&mut self, slice: &RangeInclusive<i64>) {
        self.add(2 * rows_of(slice));
    }

    pub(crate) fn written(&mut self, slice: &RangeInclusive<i64>) {
        self.add(2 * rows_of(slice));
    }

    fn levelled(&mut self, rows: u64) {
        self.add(2 * rows);
    }

    /// Rows below a cycle are marked first.
    fn halfway(&mut self, rows: u64) {
        self.add(rows);
    }

    fn add(&mut self, sixths: u64) {
        self.sixths += sixths;
        if self.told.elapsed() >= self.interval {
            self.told = Instant::now();
            (self.progress)((self.sixths / 6).min(self.rows), self.rows);
        }
    }
}

/// As many as fit, which are more than there are where rows are gone.
fn rows_of(slice: &RangeInclusive<i64>) -> u64 {
    slice.end().abs_diff(*slice.start()) + 1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use proptest::prelude::*;
    use staging_schema::{StagedColumn, StagedKind, control};
    use tempfile::TempDir;
    use tokio::runtime::Runtime;

    use super::*;
    use crate::StoreOptions;

    /// By their places; a place beyond the rows is a parent that is missing.
    type Parents = [Option<usize>; 2];

    async fn staged(folder: &TempDir, rows: &[Parents]) -> (Store, TargetTable) {
        let store = Store::open(StoreOptions::sqlite(folder.path().join("staging.db"))).await.unwrap();
        let lookup = |name| {
            let targets = vec!["tree".to_owned()];
            StagedColumn::new(name, StagedKind::Lookup { targets, multi_table: false, multi_source: false })
        };
        let table = TargetTable::new("tree", vec![lookup("parentid"), lookup("masterid")]).unwrap();
        store.ensure_tables(std::slice::from_ref(&table)).await.unwrap();
        let columns =
            [control::SOURCE_TABLE, control::SOURCE_KEY, "parentid_SourceKey", "masterid_SourceKey"];
        let mut appender = store.append(&table.name(), columns);
        let mut batch = appender.batch();
        for (row, parents) in rows.iter().enumerate() {
            batch.push_text("Source");
            batch.push_display(row);
            for parent in parents {
                batch.push_option(parent.map(|parent| parent.to_string()).as_deref());
            }
        }
        appender.push(batch).await.unwrap();
        appender.finish().await.unwrap();
        (store, table)
    }

    async fn written(store: &Store, table: &TargetTable) -> Vec<Option<i64>> {
        let read = Statement::new(
            |d| {
                let (level, row_id) = (d.quote(control::LEVEL), d.quote(control::ROW_ID));
                format!("SELECT {level} FROM {} ORDER BY {row_id}", d.table(&table.name()))
            },
            Vec::new(),
        );
        let rows = store.query(&read).await.unwrap();
        rows.iter().map(|row| row.optional_integer(0).unwrap()).collect()
    }

    /// The same without a database: who is above whom first, then levels from the top.
    fn by_definition(rows: &[Parents]) -> Vec<Option<i64>> {
        let parents: Vec<BTreeSet<usize>> = rows
            .iter()
            .map(|parents| parents.iter().flatten().copied().filter(|parent| *parent < rows.len()).collect())
            .collect();
        let mut above: Vec<BTreeSet<usize>> = parents.clone();
        loop {
            let further: Vec<BTreeSet<usize>> = above
                .iter()
                .map(|own| own.iter().flat_map(|row| &above[*row]).chain(own).copied().collect())
                .collect();
            if further == above {
                break;
            }
            above = further;
        }
        let cycles: BTreeSet<usize> = (0..rows.len()).filter(|row| above[*row].contains(row)).collect();
        let has_none = |row: usize| {
            let below_one = above[row].iter().any(|it| cycles.contains(it));
            let above_one = cycles.iter().any(|it| above[*it].contains(&row));
            below_one && above_one
        };
        (0..rows.len()).map(|row| level(row, &parents, &has_none)).collect()
    }

    fn level(row: usize, parents: &[BTreeSet<usize>], has_none: &impl Fn(usize) -> bool) -> Option<i64> {
        let of_parent = |parent: &usize| level(*parent, parents, has_none).unwrap_or(0);
        (!has_none(row)).then(|| parents[row].iter().map(of_parent).max().map_or(0, |deepest| deepest + 1))
    }

    fn hierarchies() -> impl Strategy<Value = Vec<Parents>> {
        (1_usize..24).prop_flat_map(|rows| {
            let parent = || proptest::option::weighted(0.6, 0..rows + 2);
            let other = || proptest::option::weighted(0.2, 0..rows + 2);
            proptest::collection::vec((parent(), other()).prop_map(|(one, other)| [one, other]), rows)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn levels_are_those_of_their_definition(rows in hierarchies(), slice_rows in 1_u64..6) {
            let expected = by_definition(&rows);
            let found = Runtime::new().unwrap().block_on(async {
                let folder = TempDir::new().unwrap();
                let (store, table) = staged(&folder, &rows).await;
                let mut rounds = Rounds::over(&store, Hierarchy::of(&table), &|_, _| {});
                rounds.slice_rows = slice_rows;
                let levels = rounds.compute(&table, &["parentid", "masterid"], None).await.unwrap();
                (written(&store, &table).await, levels)
            });
            prop_assert_eq!(&found.0, &expected);
            let deepest = expected.iter().flatten().max().copied().unwrap_or(0);
            let on_cycles = expected.iter().filter(|level| level.is_none()).count();
            prop_assert_eq!((i64::from(found.1.deepest), found.1.on_cycles), (deepest, on_cycles as u64));
        }
    }

    #[tokio::test]
    async fn progress_goes_on_from_the_parents_to_the_last_level_that_is_written() {
        let folder = TempDir::new().unwrap();
        // A chain of 40 below a cycle of two, a tree of 58.
        let parent = |row: usize| match row {
            0 | 1 => Some(1 - row),
            2..42 => Some(row - 1),
            42 => None,
            _ => Some((row - 42) / 2 + 42 - 1).filter(|parent| *parent >= 42),
        };
        let rows: Vec<Parents> = (0..100).map(|row| [parent(row), None]).collect();
        let (store, table) = staged(&folder, &rows).await;
        let told = Mutex::new(Vec::new());
        let tell = |rows, of| told.lock().unwrap().push((rows, of));
        let mut rounds = Rounds::over(&store, Hierarchy::of(&table), &tell);
        rounds.slice_rows = 10;
        rounds.meter.interval = Duration::ZERO;
        let levels = rounds.compute(&table, &["parentid", "masterid"], None).await.unwrap();
        assert_eq!(levels.on_cycles, 2);
        let told = told.into_inner().unwrap();
        assert!(told.is_sorted() && told.iter().all(|(_, of)| *of == 100), "{told:?}");
        assert!(told.iter().any(|(rows, _)| (35..65).contains(rows)), "while levels are computed: {told:?}");
        assert_eq!(
            told.last().map(|(rows, _)| *rows),
            Some(99),
            "all but what the two rows on the cycle lack"
        );
    }
}
