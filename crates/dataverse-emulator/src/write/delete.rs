//! Deleting one row with what belongs to it.

use uuid::Uuid;

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
    let table = tx.table(table);
    let Some(old) = tx.row(table.id, id) else { return Err(refusal::no_row(&table.name, id)) };
    if version.is_some_and(|version| version != row::version(old)) {
        return Err(refusal::refusal(
            412,
            0x8006_0882,
            "The version of the existing record doesn't match the RowVersion property provided.",
        ));
    }
    if table.activity.is_some() {
        party::remove_all(tx, id);
    }
    address::remove_all(tx, &table, id);
    content::remove_all(tx, &table, id);
    tx.remove(table.id, id);
    Ok(())
}
