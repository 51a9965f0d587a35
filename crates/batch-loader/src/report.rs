//! What a load or a settling did, per table.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

/// What was done, table by table.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// By logical name.
    pub tables: BTreeMap<String, TableReport>,
}

/// What one call did to one table. Counts are of rows unless they say otherwise.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TableReport {
    /// Rows that are staged.
    pub staged: u64,
    /// Created by this call.
    pub loaded: u64,
    /// Found to be in Dataverse after all, and taken over.
    pub adopted: u64,
    /// Written again: lookups, states, changes, deletions, associations.
    pub updated: u64,
    /// Lookups that are still empty although their source key is not.
    pub owed: u64,
    /// Rows that ended in error during this call.
    pub errors: u64,
    /// Requests that wrote, repetitions inside the client not counted.
    pub requests: u64,
    /// Requests whose answer was lost.
    pub in_doubt: u64,
    /// Rows in our number range that staging does not know; for people.
    pub strays: Vec<Stray>,
    /// Time from the first chunk to the last outcome.
    pub seconds: f64,
}

/// A row in Dataverse that carries a number of ours and that staging does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stray {
    /// The staged row whose number it carries.
    pub row: i64,
    /// Its GUID.
    pub id: Uuid,
}

impl TableReport {
    /// Notes strays; the same one counts once.
    pub(crate) fn note_strays(&mut self, strays: Vec<Stray>) {
        self.strays.extend(strays);
        self.strays.sort_unstable_by_key(|stray| (stray.row, stray.id));
        self.strays.dedup();
    }
}

impl Report {
    /// The report of one table, made when it is not there.
    pub fn table(&mut self, logical_name: &str) -> &mut TableReport {
        self.tables.entry(logical_name.to_owned()).or_default()
    }

    /// Adds another report: counts are summed, staged and owed taken from the later one.
    pub fn merge(&mut self, later: Self) {
        for (name, other) in later.tables {
            let table = self.table(&name);
            table.staged = other.staged.max(table.staged);
            table.owed = other.owed;
            table.loaded += other.loaded;
            table.adopted += other.adopted;
            table.updated += other.updated;
            table.errors += other.errors;
            table.requests += other.requests;
            table.in_doubt += other.in_doubt;
            table.note_strays(other.strays);
            table.seconds += other.seconds;
        }
    }

    /// Whether every row is accounted for without error, debt or stray.
    pub fn is_clean(&self) -> bool {
        self.tables.values().all(|table| table.errors == 0 && table.owed == 0 && table.strays.is_empty())
    }
}
