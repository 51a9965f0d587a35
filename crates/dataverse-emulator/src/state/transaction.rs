//! All or nothing: a request's writes, and how to take them back.

use std::sync::Arc;

use uuid::Uuid;

use super::key::Key;
use super::organisation::Organisation;
use super::row::{Draft, TableId};
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
    rows_written: u64,
}

#[derive(Debug)]
struct Undo {
    table: TableId,
    key: Key,
    before: Option<Box<[u8]>>,
}

impl<'o> Transaction<'o> {
    pub(crate) fn begin(organisation: &'o mut Organisation, settings: &'o Settings, caller: Caller) -> Self {
        Self { organisation, settings, caller, undo: Vec::new(), rows_written: 0 }
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

    /// Rows written so far: what the latency model charges for.
    pub(crate) fn rows_written(&self) -> u64 {
        self.rows_written
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

    /// Takes a row away.
    pub(crate) fn remove(&mut self, table: TableId, id: Uuid) {
        self.put(table, id.into(), None);
    }

    fn put(&mut self, table: TableId, key: Key, row: Option<Box<[u8]>>) {
        self.rows_written += 1;
        let row = row.map(|row| self.stored(table, row));
        let before = self.organisation.rows_mut(table).put(key, row);
        self.undo.push(Undo { table, key, before });
    }

    /// Keeps what was written. Where it cannot be written down, it is taken back and refused.
    pub(crate) fn commit(mut self) -> Result<(), Refusal> {
        if self.organisation.is_durable() {
            let changed = self.undo.iter().map(|undo| (undo.table, undo.key));
            self.organisation.log_rows(changed).map_err(|reason| refusal::not_kept(&reason))?;
        }
        self.undo.clear();
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        for undo in self.undo.drain(..).rev() {
            self.organisation.rows_mut(undo.table).put(undo.key, undo.before);
        }
    }
}
