//! Choices: option sets of one column, and global ones that columns share.

use dataverse_wire::metadata::{ChoiceOption, ColumnDefinition, ColumnType, TableDefinition};
use serde_json::{Value, json};

use super::super::exchange::Answer;
use super::super::metadata::global_option_sets;
use super::super::path::Segment;
use super::column::read_column;
use super::{Defining, decoded_key, exists, not_found};
use crate::refusal::{self, Refusal};
use crate::state::{complete_labels, option_set_id};

/// The first value that the service gives away: 10,000 times the default publisher's option prefix.
const FIRST_VALUE: i64 = 100_000_000;

/// Completes the choices of a posted column, and gives name and form in which to keep them. A column that refers to a
/// global option set takes its options and keeps nothing of its own.
pub(super) fn of_column(
    defining: &Defining<'_>,
    table: &str,
    body: &mut Value,
) -> Result<Option<(String, Value)>, Refusal> {
    let reference = body["GlobalOptionSet@odata.bind"].as_str().map(str::to_owned).or_else(|| {
        let set = &body["GlobalOptionSet"];
        let id = set["MetadataId"].as_str().map(|id| format!("({id})"));
        id.or_else(|| set["Name"].as_str().map(|name| format!("(Name='{name}')")))
    });
    let reference = reference.or_else(|| {
        let set = &body["OptionSet"];
        let is_global = set["IsGlobal"] == true;
        is_global.then(|| format!("(Name='{}')", set["Name"].as_str().unwrap_or_default()))
    });
    if let Some(reference) = reference {
        let key = reference.rsplit_once('(').map_or("", |(_, key)| key.trim_end_matches(')'));
        body["OptionSet"] = find(defining, key)?;
        return Ok(None);
    }
    if body["OptionSet"].is_null() {
        return Ok(None);
    }
    let column = body["LogicalName"].as_str().or(body["SchemaName"].as_str()).unwrap_or_default();
    let name = format!("{table}_{}", column.to_lowercase());
    let kind = body["@odata.type"].as_str().unwrap_or_default();
    let kind = match kind.rsplit('.').next().unwrap_or_default() {
        "BooleanAttributeMetadata" => "Boolean",
        "StateAttributeMetadata" => "State",
        "StatusAttributeMetadata" => "Status",
        _ => "Picklist",
    };
    complete(&mut body["OptionSet"], &name, kind, false)?;
    Ok(Some((name, body["OptionSet"].clone())))
}

/// Gives an option set everything with which it is served.
fn complete(set: &mut Value, name: &str, kind: &str, is_global: bool) -> Result<(), Refusal> {
    number_options(set)?;
    complete_labels(set);
    set["Name"] = name.into();
    set["IsGlobal"] = is_global.into();
    set["OptionSetType"] = kind.into();
    set["MetadataId"] = option_set_id(name).to_string().into();
    set["IsCustomOptionSet"] = true.into();
    Ok(())
}

/// Options without a value get the next free one; two of the same value are refused.
fn number_options(set: &mut Value) -> Result<(), Refusal> {
    let Some(options) = set["Options"].as_array_mut() else { return Ok(()) };
    let mut next = FIRST_VALUE;
    let mut seen = Vec::new();
    for option in options {
        if option["Value"].is_null() {
            option["Value"] = next.into();
        }
        let value = option["Value"].as_i64().unwrap_or_default();
        if seen.contains(&value) {
            let text = format!("The option set has two options of the value {value}.");
            return Err(refusal::refusal(400, 0x8004_0203, text));
        }
        seen.push(value);
        next = next.max(value + 1);
    }
    Ok(())
}

/// A global option set by what stands in parentheses: an id, or `Name='…'`.
pub(super) fn find(defining: &Defining<'_>, key: &str) -> Result<Value, Refusal> {
    let sets = global_option_sets(&defining.organisation.schema, &defining.organisation.written);
    sets.into_iter()
        .find(|set| {
            let name = set["Name"].as_str().unwrap_or_default();
            key.ends_with(&format!("='{name}'")) || set["MetadataId"] == key.to_lowercase().as_str()
        })
        .ok_or_else(|| not_found(&format!("the option set {key}")))
}

