//! Deleting one row with what belongs to it.

use uuid::Uuid;

use super::cascade::{self, Seen};
use super::{address, content, party};
use crate::refusal::{self, Refusal};
use crate::state::Transaction;
use crate::state::row::{self, TableId};

/// Deletes the row `id`; with `version`, only if the row still has it.
pub(crate) fn delete(
    tx: &mut Transaction<'_>,
    table: TableId,
    id: Uuid,
    version: Option<u64>,
) -> Result<(), Refusal> {
    delete_guarded(tx, table, id, version, &mut Seen::new())
}

/// The same for a row of a cascade that may come round again.
pub(super) fn delete_guarded(
    tx: &mut Transaction<'_>,
    table: TableId,
    id: Uuid,
    version: Option<u64>,
    seen: &mut Seen,
) -> Result<(), Refusal> {
    let table = tx.table(table);
    let Some(old) = tx.row(table.id, id) else { return Err(refusal::no_row(&table.name, id)) };
    if version.is_some_and(|version| version != row::version(old)) {
        return Err(refusal::refusal(
            412,
            0x8006_0882,
            "The version of the existing record doesn't match the RowVersion property provided.",
        ));
    }
    seen.insert((table.id, id));
    if table.activity.is_some() {
        party::remove_all(tx, id);
    }
    address::remove_all(tx, &table, id);
    content::remove_all(tx, &table, id);
    cascade::before_delete(tx, &table, id, seen)?;
    tx.remove(table.id, id);
    Ok(())
}
