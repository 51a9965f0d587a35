//! What an organisation writes into its journal, and how it comes back.
//!
//! Rows are written as they are kept, by number of table and column. Definitions made at run time are kept as the
//! requests that made them: done again in order, they give the same numbers.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use uuid::Uuid;

use super::journal::{Fields, Journal, Lock, Record, Rewriter};
use super::key::Key;
use super::organisation::Organisation;
use super::row::TableId;
use super::transaction::Caller;
use crate::schema::{AlternateKey, Schema, Table};

const HEAD: u8 = 1;
const ROWS: u8 = 2;
const DEFINITION: u8 = 3;
const KEYS: u8 = 4;

const CLOSED: &str = "the emulator has stopped";
/// A row is that long at most, so that this stands for none.
const NONE: u32 = u32::MAX;
/// Rows of a rewritten file come in records of about this size.
const CHUNK_BYTES: usize = 1 << 20;

/// A change of the definitions, as it was asked for.
#[derive(Debug, Clone)]
pub(crate) struct DefinitionChange {
    pub(crate) caller: Caller,
    pub(crate) method: String,
    pub(crate) target: String,
    /// Whether `MSCRM.MergeLabels` was set, the one header that counts.
    pub(crate) merges_labels: bool,
    pub(crate) body: Vec<u8>,
}

/// The durable side of an organisation.
#[derive(Debug)]
pub(crate) struct Durable {
    journal: Journal,
    /// All changes of the definitions since the organisation was new.
    changes: Vec<DefinitionChange>,
    /// What the journal was begun with: other tables or another seed would misread it.
    head: Head,
}

type Head = [u8; 29];

/// What a journal begins with.
pub(crate) fn head(fingerprint: u64, organization: Uuid, users: u32, keys_only: bool) -> Head {
    let mut head = [0; 29];
    head[..8].copy_from_slice(&fingerprint.to_le_bytes());
    head[8..24].copy_from_slice(organization.as_bytes());
    head[24] = u8::from(keys_only);
    head[25..].copy_from_slice(&users.to_le_bytes());
    head
}

/// One record of a journal, read.
#[derive(Debug)]
pub(crate) enum Replay<'a> {
    Rows(Fields<'a>),
    Definition(DefinitionChange),
    Keys(Fields<'a>),
}

/// Reads a record; `None` for the head, which is compared.
pub(crate) fn read<'a>(kind: u8, mut fields: Fields<'a>, head: &Head) -> Result<Option<Replay<'a>>, String> {
    match kind {
        HEAD => {
            let found: Head = fields.array()?;
            let part = |range: std::ops::Range<usize>| found[range.clone()] == head[range];
            if !part(0..8) {
                return Err(
                    "it was made with other tables; start with the same --metadata, or with another \
                            folder"
                        .to_owned(),
                );
            }
            if !part(8..24) {
                return Err(
                    "it was made with another seed; start with the same --seed, or with another folder"
                        .to_owned(),
                );
            }
            if !part(24..25) {
                return Err("--keep must be as it was when the folder was new".to_owned());
            }
            if !part(25..29) {
                return Err("it was made with another number of --users".to_owned());
            }
            Ok(None)
        }
        ROWS => Ok(Some(Replay::Rows(fields))),
        KEYS => Ok(Some(Replay::Keys(fields))),
        DEFINITION => {
            let now = i64::from_le_bytes(fields.array()?);
            let user = Uuid::from_bytes(fields.array()?);
            let on_behalf = Some(Uuid::from_bytes(fields.array()?)).filter(|id| !id.is_nil());
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string());
            Ok(Some(Replay::Definition(DefinitionChange {
                caller: Caller { user, on_behalf, now },
                method: text(fields.sized()?)?,
                target: text(fields.sized()?)?,
                merges_labels: fields.array::<1>()? == [1],
                body: fields.sized()?.to_vec(),
            })))
        }
        other => Err(format!("it was written by a newer emulator (record kind {other})")),
    }
}

impl DefinitionChange {
    fn record(&self) -> Record {
        let mut record = Record::new(DEFINITION);
        record.put(&self.caller.now.to_le_bytes());
        record.put(self.caller.user.as_bytes());
        record.put(self.caller.on_behalf.unwrap_or_default().as_bytes());
        record.put_sized(self.method.as_bytes());
        record.put_sized(self.target.as_bytes());
        record.put(&[u8::from(self.merges_labels)]);
        record.put_sized(&self.body);
        record
    }
}

impl Organisation {
    /// Whether what is committed must be written down.
    pub(crate) fn is_durable(&self) -> bool {
        self.durable.is_some() || self.is_closed
    }

    /// Writes down what has become of these rows.
    pub(crate) fn log_rows(&mut self, changed: impl Iterator<Item = (TableId, Key)>) -> Result<(), String> {
        let Some(mut durable) = self.durable.take() else { return Err(CLOSED.to_owned()) };
        let mut record = self.rows_record();
        let mut seen = HashSet::new();
        for (table, key) in changed {
            if seen.insert((table, key)) {
                put_row(&mut record, table, key, self.rows(table).get(key));
            }
        }
        let outcome = durable.journal.append(record);
        self.durable = Some(durable);
        outcome
    }

    /// Writes down a change of the definitions that has just been made. When that fails, nothing is written any more:
    /// what follows might lean on it.
    pub(crate) fn log_definition(&mut self, change: DefinitionChange) -> Result<(), String> {
        let Some(durable) = &mut self.durable else { return Err(CLOSED.to_owned()) };
        let outcome = durable.journal.append(change.record());
        if let Err(reason) = &outcome {
            durable.journal.break_off(format!("a change of the definitions was not kept: {reason}"));
        }
        durable.changes.push(change);
        outcome
    }

