//! Definitions as JSON, in the service's shape.

use dataverse_wire::metadata::TableDefinition;
use serde_json::{Map, Value};

use super::define::relation_id;
use crate::query::split;
use crate::schema::Table;
use crate::state::Written;
use crate::state::key::named_id;
use crate::state::option_set_id;

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
pub(super) fn table_head(table: &Table, written: &Written) -> Value {
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
        for name in ["DataProviderId", "Description"] {
            map.entry(name).or_insert(Value::Null);
        }
    }
    written.complete(table.metadata_id, &mut value);
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

pub(super) fn attributes(table: &Table, written: &Written) -> Vec<Value> {
    let mut copy = shallow(&table.definition);
    copy.columns = table
        .definition
        .columns
        .iter()
        .filter(|(name, _)| !name.starts_with('~'))
        .map(|(name, column)| (name.clone(), column.clone()))
        .collect();
    let mut values = parts_of(&copy, "Attributes");
    for (number, value) in values.iter_mut().enumerate() {
        let name = value["LogicalName"].as_str().unwrap_or_default().to_owned();
        let id = attribute_id(&table.name, &name);
        value["MetadataId"] = id.to_string().into();
        value["EntityLogicalName"] = table.name.clone().into();
        value["ColumnNumber"] = (number + 1).into();
        value["IsCustomAttribute"] = name.contains('_').into();
        if let Value::Object(level) = &mut value["RequiredLevel"] {
            level.insert("CanBeChanged".to_owned(), true.into());
            level.insert("ManagedPropertyLogicalName".to_owned(), "canmodifyrequirementlevelsettings".into());
        }
        if value["AttributeType"] == "Integer" {
            for limit in ["MinValue", "MaxValue"] {
                #[expect(clippy::cast_possible_truncation, reason = "limits of integers are whole")]
                if let Some(number) = value[limit].as_f64() {
                    value[limit] = (number as i64).into();
                }
            }
        }
        if let Some(set) = value["OptionSet"]["Name"].as_str() {
            if let Some(kept) = written.option_set(set) {
                value["OptionSet"] = kept.clone();
            } else {
                value["OptionSet"]["MetadataId"] = option_set_id(set).to_string().into();
            }
        }
        written.complete(id, value);
    }
    values
}

/// The id under which a column is served.
pub(super) fn attribute_id(table: &str, column: &str) -> uuid::Uuid {
    named_id(2, &format!("{table}.{column}"))
}

pub(super) fn relations(definition: &TableDefinition, part: &str, written: &Written) -> Vec<Value> {
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
        let id = relation_id(&name);
        value["MetadataId"] = id.to_string().into();
        value["IsCustomRelationship"] = (definition.is_custom || written.has(id)).into();
        written.complete(id, value);
    }
    values
}

pub(super) fn parts_of(definition: &TableDefinition, part: &str) -> Vec<Value> {
    match serde_json::to_value(definition).unwrap_or_default().get_mut(part).map(Value::take) {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    }
}
