//! Definitions as JSON, in the service's shape.

use dataverse_wire::metadata::{KeyStatus, TableDefinition};
use serde_json::{Map, Value, json};

use crate::query::split;
use crate::schema::Table;
use crate::state::key::named_id;

/// Keeps what `$select` names, and what is always there; `OptionSet` and its kin only when expanded.
pub(super) fn selected(
    value: Value,
    select: Option<&str>,
    expand: Option<&str>,
    is_attribute: bool,
) -> Value {
    let Value::Object(map) = value else { return value };
    let expanded: Vec<&str> = expand
        .map(|text| {
            split(text, ',').into_iter().map(|item| item.trim().split('(').next().unwrap_or("")).collect()
        })
        .unwrap_or_default();
    let names: Option<Vec<&str>> = select.map(|select| select.split(',').map(str::trim).collect());
    let mut kept: Map<String, Value> = map
        .into_iter()
        .filter(|(name, _)| {
            let is_option_set = name == "OptionSet" && is_attribute;
            if is_option_set {
                return expanded.iter().any(|it| matches!(*it, "OptionSet" | "GlobalOptionSet"));
            }
            let always = name == "MetadataId" || name.starts_with('@');
            always || names.as_ref().is_none_or(|names| names.contains(&name.as_str()))
        })
        .collect();
    if is_attribute && let Some(set) = kept.remove("OptionSet") {
        // Exactly one of the two is not null.
        let is_global = set["IsGlobal"] == true;
        let (own, global) = if is_global { (Value::Null, set) } else { (set, Value::Null) };
        if expanded.contains(&"OptionSet") {
            kept.insert("OptionSet".to_owned(), own);
        }
        if expanded.contains(&"GlobalOptionSet") {
            kept.insert("GlobalOptionSet".to_owned(), global);
        }
    }
    Value::Object(kept)
}

/// A table without its columns and relationships.
pub(super) fn table_head(table: &Table) -> Value {
    let definition = &table.definition;
    let head = TableDefinition {
        columns: indexmap::IndexMap::new(),
        many_to_one: Vec::new(),
        many_to_many: Vec::new(),
        keys: Vec::new(),
        metadata_id: Some(table.metadata_id.to_string()),
        ..shallow(definition)
    };
    let mut value = serde_json::to_value(head).unwrap_or_default();
    if let Value::Object(map) = &mut value {
        for part in ["Attributes", "ManyToOneRelationships", "ManyToManyRelationships", "Keys"] {
            map.remove(part);
        }
        for (name, said) in [
            ("IsPrivate", false),
            ("IsOptimisticConcurrencyEnabled", !definition.is_intersect),
            ("IsAuditEnabled", false),
            ("IsStateModelAware", table.system.state.is_some()),
            ("HasNotes", false),
            ("IsManaged", !definition.is_custom),
        ] {
            map.entry(name).or_insert(said.into());
        }
        map.entry("DataProviderId").or_insert(Value::Null);
    }
    value
}

/// The scalar properties of a definition; cloning hundreds of columns only to drop them would cost.
pub(super) fn shallow(definition: &TableDefinition) -> TableDefinition {
    let mut copy = TableDefinition::new(
        definition.logical_name.clone(),
        definition.entity_set_name.clone(),
        definition.primary_id.clone(),
    );
    copy.schema_name.clone_from(&definition.schema_name);
    copy.primary_name.clone_from(&definition.primary_name);
    copy.ownership = definition.ownership;
    copy.object_type_code = definition.object_type_code;
    copy.is_activity = definition.is_activity;
    copy.is_activity_party = definition.is_activity_party;
    copy.is_intersect = definition.is_intersect;
    copy.is_custom = definition.is_custom;
    copy.table_type = definition.table_type;
    copy.display_name.clone_from(&definition.display_name);
    copy.display_collection_name.clone_from(&definition.display_collection_name);
    copy.logical_collection_name.clone_from(&definition.logical_collection_name);
    copy.collection_schema_name.clone_from(&definition.collection_schema_name);
    copy.enforce_state_transitions = definition.enforce_state_transitions;
    copy.change_tracking = definition.change_tracking;
    copy
}

pub(super) fn attributes(table: &Table) -> Vec<Value> {
    let mut copy = shallow(&table.definition);
    copy.columns = table
        .definition
        .columns
        .iter()
        .filter(|(name, _)| !name.starts_with('~'))
        .map(|(name, column)| (name.clone(), column.clone()))
        .collect();
    let mut values = parts_of(&copy, "Attributes");
    for value in &mut values {
        let name = value["LogicalName"].as_str().unwrap_or_default().to_owned();
        value["MetadataId"] = attribute_id(&table.name, &name).to_string().into();
        value["EntityLogicalName"] = table.name.clone().into();
    }
    values
}

pub(super) fn attribute_id(table: &str, column: &str) -> uuid::Uuid {
    named_id(2, &format!("{table}.{column}"))
}

pub(super) fn keys(table: &Table, now: i64) -> Vec<Value> {
    table
        .keys
        .iter()
        .map(|key| {
            let columns: Vec<&str> = key.columns.iter().map(|id| table.column(*id).name.as_str()).collect();
            let status = if now >= key.active_from { KeyStatus::Active } else { KeyStatus::Pending };
            json!({
                "MetadataId": key.metadata_id,
                "SchemaName": key.schema_name,
                "LogicalName": key.schema_name.to_lowercase(),
                "EntityLogicalName": table.name,
                "KeyAttributes": columns,
                "EntityKeyIndexStatus": status.as_str(),
            })
        })
        .collect()
}

pub(super) fn relations(definition: &TableDefinition, part: &str) -> Vec<Value> {
    let mut copy = shallow(definition);
    let kind = if part == "ManyToManyRelationships" {
        copy.many_to_many.clone_from(&definition.many_to_many);
        "ManyToMany"
    } else {
        copy.many_to_one.clone_from(&definition.many_to_one);
        "OneToMany"
    };
    let mut values = parts_of(&copy, part);
    for value in &mut values {
        let name = value["SchemaName"].as_str().unwrap_or_default().to_owned();
        value["@odata.type"] = format!("#Microsoft.Dynamics.CRM.{kind}RelationshipMetadata").into();
        value["RelationshipType"] = format!("{kind}Relationship").into();
        value["MetadataId"] = named_id(2, &format!("relationship {name}")).to_string().into();
    }
    values
}

pub(super) fn parts_of(definition: &TableDefinition, part: &str) -> Vec<Value> {
    match serde_json::to_value(definition).unwrap_or_default().get_mut(part).map(Value::take) {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    }
}
