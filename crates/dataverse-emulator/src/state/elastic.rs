//! What time does to elastic tables: rows end, and reads without a session token lag behind (reference §10).

use std::collections::{HashMap, VecDeque};

use super::key::Key;
use super::organisation::Organisation;
use super::row::TableId;
use super::table_rows::TableRows;

/// Times to live, and what lagging reads see.
#[derive(Debug)]
pub(super) struct ElasticState {
    lag_seconds: i64,
    /// No row ends before this second.
    next_expiry: i64,
    replicas: HashMap<TableId, Replica>,
}

/// A write: its second, and what the row became.
type Pending = (i64, Key, Option<Box<[u8]>>);

/// A table as it was a moment ago.
#[derive(Debug, Default)]
struct Replica {
    rows: TableRows,
    /// Writes that have not arrived, with the second of each.
    pending: VecDeque<Pending>,
}

impl ElasticState {
    pub(super) fn new(lag_seconds: u64) -> Self {
        Self {
            lag_seconds: i64::try_from(lag_seconds).unwrap_or(i64::MAX),
            next_expiry: i64::MAX,
            replicas: HashMap::new(),
        }
    }
}

impl Organisation {
    /// Notes committed writes: when rows end, and what lagging reads do not see yet.
    pub(super) fn note_elastic(&mut self, written: impl Iterator<Item = (TableId, Key)>, now: i64) {
        for (id, key) in written {
            let table = self.schema.table(id);
            if table.elastic.is_none() {
                continue;
            }
            let row = self.rows(id).get(key);
            let expiry = row.and_then(|row| table.expires_at(row)).unwrap_or(i64::MAX);
            let row = row.map(Into::into);
            self.elastic.next_expiry = self.elastic.next_expiry.min(expiry);
            if self.elastic.lag_seconds > 0 {
                self.elastic.replicas.entry(id).or_default().pending.push_back((now, key, row));
            }
        }
    }

    /// Rows came from a file: nothing is known about their ends, they are not new, and copies are out of date.
    pub(crate) fn forget_derived(&mut self) {
        self.hide_pointers();
        self.elastic.next_expiry = i64::MIN;
        self.elastic.replicas.clear();
        if self.elastic.lag_seconds > 0 {
            for id in self.elastic_tables() {
                let replica = Replica { rows: self.rows(id).clone(), pending: VecDeque::new() };
                self.elastic.replicas.insert(id, replica);
            }
        }
    }

    /// Whether a row may have ended.
    pub(crate) fn is_expiry_due(&self, now: i64) -> bool {
        now >= self.elastic.next_expiry
    }

    /// Takes away the rows whose time to live is over.
    pub(crate) fn expire(&mut self, now: i64) {
        let mut next_expiry = i64::MAX;
        for id in self.elastic_tables() {
            let table = std::sync::Arc::clone(self.schema.table(id));
            let mut ended = Vec::new();
            for (key, row) in self.rows(id).after(None) {
                match table.expires_at(row) {
                    Some(expiry) if expiry <= now => ended.push(key),
                    Some(expiry) => next_expiry = next_expiry.min(expiry),
                    None => {}
                }
            }
            for key in &ended {
                self.rows_mut(id).put(*key, None);
                if let Some(replica) = self.elastic.replicas.get_mut(&id) {
                    replica.rows.put(*key, None);
                    replica.pending.retain(|(_, pending, _)| pending != key);
                }
            }
            // A row that cannot be written down as gone ends once more after a restart.
            if self.is_durable()
                && let Err(reason) = self.log_rows(ended.into_iter().map(|key| (id, key)))
            {
                tracing::warn!(
                    reason,
                    table = table.name,
                    "rows have ended, which could not be written down"
                );
            }
        }
        self.elastic.next_expiry = next_expiry;
    }

    /// Whether reads without session token may see less than was written.
    pub(crate) fn lags(&self, table: TableId) -> bool {
        self.elastic.lag_seconds > 0 && self.schema.table(table).elastic.is_some()
    }

    /// Looks at a table as it was a moment ago.
    pub(crate) fn with_lag<T>(&mut self, table: TableId, now: i64, look: impl FnOnce(&Self) -> T) -> T {
        let arrived = now.saturating_sub(self.elastic.lag_seconds);
        let mut replica = self.elastic.replicas.remove(&table).unwrap_or_default();
        while let Some((at, key, row)) = replica.pending.pop_front() {
            if at > arrived {
                replica.pending.push_front((at, key, row));
                break;
            }
            replica.rows.put(key, row);
        }
        std::mem::swap(self.rows_mut(table), &mut replica.rows);
        let seen = look(self);
        std::mem::swap(self.rows_mut(table), &mut replica.rows);
        self.elastic.replicas.insert(table, replica);
        seen
    }

    fn elastic_tables(&self) -> Vec<TableId> {
        self.schema.tables().filter(|table| table.elastic.is_some()).map(|table| table.id).collect()
    }
}
