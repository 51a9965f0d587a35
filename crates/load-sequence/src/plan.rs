//! The answer: what is loaded when, what waits, what it costs and why.

use serde::{Deserialize, Serialize};

use crate::compare::StrategyCost;

/// An order for loading, with everything that must be written twice.
///
/// The same graph gives the same plan, however its tables and lookups were listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// Tables that can load at the same time, wave after wave. Every lookup written at insert points to an earlier wave
    /// (or to its own table, level by level, or within a group of `row_waves`).
    pub waves: Vec<Vec<String>>,
    /// Lookups left empty at insert and written by an update afterwards.
    pub deferred: Vec<Deferred>,
    /// Self-references, whose rows are loaded level by level: parents before children.
    pub levels: Vec<LevelColumn>,
    /// N:N tables, each after both of its ends.
    pub associations: Vec<AssociationStep>,
    /// Tables whose states are set when everything else is written.
    pub states_last: Vec<StateStep>,
    /// Tables kept for the very end; they are also the last of `waves`.
    pub special: Vec<String>,
    /// Groups of tables for which loading in row waves would save requests, whether more than it costs or not.
    pub row_waves: Vec<RowWaves>,
    /// Distinct rows written twice, per table; they add up to `cost`.
    pub second_writes: Vec<SecondWrites>,
    /// Rows that need a second write. Without combinations this is the sum of `rows` over `deferred`.
    pub cost: u64,
    /// Whether no order can need fewer second writes.
    pub proven: bool,
    /// No order needs fewer second writes than this; equal to `cost` when `proven`.
    pub bound: u64,
    /// How the order was found.
    pub strategy: Strategy,
    /// What each strategy would cost on the same graph, the cheapest order first.
    #[serde(default)]
    pub strategies: Vec<StrategyCost>,
    /// Groups of tables that reach each other through lookups, largest first.
    pub components: Vec<Component>,
    /// Lookups that played no part, and why.
    pub ignored: Vec<IgnoredLookup>,
    /// Why each table is where it is and each deferred lookup waits.
    pub explanations: Vec<Explanation>,
}

impl Sequence {
    /// The plan in one sentence: how many tables, waves and rows, whether that is the least, and how many lookups leave the migration.
    pub fn headline(&self) -> String {
        crate::headline::headline(self)
    }
}

/// A lookup that waits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Deferred {
    /// The table that has the column.
    pub table: String,
    /// The column.
    pub column: String,
    /// The table it points to; the same column may be written at insert for rows that point to another target.
    pub target: String,
    /// In how many rows it is filled.
    pub rows: u64,
}

/// A self-reference treated level by level.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LevelColumn {
    /// The table that points to itself.
    pub table: String,
    /// The column.
    pub column: String,
}

/// When an N:N table is loaded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AssociationStep {
    /// The intersect table.
    pub table: String,
    /// One end.
    pub first: String,
    /// The other end.
    pub second: String,
    /// Position in `waves`, counted from 0, after which both ends are there.
    pub after_wave: usize,
    /// How many pairs.
    pub rows: u64,
}

/// A table whose rows are set inactive at the end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StateStep {
    /// The table.
    pub table: String,
    /// How many rows.
    pub rows: u64,
}

/// Distinct rows of one table that are written twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecondWrites {
    /// The table.
    pub table: String,
    /// How many rows.
    pub rows: u64,
}

/// What loading a group of tables in row waves would save.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowWaves {
    /// The tables, loaded together, level by level across all of them.
    pub tables: Vec<String>,
    /// How many row waves there are.
    pub levels: usize,
    /// Lookups that would not be deferred any more.
    pub spares: Vec<Deferred>,
    /// Requests of second writes that fall away.
    pub requests_saved: u64,
    /// Requests that come on top, since each level ends with requests that are not full.
    pub requests_added: u64,
    /// Whether it saves more requests than it costs.
    pub worthwhile: bool,
    /// Whether this plan does it.
    pub adopted: bool,
}

/// Tables that reach each other through lookups: somewhere among them something must wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// The tables.
    pub tables: Vec<String>,
    /// How many lookups run among them.
    pub lookups: usize,
    /// How many of these wait.
    pub deferred: usize,
    /// Rows that need a second write.
    pub cost: u64,
    /// No order of these tables needs fewer.
    pub bound: u64,
    /// Whether `cost` is known to be the least.
    pub proven: bool,
}

/// A lookup that played no part in the order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IgnoredLookup {
    /// The table that has the column.
    pub table: String,
    /// The column.
    pub column: String,
    /// The table it points to.
    pub target: String,
    /// In how many rows it is filled.
    pub rows: u64,
    /// Why.
    pub reason: IgnoreReason,
}

/// Why a lookup played no part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IgnoreReason {
    /// A rule of the caller covers it.
    Asked,
    /// Its target is not among the tables.
    OutsideMigration,
}

/// One decision in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The table it is about.
    pub table: String,
    /// The column, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The target, where it is about a lookup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The sentence.
    pub text: String,
}

/// How to find an order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// The fewest rows written twice.
    #[default]
    Cheapest,
    /// The order that guides recommend: tables by ascending number of lookup columns, one after another.
    LookupCount,
    /// Walk the lookups and defer whichever closes a cycle first, as many tools do.
    FirstBackEdge,
}
