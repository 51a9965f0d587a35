//! References to rows: `/contacts(…)`, absolute URLs, alternate keys, and `$1` inside a change set.

use std::collections::HashMap;

use dataverse_wire::literal::{KeyLiteral, Reference as WireReference, RowKey, parse_guid};
use uuid::Uuid;

use super::value::key_cell;
use crate::refusal::{self, Refusal};
use crate::schema::{Schema, Table};
use crate::settings::Settings;
use crate::state::row::{Draft, TableId};
use crate::state::{Key, Organisation};

/// What the operations of a change set have created so far, by `Content-ID`.
pub(crate) type ContentIds = HashMap<String, (TableId, Uuid)>;

/// A row that is referred to; perhaps not there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reference {
    pub(crate) table: TableId,
    pub(crate) key: RowKey,
}

/// Reads a reference. Whether the row is there is found out when the request takes effect.
pub(crate) fn read_reference(
    schema: &Schema,
    text: &str,
    content_ids: &ContentIds,
) -> Result<Reference, Refusal> {
    if let Some(content_id) = text.strip_prefix('$') {
        return content_ids
            .get(content_id)
            .map(|(table, id)| Reference { table: *table, key: RowKey::Id(*id) })
            .ok_or_else(|| unknown_content_id(content_id));
    }
    // Nearly all references are `/accounts(guid)`: no need to take them apart for good.
    if let Some((path, rest)) = text.rsplit_once('(')
        && let Some(id) = rest.strip_suffix(')').and_then(parse_guid)
    {
        let set = path.rsplit('/').next().unwrap_or(path);
        let table = schema.by_entity_set(set).ok_or_else(|| refusal::no_segment(set))?;
        return Ok(Reference { table: table.id, key: RowKey::Id(id) });
    }
    let reference = WireReference::parse(text).map_err(|error| refusal::payload("reference", error))?;
    let table = schema
        .by_entity_set(&reference.entity_set)
        .ok_or_else(|| refusal::no_segment(&reference.entity_set))?;
    Ok(Reference { table: table.id, key: reference.key })
}

pub(crate) fn unknown_content_id(content_id: &str) -> Refusal {
    refusal::refusal(
        400,
        0x8006_0888,
        format!("Content-ID Reference: '${content_id}' does not exist in the batch context."),
    )
}

/// The id that a key stands for: `None` when no row has this alternate key.
pub(crate) fn resolve(
    organisation: &Organisation,
    settings: &Settings,
    table: &Table,
    key: &RowKey,
    now: i64,
) -> Result<Option<Uuid>, Refusal> {
    if table.elastic.is_some() {
        return resolve_elastic(organisation, table, key);
    }
    let columns = match key {
        RowKey::Id(id) => return Ok(Some(*id)),
        RowKey::Alternate(columns) => columns,
    };
    if let [(name, KeyLiteral::Guid(id))] = columns.as_slice()
        && *name == table.column(table.primary).name
    {
        return if matches!(table.name.as_str(), "systemuser" | "team") {
            Err(refusal::no_such_key(&table.name)) // Their declared key is the principal's `ownerid`.
        } else {
            Ok(Some(*id))
        };
    }
    let draft = alternate_key(table, columns, settings, now)?;
    let ids: Vec<_> = draft.columns().collect();
    let rows = organisation.rows(table.id);
    let index = rows.unique_over(&ids).ok_or_else(|| refusal::no_such_key(&table.name))?;
    let found = index.value_of(|column| draft.find(column)).and_then(|value| index.row(&value));
    Ok(found.map(Key::id))
}

/// Rows of elastic tables go by id and partition.
fn resolve_elastic(
    organisation: &Organisation,
    table: &Table,
    key: &RowKey,
) -> Result<Option<Uuid>, Refusal> {
    let meant = table.elastic_key(key).ok_or_else(|| refusal::no_such_key(&table.name))?;
    if matches!(key, RowKey::Id(_)) {
        return Ok(Some(meant.slot()));
    }
    check_addressable("partitionid", &meant.partition)?;
    Ok(Some(meant.slot()).filter(|slot| organisation.row(table.id, *slot).is_some()))
}

fn check_addressable(name: &str, text: &str) -> Result<(), Refusal> {
    if dataverse_wire::literal::is_addressable(text) {
        return Ok(());
    }
    let text = format!("The key value of '{name}' contains a character that cannot be used in a URL: {text}");
    Err(refusal::refusal(400, 0x8006_088A, text))
}

/// The columns of an alternate key with their values; refused when they are no active key of the table.
pub(crate) fn alternate_key(
    table: &Table,
    columns: &[(String, KeyLiteral)],
    settings: &Settings,
    now: i64,
) -> Result<Draft, Refusal> {
    let undefined = || refusal::no_such_key(&table.name);
    let mut draft = Draft::default();
    for (name, literal) in columns {
        if let KeyLiteral::Text(text) = literal {
            check_addressable(name, text)?;
        }
        let column = table.readable(name).ok_or_else(undefined)?;
        key_cell(table, column, literal, settings, &mut draft)?;
    }
    let ids: Vec<_> = draft.columns().collect();
    let key = table
        .keys
        .iter()
        .find(|key| key.columns.len() == ids.len() && key.columns.iter().all(|column| ids.contains(column)))
        .ok_or_else(undefined)?;
    if now < key.active_from {
        return Err(undefined());
    }
    Ok(draft)
}
