//! `BulkDelete`: a job that deletes what queries find, row by row (reference §15.1).

use std::fmt::Write as _;
use std::sync::{Arc, PoisonError};

use serde_json::{Value, json};
use uuid::Uuid;

use super::dispatch::Context;
use super::exchange::{Answer, Request};
use crate::answer::{Annotations, write_cell};
use crate::query::{FetchScope, fetch};
use crate::refusal::{self, Refusal};
use crate::schema::Table;
use crate::state::row::Cell;
use crate::state::{Organisation, Transaction};
use crate::write::{ContentIds, Reader, Update, create, delete, read_row, update};

/// What a job did.
#[derive(Debug, Default)]
struct Done {
    deleted: u64,
    failed: u64,
}

/// Deletes at once, and leaves the job behind as an `asyncoperation`. Rows whose delete is refused stay; the others
/// are not taken back (documented).
pub(super) fn bulk_delete(context: &Context<'_>, request: &Request) -> Result<Answer, Refusal> {
    let body: Value =
        serde_json::from_slice(&request.body).map_err(|error| refusal::payload("BulkDelete", error))?;
    for name in ["JobName", "SendEmailNotification", "RecurrencePattern", "StartDateTime", "QuerySet"] {
        if body[name].is_null() {
            let text = format!("Required parameter '{name}' of BulkDelete is missing.");
            return Err(refusal::refusal(400, 0x8004_0203, text));
        }
    }
    if body["RecurrencePattern"].as_str().is_some_and(|pattern| !pattern.is_empty()) {
        return Err(refusal::not_emulated("A BulkDelete that recurs"));
    }
    let mut organisation = context.service.organisation().write().unwrap_or_else(PoisonError::into_inner);
    // Every query is understood before anything is deleted.
    let mut found = Vec::new();
    for query in body["QuerySet"].as_array().into_iter().flatten() {
        found.push(rows(context, &organisation, query)?);
    }
    let mut done = Done::default();
    for (table, ids) in found {
        for id in ids {
            let mut tx = Transaction::begin(&mut organisation, context.service.settings(), context.caller);
            match delete(&mut tx, table.id, id, None) {
                Ok(()) => {
                    context.charge(&tx, &request.headers);
                    tx.commit()?;
                    done.deleted += 1;
                }
                Err(_) => done.failed += 1,
            }
        }
    }
    let job = leave_job(context, &mut organisation, body["JobName"].as_str().unwrap_or_default(), &done)?;
    Ok(Answer::value(&json!({
        "@odata.context": format!("{}$metadata#Microsoft.Dynamics.CRM.BulkDeleteResponse", context.root),
        "JobId": job,
    })))
}

/// The rows that a `QueryExpression` finds.
fn rows(
    context: &Context<'_>,
    organisation: &Organisation,
    query: &Value,
) -> Result<(Arc<Table>, Vec<Uuid>), Refusal> {
    let name = query["EntityName"].as_str().unwrap_or_default();
    let table = organisation.schema.named(name).cloned().ok_or_else(|| refusal::no_table(name))?;
    let primary = table.column(table.primary).name.clone();
    let mut filter = String::new();
    criteria(&query["Criteria"], &mut filter)?;
    let scope = FetchScope {
        organisation,
        settings: context.service.settings(),
        caller: context.caller,
        table: &table,
        count: false,
        annotations: Annotations { more_records: true, paging_cookie: true, ..Annotations::default() },
        root: &context.root,
    };
    let (mut ids, mut page, mut cookie) = (Vec::new(), 1, String::new());
    loop {
        let xml = format!(
            "<fetch page='{page}'{cookie}><entity name='{name}'><attribute name='{primary}'/>{filter}</entity></fetch>"
        );
        let answer: Value = serde_json::from_slice(&fetch(&scope, &xml)?).unwrap_or_default();
        for row in answer["value"].as_array().into_iter().flatten() {
            ids.extend(row[&primary].as_str().and_then(|id| id.parse::<Uuid>().ok()));
        }
        if answer["@Microsoft.Dynamics.CRM.morerecords"] != true {
            return Ok((table, ids));
        }
        // Pages by the last key: the rows are still all there.
        let last = ids.last().copied().unwrap_or_default();
        cookie = format!(
            " paging-cookie='{}'",
            escaped(&format!(
                "<cookie page=\"{page}\"><{primary} last=\"{{{last}}}\" first=\"{{{last}}}\" /></cookie>"
            ))
        );
        page += 1;
    }
}

