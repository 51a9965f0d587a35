//! Creating one row, with everything that comes along with it.

use uuid::Uuid;

use super::body::{Child, RowDraft};
use super::reference::resolve;
use super::{address, content, elastic, pair, party, rights, state_rules, system};
use crate::refusal::{self, Refusal};
use crate::schema::{Collection, Kind, Table};
use crate::state::row::{Cell, ColumnId, Draft, Form, TableId};
use crate::state::{Key, Transaction};

/// Tables whose rows come into being otherwise.
const NOT_CREATABLE: [&str; 4] = ["fileattachment", "activityparty", "activitypointer", "organization"];

/// Creates a row and says which id it got.
pub(crate) fn create(tx: &mut Transaction<'_>, table: TableId, mut row: RowDraft) -> Result<Uuid, Refusal> {
    let table = tx.table(table);
    if let Some(refused) = row.refused.take() {
        return Err(refused);
    }
    let by_association = table.is_intersect && tx.settings.intersect_create.refuses();
    if by_association || NOT_CREATABLE.contains(&table.name.as_str()) {
        return Err(not_creatable(&table));
    }
    for (column, target, parent) in std::mem::take(&mut row.parents) {
        let id = create(tx, target, parent)?;
        row.cells.set(column, Cell::Lookup(target, id));
    }
    bind_by_key(tx, &table, &mut row)?;
    keep_writable(tx, &table, &mut row.cells, Operation::Create)?;
    check_lookups(tx, &table, &row.cells)?;
    if tx.settings.required_columns_enforced {
        check_required(&table, &row.cells)?;
    }
    if table.name == "systemuser" {
        make_stub_user(&table, &mut row.cells);
    }
    let id = match row.id {
        _ if table.elastic.is_some() => elastic::place(tx, &table, &mut row)?,
        Some(id) if tx.exists(table.id, id) => return Err(refusal::duplicate_id()),
        Some(id) => id,
        None => tx.next_id(),
    };
    state_rules::start(tx, &table, id, &mut row.cells)?;
    system::fill_created(tx, &table, &mut row.cells);
    content::check_new_images(tx, &table, &row.cells)?;
    content::note_images(tx, &table, id, &mut row.cells)?;
    content::note_document(tx, &table, &mut row.cells)?;
    address::note(tx, &table, &mut row.cells);
    check_keys(tx, &table, id, &mut row.cells, None)?;
    tx.insert(table.id, id, &mut row.cells);
    address::appear(tx, &table, id);
    if let Some(parties) = row.parties {
        party::add(tx, &table, id, parties)?;
    }
    party::sync_derived(tx, &table, id);
    add_children(tx, &table, id, row.children)?;
    Ok(id)
}

fn not_creatable(table: &Table) -> Refusal {
    refusal::refusal(
        400,
        0x8004_0800,
        format!(
            "The 'Create' method does not support entities of type '{}'. MessageProcessorCache returned \
             MessageProcessor.Empty.",
            table.name
        ),
    )
}

/// What a body is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    Update,
    /// One item of UpdateMultiple, which may change a sequence number.
    UpdateOfMany,
}

/// Resolves lookups that were bound by alternate key.
pub(super) fn bind_by_key(tx: &Transaction<'_>, table: &Table, row: &mut RowDraft) -> Result<(), Refusal> {
    for (column, reference) in std::mem::take(&mut row.by_key) {
        let target = tx.table(reference.table);
        let id = resolve(tx.organisation(), tx.settings, &target, &reference.key, tx.caller.now)?
            .ok_or_else(|| refusal::no_row_by_key(&target.name))?;
        row.cells.set(column, Cell::Lookup(target.id, id));
    }
    debug_assert!(row.by_key.is_empty(), "of {}", table.name);
    Ok(())
}