pub(super) fn create(defining: &mut Defining<'_>) -> Result<Answer, Refusal> {
    let mut body = defining.body()?;
    let name = body["Name"].as_str().unwrap_or_default().to_owned();
    if name.is_empty() {
        return Err(refusal::payload("GlobalOptionSetDefinitions", "An option set needs a Name."));
    }
    if find(defining, &format!("Name='{name}'")).is_ok() {
        return Err(exists("An option set", &name));
    }
    if !body["TrueOption"].is_null() {
        return Err(refusal::not_emulated("A global option set of yes and no"));
    }
    complete(&mut body, &name, "Picklist", true)?;
    readable(&body)?;
    defining.organisation.written.keep_option_set(&name, body);
    Ok(defining.created("GlobalOptionSetDefinitions", option_set_id(&name)))
}

/// Replaces labels and options; columns that share the set have them at once.
pub(super) fn update(defining: &mut Defining<'_>, path: &[Segment]) -> Result<Answer, Refusal> {
    let before = find(defining, &decoded_key(&path[0]))?;
    let name = before["Name"].as_str().unwrap_or_default().to_owned();
    let mut body = defining.body()?;
    if body["Options"].is_null() {
        body["Options"] = before["Options"].clone();
    }
    defining.merge_labels(&before, &mut body);
    complete(&mut body, &name, "Picklist", true)?;
    replace(defining, &name, body)?;
    Ok(Answer::no_content())
}

pub(super) fn delete(defining: &mut Defining<'_>, path: &[Segment]) -> Result<Answer, Refusal> {
    let set = find(defining, &decoded_key(&path[0]))?;
    let name = set["Name"].as_str().unwrap_or_default().to_owned();
    let schema = defining.schema();
    let user = schema.tables().find_map(|table| {
        let column = table.definition.columns.values().find(|column| uses(&table.name, column, &name))?;
        Some((table.name.clone(), column.logical_name.clone()))
    });
    if let Some((table, column)) = user {
        let text =
            format!("The option set {name} cannot be deleted: the column '{column}' of '{table}' uses it.");
        return Err(refusal::refusal(400, 0x8004_F01F, text));
    }
    defining.organisation.written.forget_option_set(&name);
    Ok(Answer::no_content())
}

/// Whether a column takes its options from this set; one without a name is the column's own.
fn uses(table: &str, column: &ColumnDefinition, set: &str) -> bool {
    match &column.option_set {
        Some(named) => named.name == set,
        None => set.strip_prefix(table).and_then(|rest| rest.strip_prefix('_')) == Some(&column.logical_name),
    }
}

/// The options of a set, as columns have them.
fn readable(set: &Value) -> Result<Vec<ChoiceOption>, Refusal> {
    let holder = TableDefinition::new("holder", "holders", "holderid");
    let column = read_column(
        &holder,
        json!({
            "@odata.type": "Microsoft.Dynamics.CRM.PicklistAttributeMetadata",
            "SchemaName": "choice", "OptionSet": set
        }),
    )?;
    Ok(column.column_type.options().to_vec())
}

/// Puts changed options into force, wherever the set is used.
pub(super) fn replace(defining: &mut Defining<'_>, name: &str, set: Value) -> Result<(), Refusal> {
    let options = readable(&set)?;
    let schema = defining.schema();
    let mut definitions = Vec::new();
    for table in schema.tables() {
        if !table.definition.columns.values().any(|column| uses(&table.name, column, name)) {
            continue;
        }
        let mut definition = table.definition.clone();
        for column in definition.columns.values_mut().filter(|column| uses(&table.name, column, name)) {
            match &mut column.column_type {
                ColumnType::Choice { options: known }
                | ColumnType::MultiChoice { options: known }
                | ColumnType::State { options: known }
                | ColumnType::Status { options: known } => known.clone_from(&options),
                _ => {}
            }
        }
        definitions.push(definition);
    }
    defining.organisation.written.keep_option_set(name, set);
    defining.adopt(definitions);
    Ok(())
}
