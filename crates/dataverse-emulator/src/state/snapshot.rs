//! The organisation's content as one file, so that a later emulator goes on where this one ended.
//!
//! Rows are written as they are kept, by number of table and column: a snapshot fits the same tables only, which its
//! fingerprint makes sure of.

use uuid::Uuid;

use super::key::Key;
use super::organisation::Organisation;
use super::row::TableId;
use crate::schema::Schema;

const MAGIC: &[u8; 8] = b"DVEMU\0\0\x01";

impl Organisation {
    /// All rows with the counters that make versions and ids.
    pub(crate) fn to_snapshot(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let (version, ids) = self.counters();
        for number in [fingerprint(&self.schema), version, ids] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(self.seeds.organization.as_bytes());
        for table in self.schema.tables() {
            for (key, row) in self.rows(table.id).after(None) {
                bytes.extend_from_slice(&table.id.to_le_bytes());
                bytes.extend_from_slice(key.id().as_bytes());
                // A row is limited by the body of its request, far below four gigabytes.
                let length = u32::try_from(row.len()).unwrap_or(u32::MAX);
                bytes.extend_from_slice(&length.to_le_bytes());
                bytes.extend_from_slice(row);
            }
        }
        bytes
    }

    /// Replaces all rows by those of a snapshot of the same organisation and tables; on failure nothing is changed.
    pub(crate) fn take_snapshot(&mut self, snapshot: &[u8]) -> Result<(), &'static str> {
        let mut rest = snapshot.strip_prefix(MAGIC).ok_or("it is no snapshot of an emulator")?;
        if number(&mut rest)? != fingerprint(&self.schema) {
            return Err("it was made with other tables");
        }
        let (version, ids) = (number(&mut rest)?, number(&mut rest)?);
        if Uuid::from_bytes(array(&mut rest)?) != self.seeds.organization {
            return Err("it was made with another seed");
        }
        let mut rows: Vec<(TableId, Key, Box<[u8]>)> = Vec::new();
        while !rest.is_empty() {
            let table = TableId::from_le_bytes(array(&mut rest)?);
            if usize::from(table) >= self.schema.slots().len() {
                return Err("it names a table that is not there");
            }
            let key = Key::from(Uuid::from_bytes(array(&mut rest)?));
            let length = u32::from_le_bytes(array(&mut rest)?) as usize;
            let row = rest.get(..length).ok_or(CUT)?;
            rest = &rest[length..];
            rows.push((table, key, row.into()));
        }
        let tables: Vec<TableId> = self.schema.tables().map(|table| table.id).collect();
        for table in tables {
            let present: Vec<Key> = self.rows(table).after(None).map(|(key, _)| key).collect();
            for key in present {
                self.rows_mut(table).put(key, None);
            }
        }
        for (table, key, row) in rows {
            self.rows_mut(table).put(key, Some(row));
        }
        self.set_counters(version, ids);
        self.forget_derived();
        Ok(())
    }
}

const CUT: &str = "it ends in the middle of a row";

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], &'static str> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(CUT)?;
    *rest = tail;
    Ok(*head)
}

fn number(rest: &mut &[u8]) -> Result<u64, &'static str> {
    array(rest).map(u64::from_le_bytes)
}

/// Of the names of tables and columns in their order, which decides their numbers (FNV-1a).
pub(crate) fn fingerprint(schema: &Schema) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    let mut add = |text: &str| {
        for byte in text.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    };
    for table in schema.slots() {
        add(&table.name);
        for column in table.definition.columns.keys() {
            add(column);
        }
    }
    hash
}
