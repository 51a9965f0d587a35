//! Single options: the messages `InsertOptionValue` and its kin.

use serde_json::{Value, json};

use super::super::definition::attributes;
use super::super::exchange::Answer;
use super::{Defining, not_found, option_set};
use crate::refusal::{self, Refusal};
use crate::state::complete_labels;

/// The set that a message names: a global one by `OptionSetName`, otherwise that of a column.
fn named(defining: &Defining<'_>, body: &Value) -> Result<(String, Value), Refusal> {
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let set = if text("OptionSetName").is_empty() {
        let (table, column) = (defining.named(text("EntityLogicalName"))?, text("AttributeLogicalName"));
        let mut found = attributes(&table, &defining.organisation.written)
            .into_iter()
            .find(|value| value["LogicalName"] == column)
            .ok_or_else(|| not_found(&format!("the attribute {column} of {}", table.name)))?;
        found["OptionSet"].take()
    } else {
        option_set::find(defining, &format!("Name='{}'", text("OptionSetName")))?
    };
    if !set["Options"].is_array() {
        return Err(refusal::refusal(400, 0x8004_0203, "The column has no options."));
    }
    Ok((set["Name"].as_str().unwrap_or_default().to_owned(), set))
}

fn value_of(body: &Value) -> Result<i64, Refusal> {
    body["Value"]
        .as_i64()
        .ok_or_else(|| refusal::refusal(400, 0x8004_0203, "Required parameter 'Value' is missing."))
}

/// `InsertOptionValue` and `InsertStatusValue`: answers the value, made up when none was given.
pub(super) fn insert(defining: &mut Defining<'_>) -> Result<Answer, Refusal> {
    let body = defining.body()?;
    let (name, mut set) = named(defining, &body)?;
    let Some(options) = set["Options"].as_array_mut() else { return Err(not_found("options")) };
    let free = options.iter().filter_map(|it| it["Value"].as_i64()).max().map_or(0, |value| value + 1);
    let value = body["Value"].as_i64().unwrap_or(free.max(100_000_000));
    if options.iter().any(|option| option["Value"] == value) {
        let text = format!("The option set {name} has an option of the value {value} already.");
        return Err(refusal::refusal(400, 0x8004_0203, text));
    }
    let mut option = json!({ "Value": value, "Label": body["Label"], "Description": body["Description"] });
    if !body["StateCode"].is_null() {
        option["State"] = body["StateCode"].clone();
    }
    complete_labels(&mut option);
    options.push(option);
    option_set::replace(defining, &name, set)?;
    let message = if body["StateCode"].is_null() { "InsertOptionValue" } else { "InsertStatusValue" };
    Ok(Answer::value(&json!({
        "@odata.context":
            format!("{}$metadata#Microsoft.Dynamics.CRM.{message}Response", defining.context.root),
        "NewOptionValue": value,
    })))
}

/// `UpdateOptionValue`: another label for a value.
pub(super) fn update(defining: &mut Defining<'_>) -> Result<Answer, Refusal> {
    let body = defining.body()?;
    let (name, mut set) = named(defining, &body)?;
    let value = value_of(&body)?;
    let option = set["Options"]
        .as_array_mut()
        .and_then(|options| options.iter_mut().find(|option| option["Value"] == value))
        .ok_or_else(|| not_found(&format!("the option {value} of {name}")))?;
    let mut label = body["Label"].clone();
    if body["MergeLabels"] == true {
        crate::state::merge_labels(&option["Label"], &mut label);
    }
    complete_labels(&mut label);
    option["Label"] = label;
    option_set::replace(defining, &name, set)?;
    Ok(Answer::no_content())
}

/// `DeleteOptionValue`; rows that have the value keep it.
pub(super) fn delete(defining: &mut Defining<'_>) -> Result<Answer, Refusal> {
    let body = defining.body()?;
    let (name, mut set) = named(defining, &body)?;
    let value = value_of(&body)?;
    let Some(options) = set["Options"].as_array_mut() else { return Err(not_found("options")) };
    let before = options.len();
    options.retain(|option| option["Value"] != value);
    if options.len() == before {
        return Err(not_found(&format!("the option {value} of {name}")));
    }
    option_set::replace(defining, &name, set)?;
    Ok(Answer::no_content())
}
