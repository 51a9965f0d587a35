//! Chunks of work and their leases.

use std::time::Duration;

use staging_schema::{Levels, Pass, TargetTable};

use crate::options::DEFAULT_LEASE;
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
    /// No row is pending in this pass: it is complete, but for rows that are blocked, in doubt or owed.
    NothingPending,
    /// Chunks of this pass are open already, from an earlier run or another worker: take those, cut afterwards.
    Open {
        /// Chunks that are free.
        free: u64,
        /// Chunks on which somebody works, or whose lease has ended.
        leased: u64,
    },
    /// Somebody works on another pass of the table: wait.
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

impl Store {
    /// Cuts the rows that are pending in a pass into chunks, unless chunks of it are open already. Chunks of another pass
    /// that nobody works on are given up: their rows are cut again when that pass is planned next.
    pub async fn cut_chunks(&self, plan: &ChunkPlan<'_>) -> Result<Cut, Error> {
        let _ = plan;
        todo!()
    }

    /// Takes free chunks and those whose lease has ended, in order.
    pub async fn take_chunks(&self, take: &Take<'_>) -> Result<Taken, Error> {
        let _ = take;
        todo!()
    }

    /// Lets running leases run anew for this long. A lease that has ended is never renewed.
    pub async fn renew(&self, leases: &[Lease], lease: Duration) -> Result<Renewal, Error> {
        let _ = (leases, lease);
        todo!()
    }

    /// Marks a chunk done, whatever became of its rows. Fails when the lease was lost.
    pub async fn finish_chunk(&self, lease: &Lease) -> Result<(), Error> {
        let _ = lease;
        todo!()
    }

    /// Gives a chunk back unfinished. Fails when the lease was lost.
    pub async fn release_chunk(&self, lease: &Lease) -> Result<(), Error> {
        let _ = lease;
        todo!()
    }
}
