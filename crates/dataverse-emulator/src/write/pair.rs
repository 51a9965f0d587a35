//! Associating and disassociating: N:N pairs, and 1:N seen from the parent.

use uuid::Uuid;

use super::body::RowDraft;
use super::update::{Update, update};
use crate::refusal::{self, Refusal};
use crate::schema::{Collection, Pair, Schema, Table};
use crate::state::row::{Cell, ColumnId, Draft, Form, TableId};
use crate::state::{Key, Organisation, SortKey, Transaction, sort_key};

/// Adds `other` to a collection of the row `id`.
pub(crate) fn associate(
    tx: &mut Transaction<'_>,
    table: TableId,
    id: Uuid,
    collection: Collection,
    other: Uuid,
) -> Result<(), Refusal> {
    let schema = tx.schema();
    must_exist(tx, schema.table(table), id)?;
    match collection {
        Collection::Children { table: kind, column } => {
            must_exist(tx, schema.table(kind), other)?;
            let mut row = RowDraft::default();
            row.cells.set(column, Cell::Lookup(table, id));
            update(tx, kind, other, row, Update::Existing)?;
            Ok(())
        }
        Collection::Pairs { pair, from_first } => {
            let pair = schema.pair(pair);
            let (first, second) = if from_first { (id, other) } else { (other, id) };
            must_exist(tx, schema.table(if from_first { pair.second } else { pair.first }), other)?;
            add_pair(tx, &schema, pair, first, second)
        }
    }
}

fn must_exist(tx: &Transaction<'_>, table: &Table, id: Uuid) -> Result<(), Refusal> {
    if tx.exists(table.id, id) { Ok(()) } else { Err(refusal::no_row(&table.name, id)) }
}

fn add_pair(
    tx: &mut Transaction<'_>,
    schema: &Schema,
    pair: &Pair,
    first: Uuid,
    second: Uuid,
) -> Result<(), Refusal> {
    let intersect = schema.table(pair.intersect);
    if find_pair(tx.organisation(), schema, pair, first, second).is_some() {
        return if tx.settings.existing_pair.refuses() { Err(refusal::duplicate_id()) } else { Ok(()) };
    }
    let mut cells = Draft::default();
    set_end(intersect, pair.first_column, pair.first, first, &mut cells);
    set_end(intersect, pair.second_column, pair.second, second, &mut cells);
    // Intersect tables that serve several kinds of rows note which kind this one is.
    for name in ["entitytype", "itemobjecttypecode", "objecttypecode"] {
        if let Some(column) = intersect.by_name.get(name) {
            cells.set(*column, Cell::Text(&schema.table(pair.second).name));
        }
    }
    super::system::fill_appeared(tx, intersect, &mut cells);
    let id = tx.next_id();
    tx.insert(pair.intersect, id, &mut cells);
    Ok(())
}

fn set_end(intersect: &Table, column: ColumnId, kind: TableId, id: Uuid, cells: &mut Draft) {
    match intersect.column(column).kind.form() {
        Some(Form::Lookup) => cells.set(column, Cell::Lookup(kind, id)),
        _ => cells.set(column, Cell::Id(id)),
    }
}

fn find_pair(
    organisation: &Organisation,
    schema: &Schema,
    pair: &Pair,
    first: Uuid,
    second: Uuid,
) -> Option<Key> {
    let intersect = schema.table(pair.intersect);
    let mut probe = Draft::default();
    set_end(intersect, pair.first_column, pair.first, first, &mut probe);
    set_end(intersect, pair.second_column, pair.second, second, &mut probe);
    let rows = organisation.rows(pair.intersect);
    let index = rows.unique_over(&[pair.first_column, pair.second_column])?;
    let value = index.value_of(|column| probe.find(column))?;
    index.row(&value)
}

/// Takes `other` out of a collection of the row `id`; a pair that is not there is no error.
pub(crate) fn disassociate(
    tx: &mut Transaction<'_>,
    table: TableId,
    id: Uuid,
    collection: Collection,
    other: Uuid,
) -> Result<(), Refusal> {
    let schema = tx.schema();
    must_exist(tx, schema.table(table), id)?;
    match collection {
        Collection::Children { table: kind, column } => {
            must_exist(tx, schema.table(kind), other)?;
            let mut row = RowDraft::default();
            row.cells.clear(column);
            update(tx, kind, other, row, Update::Existing)?;
        }
        Collection::Pairs { pair, from_first } => {
            let pair = schema.pair(pair);
            let (first, second) = if from_first { (id, other) } else { (other, id) };
            if let Some(key) = find_pair(tx.organisation(), &schema, pair, first, second) {
                tx.remove(pair.intersect, key.id());
            }
        }
    }
    Ok(())
}

/// The other ends of an N:N relationship by its name, as seen from a row of `near`; `None` where there is no such
/// relationship.
pub(super) fn members(
    organisation: &Organisation,
    relationship: &str,
    near: &str,
    id: Uuid,
) -> Option<Vec<Uuid>> {
    let schema = &organisation.schema;
    let pair = schema.pairs().iter().find(|pair| pair.schema_name == relationship)?;
    Some(pair_rows(organisation, pair, schema.table(pair.first).name == near, id))
}

/// The other ends of an N:N relationship, as seen from the row `id`.
pub(crate) fn pair_rows(organisation: &Organisation, pair: &Pair, from_first: bool, id: Uuid) -> Vec<Uuid> {
    let schema = &organisation.schema;
    let intersect = schema.table(pair.intersect);
    let (near, far, far_table) = if from_first {
        (pair.first_column, pair.second_column, pair.second)
    } else {
        (pair.second_column, pair.first_column, pair.first)
    };
    let (Some(near_form), Some(far_form)) =
        (intersect.column(near).kind.form(), intersect.column(far).kind.form())
    else {
        return Vec::new();
    };
    let end = |row: &[u8]| match crate::state::row::get(row, far, far_form) {
        Some(Cell::Id(id) | Cell::Lookup(_, id)) => Some(id),
        _ => None,
    };
    let rows = organisation.rows(pair.intersect);
    let found: Vec<Uuid> = if rows.is_sorted_by(near)
        && let Some(key) = sort_key(Cell::Id(id))
    {
        let range: std::ops::RangeInclusive<SortKey> = key..=key;
        rows.in_range(near, &range).into_iter().filter_map(|key| rows.get(key).and_then(end)).collect()
    } else {
        rows.after(None)
            .filter(|(_, row)| {
                matches!(
                    crate::state::row::get(row, near, near_form),
                    Some(Cell::Id(other) | Cell::Lookup(_, other)) if other == id
                )
            })
            .filter_map(|(_, row)| end(row))
            .collect()
    };
    // Tables such as campaignitem serve several relationships: keep the rows of this one.
    found.into_iter().filter(|id| organisation.row(far_table, *id).is_some()).collect()
}
