//! Tables, columns, relationships and keys made at run time (reference §7.5).

use std::sync::{Arc, PoisonError};

use dataverse_wire::metadata::{
    AlternateKey as KeyDefinition, ColumnDefinition, ColumnType, ManyToMany, ManyToOne, TableDefinition,
};
use serde_json::Value;
use uuid::Uuid;

use super::definition::attribute_id;
use super::dispatch::Context;
use super::exchange::{Answer, Request};
use super::metadata::find_table;
use super::new_table::{new_table, read_column};
use super::path::Segment;
use crate::refusal::{self, Refusal};
use crate::schema::{Schema, Table, build};
use crate::state::key::named_id;
use crate::state::{DefinitionChange, Organisation, unique_index};

/// Changes the definitions. One change at a time: customisation is serialised by the organisation's lock.
pub(super) fn define(context: &Context<'_>, request: &Request, path: &[Segment]) -> Result<Answer, Refusal> {
    let mut organisation = context.service.organisation().write().unwrap_or_else(PoisonError::into_inner);
    let answer = change(context, &mut organisation, request, path)?;
    if organisation.is_durable() {
        let change = DefinitionChange {
            caller: context.caller,
            method: request.method.clone(),
            target: request.target.clone(),
            body: request.body.to_vec(),
        };
        organisation.log_definition(change).map_err(|reason| refusal::not_kept(&reason))?;
    }
    Ok(answer)
}

fn change(
    context: &Context<'_>,
    organisation: &mut Organisation,
    request: &Request,
    path: &[Segment],
) -> Result<Answer, Refusal> {
    let names: Vec<&str> = path.iter().map(|segment| segment.name.as_str()).collect();
    match (request.method.as_str(), names.as_slice()) {
        ("POST", ["PublishAllXml" | "PublishXml"]) => Ok(Answer::no_content()),
        ("POST", ["EntityDefinitions"]) => {
            let definition = new_table(&organisation.schema, body(request)?)?;
            let name = definition.logical_name.clone();
            adopt(context, organisation, vec![definition]);
            let id = organisation.schema.named(&name).map(|table| table.metadata_id).unwrap_or_default();
            Ok(created(context, "EntityDefinitions", id))
        }
        ("POST", ["EntityDefinitions", "Attributes"]) => {
            let table = table_of(&organisation.schema, path)?;
            let column = read_column(&table, body(request)?)?;
            let id = attribute_id(&table.name, &column.logical_name);
            let mut definition = table.definition.clone();
            if definition.columns.contains_key(&column.logical_name) {
                return Err(exists("An attribute", &column.logical_name));
            }
            definition.columns.insert(column.logical_name.clone(), column);
            adopt(context, organisation, vec![definition]);
            let set = format!("EntityDefinitions({})/Attributes", table.metadata_id);
            Ok(created(context, &set, id))
        }
        ("POST", ["EntityDefinitions", "Keys"]) => {
            let table = table_of(&organisation.schema, path)?;
            add_key(context, organisation, &table, &body(request)?)
        }
        ("POST", ["RelationshipDefinitions"]) => relate(context, organisation, &body(request)?),
        ("DELETE", ["EntityDefinitions"]) => {
            let table = table_of(&organisation.schema, path)?;
            if !table.definition.is_custom {
                return Err(refusal::refusal(
                    400,
                    0x8004_0203,
                    format!("The table {} cannot be deleted.", table.name),
                ));
            }
            drop_table(context, organisation, &table);
            Ok(Answer::no_content())
        }
        ("DELETE", ["EntityDefinitions", "Attributes"]) => {
            let table = table_of(&organisation.schema, path)?;
            drop_column(context, organisation, &table, path)
        }
        ("DELETE", ["EntityDefinitions", "Keys"]) => {
            let table = table_of(&organisation.schema, path)?;
            let key = path[1].key.clone().unwrap_or_default();
            let found = table
                .keys
                .iter()
                .find(|known| {
                    known.metadata_id.to_string() == key || key.contains(&format!("'{}'", known.schema_name))
                })
                .ok_or_else(|| {
                    refusal::refusal(404, 0x8004_0217, format!("No key {key} on {}.", table.name))
                })?;
            organisation.rows_mut(table.id).remove_unique(&found.schema_name);
            let mut definition = table.definition.clone();
            definition.keys.retain(|known| known.schema_name != found.schema_name);
            adopt(context, organisation, vec![definition]);
            Ok(Answer::no_content())
        }
        (method, names) => Err(refusal::not_emulated(format_args!("{method} {}", names.join("/")))),
    }
}

