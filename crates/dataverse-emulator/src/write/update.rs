//! Updating one row, or creating it where an upsert finds none.

use uuid::Uuid;

use super::body::RowDraft;
use super::create::{Operation, bind_by_key, check_keys, check_lookups, create, keep_writable};
use super::{address, cascade, content, elastic, party, state_rules, system};
use crate::refusal::{self, Refusal};
use crate::state::Transaction;
use crate::state::row::{self, TableId};

/// What to do about a row that is or is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Update {
    /// Update; a missing row is refused (`If-Match: *`).
    Existing,
    /// Update, or create with this id (plain PATCH).
    Upsert,
    /// Create with this id; a row that is there is refused (`If-None-Match: *`).
    CreateOnly,
    /// Update if the row's version is this (`If-Match: W/"…"`).
    IfVersion(u64),
    /// One item of UpdateMultiple.
    OneOfMany,
}

/// Updates the row `id`, and says whether it was created instead.
pub(crate) fn update(
    tx: &mut Transaction<'_>,
    table: TableId,
    id: Uuid,
    mut row: RowDraft,
    how: Update,
) -> Result<bool, Refusal> {
    let table = tx.table(table);
    if let Some(refused) = row.refused.take() {
        return Err(refused);
    }
    let Some(old) = tx.row(table.id, id) else {
        // Rows of elastic tables are kept under another id than they are known by.
        let id = if table.elastic.is_some() { row.id.unwrap_or(id) } else { id };
        return match how {
            Update::Existing | Update::IfVersion(_) => Err(refusal::no_row(&table.name, id)),
            Update::OneOfMany => Err(refusal::no_rows(&table.name, id)),
            Update::Upsert | Update::CreateOnly => {
                row.id = Some(id);
                create(tx, table.id, row).map(|_| true)
            }
        };
    };
    match how {
        Update::CreateOnly => {
            return Err(refusal::refusal(
                412,
                0x8004_0237,
                "A record with matching key values already exists.",
            ));
        }
        Update::IfVersion(version) if row::version(old) != version => {
            return Err(refusal::refusal(
                412,
                0x8006_0882,
                "The version of the existing record doesn't match the RowVersion property provided.",
            ));
        }
        _ => {}
    }
    let old: Box<[u8]> = old.into();
    if let Some(columns) = table.elastic {
        if how == Update::Upsert {
            return elastic::replace(tx, &table, id, row, &old).map(|()| false);
        }
        // It only names the row: a row never changes its partition.
        row.cells.forget(columns.partition);
    }
    for (column, target, parent) in std::mem::take(&mut row.parents) {
        let parent = create(tx, target, parent)?;
        row.cells.set(column, row::Cell::Lookup(target, parent));
    }
    bind_by_key(tx, &table, &mut row)?;
    let operation = if how == Update::OneOfMany { Operation::UpdateOfMany } else { Operation::Update };
    keep_writable(tx, &table, &mut row.cells, operation)?;
    check_lookups(tx, &table, &row.cells)?;
    for column in row.cells.columns() {
        let definition = table.column(column);
        let is_cleared = row.cells.find(column).is_none();
        if definition.required && is_cleared && tx.settings.required_columns_enforced {
            return Err(refusal::missing(&table, definition));
        }
    }
    state_rules::change(tx, &table, id, &old, &mut row.cells)?;
    system::fill_owning_business_unit(tx, &table, &mut row.cells);
    system::fill_money(tx, &table, &mut row.cells, Some(&old));
    system::fill_full_name(&table, &mut row.cells, Some(&old));
    content::note_images(tx, &table, id, &mut row.cells)?;
    content::note_document(tx, &table, &mut row.cells)?;
    address::follow_parent(tx, &table, id, &row.cells);
    system::fill_modified(tx, &table, &mut row.cells);
    check_keys(tx, &table, id, &mut row.cells, Some(&old))?;
    let owner = table.system.owner.filter(|owner| row.cells.mention(*owner).is_some());
    tx.change(table.id, id, &mut row.cells);
    if let Some(owner) = owner {
        let before = row::get(&old, owner, row::Form::Lookup);
        if before != cascade::owner_of(tx, &table, id) {
            cascade::after_assign(tx, &table, id, before);
        }
    }
    address::follow_address(tx, &table, id, &row.cells);
    if let Some(parties) = row.parties {
        party::replace_parties(tx, &table, id, parties)?;
    } else {
        party::sync_derived(tx, &table, id);
    }
    Ok(false)
}
