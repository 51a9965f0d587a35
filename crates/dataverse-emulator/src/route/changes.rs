//! `RetrieveMetadataChanges`: definitions chosen by a query, with just the properties it names.

use std::sync::{Arc, PoisonError};

use serde_json::{Map, Value, json};

use super::define::key_list;
use super::definition::{attributes, relations, table_head};
use super::dispatch::Context;
use super::exchange::{Answer, Request};
use super::path::Segment;
use crate::query::QueryOptions;
use crate::refusal::{self, Refusal};

/// Answers the function. Every answer is whole: a client that sends a version stamp is told everything again.
pub(super) fn changes(
    context: &Context<'_>,
    request: &Request,
    segment: &Segment,
) -> Result<Answer, Refusal> {
    let options = QueryOptions::parse(request.query())?;
    let argument = segment
        .key
        .as_deref()
        .and_then(|key| key.split(',').find_map(|pair| pair.trim().strip_prefix("Query=")))
        .ok_or_else(|| refusal::bad_query("RetrieveMetadataChanges takes a Query."))?;
    let text = if argument.starts_with('@') {
        options.others.get(argument).cloned()
    } else {
        dataverse_wire::literal::percent_decode(argument)
    };
    let query: Value = text
        .and_then(|text| serde_json::from_str(&text).ok())
        .ok_or_else(|| refusal::bad_query("The Query of RetrieveMetadataChanges is no JSON."))?;
    let organisation = context.service.organisation().read().unwrap_or_else(PoisonError::into_inner);
    let (schema, written) = (Arc::clone(&organisation.schema), &organisation.written);
    let mut tables = Vec::new();
    for table in schema.tables() {
        let head = table_head(table, written);
        if !meets(&query["Criteria"], &head)? {
            continue;
        }
        let mut chosen = project(&head, &query["Properties"]);
        let wants = |part: &str| names(&query["Properties"]).is_none_or(|names| names.contains(&part));
        if wants("Attributes") {
            let part = &query["AttributeQuery"];
            chosen.insert("Attributes".to_owned(), parts(attributes(table, written), part)?);
        }
        for kind in ["ManyToOneRelationships", "ManyToManyRelationships"] {
            if wants(kind) && !query["RelationshipQuery"].is_null() {
                let all = relations(&table.definition, kind, written);
                chosen.insert(kind.to_owned(), parts(all, &query["RelationshipQuery"])?);
            }
        }
        if wants("Keys") && !query["KeyQuery"].is_null() {
            let all = key_list(table, written, context.caller.now);
            chosen.insert("Keys".to_owned(), parts(all, &query["KeyQuery"])?);
        }
        tables.push(Value::Object(chosen));
    }
    Ok(Answer::value(&json!({
        "@odata.context":
            format!("{}$metadata#Microsoft.Dynamics.CRM.RetrieveMetadataChangesResponse", context.root),
        "ServerVersionStamp": format!("{}!{}", organisation.counters().0, context.caller.now),
        "DeletedMetadata": null,
        "EntityMetadata": tables,
    })))
}

/// The parts of a table that a query chooses, in the complex form that functions answer in.
fn parts(all: Vec<Value>, query: &Value) -> Result<Value, Refusal> {
    let mut chosen = Vec::new();
    for part in all {
        if !meets(&query["Criteria"], &part)? {
            continue;
        }
        let mut kept = project(&part, &query["Properties"]);
        if let Some(kind) = part["@odata.type"].as_str() {
            let kind = kind.replace("#Microsoft.Dynamics.CRM.", "#Microsoft.Dynamics.CRM.Complex");
            kept.insert("@odata.type".to_owned(), kind.into());
        }
        chosen.push(Value::Object(kept));
    }
    Ok(Value::Array(chosen))
}

/// The properties that are named; `None` for all of them.
fn names(properties: &Value) -> Option<Vec<&str>> {
    if properties["AllProperties"] == true {
        return None;
    }
    let names = properties["PropertyNames"].as_array()?;
    Some(names.iter().filter_map(Value::as_str).collect())
}

/// A property that is named and that the definition does not have is left out: not every type has all of them.
fn project(definition: &Value, properties: &Value) -> Map<String, Value> {
    let Value::Object(map) = definition else { return Map::new() };
    let names = names(properties);
    map.iter()
        .filter(|(name, _)| {
            name.as_str() == "MetadataId" || names.as_ref().is_none_or(|names| names.contains(&name.as_str()))
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Whether a definition meets a `MetadataFilterExpression`.
fn meets(criteria: &Value, definition: &Value) -> Result<bool, Refusal> {
    let any = criteria["FilterOperator"] == "Or";
    let mut outcomes = Vec::new();
    for condition in criteria["Conditions"].as_array().into_iter().flatten() {
        outcomes.push(holds(condition, definition)?);
    }
    for filter in criteria["Filters"].as_array().into_iter().flatten() {
        outcomes.push(meets(filter, definition)?);
    }
    Ok(if any { outcomes.is_empty() || outcomes.contains(&true) } else { !outcomes.contains(&false) })
}

fn holds(condition: &Value, definition: &Value) -> Result<bool, Refusal> {
    let name = condition["PropertyName"].as_str().unwrap_or_default();
    let found = &definition[name];
    let found = plain(if found["Value"].is_null() { found } else { &found["Value"] });
    let wanted = &condition["Value"]["Value"];
    let is_among = || match wanted {
        Value::Array(values) => values.iter().any(|value| plain(value) == found),
        value => plain(value) == found,
    };
    let order = || {
        let (found, wanted) = (found.parse::<f64>().ok()?, plain(wanted).parse::<f64>().ok()?);
        found.partial_cmp(&wanted)
    };
    match condition["ConditionOperator"].as_str().unwrap_or_default() {
        "Equals" | "In" => Ok(is_among()),
        "NotEquals" | "NotIn" => Ok(!is_among()),
        "GreaterThan" => Ok(order().is_some_and(std::cmp::Ordering::is_gt)),
        "LessThan" => Ok(order().is_some_and(std::cmp::Ordering::is_lt)),
        other => Err(refusal::bad_query(format_args!("'{other}' is no MetadataConditionOperator."))),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "false".to_owned(),
        other => other.to_string(),
    }
}
