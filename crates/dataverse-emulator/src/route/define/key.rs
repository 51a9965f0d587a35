//! Alternate keys: their indices are built later, and may fail (reference §7.5).

use std::sync::Arc;

use dataverse_wire::metadata::{AlternateKey as KeyDefinition, ColumnType};
use serde_json::Value;

use super::super::exchange::Answer;
use super::super::path::Segment;
use super::{Defining, decoded_key, exists, not_found};
use crate::refusal::{self, Refusal};
use crate::schema::{AlternateKey, Column, Kind, Table};
use crate::state::key::named_id;
use crate::state::unique_index;

/// When a key whose index could not be built becomes active: never.
const FAILED: i64 = AlternateKey::NEVER;

pub(super) fn create(defining: &mut Defining<'_>, path: &[Segment]) -> Result<Answer, Refusal> {
    let table = defining.table(path)?;
    let body = defining.body()?;
    let schema_name = body["SchemaName"].as_str().unwrap_or_default().to_owned();
    let columns: Vec<String> = body["KeyAttributes"]
        .as_array()
        .map(|names| names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
        .unwrap_or_default();
    if schema_name.is_empty() || columns.is_empty() {
        return Err(refusal::payload("Keys", "A key needs a SchemaName and KeyAttributes."));
    }
    if table.elastic.is_some() {
        let text =
            format!("Elastic tables have no alternate keys but their own: {schema_name} on {}.", table.name);
        return Err(refusal::refusal(400, 0x8004_0203, text));
    }
    if table.keys.iter().any(|key| key.schema_name == schema_name) {
        return Err(exists("A key", &schema_name));
    }
    if table.keys.len() >= dataverse_wire::limits::ALTERNATE_KEYS {
        let text = format!("The table {} has ten keys already.", table.name);
        return Err(refusal::refusal(400, 0x8004_0203, text));
    }
    for name in &columns {
        let column = table.column_named(name).ok_or_else(|| refusal::no_query_property(&table, name))?;
        if !may_be_in_key(&table, column) {
            let text = format!("The column '{name}' of '{}' cannot be part of an alternate key.", table.name);
            return Err(refusal::refusal(400, 0x8004_0203, text));
        }
        if defining.organisation.rows(table.id).len() > 0 {
            // Rows that are there could not take part in the key.
            let column = table.by_name.get(name).copied().unwrap_or(table.primary);
            defining.context.service.settings().must_keep(&table, column)?;
        }
    }
    let mut definition = table.definition.clone();
    definition.keys.push(KeyDefinition::new(schema_name.clone(), columns));
    defining.adopt(vec![definition]);
    let id = named_id(2, &format!("{}.{schema_name}", table.name));
    defining.organisation.written.keep(id, &body);
    activate(defining, &table.name, &schema_name);
    Ok(defining.created(&format!("EntityDefinitions({})/Keys", table.metadata_id), id))
}

/// Only these kinds are allowed: Decimal, Integer, String, `DateTime`, Lookup and Picklist (documented).
fn may_be_in_key(table: &Table, column: &Column) -> bool {
    match &column.kind {
        Kind::Text { .. } => table
            .definition
            .column(&column.name)
            .is_some_and(|column| matches!(column.column_type, ColumnType::String { .. })),
        Kind::Integer { .. }
        | Kind::Decimal { .. }
        | Kind::DateTime
        | Kind::Date
        | Kind::Choice { .. }
        | Kind::Lookup { .. } => true,
        _ => false,
    }
}

/// Builds the index, and says from when on the key may be used; a key over duplicates fails.
fn activate(defining: &mut Defining<'_>, table: &str, schema_name: &str) {
    let settings = defining.context.service.settings();
    let schema = defining.schema();
    let Some(table) = schema.named(table) else { return };
    let Some(key) = table.keys.iter().find(|key| key.schema_name == schema_name) else { return };
    let index = unique_index(table, schema_name, &key.columns, settings.case_insensitive_text);
    let built = defining.organisation.rows_mut(table.id).add_unique(index);
    let delay = i64::try_from(settings.key_activation_seconds).unwrap_or(i64::MAX);
    let active_from = match built {
        Err(_) => FAILED,
        Ok(()) if delay == 0 => i64::MIN,
        Ok(()) => defining.context.caller.now.saturating_add(delay).min(FAILED - 1),
    };
    defining.change(table, |table| {
        for key in table.keys.iter_mut().filter(|key| key.schema_name == schema_name) {
            key.active_from = active_from;
        }
    });
}

pub(super) fn delete(defining: &mut Defining<'_>, path: &[Segment]) -> Result<Answer, Refusal> {
    let table = defining.table(path)?;
    let wanted = decoded_key(&path[1]);
    let found = table
        .keys
        .iter()
        .find(|known| {
            known.metadata_id.to_string() == wanted.to_lowercase()
                || wanted.ends_with(&format!("='{}'", known.schema_name))
                || wanted.ends_with(&format!("='{}'", known.schema_name.to_lowercase()))
        })
        .ok_or_else(|| not_found(&format!("the key {wanted} of {}", table.name)))?;
    defining.organisation.rows_mut(table.id).remove_unique(&found.schema_name);
    let mut definition = table.definition.clone();
    definition.keys.retain(|known| known.schema_name != found.schema_name);
    defining.adopt(vec![definition]);
    defining.organisation.written.forget(found.metadata_id);
    Ok(Answer::no_content())
}

/// Tries again after a failure, and only then (documented).
pub(super) fn reactivate(defining: &mut Defining<'_>) -> Result<Answer, Refusal> {
    let body = defining.body()?;
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let (table, wanted) = (defining.named(&text("EntityLogicalName"))?, text("EntityKeyLogicalName"));
    let key = table
        .keys
        .iter()
        .find(|key| key.schema_name.eq_ignore_ascii_case(&wanted))
        .ok_or_else(|| not_found(&format!("the key {wanted} of {}", table.name)))?;
    if key.active_from != FAILED {
        return Err(refusal::refusal(
            400,
            0x8006_0897,
            "Reactivate entity key is only supported for failed job.",
        ));
    }
    let (table, name) = (Arc::clone(&table), key.schema_name.clone());
    activate(defining, &table.name, &name);
    Ok(Answer::no_content())
}

/// The status of a key's index at a moment.
pub(in crate::route) fn status(active_from: i64, now: i64) -> &'static str {
    use dataverse_wire::metadata::KeyStatus;
    let status = match active_from {
        FAILED => KeyStatus::Failed,
        from if now >= from => KeyStatus::Active,
        _ => KeyStatus::Pending,
    };
    status.as_str()
}

/// Every key, as `…/Keys` lists it.
pub(in crate::route) fn listed(table: &Table, written: &crate::state::Written, now: i64) -> Vec<Value> {
    table
        .keys
        .iter()
        .map(|key| {
            let columns: Vec<&str> = key.columns.iter().map(|id| table.column(*id).name.as_str()).collect();
            let mut value = serde_json::json!({
                "MetadataId": key.metadata_id,
                "SchemaName": key.schema_name,
                "LogicalName": key.schema_name.to_lowercase(),
                "EntityLogicalName": table.name,
                "KeyAttributes": columns,
                "EntityKeyIndexStatus": status(key.active_from, now),
                "IsManaged": !table.definition.is_custom,
            });
            written.complete(key.metadata_id, &mut value);
            value
        })
        .collect()
}
