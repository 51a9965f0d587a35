//! Writes, understood but not yet done: which rows, which columns, which message.

use dataverse_wire::literal::RowKey;

use super::action::Action;
use super::bulk::{BulkMessage, read_bulk};
use super::exchange::Request;
use super::path::Segment;
use crate::query::QueryOptions;
use crate::refusal::{self, Refusal};
use crate::schema::{Collection, Property, Schema, Table, partition_parameter};
use crate::settings::Settings;
use crate::state::row::{ColumnId, TableId};
use crate::write::{ContentIds, Reader, Reference, RowDraft, Update, read_parties, read_reference, read_row};

/// A write that has been read.
#[derive(Debug)]
pub(crate) enum Prepared {
    Create {
        table: TableId,
        row: RowDraft,
    },
    Update {
        table: TableId,
        key: RowKey,
        row: RowDraft,
        how: Update,
    },
    Delete {
        table: TableId,
        key: RowKey,
        version: Option<u64>,
    },
    Bulk {
        table: TableId,
        message: BulkMessage,
        rows: Vec<RowDraft>,
    },
    /// A row made through a collection of another: `POST accounts(…)/contact_customer_accounts`.
    CreateBelow {
        table: TableId,
        key: RowKey,
        collection: Collection,
        child: TableId,
        row: RowDraft,
    },
    Associate {
        table: TableId,
        key: RowKey,
        collection: Collection,
        other: Reference,
    },
    Disassociate {
        table: TableId,
        key: RowKey,
        collection: Collection,
        other: Reference,
    },
    /// `PUT` or `DELETE …/nav/$ref`.
    SetLookup {
        table: TableId,
        key: RowKey,
        column: ColumnId,
        to: Option<Reference>,
    },
    ReplaceParties {
        table: TableId,
        key: RowKey,
        parties: Vec<RowDraft>,
    },
    Action(Action),
}

/// Reads a write against the definitions that it meets.
pub(crate) fn prepare(
    schema: &Schema,
    settings: &Settings,
    content_ids: &ContentIds,
    request: &Request,
    path: &[Segment],
) -> Result<Prepared, Refusal> {
    let reader = Reader { schema, settings, content_ids };
    let Some((first, rest)) = path.split_first() else {
        return Err(refusal::wrong_method(&request.method, "the service root"));
    };
    // `$1` in a change set stands for the row that an earlier operation made.
    if first.name.starts_with('$') && first.key.is_none() {
        let reference = read_reference(schema, &first.name, content_ids)?;
        return row_write(reader, schema.table(reference.table), &reference.key, request, rest);
    }
    let Some(table) = schema.by_entity_set(&first.name) else {
        return match rest {
            [] => Action::unbound(reader, &first.name, request).map(Prepared::Action),
            _ => Err(refusal::no_segment(&first.name)),
        };
    };
    if table.name == "activitypointer" && first.key.is_some() {
        return Err(refusal::not_emulated("Writing an activity through activitypointers"));
    }
    let partition = partition_of(table, request)?;
    match first.row_key()?.map(|key| table.with_partition(key, partition.as_deref())) {
        Some(key) => row_write(reader, table, &key, request, rest),
        None => table_write(reader, table, request, rest),
    }
}

/// `?partitionId=`, which counts for reads and deletes of elastic tables, and is ignored elsewhere (documented).
pub(super) fn partition_of(table: &Table, request: &Request) -> Result<Option<String>, Refusal> {
    if table.elastic.is_none() || !matches!(request.method.as_str(), "GET" | "DELETE") {
        return Ok(None);
    }
    let options = QueryOptions::parse(request.query())?;
    let named = options.others.iter().find(|(name, _)| name.eq_ignore_ascii_case("partitionid"));
    Ok(named.map(|(_, value)| partition_parameter(value)))
}

fn table_write(
    reader: Reader<'_>,
    table: &Table,
    request: &Request,
    rest: &[Segment],
) -> Result<Prepared, Refusal> {
    match (request.method.as_str(), rest) {
        ("POST", []) => {
            Ok(Prepared::Create { table: table.id, row: read_row(reader, table, &request.body)? })
        }
        ("POST", [message]) => match BulkMessage::named(&message.name) {
            Some(message) => {
                let rows = read_bulk(reader, table, message, &request.body)?;
                Ok(Prepared::Bulk { table: table.id, message, rows })
            }
            // FulfillSalesOrder is bound to the orders as a whole.
            None if message.name.ends_with(".FulfillSalesOrder") && table.name == "salesorder" => {
                Action::unbound(reader, &message.name, request).map(Prepared::Action)
            }
            None => Err(refusal::no_segment(&message.name)),
        },
        (method, []) => Err(refusal::wrong_method(method, &table.entity_set)),
        (_, [segment, ..]) => Err(refusal::no_segment(&segment.name)),
    }
}

