//! Parental cascades: what a change of owner and a delete do to the rows that point here.

use std::collections::HashSet;

use dataverse_wire::metadata::CascadeRule;
use uuid::Uuid;

use super::delete::delete_guarded;
use super::system;
use crate::refusal::{self, Refusal};
use crate::schema::{Dependent, Table};
use crate::state::row::{self, Cell, ColumnId, Draft, Form, TableId};
use crate::state::{Key, Transaction, sort_key};

/// Rows that are already being dealt with: cascades may go in circles.
pub(super) type Seen = HashSet<(TableId, Uuid)>;

/// A table of fewer rows is looked through; a larger one gets an index when it is first needed.
const SCANNED_ROWS: usize = 64;

/// Deletes, clears or protects the rows that point to a row which is about to go.
pub(super) fn before_delete(
    tx: &mut Transaction<'_>,
    table: &Table,
    id: Uuid,
    seen: &mut Seen,
) -> Result<(), Refusal> {
    let dependents = dependents(tx, table);
    for dependent in dependents.iter().filter(|it| it.delete == CascadeRule::Restrict) {
        if let Some(child) = children(tx, table.id, id, dependent.table, dependent.column).first() {
            return Err(is_associated(tx, table, id, dependent.table, *child));
        }
    }
    if matches!(table.name.as_str(), "systemuser" | "team") {
        owns_nothing(tx, table, id)?;
    }
    remove_pairs(tx, table.id, id);
    for dependent in dependents {
        match dependent.delete {
            CascadeRule::Cascade => {
                for child in children(tx, table.id, id, dependent.table, dependent.column) {
                    if tx.exists(dependent.table, child) && !seen.contains(&(dependent.table, child)) {
                        delete_guarded(tx, dependent.table, child, None, seen)?;
                    }
                }
            }
            CascadeRule::RemoveLink => {
                for child in children(tx, table.id, id, dependent.table, dependent.column) {
                    let mut cleared = Draft::default();
                    cleared.clear(dependent.column);
                    tx.change(dependent.table, child, &mut cleared);
                }
            }
            CascadeRule::NoCascade | CascadeRule::Active | CascadeRule::UserOwned | CascadeRule::Restrict => {
            }
        }
    }
    Ok(())
}

/// `CannotDeleteDueToAssociation`.
fn is_associated(tx: &Transaction<'_>, table: &Table, id: Uuid, kind: TableId, child: Uuid) -> Refusal {
    refusal::refusal(
        405,
        0x8004_0227,
        format!(
            "The object you tried to delete is associated with another object and cannot be deleted. ({} with Id \
             {id}: {} with Id {child})",
            table.name,
            tx.table(kind).name
        ),
    )
}

/// Users and teams stay as long as they own a row.
fn owns_nothing(tx: &mut Transaction<'_>, table: &Table, id: Uuid) -> Result<(), Refusal> {
    let schema = tx.schema();
    for owned in schema.tables() {
        let Some(owner) = owned.system.owner else { continue };
        if let Some(child) = children(tx, table.id, id, owned.id, owner).first() {
            return Err(is_associated(tx, table, id, owned.id, *child));
        }
    }
    Ok(())
}

/// Pairs of many-to-many relationships go with either end.
fn remove_pairs(tx: &mut Transaction<'_>, table: TableId, id: Uuid) {
    let schema = tx.schema();
    for pair in schema.pairs() {
        for (end, column) in [(pair.first, pair.first_column), (pair.second, pair.second_column)] {
            if end == table {
                for found in children(tx, table, id, pair.intersect, column) {
                    tx.remove(pair.intersect, found);
                }
            }
        }
    }
}

/// Passes a row's new owner on to the rows that follow it.
pub(super) fn after_assign(tx: &mut Transaction<'_>, table: &Table, id: Uuid, before: Option<Cell<'_>>) {
    pass_on(tx, table, id, before, &mut Seen::new());
}

