//! `ExecuteCosmosSqlQuery`: queries of elastic tables that look into JSON columns (reference §10).

use std::sync::PoisonError;

use serde_json::{Value, json};

use super::dispatch::Context;
use super::exchange::{Answer, Request};
use super::path::Segment;
use crate::cosmos::{Parameters, document, parse, run};
use crate::query::QueryOptions;
use crate::refusal::{self, Refusal};
use crate::settings::Keep;
use crate::state::Organisation;

pub(super) fn execute(
    context: &Context<'_>,
    request: &Request,
    segment: &Segment,
) -> Result<Answer, Refusal> {
    if context.service.settings().keep == Keep::Keys {
        return Err(refusal::not_emulated(
            "ExecuteCosmosSqlQuery of an emulator that was started with --keep keys",
        ));
    }
    let arguments = arguments(request, segment)?;
    let text =
        |name: &str| arguments.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let required = |name: &str| {
        text(name).map(unquoted).ok_or_else(|| {
            let text = format!("Required parameter '{name}' of ExecuteCosmosSqlQuery is missing.");
            refusal::refusal(400, 0x8004_0203, text)
        })
    };
    let (query, table) = (required("QueryText")?, required("EntityLogicalName")?);
    let parameters = text("QueryParameters").map(parameters).transpose()?.unwrap_or_default();
    let query = parse(&query, &parameters)?;
    let number = |name: &str| text(name).and_then(|value| unquoted(value).parse::<usize>().ok());
    let page =
        number("PageSize").filter(|rows| *rows > 0).unwrap_or(context.service.settings().max_page_rows);
    let start =
        text("PagingCookie").map(unquoted).filter(|cookie| !cookie.is_empty()).map_or(Ok(0), |cookie| {
            cookie.strip_prefix("from=").and_then(|from| from.parse().ok()).ok_or_else(|| {
                refusal::refusal(400, 0x8004_0203, format!("The PagingCookie '{cookie}' cannot be read."))
            })
        })?;
    let partition = text("PartitionId").map(unquoted);
    let service = context.service;
    let found = {
        let organisation = service.organisation().read().unwrap_or_else(PoisonError::into_inner);
        let table =
            organisation.schema.named(&table).filter(|table| table.elastic.is_some()).cloned().ok_or_else(
                || {
                    let text = format!("ExecuteCosmosSqlQuery needs an elastic table; '{table}' is none.");
                    refusal::refusal(400, 0x8004_0203, text)
                },
            )?;
        let documents = |organisation: &Organisation| -> Vec<Value> {
            let rows = organisation.rows(table.id).after(None);
            let is_meant = |row: &[u8]| {
                partition.as_ref().is_none_or(|wanted| {
                    table.elastic_key_of_row(row).is_some_and(|key| key.partition == *wanted)
                })
            };
            rows.filter(|(_, row)| is_meant(row)).map(|(key, row)| document(&table, key, row)).collect()
        };
        if organisation.lags(table.id) && request.headers.get("mscrm.sessiontoken").is_none() {
            drop(organisation);
            let mut organisation = service.organisation().write().unwrap_or_else(PoisonError::into_inner);
            let documents = organisation.with_lag(table.id, context.caller.now, documents);
            run(&query, &documents)
        } else {
            run(&query, &documents(&organisation))
        }
    };
    let rest = found.len().saturating_sub(start);
    let has_more = rest > page;
    let cookie = if has_more { format!("from={}", start + page) } else { String::new() };
    let rows: Vec<Value> = found.into_iter().skip(start).take(page).collect();
    Ok(Answer::value(&json!({
        "@odata.context": format!("{}$metadata#executecosmossqlquery", context.root),
        "PagingCookie": cookie,
        "HasMore": has_more,
        "Result": rows,
    })))
}

/// `QueryText=@p1,PageSize=50` with the values of the aliases.
fn arguments(request: &Request, segment: &Segment) -> Result<Vec<(String, String)>, Refusal> {
    let options = QueryOptions::parse(request.query())?;
    let list = segment.key.as_deref().unwrap_or_default();
    let list = dataverse_wire::literal::percent_decode(list).unwrap_or_default();
    let mut arguments = Vec::new();
    for part in list.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').ok_or_else(|| refusal::no_segment(&segment.name))?;
        let value = if value.starts_with('@') {
            options.others.get(value).cloned().ok_or_else(|| {
                refusal::bad_query(format_args!("The parameter alias '{value}' has no value."))
            })?
        } else {
            value.to_owned()
        };
        arguments.push((name.trim().to_owned(), value));
    }
    Ok(arguments)
}

/// Text literals are in single quotes, those in it doubled.
fn unquoted(value: &str) -> String {
    let inner = value.trim().strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    inner.map_or_else(|| value.trim().to_owned(), |inner| inner.replace("''", "'"))
}

/// `{"Keys":["@v"],"Values":[{"Type":"System.String","Value":"Humidity"}]}`; documents write it with single quotes too.
fn parameters(text: &str) -> Result<Parameters, Refusal> {
    let unreadable = || refusal::refusal(400, 0x8004_0203, "QueryParameters cannot be read.");
    let read =
        serde_json::from_str::<Value>(text).or_else(|_| serde_json::from_str(&text.replace('\'', "\"")));
    let read = read.map_err(|_| unreadable())?;
    let (Some(keys), Some(values)) = (read["Keys"].as_array(), read["Values"].as_array()) else {
        return Err(unreadable());
    };
    if keys.len() != values.len() {
        return Err(unreadable());
    }
    let mut parameters = Parameters::new();
    for (key, value) in keys.iter().zip(values) {
        let name = key.as_str().ok_or_else(unreadable)?.to_owned();
        let kind = value["Type"].as_str().unwrap_or_default();
        let is_number = ["Int", "Double", "Decimal", "Single"].iter().any(|number| kind.contains(number));
        let value = match &value["Value"] {
            // Numbers and yes or no may come as text.
            Value::String(text) if is_number || kind == "System.Boolean" => {
                serde_json::from_str(&text.to_lowercase()).map_err(|_| unreadable())?
            }
            value => value.clone(),
        };
        parameters.insert(name, value);
    }
    Ok(parameters)
}
