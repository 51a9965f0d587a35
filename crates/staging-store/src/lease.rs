//! Chunks of work and their leases.

use std::ops::RangeInclusive;
use std::time::Duration;

use staging_schema::chunk::{self, Held};
use staging_schema::{Levels, Pass, Statement, TargetTable, pending};

use crate::options::DEFAULT_LEASE;
use crate::row::Row;
use crate::step::{Step, StepOutcome};
use crate::{Error, Store};

/// What chunks are cut for.
#[derive(Debug, Clone)]
pub struct ChunkPlan<'a> {
    /// The table.
    pub table: &'a TargetTable,
    /// The pass.
    pub pass: Pass,
    /// Which levels of a self-referencing table.
    pub levels: Levels,
    /// Pending rows in a chunk.
    pub chunk_rows: u32,
}

/// What came of cutting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Chunks were cut.
    Cut {
        /// How many.
        chunks: u64,
        /// Pending rows in them.
        rows: u64,
    },
    /// No row is pending in this pass: it is complete, but for rows that are blocked, in doubt or owed. Somebody may be working
    /// on a later pass of the table already.
    NothingPending,
    /// Chunks of this pass are open already, from an earlier run or another worker: take those, cut afterwards.
    Open {
        /// Chunks that are free.
        free: u64,
        /// Chunks on which somebody works, or whose lease has ended.
        leased: u64,
    },
    /// Somebody works on another pass of the table, and the one asked for comes after it or still has rows pending: wait.
    OtherPass {
        /// Chunks of it with a running lease.
        leased: u64,
        /// When the first of these leases ends.
        next_expiry: Duration,
    },
}

/// What to take.
#[derive(Debug, Clone)]
pub struct Take<'a> {
    /// Who takes; unique per process, such as host and process id with a random part.
    pub worker: &'a str,
    /// Logical name of the table.
    pub table: &'a str,
    /// The pass.
    pub pass: Pass,
    /// At most so many chunks: several at a time, since taking is the contended step.
    pub chunks: u32,
    /// How long they are leased.
    pub lease: Duration,
}

impl<'a> Take<'a> {
    /// Four chunks for [`DEFAULT_LEASE`].
    pub fn new(worker: &'a str, table: &'a str, pass: Pass) -> Self {
        Self { worker, table, pass, chunks: 4, lease: DEFAULT_LEASE }
    }
}

/// What was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// These chunks are ours until their leases end.
    Chunks(Vec<Lease>),
    /// Nothing is free, but others still work: ask again, at the latest when the first lease ends.
    AllLeased {
        /// Chunks that others hold.
        leased: u64,
        /// Time until the first of their leases ends.
        next_expiry: Duration,
    },
    /// No chunk of the pass is open.
    NothingLeft,
}

/// One chunk in our hands: whose rows of one level, between two RowIds, are pending.
///
/// The lease ends so long after the moment *before* [`Store::take_chunks`] (or the last renewal) was called; count that on
/// a clock that also runs while the machine sleeps. Dropped without [`Store::finish_chunk`], it expires and the chunk
/// comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The chunk.
    pub chunk: i64,
    /// Logical name of the table.
    pub table: String,
    /// The pass.
    pub pass: Pass,
    /// Which levels its rows have.
    pub levels: Levels,
    /// First RowId.
    pub first_row_id: i64,
    /// Last RowId.
    pub last_row_id: i64,
    /// Rows that were pending when it was cut.
    pub rows: u64,
    /// Who holds it.
    pub worker: String,
    /// How often the chunk has been taken: what tells this lease from an earlier one.
    pub number: i64,
}

/// What came of renewing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renewal {
    /// Chunks whose lease now runs anew.
    pub renewed: Vec<i64>,
    /// Chunks whose lease had ended: send nothing more for them.
    pub lost: Vec<i64>,
}

impl Lease {
    pub(crate) fn held(&self) -> Held<'_> {
        Held { chunk: self.chunk, number: self.number, worker: &self.worker }
    }

    /// The rows of the chunk lie between these.
    pub fn row_ids(&self) -> RangeInclusive<i64> {
        self.first_row_id..=self.last_row_id
    }

    pub(crate) fn lost(&self) -> Error {
        Error::LeaseLost { chunk: self.chunk, table: self.table.clone() }
    }
}

impl Store {
    /// Cuts the rows that are pending in a pass into chunks, unless chunks of it are open already. Chunks of another pass
    /// that nobody works on are given up: their rows are cut again when that pass is planned next. Where somebody works on a
    /// later pass, and nothing is pending in this one, they are left alone: who asked can go on and help.
    ///
    /// Loop: cut, take and work until [`Taken::NothingLeft`], cut again until [`Cut::NothingPending`].
    pub async fn cut_chunks(&self, plan: &ChunkPlan<'_>) -> Result<Cut, Error> {
        let name = plan.table.logical_name.as_str();
        // A second round only when another planner was faster, and its chunks are then there to be seen.
        loop {
            let open = self.query(&chunk::open(name)).await?;
            if is_behind(&open, plan.pass)? && self.count(&pending::any(plan.table, plan.pass)).await? == 0 {
                return Ok(Cut::NothingPending);
            }
            let steps = vec![
                Step::execute(chunk::give_up_other_passes(name, plan.pass)),
                Step::Query(chunk::open(name)),
            ];
            let open = self.transaction(steps).await?.pop().map(StepOutcome::into_rows).unwrap_or_default();
            if let Some(cut) = already_open(&open, plan.pass)? {
                return Ok(cut);
            }
            let pending =
                self.query(&pending::cut(plan.table, plan.pass, plan.levels, plan.chunk_rows)).await?;
            let bounds = pending
                .iter()
                .map(|row| Ok((row.integer(0)?, row.integer(1)?, row.count(2)?)))
                .collect::<Result<Vec<chunk::Bounds>, Error>>()?;
            if bounds.is_empty() {
                return Ok(Cut::NothingPending);
            }
            let insert = [chunk::alone(name), chunk::insert(name, plan.pass, plan.levels, &bounds)];
            let chunks = self.execute_all(&insert).await?[1];
            if chunks > 0 {
                return Ok(Cut::Cut { chunks, rows: bounds.iter().map(|(_, _, rows)| rows).sum() });
            }
        }
    }