/// Drops columns that the operation may not write, or refuses them.
pub(super) fn keep_writable(
    tx: &Transaction<'_>,
    table: &Table,
    cells: &mut Draft,
    operation: Operation,
) -> Result<(), Refusal> {
    let is_writable = |id: ColumnId| {
        let column = table.column(id);
        if column.view_of.is_some() {
            return false;
        }
        match operation {
            Operation::Create => {
                column.create
                    || (Some(id) == table.system.state && !tx.settings.inactive_status_on_create.refuses())
            }
            Operation::Update => column.update,
            Operation::UpdateOfMany => {
                let is_number = Some(id) == table.system.sequence_number;
                column.update || (is_number && !tx.settings.sequence_number_in_update_multiple.refuses())
            }
        }
    };
    if cells.columns().all(is_writable) {
        return Ok(());
    }
    let unwritable: Vec<ColumnId> = cells.columns().filter(|id| !is_writable(*id)).collect();
    for id in unwritable {
        if tx.settings.unwritable_columns.refuses() {
            let name = if operation == Operation::Create { "create" } else { "update" };
            return Err(refusal::not_writable(table, table.column(id), name));
        }
        cells.forget(id);
    }
    Ok(())
}

/// Every row that is referred to must be there.
pub(super) fn check_lookups(tx: &Transaction<'_>, table: &Table, cells: &Draft) -> Result<(), Refusal> {
    for id in cells.columns() {
        let Kind::Lookup { owner, .. } = table.column(id).kind else { continue };
        let Some(Cell::Lookup(kind, target)) = cells.get(id, Form::Lookup) else { continue };
        let kind = tx.organisation().schema.table(kind);
        if owner {
            rights::check_owner(tx, table, kind, target)?;
        } else if !tx.exists(kind.id, target) {
            return Err(refusal::no_row(&kind.name, target));
        }
    }
    Ok(())
}

fn check_required(table: &Table, cells: &Draft) -> Result<(), Refusal> {
    for (index, column) in table.columns.iter().enumerate().filter(|(_, column)| column.required) {
        let id = ColumnId::try_from(index).unwrap_or(ColumnId::MAX);
        if cells.find(id).is_none() {
            return Err(refusal::missing(table, column));
        }
    }
    Ok(())
}

/// Users that are created here have no licence and no account: stubs that cannot sign in.
fn make_stub_user(table: &Table, cells: &mut Draft) {
    for (name, value) in [("isdisabled", true), ("islicensed", false)] {
        if let Some(column) = table.by_name.get(name) {
            cells.set(*column, Cell::Boolean(value));
        }
    }
}

/// Refuses a row whose alternate key another row has. `old` is the row being changed.
pub(super) fn check_keys(
    tx: &Transaction<'_>,
    table: &Table,
    id: Uuid,
    cells: &mut Draft,
    old: Option<&[u8]>,
) -> Result<(), Refusal> {
    if table.keys.is_empty() {
        return Ok(());
    }
    let row = match old {
        Some(old) => cells.changed(old, 0),
        None => cells.make_row(0),
    };
    let Some((index, other)) = tx.organisation().rows(table.id).conflict(Key::from(id), &row) else {
        return Ok(());
    };
    let values: Vec<(String, String)> = index
        .columns()
        .map(|column| {
            let mut text = Vec::new();
            crate::answer::write_cell(&table.read(Key::from(id), &row, column), &mut text);
            let text = String::from_utf8_lossy(&text).trim_matches('"').to_owned();
            (table.column(column).name.clone(), text)
        })
        .collect();
    Err(refusal::duplicate_key(table, &index.name, &values, other.id()))
}

/// Deep insert: children are created with their lookup set, rows that are there are bound.
fn add_children(
    tx: &mut Transaction<'_>,
    table: &Table,
    id: Uuid,
    children: Vec<(Collection, Child)>,
) -> Result<(), Refusal> {
    for (collection, child) in children {
        match (collection, child) {
            (Collection::Children { table: kind, column }, Child::New(mut child)) => {
                child.cells.set(column, Cell::Lookup(table.id, id));
                create(tx, kind, child)?;
            }
            (Collection::Pairs { pair: number, from_first }, Child::New(child)) => {
                let schema = tx.schema();
                let pair = schema.pair(number);
                let other = create(tx, if from_first { pair.second } else { pair.first }, child)?;
                pair::associate(tx, table.id, id, collection, other)?;
            }
            (collection, Child::Bound(reference)) => {
                let kind = tx.table(reference.table);
                let other = resolve(tx.organisation(), tx.settings, &kind, &reference.key, tx.caller.now)?
                    .ok_or_else(|| refusal::no_row_by_key(&kind.name))?;
                pair::associate(tx, table.id, id, collection, other)?;
            }
        }
    }
    Ok(())
}
