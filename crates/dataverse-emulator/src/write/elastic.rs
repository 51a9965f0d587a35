//! Rows of elastic tables: found by id and partition, and replaced as a whole by an upsert (reference §10).

use dataverse_wire::literal::RowKey;
use uuid::Uuid;

use super::body::RowDraft;
use super::create::create;
use crate::refusal::{self, Refusal};
use crate::schema::{ElasticKey, PARTITION_BYTES, Table};
use crate::state::Transaction;
use crate::state::row::{self, Cell, Draft, Form};

/// The partition that a body names.
fn partition_of(table: &Table, row: &RowDraft) -> Option<String> {
    match row.cells.get(table.elastic?.partition, Form::Text) {
        Some(Cell::Text(text)) if !text.is_empty() => Some(text.to_owned()),
        _ => None,
    }
}

/// The row that a key means; a body may add the partition to a key that is an id alone.
pub(crate) fn meant(table: &Table, key: &RowKey, row: &RowDraft) -> Result<ElasticKey, Refusal> {
    let mut meant = table.elastic_key(key).ok_or_else(|| refusal::no_such_key(&table.name))?;
    if matches!(key, RowKey::Id(_))
        && let Some(partition) = partition_of(table, row)
    {
        meant.partition = partition;
    }
    Ok(meant)
}

/// Makes a body that of the row that is meant, for the case that the row is to be created.
pub(crate) fn become_row(table: &Table, meant: &ElasticKey, row: &mut RowDraft) {
    row.id = Some(meant.id);
    if let Some(columns) = table.elastic {
        row.cells.set(columns.partition, Cell::Text(&meant.partition));
    }
}

/// Gives a new row its id and partition, and says where it is kept.
pub(super) fn place(tx: &mut Transaction<'_>, table: &Table, row: &mut RowDraft) -> Result<Uuid, Refusal> {
    let id = row.id.unwrap_or_else(|| tx.next_id());
    let key = match partition_of(table, row) {
        Some(partition) => ElasticKey { id, partition },
        None => ElasticKey::of_id(id),
    };
    if key.partition.len() > PARTITION_BYTES
        && let Some(columns) = table.elastic
    {
        let max = u32::try_from(PARTITION_BYTES).unwrap_or(u32::MAX);
        return Err(refusal::too_long(table, table.column(columns.partition), max));
    }
    become_row(table, &key, row);
    row.cells.set(table.primary, Cell::Id(id));
    let slot = key.slot();
    if tx.exists(table.id, slot) { Err(refusal::duplicate_id()) } else { Ok(slot) }
}

/// Puts a row in the place of another: what the body does not name is gone.
pub(super) fn replace(
    tx: &mut Transaction<'_>,
    table: &Table,
    slot: Uuid,
    row: RowDraft,
    old: &[u8],
) -> Result<(), Refusal> {
    let mark = tx.mark();
    tx.remove(table.id, slot);
    if let Err(refused) = create(tx, table.id, row) {
        tx.take_back_to(mark);
        return Err(refused);
    }
    // Who made it, and when, is not in the payload.
    let mut origin = Draft::default();
    for column in [table.system.created_on, table.system.created_by].into_iter().flatten() {
        if let Some(bytes) = row::find(old, column) {
            origin.set_bytes(column, bytes);
        }
    }
    tx.change(table.id, slot, &mut origin);
    Ok(())
}
