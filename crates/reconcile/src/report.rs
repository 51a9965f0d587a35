//! What a verification found, for people and scripts.

use std::collections::BTreeSet;

use serde::Serialize;

/// The result over all tables.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// One entry per table, in the order given.
    pub tables: Vec<TableReport>,
    /// What the comparison let pass, one sentence per kind of column that was compared.
    pub tolerances: BTreeSet<&'static str>,
}

/// The result for one table.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TableReport {
    /// Logical name.
    pub table: String,
    /// Rows that are staged.
    pub staged: u64,
    /// Of those, rows that staging believes to be in Dataverse.
    pub loaded: u64,
    /// Of those that are not loaded, rows with an error that says why.
    pub errors: u64,
    /// Of those that are neither, pairs of which an end has not arrived: they are associated once it has.
    pub owed: u64,
    /// Of those that are none of these, rows that were deleted because they are staged to be.
    pub deleted: u64,
    /// Rows that were loaded and found in Dataverse.
    pub found: u64,
    /// Loaded rows that Dataverse does not hold.
    pub missing: u64,
    /// Rows found, all of whose staged values agree.
    pub agreeing: u64,
    /// Rows found, with at least one value that does not agree.
    pub differing: u64,
    /// Rows in this project's number range, or under GUIDs that we gave, that staging does not know to be loaded; `None` where the table has
    /// neither.
    pub unexpected: Option<u64>,
    /// Values compared.
    pub values: u64,
    /// Requests spent.
    pub requests: u64,
    /// Seconds spent.
    pub seconds: f64,
    /// Differences by column, most first.
    pub columns: Vec<ColumnReport>,
}

/// Differences of one column.
#[derive(Debug, Clone, Serialize)]
pub struct ColumnReport {
    /// The column.
    pub column: String,
    /// The rule that it broke.
    pub rule: String,
    /// Values that differ.
    pub differences: u64,
    /// Source key of one of the rows.
    pub example: Option<String>,
}

impl TableReport {
    /// Staged rows that are neither loaded nor in error nor owed nor deleted: nothing was said about them yet.
    pub fn unaccounted(&self) -> u64 {
        self.staged.saturating_sub(self.loaded + self.errors + self.owed + self.deleted)
    }

    /// Whether every loaded row arrived with its values and nothing else did, and every other one has its reason.
    pub fn is_clean(&self) -> bool {
        !self.differs() && self.unaccounted() == 0
    }

    /// Whether Dataverse holds something else than was loaded: a row that is missing, differs, or that nobody staged.
    pub fn differs(&self) -> bool {
        self.missing + self.differing + self.unexpected.unwrap_or(0) > 0
    }
}

impl Report {
    /// Whether every table is clean (errors that say why are not a difference).
    pub fn is_clean(&self) -> bool {
        self.tables.iter().all(TableReport::is_clean)
    }
}
