//! Tables, made, changed and deleted.

use std::sync::Arc;

use dataverse_wire::metadata::{
    ColumnDefinition, ColumnType, ManyToMany, RequiredLevel, TableDefinition, parse_definitions,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::definition::{attribute_id, table_head};
use super::super::exchange::Answer;
use super::super::path::Segment;
use super::{Defining, column, exists, option_set};
use crate::refusal::{self, Refusal};
use crate::schema::Table;
use crate::state::plant_privileges;

/// A table that has been read: its definition, and what else its parts say.
struct Posted {
    definition: TableDefinition,
    body: Value,
    option_sets: Vec<(String, Value)>,
}

pub(super) fn create(defining: &mut Defining<'_>) -> Result<Answer, Refusal> {
    let body = defining.body()?;
    let ids = take(defining, vec![body])?;
    Ok(defining.created("EntityDefinitions", ids[0]))
}

/// `CreateEntities`: several tables at once, all or none.
pub(super) fn create_several(defining: &mut Defining<'_>) -> Result<Answer, Refusal> {
    let mut body = defining.body()?;
    let Value::Array(bodies) = body["Entities"].take() else {
        return Err(refusal::refusal(
            400,
            0x8004_0203,
            "Required parameter 'Entities' of CreateEntities is missing.",
        ));
    };
    let ids = take(defining, bodies)?;
    Ok(Answer::value(&json!({
        "@odata.context":
            format!("{}$metadata#Microsoft.Dynamics.CRM.CreateEntitiesResponse", defining.context.root),
        "EntityIds": ids,
    })))
}

fn take(defining: &mut Defining<'_>, bodies: Vec<Value>) -> Result<Vec<Uuid>, Refusal> {
    let mut posted: Vec<Posted> = Vec::new();
    for body in bodies {
        let one = read(defining, body, posted.len())?;
        if posted.iter().any(|other| other.definition.logical_name == one.definition.logical_name) {
            return Err(exists("An entity", &one.definition.logical_name));
        }
        posted.push(one);
    }
    defining.adopt(posted.iter().map(|one| one.definition.clone()).collect());
    let schema = defining.schema();
    let made = posted.iter().filter_map(|one| schema.named(&one.definition.logical_name));
    plant_privileges(defining.organisation, made.map(AsRef::as_ref), defining.context.caller.now);
    let written = &mut defining.organisation.written;
    let mut ids = Vec::new();
    for one in posted {
        let name = &one.definition.logical_name;
        let id = schema.named(name).map(|table| table.metadata_id).unwrap_or_default();
        written.keep(id, &one.body);
        for attribute in one.body["Attributes"].as_array().map_or(&[][..], Vec::as_slice) {
            written
                .keep(attribute_id(name, attribute["LogicalName"].as_str().unwrap_or_default()), attribute);
        }
        for (name, set) in one.option_sets {
            written.keep_option_set(&name, set);
        }
        ids.push(id);
    }
    Ok(ids)
}

/// A table as posted, with the columns that every table has.
fn read(defining: &Defining<'_>, mut body: Value, ahead: usize) -> Result<Posted, Refusal> {
    let schema = defining.schema();
    let schema_name = body["SchemaName"].as_str().unwrap_or_default().to_owned();
    let name = schema_name.to_lowercase();
    if name.is_empty() || !name.contains('_') {
        let text = format!("The SchemaName '{schema_name}' needs a customisation prefix, as in new_Sample.");
        return Err(refusal::refusal(400, 0x8004_0203, text));
    }
    if schema.named(&name).is_some() {
        return Err(exists("An entity", &name));
    }
    body["LogicalName"] = name.clone().into();
    if body["EntitySetName"].is_null() {
        body["EntitySetName"] = plural(&name).into();
    }
    if body["LogicalCollectionName"].is_null() {
        body["LogicalCollectionName"] = body["EntitySetName"].clone();
    }
    body["PrimaryIdAttribute"] = format!("{name}id").into();
    body["IsCustomEntity"] = true.into();
    let mut primary_name = None;
    let mut option_sets = Vec::new();
    if let Some(attributes) = body["Attributes"].as_array_mut() {
        for attribute in attributes {
            let column = attribute["SchemaName"].as_str().unwrap_or_default().to_lowercase();
            if attribute["IsPrimaryName"] == true {
                primary_name = Some(column.clone());
            }
            attribute["LogicalName"] = column.into();
            option_sets.extend(option_set::of_column(defining, &name, attribute)?);
        }
    }
    if let Some(primary_name) = primary_name {
        body["PrimaryNameAttribute"] = primary_name.into();
    }
    let mut definition = parse(&body)?;
    // Each column by itself, for the same complaints as when it comes alone.
    for attribute in body["Attributes"].as_array().map_or(&[][..], Vec::as_slice) {
        let column = column::read_column(&definition, attribute.clone())?;
        definition.columns.insert(column.logical_name.clone(), column);
    }
    let number = schema.slots().len() + ahead;
    definition.object_type_code = Some(10_000 + i64::try_from(number).unwrap_or_default());
    add_system_columns(&mut definition, &schema_name);
    column::add_companions(&mut definition);
    Ok(Posted { definition, body, option_sets })
}

fn parse(body: &Value) -> Result<TableDefinition, Refusal> {
    parse_definitions(body.to_string().as_bytes())
        .map_err(|error| refusal::payload("EntityDefinitions", error))?
        .into_iter()
        .next()
        .ok_or_else(|| refusal::payload("EntityDefinitions", "No table was read."))
}

/// Replaces a table's own properties; names, columns and relationships stay as they are.
pub(super) fn update(defining: &mut Defining<'_>, path: &[Segment]) -> Result<Answer, Refusal> {
    let table = defining.table(path)?;
    let mut body = defining.body()?;
    let before = table_head(&table, &defining.organisation.written);
    defining.merge_labels(&before, &mut body);
    body["LogicalName"] = table.name.clone().into();
    if let Some(map) = body.as_object_mut() {
        for part in ["Attributes", "Keys", "ManyToOneRelationships", "ManyToManyRelationships"] {
            map.remove(part);
        }
    }
    let posted = parse(&body)?;
    let mut definition = table.definition.clone();
    definition.display_name = posted.display_name;
    definition.display_collection_name = posted.display_collection_name;
    // Change tracking cannot be turned off again (documented).
    definition.change_tracking |= posted.change_tracking;
    definition.enforce_state_transitions = posted.enforce_state_transitions;
    definition.metadata_id = Some(table.metadata_id.to_string());
    defining.adopt(vec![definition]);
    defining.organisation.written.keep(table.metadata_id, &body);
    Ok(Answer::no_content())
}

pub(super) fn delete(defining: &mut Defining<'_>, path: &[Segment]) -> Result<Answer, Refusal> {
    let table = defining.table(path)?;
    if !table.definition.is_custom {
        let text = format!("The table {} cannot be deleted.", table.name);
        return Err(refusal::refusal(400, 0x8004_0203, text));
    }
    let schema = defining.schema();
    // The platform's own lookups, such as those of notes and files, go with the table; those that makers made stay.
    let pointing = schema.tables().filter(|other| other.id != table.id).find_map(|other| {
        let relation = other.definition.many_to_one.iter().find(|it| {
            let is_custom = other.definition.is_custom || it.column.contains('_');
            it.referenced_table == table.name && is_custom
        })?;
        Some((other.name.clone(), relation.column.clone()))
    });
    if let Some((other, column)) = pointing {
        let text = format!(
            "The table {} cannot be deleted: the lookup '{column}' of '{other}' points to it.",
            table.name
        );
        return Err(refusal::refusal(400, 0x8004_F01F, text));
    }
    let intersects: Vec<Arc<Table>> = schema
        .pairs()
        .iter()
        .filter(|pair| pair.first == table.id || pair.second == table.id)
        .map(|pair| Arc::clone(schema.table(pair.intersect)))
        .collect();
    let partners: Vec<TableDefinition> = schema
        .tables()
        .filter(|other| other.id != table.id)
        .filter(|other| {
            let definition = &other.definition;
            definition.many_to_many.iter().any(|it| joins(it, &table.name))
                || definition.many_to_one.iter().any(|it| it.referenced_table == table.name)
        })
        .map(|other| {
            let mut definition = other.definition.clone();
            definition.many_to_many.retain(|relation| !joins(relation, &table.name));
            definition.many_to_one.retain(|relation| relation.referenced_table != table.name);
            definition
        })
        .collect();
    for gone in std::iter::once(&table).chain(&intersects) {
        drop_table(defining, gone);
    }
    defining.adopt(partners);
    Ok(Answer::no_content())
}

fn joins(relation: &ManyToMany, table: &str) -> bool {
    relation.table1 == table || relation.table2 == table
}

/// Its number stays, its name and its rows do not.
pub(super) fn drop_table(defining: &mut Defining<'_>, table: &Table) {
    defining.organisation.rows_mut(table.id).clear();
    defining.organisation.written.forget(table.metadata_id);
    for column in table.definition.columns.keys() {
        defining.organisation.written.forget(attribute_id(&table.name, column));
        defining.organisation.written.forget_option_set(&format!("{}_{column}", table.name));
    }
    defining.change(table, |table| table.gone = true);
}

fn plural(name: &str) -> String {
    match name.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if name.ends_with(['s', 'x']) || name.ends_with("ch") || name.ends_with("sh") => {
            format!("{name}es")
        }
        _ => format!("{name}s"),
    }
}