    /// Takes free chunks and those whose lease has ended, in order.
    ///
    /// Dropped half-way, the chunks may be taken all the same; they come back when the lease ends.
    pub async fn take_chunks(&self, take: &Take<'_>) -> Result<Taken, Error> {
        let milliseconds = milliseconds(take.lease);
        let step = Step::Query(chunk::take(take.table, take.pass, take.worker, take.chunks, milliseconds));
        let taken = self.transaction(vec![step]).await?.pop().map(StepOutcome::into_rows).unwrap_or_default();
        if !taken.is_empty() {
            let mut leases = taken.iter().map(|row| lease(take, row)).collect::<Result<Vec<_>, _>>()?;
            leases.sort_by_key(|lease| lease.chunk);
            return Ok(Taken::Chunks(leases));
        }
        // Not in one transaction with the taking: two workers that each hold what they took and look at what the other took
        // would wait for each other on a server that keeps no versions of rows.
        let open = self.query(&chunk::open(take.table)).await?;
        let Some(row) = open.iter().find(|row| row.get(0).as_text() == Some(take.pass.as_str())) else {
            return Ok(Taken::NothingLeft);
        };
        let open = OpenChunks::read(row)?;
        // On an engine whose claims pass each other by, something may be free and still not ours this time.
        let next_expiry = if open.free + open.expired > 0 { Duration::ZERO } else { open.next_expiry };
        Ok(Taken::AllLeased { leased: open.running + open.expired + open.free, next_expiry })
    }

    /// Lets running leases run anew for this long. A lease that has ended is never renewed.
    pub async fn renew(&self, leases: &[Lease], lease: Duration) -> Result<Renewal, Error> {
        let steps = leases.iter().map(|held| Step::execute(held.held().renew(milliseconds(lease)))).collect();
        let outcomes = self.transaction(steps).await?;
        let mut renewal = Renewal::default();
        for (held, outcome) in leases.iter().zip(outcomes) {
            let side = if outcome.changed() == 1 { &mut renewal.renewed } else { &mut renewal.lost };
            side.push(held.chunk);
        }
        Ok(renewal)
    }

    /// Marks a chunk done, whatever became of its rows: those still pending are cut again. Fails when the lease was lost.
    pub async fn finish_chunk(&self, lease: &Lease) -> Result<(), Error> {
        self.while_held(lease, lease.held().finish()).await
    }

    /// Gives a chunk back unfinished. Fails when the lease was lost.
    pub async fn release_chunk(&self, lease: &Lease) -> Result<(), Error> {
        self.while_held(lease, lease.held().release()).await
    }

    async fn while_held(&self, lease: &Lease, statement: Statement) -> Result<(), Error> {
        if self.execute(&statement).await? == 1 { Ok(()) } else { Err(lease.lost()) }
    }
}

struct OpenChunks {
    free: u64,
    running: u64,
    expired: u64,
    next_expiry: Duration,
}

impl OpenChunks {
    fn read(row: &Row) -> Result<Self, Error> {
        let until = row.optional_integer(4)?.unwrap_or(0);
        Ok(Self {
            free: row.count(1)?,
            running: row.count(2)?,
            expired: row.count(3)?,
            next_expiry: Duration::from_millis(u64::try_from(until).unwrap_or(0)),
        })
    }
}

fn already_open(open: &[Row], pass: Pass) -> Result<Option<Cut>, Error> {
    for row in open {
        let chunks = OpenChunks::read(row)?;
        if row.text(0)? == pass.as_str() {
            return Ok(Some(Cut::Open { free: chunks.free, leased: chunks.running + chunks.expired }));
        }
        if chunks.running > 0 {
            return Ok(Some(Cut::OtherPass { leased: chunks.running, next_expiry: chunks.next_expiry }));
        }
    }
    Ok(None)
}

/// Whether somebody works on a later pass, and nobody on this one.
fn is_behind(open: &[Row], pass: Pass) -> Result<bool, Error> {
    let mut is_behind = false;
    for row in open {
        let Ok(other) = row.text(0)?.parse::<Pass>() else { continue };
        if other == pass {
            return Ok(false);
        }
        is_behind |= other.comes_after(pass) && OpenChunks::read(row)?.running > 0;
    }
    Ok(is_behind)
}

fn lease(take: &Take<'_>, row: &Row) -> Result<Lease, Error> {
    let word = row.text(1)?;
    let levels = chunk::levels(word, row.optional_integer(2)?).ok_or(Error::Shape {
        column: "Levels".to_owned(),
        expected: "all, at or cycle",
        found: "another word",
    })?;
    Ok(Lease {
        chunk: row.integer(0)?,
        table: take.table.to_owned(),
        pass: take.pass,
        levels,
        first_row_id: row.integer(3)?,
        last_row_id: row.integer(4)?,
        rows: row.count(5)?,
        worker: take.worker.to_owned(),
        number: row.integer(6)?,
    })
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
