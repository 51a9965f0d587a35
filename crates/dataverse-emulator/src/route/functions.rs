//! Unbound functions: `WhoAmI`, exact totals, and the probe for bulk messages.

use std::sync::PoisonError;

use serde_json::json;

use super::bulk::takes_bulk;
use super::changes::changes;
use super::dispatch::Context;
use super::exchange::{Answer, Request};
use super::path::Segment;
use super::{cosmos, csdl};
use crate::query::{Ast, Literal, QueryOptions, parse_filter};
use crate::refusal::{self, Refusal};

/// Answers a GET that names a function; `None` when it names rows.
pub(super) fn call(
    context: &Context<'_>,
    request: &Request,
    path: &[Segment],
) -> Result<Option<Answer>, Refusal> {
    let [segment] = path else { return Ok(None) };
    let answer = match segment.name.as_str() {
        "WhoAmI" => who_am_i(context),
        "ExecuteCosmosSqlQuery" => cosmos::execute(context, request, segment)?,
        "sdkmessagefilters" => message_filters(context, request)?,
        "RetrieveMetadataChanges" => changes(context, request, segment)?,
        "RetrieveTotalRecordCount" => total_record_count(context, request, segment)?,
        "$metadata" => csdl::document(context, request)?,
        _ => return Ok(None),
    };
    Ok(Some(answer))
}

fn who_am_i(context: &Context<'_>) -> Answer {
    let organisation = context.service.organisation().read().unwrap_or_else(PoisonError::into_inner);
    Answer::value(&json!({
        "@odata.context": format!("{}$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse", context.root),
        "BusinessUnitId": organisation.seeds.business_unit,
        "UserId": context.caller.user,
        "OrganizationId": organisation.seeds.organization,
    }))
}

/// Which messages a table takes. Nothing is ever found for `UpsertMultiple`, though tables take it (documented).
fn message_filters(context: &Context<'_>, request: &Request) -> Result<Answer, Refusal> {
    let options = QueryOptions::parse(request.query())?;
    let Some(text) = options.filter.as_deref() else {
        return Err(refusal::not_emulated("Listing all of sdkmessagefilters"));
    };
    let ast = parse_filter(text)?;
    let (Some(message), Some(table)) =
        (text_compared(&ast, "sdkmessageid/name"), text_compared(&ast, "primaryobjecttypecode"))
    else {
        return Err(refusal::not_emulated("A filter of sdkmessagefilters that names no message and table"));
    };
    let service = context.service;
    let schema = service.schema();
    let takes = schema.named(&table).is_some_and(|table| match message.as_str() {
        "Create" | "Update" | "Delete" => !table.is_intersect,
        "Retrieve" | "RetrieveMultiple" => true,
        "CreateMultiple" | "UpdateMultiple" => takes_bulk(table, service.settings()),
        "DeleteMultiple" => table.elastic.is_some(),
        _ => false,
    });
    let id = crate::state::key::named_id(3, &format!("{message} {table}"));
    let rows =
        if takes { vec![json!({ "@odata.etag": "W/\"1\"", "sdkmessagefilterid": id })] } else { Vec::new() };
    Ok(Answer::value(&json!({
        "@odata.context": format!("{}$metadata#sdkmessagefilters(sdkmessagefilterid)", context.root), "value": rows
    })))
}

fn text_compared(ast: &Ast, path: &str) -> Option<String> {
    match ast {
        Ast::And(left, right) => text_compared(left, path).or_else(|| text_compared(right, path)),
        Ast::Compare(found, crate::query::Comparison::Equal, Literal::Text(text)) if found == path => {
            Some(text.clone())
        }
        _ => None,
    }
}

/// Totals beyond 5,000. The service's are up to a day old; these are of this moment.
fn total_record_count(
    context: &Context<'_>,
    request: &Request,
    segment: &Segment,
) -> Result<Answer, Refusal> {
    let options = QueryOptions::parse(request.query())?;
    let list = match segment.key.as_deref().and_then(|key| key.strip_prefix("EntityNames=")) {
        Some(alias) if alias.starts_with('@') => options.others.get(alias).cloned(),
        Some(list) => dataverse_wire::literal::percent_decode(list),
        None => None,
    };
    let names: Vec<String> = list
        .and_then(|list| serde_json::from_str(&list).ok())
        .ok_or_else(|| refusal::bad_query("RetrieveTotalRecordCount takes EntityNames=[\"…\"]."))?;
    let organisation = context.service.organisation().read().unwrap_or_else(PoisonError::into_inner);
    let mut values = Vec::new();
    for name in &names {
        let table = organisation.schema.named(name).ok_or_else(|| {
            refusal::refusal(400, 0x8004_1102, format!("The entity with a name = '{name}' was not found."))
        })?;
        values.push(organisation.rows(table.id).len());
    }
    Ok(Answer::value(&json!({
        "@odata.context":
            format!("{}$metadata#Microsoft.Dynamics.CRM.RetrieveTotalRecordCountResponse", context.root),
        "EntityRecordCountCollection":
            { "Count": names.len(), "IsReadOnly": false, "Keys": names, "Values": values }
    })))
}