fn add_system_columns(definition: &mut TableDefinition, schema_name: &str) {
    use dataverse_wire::metadata::{ChoiceOption, DateTimeBehavior, Ownership};
    let mut add = |mut column: ColumnDefinition, create: bool, update: bool| {
        column.valid_for_create = create;
        column.valid_for_update = update;
        definition.columns.entry(column.logical_name.clone()).or_insert(column);
    };
    let lookup = |name: &str, target: &str| {
        ColumnDefinition::new(name, ColumnType::Lookup { targets: vec![target.to_owned()] })
    };
    let date = |name: &str| {
        let column_type =
            ColumnType::DateTime { behavior: DateTimeBehavior::UserLocal, date_only_format: false };
        ColumnDefinition::new(name, column_type)
    };
    let mut key = ColumnDefinition::new(definition.primary_id.clone(), ColumnType::UniqueIdentifier);
    key.is_primary_id = true;
    key.required = RequiredLevel::SystemRequired;
    key.schema_name = format!("{schema_name}Id");
    add(key, true, false);
    for name in ["createdon", "modifiedon"] {
        add(date(name), false, false);
    }
    for name in ["createdby", "createdonbehalfby", "modifiedby", "modifiedonbehalfby"] {
        add(lookup(name, "systemuser"), false, false);
    }
    add(date("overriddencreatedon"), true, false);
    let whole = ColumnType::Integer { min: i32::MIN.into(), max: i32::MAX.into() };
    add(ColumnDefinition::new("importsequencenumber", whole), true, false);
    add(ColumnDefinition::new("versionnumber", ColumnType::BigInt), false, false);
    let options = |labels: [&str; 2]| {
        labels.iter().zip(0..).map(|(label, value)| ChoiceOption::new(value, *label)).collect::<Vec<_>>()
    };
    let mut states = options(["Active", "Inactive"]);
    for (state, default) in states.iter_mut().zip([1, 2]) {
        state.default_status = Some(default);
    }
    add(ColumnDefinition::new("statecode", ColumnType::State { options: states }), false, true);
    let statuses = [(1, "Active", 0), (2, "Inactive", 1)]
        .map(|(value, label, state)| ChoiceOption { state: Some(state), ..ChoiceOption::new(value, label) });
    add(ColumnDefinition::new("statuscode", ColumnType::Status { options: statuses.to_vec() }), true, true);
    if definition.ownership == Ownership::User {
        let targets = vec!["systemuser".to_owned(), "team".to_owned()];
        add(ColumnDefinition::new("ownerid", ColumnType::Owner { targets }), true, true);
        add(lookup("owningbusinessunit", "businessunit"), false, false);
        add(lookup("owninguser", "systemuser"), false, false);
        add(lookup("owningteam", "team"), false, false);
    }
}