fn body(request: &Request) -> Result<Value, Refusal> {
    serde_json::from_slice(&request.body).map_err(|error| refusal::payload("metadata", error))
}

fn table_of(schema: &Schema, path: &[Segment]) -> Result<Arc<Table>, Refusal> {
    let key = path[0].key.as_deref().ok_or_else(|| refusal::no_segment("EntityDefinitions"))?;
    find_table(schema, key).cloned()
}

fn created(context: &Context<'_>, set: &str, id: Uuid) -> Answer {
    Answer::no_content().with("odata-entityid", format!("{}{set}({id})", context.root))
}

pub(super) fn exists(what: &str, name: &str) -> Refusal {
    refusal::refusal(400, 0x8004_0203, format!("{what} with the specified name {name} already exists."))
}

/// Puts changed definitions into force, and keeps activation times of keys that were there.
fn adopt(context: &Context<'_>, organisation: &mut Organisation, definitions: Vec<TableDefinition>) {
    let before = Arc::clone(&organisation.schema);
    let mut schema = build(&before, definitions);
    let slots: Vec<Arc<Table>> = schema
        .slots()
        .iter()
        .map(|table| match before.named(&table.name).filter(|known| !Arc::ptr_eq(known, table)) {
            Some(known) => {
                let mut table = Table::clone(table);
                for key in &mut table.keys {
                    if let Some(known) = known.keys.iter().find(|it| it.schema_name == key.schema_name) {
                        key.active_from = known.active_from;
                    }
                }
                Arc::new(table)
            }
            None => Arc::clone(table),
        })
        .collect();
    schema = Schema::of(slots);
    organisation.set_schema(Arc::new(schema), context.service.settings());
}

