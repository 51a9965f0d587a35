//! All or nothing: a request's writes, and how to take them back.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;

use super::key::Key;
use super::organisation::Organisation;
use super::row::{ColumnId, Draft, Form, TableId};
use crate::refusal::{self, Refusal};
use crate::schema::{Schema, Table};
use crate::settings::Settings;

/// Who writes, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Whose rights count and who becomes `createdby`: the impersonated user, if there is one.
    pub(crate) user: Uuid,
    /// The application user behind an impersonated one.
    pub(crate) on_behalf: Option<Uuid>,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

/// Writes that belong together. Dropped without [`Transaction::commit`], they are taken back.
#[derive(Debug)]
pub(crate) struct Transaction<'o> {
    organisation: &'o mut Organisation,
    pub(crate) settings: &'o Settings,
    pub(crate) caller: Caller,
    undo: Vec<Undo>,
}

/// A point in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(usize);

#[derive(Debug)]
struct Undo {
    table: TableId,
    key: Key,
    before: Option<Box<[u8]>>,
}

impl<'o> Transaction<'o> {
    pub(crate) fn begin(organisation: &'o mut Organisation, settings: &'o Settings, caller: Caller) -> Self {
        Self { organisation, settings, caller, undo: Vec::new() }
    }

    pub(crate) fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.organisation.schema)
    }

    pub(crate) fn table(&self, id: TableId) -> Arc<Table> {
        Arc::clone(self.organisation.schema.table(id))
    }

    pub(crate) fn organisation(&self) -> &Organisation {
        self.organisation
    }

    pub(crate) fn row(&self, table: TableId, id: Uuid) -> Option<&[u8]> {
        self.organisation.row(table, id)
    }

    pub(crate) fn exists(&self, table: TableId, id: Uuid) -> bool {
        self.organisation.rows(table).contains(Key::from(id))
    }

    pub(crate) fn next_id(&mut self) -> Uuid {
        self.organisation.next_id()
    }

    /// The id by which a row is known: that of an elastic table is kept under another one.
    pub(crate) fn public_id(&self, table: &Table, id: Uuid) -> Uuid {
        self.row(table.id, id).and_then(|row| table.elastic_key_of_row(row)).map_or(id, |key| key.id)
    }

    /// The version of the latest write.
    pub(crate) fn latest_version(&self) -> u64 {
        self.organisation.counters().0
    }

    /// A point to go back to.
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.undo.len())
    }

    /// Takes back what was written since.
    pub(crate) fn take_back_to(&mut self, mark: Mark) {
        for undo in self.undo.drain(mark.0..).rev() {
            take_back(self.organisation, undo);
        }
    }

    /// Ends a transaction that failed since `mark`: all is taken back, but for the rows of elastic tables that were
    /// written before. Those know no transaction.
    pub(crate) fn fail(mut self, mark: Mark) -> Result<(), Refusal> {
        self.take_back_to(mark);
        let mut kept = Vec::new();
        for undo in std::mem::take(&mut self.undo).into_iter().rev() {
            if self.organisation.schema.table(undo.table).elastic.is_some() {
                kept.push(undo);
            } else {
                take_back(self.organisation, undo);
            }
        }
        kept.reverse();
        self.undo = kept;
        self.commit()
    }

    /// The table of each write so far.
    pub(crate) fn tables_written(&self) -> impl Iterator<Item = TableId> + '_ {
        self.undo.iter().map(|undo| undo.table)
    }

    /// Adds a row.
    pub(crate) fn insert(&mut self, table: TableId, id: Uuid, draft: &mut Draft) {
        let version = self.organisation.next_version();
        self.put(table, id.into(), Some(draft.make_row(version)));
    }

    /// Changes a row that is there; otherwise adds one.
    pub(crate) fn change(&mut self, table: TableId, id: Uuid, draft: &mut Draft) {
        let version = self.organisation.next_version();
        let key = Key::from(id);
        let row = match self.organisation.rows(table).get(key) {
            Some(old) => draft.changed(old, version),
            None => draft.make_row(version),
        };
        self.put(table, key, Some(row));
    }

    /// Makes rows of a table findable by a column.
    pub(crate) fn sort_by(&mut self, table: TableId, column: ColumnId, form: Form) {
        self.organisation.rows_mut(table).add_sorted(column, form);
    }

    /// Takes a row away.
    pub(crate) fn remove(&mut self, table: TableId, id: Uuid) {
        self.put(table, id.into(), None);
    }

    fn put(&mut self, table: TableId, key: Key, row: Option<Box<[u8]>>) {
        let row = row.map(|row| self.stored(table, row));
        let before = self.organisation.rows_mut(table).put(key, row);
        self.organisation.follow_activity(table, key);
        self.undo.push(Undo { table, key, before });
    }

    /// Keeps what was written. Where it cannot be written down, it is taken back and refused.
    pub(crate) fn commit(mut self) -> Result<(), Refusal> {
        let deleted = self.deleted();
        if self.organisation.is_durable() {
            let changed = self.undo.iter().map(|undo| (undo.table, undo.key));
            self.organisation.log_rows(changed).map_err(|reason| refusal::not_kept(&reason))?;
        }
        for (table, version, id) in deleted {
            self.organisation.deleted.note(table, version, id);
        }
        let written = self.undo.drain(..).map(|undo| (undo.table, undo.key));
        self.organisation.note_elastic(written, self.caller.now);
        Ok(())
    }
}

impl Transaction<'_> {
    /// The rows that are gone and whose tables track changes, each with the version of its deletion.
    fn deleted(&mut self) -> Vec<(TableId, u64, Uuid)> {
        let mut deleted = Vec::new();
        let mut seen = HashSet::new();
        for undo in &self.undo {
            let Some(before) = &undo.before else { continue };
            let is_gone = !self.organisation.rows(undo.table).contains(undo.key);
            let table = Arc::clone(self.organisation.schema.table(undo.table));
            if is_gone && table.definition.change_tracking && seen.insert((undo.table, undo.key)) {
                let id = table.elastic_key_of_row(before).map_or_else(|| undo.key.id(), |key| key.id);
                deleted.push((undo.table, self.organisation.next_version(), id));
            }
        }
        deleted
    }
}

fn take_back(organisation: &mut Organisation, undo: Undo) {
    organisation.rows_mut(undo.table).put(undo.key, undo.before);
    organisation.follow_activity(undo.table, undo.key);
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        for undo in self.undo.drain(..).rev() {
            take_back(self.organisation, undo);
        }
    }
}