fn row_write(
    reader: Reader<'_>,
    table: &Table,
    key: &RowKey,
    request: &Request,
    rest: &[Segment],
) -> Result<Prepared, Refusal> {
    let id = table.id;
    let key = key.clone();
    match (request.method.as_str(), rest) {
        ("PATCH", []) => {
            let row = read_row(reader, table, &request.body)?;
            Ok(Prepared::Update { table: id, key, row, how: conditions(request)? })
        }
        ("DELETE", []) => {
            let version = match conditions(request)? {
                Update::IfVersion(version) => Some(version),
                _ => None,
            };
            Ok(Prepared::Delete { table: id, key, version })
        }
        ("POST", [message]) if message.name.starts_with("Microsoft.Dynamics.CRM.") => {
            Action::bound(reader, table, key, &message.name, request).map(Prepared::Action)
        }
        ("POST", [property]) if let Some(collection) = reader.schema.collection(id, &property.name) => {
            let child = other_end(reader.schema, collection, id);
            let row = read_row(reader, reader.schema.table(child), &request.body)?;
            Ok(Prepared::CreateBelow { table: id, key, collection, child, row })
        }
        (method, [property, reference]) if reference.name == "$ref" => {
            reference_write(reader, table, key, property, method, request)
        }
        ("PUT", [property])
            if table.activity.as_ref().is_some_and(|it| it.parties_property == property.name) =>
        {
            let parties =
                reader.schema.named("activityparty").ok_or_else(|| refusal::no_segment(&property.name))?;
            Ok(Prepared::ReplaceParties {
                table: id,
                key,
                parties: read_parties(reader, parties, &request.body)?,
            })
        }
        (method @ ("PUT" | "DELETE"), [property]) => {
            let Some(Property::Value(_)) = table.properties.get(&property.name) else {
                return Err(refusal::no_query_property(table, &property.name));
            };
            let value =
                if method == "DELETE" { serde_json::Value::Null } else { property_value(table, request)? };
            let mut body = serde_json::Map::new();
            body.insert(property.name.clone(), value);
            let body = serde_json::Value::Object(body).to_string();
            let row = read_row(reader, table, body.as_bytes())?;
            Ok(Prepared::Update { table: id, key, row, how: Update::Existing })
        }
        ("PATCH", [property]) => {
            Err(refusal::not_emulated(format_args!("Uploading the file column {}", property.name)))
        }
        (method, [segment, ..]) => {
            Err(refusal::wrong_method(method, &format!("{}(…)/{}", table.entity_set, segment.name)))
        }
        (method, []) => Err(refusal::wrong_method(method, &table.entity_set)),
    }
}

/// `{"value":…}` of a single property.
fn property_value(table: &Table, request: &Request) -> Result<serde_json::Value, Refusal> {
    let body: serde_json::Value =
        serde_json::from_slice(&request.body).map_err(|error| refusal::payload(&table.entity_set, error))?;
    body.get("value")
        .cloned()
        .ok_or_else(|| refusal::payload(&table.entity_set, "The property 'value' is missing."))
}

fn reference_write(
    reader: Reader<'_>,
    table: &Table,
    key: RowKey,
    property: &Segment,
    method: &str,
    request: &Request,
) -> Result<Prepared, Refusal> {
    let id = table.id;
    if let Some(Property::Navigation { column, .. }) = table.properties.get(&property.name) {
        return match method {
            "PUT" | "POST" => {
                let to = Some(reference_in_body(reader, table, request)?);
                Ok(Prepared::SetLookup { table: id, key, column: *column, to })
            }
            "DELETE" => Ok(Prepared::SetLookup { table: id, key, column: *column, to: None }),
            _ => Err(refusal::wrong_method(method, "$ref")),
        };
    }
    let collection =
        reader.schema.collection(id, &property.name).ok_or_else(|| refusal::no_segment(&property.name))?;
    match method {
        "POST" | "PUT" => {
            let other = reference_in_body(reader, table, request)?;
            Ok(Prepared::Associate { table: id, key, collection, other })
        }
        "DELETE" => {
            let other = match (property.row_key()?, QueryOptions::parse(request.query())?.id) {
                (Some(key), _) => Reference { table: other_end(reader.schema, collection, id), key },
                (None, Some(text)) => read_reference(reader.schema, &text, reader.content_ids)?,
                (None, None) => {
                    return Err(refusal::bad_query(
                        "Which row to take out must be said, by its key or by $id.",
                    ));
                }
            };
            Ok(Prepared::Disassociate { table: id, key, collection, other })
        }
        _ => Err(refusal::wrong_method(method, "$ref")),
    }
}

fn other_end(schema: &Schema, collection: Collection, from: TableId) -> TableId {
    match collection {
        Collection::Children { table, .. } => table,
        Collection::Pairs { pair, from_first } => {
            let pair = schema.pair(pair);
            debug_assert!(from == pair.first || from == pair.second);
            if from_first { pair.second } else { pair.first }
        }
    }
}

/// `{"@odata.id":"…"}`.
fn reference_in_body(reader: Reader<'_>, table: &Table, request: &Request) -> Result<Reference, Refusal> {
    #[derive(serde::Deserialize)]
    struct Body {
        #[serde(rename = "@odata.id", alias = "@id")]
        id: String,
    }
    let body: Body =
        serde_json::from_slice(&request.body).map_err(|error| refusal::payload(&table.entity_set, error))?;
    read_reference(reader.schema, &body.id, reader.content_ids)
}

/// What `If-Match` and `If-None-Match` demand.
fn conditions(request: &Request) -> Result<Update, Refusal> {
    if request.headers.get("if-none-match") == Some("*") {
        return Ok(Update::CreateOnly);
    }
    match request.headers.get("if-match").map(str::trim) {
        None | Some("") => Ok(Update::Upsert),
        Some("*") => Ok(Update::Existing),
        Some(tag) => version_in(tag).map(Update::IfVersion).ok_or_else(|| {
            refusal::refusal(
                400,
                0x8006_0883,
                format!("The value '{tag}' of If-Match is not a version of a row."),
            )
        }),
    }
}

/// `W/"123"` as a number.
pub(super) fn version_in(tag: &str) -> Option<u64> {
    tag.trim().trim_start_matches("W/").trim_matches('"').parse().ok()
}