fn pass_on(tx: &mut Transaction<'_>, table: &Table, id: Uuid, before: Option<Cell<'_>>, seen: &mut Seen) {
    if !seen.insert((table.id, id)) {
        return;
    }
    let Some(owner) = owner_of(tx, table, id) else { return };
    for dependent in dependents(tx, table) {
        let child_table = tx.table(dependent.table);
        let Some(owner_column) = child_table.system.owner else { continue };
        if dependent.assign == CascadeRule::NoCascade {
            continue;
        }
        for child in children(tx, table.id, id, dependent.table, dependent.column) {
            let Some(row) = tx.row(dependent.table, child) else { continue };
            let was = row::get(row, owner_column, Form::Lookup).and_then(owned);
            let is_active = child_table.system.state.is_none_or(|state| {
                matches!(row::get(row, state, Form::Integer), None | Some(Cell::Integer(0)))
            });
            let follows = match dependent.assign {
                CascadeRule::Cascade => true,
                CascadeRule::Active => is_active,
                CascadeRule::UserOwned => was == before.and_then(owned),
                CascadeRule::NoCascade | CascadeRule::RemoveLink | CascadeRule::Restrict => false,
            };
            if !follows || seen.contains(&(dependent.table, child)) {
                continue;
            }
            let mut change = Draft::default();
            change.set(owner_column, owner);
            system::fill_owning_business_unit(tx, &child_table, &mut change);
            system::fill_modified(tx, &child_table, &mut change);
            tx.change(dependent.table, child, &mut change);
            super::party::sync_derived(tx, &child_table, child);
            pass_on(tx, &child_table, child, was, seen);
        }
    }
}

/// A cell that outlives its row.
fn owned(cell: Cell<'_>) -> Option<Cell<'static>> {
    match cell {
        Cell::Lookup(kind, id) => Some(Cell::Lookup(kind, id)),
        _ => None,
    }
}

/// Who owns a row.
pub(super) fn owner_of(tx: &Transaction<'_>, table: &Table, id: Uuid) -> Option<Cell<'static>> {
    row::get(tx.row(table.id, id)?, table.system.owner?, Form::Lookup).and_then(owned)
}

/// Lookups that point to a table and lead to something; those of `activitypointer` count for every activity.
fn dependents(tx: &Transaction<'_>, table: &Table) -> Vec<Dependent> {
    let schema = tx.schema();
    let pointer = schema.named("activitypointer").filter(|_| table.activity.is_some());
    let own = schema.dependents(table.id).iter();
    let all = own.chain(pointer.into_iter().flat_map(|pointer| schema.dependents(pointer.id)));
    // Empty tables have nobody, and what is not stored cannot be followed.
    let counts = |it: &&Dependent| {
        tx.organisation().rows(it.table).len() > 0 && tx.settings.keeps(schema.table(it.table), it.column)
    };
    let as_set = |it: &Dependent| {
        if it.is_usual && !tx.settings.usual_cascades {
            return Dependent { assign: CascadeRule::NoCascade, delete: CascadeRule::RemoveLink, ..*it };
        }
        *it
    };
    all.filter(counts).map(as_set).collect()
}

/// The rows whose lookup or id column holds this row.
fn children(
    tx: &mut Transaction<'_>,
    parent: TableId,
    id: Uuid,
    table: TableId,
    column: ColumnId,
) -> Vec<Uuid> {
    let Some(form) = tx.table(table).column(column).kind.form() else { return Vec::new() };
    let points_here = |row: &[u8]| match row::get(row, column, form) {
        Some(Cell::Lookup(kind, to)) => to == id && kind == parent,
        Some(Cell::Id(to)) => to == id,
        _ => false,
    };
    let rows = tx.organisation().rows(table);
    if !rows.is_sorted_by(column) && rows.len() > SCANNED_ROWS {
        tx.sort_by(table, column, form);
    }
    let rows = tx.organisation().rows(table);
    let keys: Vec<Key> = match sort_key(Cell::Id(id)).filter(|_| rows.is_sorted_by(column)) {
        Some(key) => rows.in_range(column, &(key..=key)),
        None => {
            return rows.after(None).filter(|(_, row)| points_here(row)).map(|(key, _)| key.id()).collect();
        }
    };
    keys.into_iter().filter(|key| rows.get(*key).is_some_and(points_here)).map(Key::id).collect()
}