    /// Puts rows back as a record has them.
    pub(crate) fn replay_rows(&mut self, mut fields: Fields<'_>) -> Result<(), String> {
        let (version, ids) = (u64::from_le_bytes(fields.array()?), u64::from_le_bytes(fields.array()?));
        while !fields.is_empty() {
            let table = TableId::from_le_bytes(fields.array()?);
            if usize::from(table) >= self.schema.slots().len() {
                return Err("a row of a table that is not there".to_owned());
            }
            let key = Key::from(Uuid::from_bytes(fields.array()?));
            let row = if fields.0.starts_with(&NONE.to_le_bytes()) {
                fields.array::<4>()?;
                None
            } else {
                Some(fields.sized()?.into())
            };
            self.rows_mut(table).put(key, row);
        }
        self.set_counters(version, ids);
        Ok(())
    }

    /// Puts the indices of alternate keys into the state that a rewritten journal has them in: definitions come before
    /// rows there, so that an index that could not be built over the rows seems to have been.
    pub(crate) fn replay_keys(&mut self, mut fields: Fields<'_>) -> Result<(), String> {
        let mut slots = self.schema.slots().to_vec();
        while !fields.is_empty() {
            let table = TableId::from_le_bytes(fields.array()?);
            let name = std::str::from_utf8(fields.sized()?).map_err(|error| error.to_string())?;
            let active_from = i64::from_le_bytes(fields.array()?);
            let slot = slots.get_mut(usize::from(table)).ok_or("a key of a table that is not there")?;
            let mut changed = Table::clone(slot);
            for key in changed.keys.iter_mut().filter(|key| key.schema_name == name) {
                key.active_from = active_from;
            }
            *slot = Arc::new(changed);
            if active_from == AlternateKey::NEVER {
                self.rows_mut(table).remove_unique(name);
            }
        }
        self.schema = Arc::new(Schema::of(slots));
        Ok(())
    }

    /// Begins a journal with everything that is there.
    pub(crate) fn begin_journal(&mut self, lock: Lock, head: Head) -> Result<(), crate::Error> {
        let journal = lock.create(|file| self.write_all(file, &head, &[]))?;
        self.durable = Some(Box::new(Durable { journal, changes: Vec::new(), head }));
        Ok(())
    }

    /// Goes on with a journal that has been replayed, rewriting it when most of it is history.
    pub(crate) fn continue_journal(
        &mut self,
        journal: Journal,
        changes: Vec<DefinitionChange>,
        head: Head,
    ) -> io::Result<()> {
        let live: usize = self
            .schema
            .tables()
            .map(|table| self.rows(table.id).after(None).map(|(_, row)| row.len() + 22).sum::<usize>())
            .sum();
        let is_wasteful = journal.len() > (2 * live + CHUNK_BYTES) as u64;
        self.durable = Some(Box::new(Durable { journal, changes, head }));
        if is_wasteful { self.rewrite_journal() } else { Ok(()) }
    }

    /// Replaces the journal by one that has just what is there now.
    pub(crate) fn rewrite_journal(&mut self) -> io::Result<()> {
        let Some(mut durable) = self.durable.take() else { return Ok(()) };
        let Durable { journal, changes, head } = &mut *durable;
        let outcome = journal.rewrite(|file| self.write_all(file, head, changes));
        if let Err(error) = &outcome {
            journal.break_off(format!("the journal could not be rewritten: {error}"));
        }
        self.durable = Some(durable);
        outcome
    }

    /// Takes the place of `before` in its data folder.
    pub(crate) fn succeed(&mut self, before: &mut Self) -> io::Result<()> {
        self.durable = before.durable.take();
        if let Some(durable) = &mut self.durable {
            durable.changes.clear();
        }
        self.rewrite_journal()
    }

    /// Frees the folder. What is still on its way can no longer be kept, and is refused.
    pub(crate) fn close_journal(&mut self) {
        self.is_closed = self.durable.take().is_some();
    }

    fn rows_record(&self) -> Record {
        let mut record = Record::new(ROWS);
        let (version, ids) = self.counters();
        record.put(&version.to_le_bytes());
        record.put(&ids.to_le_bytes());
        record
    }

    fn write_all(&self, file: &mut Rewriter, head: &Head, changes: &[DefinitionChange]) -> io::Result<()> {
        let mut first = Record::new(HEAD);
        first.put(head);
        file.append(first)?;
        for change in changes {
            file.append(change.record())?;
        }
        let mut keys = Record::new(KEYS);
        for table in self.schema.tables() {
            for key in &table.keys {
                keys.put(&table.id.to_le_bytes());
                keys.put_sized(key.schema_name.as_bytes());
                keys.put(&key.active_from.to_le_bytes());
            }
        }
        file.append(keys)?;
        let mut record = self.rows_record();
        for table in self.schema.tables() {
            for (key, row) in self.rows(table.id).after(None) {
                put_row(&mut record, table.id, key, Some(row));
                if record.len() > CHUNK_BYTES {
                    file.append(std::mem::replace(&mut record, self.rows_record()))?;
                }
            }
        }
        file.append(record)
    }
}

fn put_row(record: &mut Record, table: TableId, key: Key, row: Option<&[u8]>) {
    record.put(&table.to_le_bytes());
    record.put(key.id().as_bytes());
    match row {
        Some(row) => record.put_sized(row),
        None => record.put(&NONE.to_le_bytes()),
    }
}
