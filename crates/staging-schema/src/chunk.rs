//! Statements of chunks and their leases. All clocks are the database's.

use crate::dialect::Dialect;
use crate::flag::{Levels, Pass};
use crate::name::TableName;
use crate::statement::Statement;
use crate::value::Value;

/// A chunk as [`insert`] takes it: first RowId, last RowId, rows.
pub type Bounds = (i64, i64, u64);

fn name() -> TableName {
    TableName::target("Chunk")
}

fn level_words(levels: Levels) -> (&'static str, Value) {
    match levels {
        Levels::All => ("all", Value::Null),
        Levels::At(level) => ("at", level.into()),
        Levels::Cycle => ("cycle", Value::Null),
    }
}

/// Reads the columns `Levels` and `Level` back.
pub fn levels(word: &str, level: Option<i64>) -> Option<Levels> {
    match (word, level) {
        ("all", None) => Some(Levels::All),
        ("at", Some(level)) => u32::try_from(level).ok().map(Levels::At),
        ("cycle", None) => Some(Levels::Cycle),
        _ => None,
    }
}

/// Begins the transaction of [`insert`]: those of one table come one after the other.
pub fn alone(table: &str) -> Statement {
    Statement::alone(&format!("chunks of {table}"))
}

/// Inserts chunks, unless one of the table is open in any pass: behind [`alone`], two planners cannot cut the same rows.
pub fn insert(table: &str, pass: Pass, levels: Levels, chunks: &[Bounds]) -> Statement {
    let bounds: Vec<_> =
        chunks.iter().map(|(first, last, rows)| format!("[{first},{last},{rows}]")).collect();
    let (word, level) = level_words(levels);
    let text = |d: Dialect| {
        let element = |n| d.json_integer("j", n);
        format!(
            "INSERT INTO {chunk} (TargetTable, Pass, Levels, Level, FirstRowId, LastRowId, [RowCount]) \
             SELECT {}, {}, {}, {}, {}, {}, {} FROM {} WHERE NOT EXISTS \
             (SELECT 1 FROM {chunk} AS c WHERE c.TargetTable = {} AND c.State <> 'done') ORDER BY {}",
            d.param(1),
            d.param(2),
            d.param(3),
            d.param(4),
            element(0),
            element(1),
            element(2),
            d.json_array(&d.param(5), "j"),
            d.param(1),
            element(0),
            chunk = d.table(&name()),
        )
    };
    let json = format!("[{}]", bounds.join(","));
    Statement::new(text, vec![table.into(), pass.as_str().into(), word.into(), level, json.into()])
}

/// Counts the open chunks of a table per pass: pass, free, leased and running, leased and expired, milliseconds until the
/// first running lease ends.
pub fn open(table: &str) -> Statement {
    Statement::new(
        |d| {
            let count = |condition: String| format!("SUM(CASE WHEN {condition} THEN 1 ELSE 0 END)");
            let now = d.now();
            format!(
                "SELECT Pass, {free}, {running}, {expired}, {until} FROM {chunk} \
                 WHERE TargetTable = {table} AND State <> 'done' GROUP BY Pass ORDER BY Pass",
                free = count("State = 'free'".to_owned()),
                running = count(format!("State = 'leased' AND LeaseUntil > {now}")),
                expired = count(format!("State = 'leased' AND LeaseUntil <= {now}")),
                until = d.milliseconds_until(&format!(
                    "MIN(CASE WHEN State = 'leased' AND LeaseUntil > {now} THEN LeaseUntil END)"
                )),
                chunk = d.table(&name()),
                table = d.param(1),
            )
        },
        vec![table.into()],
    )
}

/// Gives up chunks of other passes of the table on which nobody works.
pub fn give_up_other_passes(table: &str, pass: Pass) -> Statement {
    Statement::new(
        |d| {
            format!(
                "DELETE FROM {} WHERE TargetTable = {} AND Pass <> {} AND (State = 'free' OR (State = 'leased' AND LeaseUntil <= {}))",
                d.table(&name()),
                d.param(1),
                d.param(2),
                d.now()
            )
        },
        vec![table.into(), pass.as_str().into()],
    )
}

/// Gives up all chunks on which nobody works: they were cut for other rows than are to be sent now.
pub fn give_up_idle() -> Statement {
    Statement::new(
        |d| {
            format!(
                "DELETE FROM {} WHERE State = 'free' OR (State = 'leased' AND LeaseUntil <= {})",
                d.table(&name()),
                d.now()
            )
        },
        Vec::new(),
    )
}

/// Takes chunks that are free or whose lease has ended, and answers them: ChunkId, levels, level, first RowId, last
/// RowId, rows, lease number. The answer has no order.
pub fn take(table: &str, pass: Pass, worker: &str, chunks: u32, lease_milliseconds: i64) -> Statement {
    const ANSWER: [&str; 7] =
        ["ChunkId", "Levels", "Level", "FirstRowId", "LastRowId", "[RowCount]", "LeaseNumber"];
    Statement::new(
        |d| {
            let free = |hint: &str| {
                let body = format!(
                    "ChunkId FROM {}{hint} WHERE TargetTable = {} AND Pass = {} AND State <> 'done' \
                     AND (State = 'free' OR LeaseUntil <= {}) ORDER BY ChunkId",
                    d.table(&name()),
                    d.param(1),
                    d.param(2),
                    d.now()
                );
                d.select_top(&d.param(4), &body)
            };
            let set = format!(
                "State = 'leased', Worker = {}, LeaseNumber = LeaseNumber + 1, LeaseUntil = {}",
                d.param(3),
                d.now_plus(&d.param(5))
            );
            let still_free = format!("State = 'free' OR (State = 'leased' AND LeaseUntil <= {})", d.now());
            d.update_claimed(&name(), &set, "ChunkId", free, &still_free, &ANSWER)
        },
        vec![table.into(), pass.as_str().into(), worker.into(), chunks.into(), lease_milliseconds.into()],
    )
}

/// What identifies a lease: chunk, lease number, worker.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// The chunk.
    pub chunk: i64,
    /// How often it had been taken.
    pub number: i64,
    /// Who took it.
    pub worker: &'a str,
}

impl Held<'_> {
    /// Holds while the lease runs; changes nothing. Expect one row.
    pub fn check(&self) -> Statement {
        self.set(|_| "Worker = Worker".to_owned(), Vec::new())
    }

    /// Lets the lease run anew.
    pub fn renew(&self, lease_milliseconds: i64) -> Statement {
        self.set(|d| format!("LeaseUntil = {}", d.now_plus(&d.param(4))), vec![lease_milliseconds.into()])
    }

    /// Marks the chunk done.
    pub fn finish(&self) -> Statement {
        self.set(|d| format!("State = 'done', LeaseUntil = NULL, DoneDateTime = {}", d.now()), Vec::new())
    }

    /// Gives the chunk back.
    pub fn release(&self) -> Statement {
        self.set(|_| "State = 'free', Worker = NULL, LeaseUntil = NULL".to_owned(), Vec::new())
    }

    fn set(&self, set: impl Fn(Dialect) -> String, more: Vec<Value>) -> Statement {
        let mut params = vec![self.chunk.into(), self.number.into(), self.worker.into()];
        params.extend(more);
        Statement::new(
            |d| {
                format!(
                    "UPDATE {} SET {} WHERE ChunkId = {} AND LeaseNumber = {} AND Worker = {} AND State = 'leased' AND LeaseUntil > {}",
                    d.table(&name()),
                    set(d),
                    d.param(1),
                    d.param(2),
                    d.param(3),
                    d.now()
                )
            },
            params,
        )
    }
}