fn add_key(
    context: &Context<'_>,
    organisation: &mut Organisation,
    table: &Table,
    body: &Value,
) -> Result<Answer, Refusal> {
    let schema_name = body["SchemaName"].as_str().unwrap_or_default().to_owned();
    let columns: Vec<String> = body["KeyAttributes"]
        .as_array()
        .map(|names| names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
        .unwrap_or_default();
    if schema_name.is_empty() || columns.is_empty() {
        return Err(refusal::payload("Keys", "A key needs a SchemaName and KeyAttributes."));
    }
    if table.keys.iter().any(|key| key.schema_name == schema_name) {
        return Err(exists("A key", &schema_name));
    }
    if table.keys.len() >= dataverse_wire::limits::ALTERNATE_KEYS {
        return Err(refusal::refusal(
            400,
            0x8004_0203,
            format!("The table {} has ten keys already.", table.name),
        ));
    }
    let mut ids = Vec::new();
    for name in &columns {
        ids.push(*table.by_name.get(name).ok_or_else(|| refusal::no_query_property(table, name))?);
    }
    let settings = context.service.settings();
    let index = unique_index(table, &schema_name, &ids, settings.case_insensitive_text);
    if let Err((one, other)) = organisation.rows_mut(table.id).add_unique(index) {
        // The service would say so later, in a failed job.
        let text = format!(
            "The key {schema_name} cannot be built: rows {} and {} share a value.",
            one.id(),
            other.id()
        );
        return Err(refusal::refusal(400, 0x8006_0892, text));
    }
    let mut definition = table.definition.clone();
    definition.keys.push(KeyDefinition::new(schema_name.clone(), columns));
    adopt(context, organisation, vec![definition]);
    let delay = i64::try_from(settings.key_activation_seconds).unwrap_or(i64::MAX);
    let active_from = if delay == 0 { i64::MIN } else { context.caller.now.saturating_add(delay) };
    let slots = organisation
        .schema
        .slots()
        .iter()
        .map(|known| {
            if known.id != table.id {
                return Arc::clone(known);
            }
            let mut changed = Table::clone(known);
            for key in changed.keys.iter_mut().filter(|key| key.schema_name == schema_name) {
                key.active_from = active_from;
            }
            Arc::new(changed)
        })
        .collect();
    organisation.set_schema(Arc::new(Schema::of(slots)), settings);
    let id = named_id(2, &format!("{}.{schema_name}", table.name));
    Ok(created(context, &format!("EntityDefinitions({})/Keys", table.metadata_id), id))
}

/// `OneToManyRelationshipMetadata` with its lookup, or `ManyToManyRelationshipMetadata`.
fn relate(context: &Context<'_>, organisation: &mut Organisation, body: &Value) -> Result<Answer, Refusal> {
    let schema = Arc::clone(&organisation.schema);
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let schema_name = text("SchemaName");
    if schema_name.is_empty() {
        return Err(refusal::payload("RelationshipDefinitions", "A relationship needs a SchemaName."));
    }
    let find = |name: &str| {
        schema.named(name).cloned().ok_or_else(|| {
            refusal::refusal(400, 0x8004_1102, format!("The entity with a name = '{name}' was not found."))
        })
    };
    if text("@odata.type").ends_with("ManyToManyRelationshipMetadata") {
        let (first, second) = (find(&text("Entity1LogicalName"))?, find(&text("Entity2LogicalName"))?);
        let or = |given: String, otherwise: String| if given.is_empty() { otherwise } else { given };
        let column1 = format!("{}id", first.name);
        let column2 = if first.id == second.id {
            format!("{}idtwo", second.name)
        } else {
            format!("{}id", second.name)
        };
        let mut definition = first.definition.clone();
        definition.many_to_many.push(ManyToMany {
            intersect_table: or(text("IntersectEntityName"), schema_name.to_lowercase()),
            column1: or(text("Entity1IntersectAttribute"), column1),
            navigation1: or(text("Entity1NavigationPropertyName"), schema_name.clone()),
            table1: first.name.clone(),
            column2: or(text("Entity2IntersectAttribute"), column2),
            navigation2: or(text("Entity2NavigationPropertyName"), schema_name.clone()),
            table2: second.name.clone(),
            schema_name: schema_name.clone(),
        });
        adopt(context, organisation, vec![definition]);
    } else {
        let (parent, child) = (find(&text("ReferencedEntity"))?, find(&text("ReferencingEntity"))?);
        let mut column = read_column(&child, body["Lookup"].clone())?;
        let mut definition = child.definition.clone();
        let known =
            definition.columns.get(&column.logical_name).map(|known| known.column_type.targets().to_vec());
        let mut targets = known.clone().unwrap_or_default();
        if targets.contains(&parent.name) {
            return Err(exists("A relationship of the lookup", &column.logical_name));
        }
        targets.push(parent.name.clone());
        let navigation = if known.is_some() {
            format!("{}_{}", column.schema_name, parent.name)
        } else {
            column.schema_name.clone()
        };
        column.column_type = ColumnType::Lookup { targets };
        definition.many_to_one.push(ManyToOne {
            schema_name: schema_name.clone(),
            referencing_table: child.name.clone(),
            column: column.logical_name.clone(),
            referenced_table: parent.name.clone(),
            referenced_column: parent.definition.primary_id.clone(),
            navigation_property: navigation,
            collection_property: Some(schema_name.clone()),
            cascade: None,
        });
        definition.columns.insert(column.logical_name.clone(), column);
        adopt(context, organisation, vec![definition]);
    }
    let id = named_id(2, &format!("relationship {schema_name}"));
    Ok(created(context, "RelationshipDefinitions", id))
}

fn drop_table(context: &Context<'_>, organisation: &mut Organisation, table: &Table) {
    organisation.rows_mut(table.id).clear();
    let slots = organisation
        .schema
        .slots()
        .iter()
        .map(|known| {
            if known.id != table.id {
                return Arc::clone(known);
            }
            let mut gone = Table::clone(known);
            gone.gone = true;
            Arc::new(gone)
        })
        .collect();
    organisation.set_schema(Arc::new(Schema::of(slots)), context.service.settings());
}

/// Columns keep their numbers, since rows are stored by them: a dropped one stays as a nameless gap.
fn drop_column(
    context: &Context<'_>,
    organisation: &mut Organisation,
    table: &Table,
    path: &[Segment],
) -> Result<Answer, Refusal> {
    let key = path[1].key.clone().unwrap_or_default();
    let name = table
        .definition
        .columns
        .keys()
        .find(|name| key.contains(&format!("'{name}'")) || attribute_id(&table.name, name).to_string() == key)
        .cloned()
        .ok_or_else(|| {
            refusal::refusal(404, 0x8004_0217, format!("No attribute {key} on {}.", table.name))
        })?;
    let mut definition = table.definition.clone();
    definition.columns = definition
        .columns
        .into_iter()
        .enumerate()
        .map(|(index, (known, column))| {
            if known != name {
                return (known, column);
            }
            let gap = format!("~{index}");
            let mut column =
                ColumnDefinition::new(gap.clone(), ColumnType::Virtual("VirtualType".to_owned()));
            column.valid_for_read = false;
            (gap, column)
        })
        .collect();
    definition.many_to_one.retain(|relation| relation.column != name);
    adopt(context, organisation, vec![definition]);
    Ok(Answer::no_content())
}
