//! `activitypointer`: all activities seen as one table.
//!
//! Its rows are copies of what the activities have in common. They are made when somebody first asks for them and kept up
//! to date from then on: nobody else pays for them.

use std::collections::HashMap;
use std::sync::Arc;

use super::key::Key;
use super::organisation::Organisation;
use super::row::{self, ColumnId, Draft, TableId};

/// For each activity table, which of its columns is which of `activitypointer`.
#[derive(Debug, Default)]
pub(super) struct Pointers {
    table: Option<TableId>,
    columns: HashMap<TableId, HashMap<ColumnId, ColumnId>>,
}

impl Organisation {
    /// Whether `activitypointer` shows its rows.
    pub(crate) fn shows_pointers(&self) -> bool {
        self.pointers.table.is_some()
    }

    /// Shows the rows of `activitypointer` from now on.
    pub(crate) fn show_pointers(&mut self) {
        let schema = Arc::clone(&self.schema);
        let Some(pointer) = schema.named("activitypointer") else { return };
        let common = |table: &crate::schema::Table| -> HashMap<ColumnId, ColumnId> {
            let of = |(name, id): (&String, &ColumnId)| {
                let there = *pointer.by_name.get(name)?;
                let is_same = table.column(*id).kind.form() == pointer.column(there).kind.form();
                is_same.then_some((*id, there))
            };
            table.by_name.iter().filter_map(of).collect()
        };
        let activities: Vec<_> =
            schema.tables().filter(|table| table.activity.is_some() && table.id != pointer.id).collect();
        self.pointers = Pointers {
            table: Some(pointer.id),
            columns: activities.iter().map(|table| (table.id, common(table))).collect(),
        };
        self.rows_mut(pointer.id).clear();
        for table in activities {
            let keys: Vec<Key> = self.rows(table.id).after(None).map(|(key, _)| key).collect();
            for key in keys {
                self.follow_activity(table.id, key);
            }
        }
    }

    /// The copies are out of date: they are made again when they are asked for.
    pub(super) fn hide_pointers(&mut self) {
        if let Some(table) = std::mem::take(&mut self.pointers).table {
            self.rows_mut(table).clear();
        }
    }

    /// Brings the copy of an activity up to date, if that is what the row is.
    pub(super) fn follow_activity(&mut self, table: TableId, key: Key) {
        let Some(pointer) = self.pointers.table else { return };
        let Some(columns) = self.pointers.columns.get(&table) else { return };
        let copy = self.rows(table).get(key).map(|bytes| {
            let mut draft = Draft::with_capacity(24);
            for (column, value) in row::cells(bytes) {
                if let Some(there) = columns.get(&column) {
                    draft.set_bytes(*there, value);
                }
            }
            draft.make_row(row::version(bytes))
        });
        self.rows_mut(pointer).put(key, copy);
    }
}
