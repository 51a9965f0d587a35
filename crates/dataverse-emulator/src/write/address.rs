//! Addresses that come by themselves with an account, a contact or a lead, and show the same values.
//!
//! Source: the organisation setting `CreateOnlyNonEmptyAddressRecordsForEligibleEntities` (documented),
//! which is [`crate::Settings::only_non_empty_addresses`] here.

use uuid::Uuid;

use super::system;
use crate::schema::{AddressSlot, Table};
use crate::state::Transaction;
use crate::state::row::{self, Cell, Draft, Form, Mention};

/// Gives a new parent the ids of its addresses.
pub(super) fn note(tx: &mut Transaction<'_>, table: &Table, cells: &mut Draft) {
    let schema = tx.schema();
    for slot in schema.addresses(table.id) {
        let has_content = || slot.shared.iter().any(|(here, _)| cells.find(*here).is_some());
        if cells.find(slot.id_column).is_none() && (!tx.settings.only_non_empty_addresses || has_content()) {
            let id = tx.next_id();
            cells.set(slot.id_column, Cell::Id(id));
        }
    }
}

/// Adds the addresses of a parent that has just been created.
pub(super) fn appear(tx: &mut Transaction<'_>, table: &Table, id: Uuid) {
    let schema = tx.schema();
    for slot in schema.addresses(table.id) {
        let Some(parent) = tx.row(table.id, id) else { return };
        let Some(Cell::Id(address_id)) = row::get(parent, slot.id_column, Form::Id) else { continue };
        let mut cells = Draft::with_capacity(12);
        for (column, bytes) in row::cells(parent) {
            if let Ok(found) = slot.shared.binary_search_by_key(&column, |(here, _)| *here) {
                cells.set_bytes(slot.shared[found].1, bytes);
            }
        }
        add(tx, slot, table, id, address_id, cells);
    }
}

fn add(
    tx: &mut Transaction<'_>,
    slot: &AddressSlot,
    parent: &Table,
    id: Uuid,
    address_id: Uuid,
    mut cells: Draft,
) {
    let address = tx.table(slot.table);
    cells.set(slot.number_column, Cell::Integer(slot.number));
    match address.column(slot.parent_column).kind.form() {
        Some(Form::Lookup) => cells.set(slot.parent_column, Cell::Lookup(parent.id, id)),
        _ => cells.set(slot.parent_column, Cell::Id(id)),
    }
    if let Some(kind) = address.by_name.get("objecttypecode") {
        cells.set(*kind, Cell::Text(&parent.name));
    }
    system::fill_appeared(tx, &address, &mut cells);
    tx.insert(slot.table, address_id, &mut cells);
}

/// Carries changed address columns of a parent over to its addresses.
pub(super) fn follow_parent(tx: &mut Transaction<'_>, table: &Table, id: Uuid, changed: &Draft) {
    let schema = tx.schema();
    for slot in schema.addresses(table.id) {
        let mut cells = Draft::default();
        for (here, there) in &slot.shared {
            match changed.mention(*here) {
                Some(Mention::Set(bytes)) => cells.set_bytes(*there, bytes),
                Some(Mention::Cleared) => cells.clear(*there),
                None => {}
            }
        }
        if cells.is_empty() {
            continue;
        }
        let known = tx.row(table.id, id).and_then(|parent| row::get(parent, slot.id_column, Form::Id));
        match known {
            Some(Cell::Id(address_id)) if tx.exists(slot.table, address_id) => {
                let address = tx.table(slot.table);
                system::fill_modified(tx, &address, &mut cells);
                tx.change(slot.table, address_id, &mut cells);
            }
            _ => {
                let address_id = tx.next_id();
                let mut noted = Draft::default();
                noted.set(slot.id_column, Cell::Id(address_id));
                tx.change(table.id, id, &mut noted);
                add(tx, slot, table, id, address_id, cells);
            }
        }
    }
}

/// Carries a changed address over to the columns of its parent.
pub(super) fn follow_address(tx: &mut Transaction<'_>, address: &Table, id: Uuid, changed: &Draft) {
    let schema = tx.schema();
    let mut carried: Option<(u16, Uuid, Draft)> = None;
    for (parent, slot) in schema.address_parents(address.id) {
        let Some(row) = tx.row(address.id, id) else { return };
        if row::get(row, slot.number_column, Form::Integer) != Some(Cell::Integer(slot.number)) {
            continue;
        }
        let parent_id = match row::get(row, slot.parent_column, Form::Lookup) {
            Some(Cell::Lookup(kind, id)) if kind == parent => id,
            _ => match row::get(row, slot.parent_column, Form::Id) {
                Some(Cell::Id(id)) => id,
                _ => continue,
            },
        };
        let is_ours = tx
            .row(parent, parent_id)
            .is_some_and(|row| row::get(row, slot.id_column, Form::Id) == Some(Cell::Id(id)));
        if !is_ours {
            continue;
        }
        let mut cells = Draft::default();
        for (here, there) in &slot.shared {
            match changed.mention(*there) {
                Some(Mention::Set(bytes)) => cells.set_bytes(*here, bytes),
                Some(Mention::Cleared) => cells.clear(*here),
                None => {}
            }
        }
        carried = Some((parent, parent_id, cells));
    }
    if let Some((parent, parent_id, mut cells)) = carried.filter(|(_, _, cells)| !cells.is_empty()) {
        tx.change(parent, parent_id, &mut cells);
    }
}

/// Addresses go with their parent.
pub(super) fn remove_all(tx: &mut Transaction<'_>, table: &Table, id: Uuid) {
    let schema = tx.schema();
    for slot in schema.addresses(table.id) {
        let known = tx.row(table.id, id).and_then(|parent| row::get(parent, slot.id_column, Form::Id));
        if let Some(Cell::Id(address_id)) = known
            && tx.exists(slot.table, address_id)
        {
            tx.remove(slot.table, address_id);
        }
    }
}