/// A `FilterExpression` as FetchXML.
fn criteria(filter: &Value, xml: &mut String) -> Result<(), Refusal> {
    if filter.is_null() {
        return Ok(());
    }
    let kind = if filter["FilterOperator"] == "Or" { "or" } else { "and" };
    // Writing to a String cannot fail, here and below.
    let _ = write!(xml, "<filter type='{kind}'>");
    for condition in filter["Conditions"].as_array().into_iter().flatten() {
        let named = condition["Operator"].as_str().unwrap_or("Equal");
        let operator = operator(named).ok_or_else(|| {
            refusal::not_emulated(format_args!("The condition operator {named} in BulkDelete"))
        })?;
        let attribute = condition["AttributeName"].as_str().unwrap_or_default();
        let _ = write!(xml, "<condition attribute='{}' operator='{operator}'>", escaped(attribute));
        for value in condition["Values"].as_array().into_iter().flatten() {
            let value = if value["Value"].is_null() { value } else { &value["Value"] };
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let _ = write!(xml, "<value>{}</value>", escaped(&text));
        }
        xml.push_str("</condition>");
    }
    for inner in filter["Filters"].as_array().into_iter().flatten() {
        criteria(inner, xml)?;
    }
    xml.push_str("</filter>");
    Ok(())
}

/// The name in FetchXML of a `ConditionOperator`.
fn operator(name: &str) -> Option<&'static str> {
    const NAMES: [(&str, &str); 20] = [
        ("Equal", "eq"),
        ("NotEqual", "ne"),
        ("GreaterThan", "gt"),
        ("GreaterEqual", "ge"),
        ("LessThan", "lt"),
        ("LessEqual", "le"),
        ("Like", "like"),
        ("NotLike", "not-like"),
        ("In", "in"),
        ("NotIn", "not-in"),
        ("Between", "between"),
        ("NotBetween", "not-between"),
        ("Null", "null"),
        ("NotNull", "not-null"),
        ("BeginsWith", "begins-with"),
        ("EndsWith", "ends-with"),
        ("On", "on"),
        ("OnOrBefore", "on-or-before"),
        ("OnOrAfter", "on-or-after"),
        ("OlderThanXDays", "olderthan-x-days"),
    ];
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, fetch)| *fetch)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "&apos;")
        .replace('"', "&quot;")
}

/// The row by which a client follows its job; it has run to its end.
fn leave_job(
    context: &Context<'_>,
    organisation: &mut Organisation,
    name: &str,
    done: &Done,
) -> Result<Uuid, Refusal> {
    let settings = context.service.settings();
    let schema = Arc::clone(&organisation.schema);
    let Some(table) = schema.named("asyncoperation") else {
        return Ok(crate::state::key::named_id(context.service.next_number(), "job"));
    };
    let content_ids = ContentIds::new();
    let reader = Reader { schema: &schema, settings, content_ids: &content_ids };
    let said = format!("{} rows deleted, {} failed", done.deleted, done.failed);
    // 13 is Bulk Delete; 30 and 31 are Succeeded and Failed.
    let mut now = Vec::new();
    write_cell(&Cell::Instant(context.caller.now), &mut now);
    let now: Value = serde_json::from_slice(&now).unwrap_or_default();
    let row = json!({ "name": name, "operationtype": 13, "message": said, "correlationupdatedtime": now });
    let row = read_row(reader, table, row.to_string().as_bytes())?;
    let status = if done.failed == 0 { 30 } else { 31 };
    let state = json!({ "statecode": 3, "statuscode": status });
    let state = read_row(reader, table, state.to_string().as_bytes())?;
    let mut tx = Transaction::begin(organisation, settings, context.caller);
    let id = create(&mut tx, table.id, row)?;
    update(&mut tx, table.id, id, state, Update::Existing)?;
    tx.commit()?;
    Ok(id)
}
