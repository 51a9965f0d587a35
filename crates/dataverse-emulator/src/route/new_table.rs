//! Posted definitions of tables and columns, completed with what every table has.

use dataverse_wire::metadata::{
    ColumnDefinition, ColumnType, RequiredLevel, TableDefinition, parse_definitions,
};
use serde_json::{Value, json};

use super::define::exists;
use crate::refusal::{self, Refusal};
use crate::schema::{Schema, Table};

/// A column as posted.
pub(super) fn read_column(table: &Table, mut body: Value) -> Result<ColumnDefinition, Refusal> {
    let name = body["SchemaName"].as_str().unwrap_or_default().to_lowercase();
    if name.is_empty() {
        return Err(refusal::payload("Attributes", "An attribute needs a SchemaName."));
    }
    if body["LogicalName"].is_null() {
        body["LogicalName"] = name.into();
    }
    let holder = json!({
        "LogicalName": table.name, "EntitySetName": table.entity_set,
        "PrimaryIdAttribute": table.definition.primary_id, "Attributes": [body]
    });
    let parsed = parse_definitions(holder.to_string().as_bytes())
        .map_err(|error| refusal::payload("Attributes", error))?;
    parsed
        .into_iter()
        .next()
        .and_then(|table| table.columns.into_values().next())
        .ok_or_else(|| refusal::payload("Attributes", "No attribute was read."))
}

/// A table as posted, with the columns that every table has.
pub(super) fn new_table(schema: &Schema, mut body: Value) -> Result<TableDefinition, Refusal> {
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
    body["PrimaryIdAttribute"] = format!("{name}id").into();
    body["IsCustomEntity"] = true.into();
    let mut primary_name = None;
    if let Some(attributes) = body["Attributes"].as_array_mut() {
        for attribute in attributes {
            let column = attribute["SchemaName"].as_str().unwrap_or_default().to_lowercase();
            if attribute["IsPrimaryName"] == true {
                primary_name = Some(column.clone());
            }
            attribute["LogicalName"] = column.into();
        }
    }
    if let Some(primary_name) = primary_name {
        body["PrimaryNameAttribute"] = primary_name.into();
    }
    let mut definition = parse_definitions(body.to_string().as_bytes())
        .map_err(|error| refusal::payload("EntityDefinitions", error))?
        .into_iter()
        .next()
        .ok_or_else(|| refusal::payload("EntityDefinitions", "No table was read."))?;
    definition.object_type_code = Some(10_000 + i64::try_from(schema.slots().len()).unwrap_or_default());
    add_system_columns(&mut definition, &schema_name);
    Ok(definition)
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
