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
use crate::settings::Settings;
use crate::state::row::{Cell, TableId};
use crate::state::{DeleteJob, Organisation, Transaction};
use crate::write::{ContentIds, Reader, Update, create, delete, read_row, update};

/// Starts a job, and leaves it behind as an `asyncoperation`. It deletes the rows that were there when it was started;
/// those whose delete is refused stay, and the others are not taken back (documented).
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
    let service = context.service;
    let mut organisation = service.organisation().write().unwrap_or_else(PoisonError::into_inner);
    // Every query is understood before anything is deleted.
    let mut found = Vec::new();
    for query in body["QuerySet"].as_array().into_iter().flatten() {
        found.push(rows(context, &organisation, query)?);
    }
    let id = leave_job(context, &mut organisation, body["JobName"].as_str().unwrap_or_default())?;
    let delay = i64::try_from(service.settings().bulk_delete_seconds).unwrap_or(i64::MAX);
    let job = DeleteJob { id, due: context.caller.now.saturating_add(delay), caller: context.caller, found };
    if delay == 0 {
        run(&mut organisation, service.settings(), job, |tx| context.charge(tx, &request.headers))?;
    } else {
        service.job_is_due_at(job.due);
        organisation.jobs.push(job);
    }
    Ok(Answer::value(&json!({
        "@odata.context": format!("{}$metadata#Microsoft.Dynamics.CRM.BulkDeleteResponse", context.root),
        "JobId": id,
    })))
}

/// Runs the jobs whose time has come; when the next one is due.
pub(crate) fn run_due(organisation: &mut Organisation, settings: &Settings, now: i64) -> Option<i64> {
    let (due, later): (Vec<_>, Vec<_>) =
        std::mem::take(&mut organisation.jobs).into_iter().partition(|job| job.due <= now);
    organisation.jobs = later;
    for mut job in due {
        job.caller.now = now;
        let id = job.id;
        if let Err(refusal) = run(organisation, settings, job, |_| {}) {
            tracing::error!(%id, message = %refusal.message, "a job could not say how it ended");
        }
    }
    organisation.jobs.iter().map(|job| job.due).min()
}

/// Deletes row by row, and writes into the job how it went.
fn run(
    organisation: &mut Organisation,
    settings: &Settings,
    job: DeleteJob,
    charge: impl Fn(&Transaction<'_>),
) -> Result<(), Refusal> {
    let (mut deleted, mut failed) = (0_u64, 0_u64);
    for (table, ids) in job.found {
        for id in ids {
            let mut tx = Transaction::begin(organisation, settings, job.caller);
            if delete(&mut tx, table, id, None).is_ok() {
                charge(&tx);
                tx.commit()?;
                deleted += 1;
            } else {
                failed += 1;
            }
        }
    }
    let schema = Arc::clone(&organisation.schema);
    let Some(table) = schema.named("asyncoperation") else { return Ok(()) };
    let content_ids = ContentIds::new();
    let reader = Reader { schema: &schema, settings, content_ids: &content_ids };
    // 30 and 31 are Succeeded and Failed.
    let outcome = json!({
        "statecode": 3, "statuscode": if failed == 0 { 30 } else { 31 },
        "message": format!("{deleted} rows deleted, {failed} failed")
    });
    let outcome = read_row(reader, table, outcome.to_string().as_bytes())?;
    let mut tx = Transaction::begin(organisation, settings, job.caller);
    update(&mut tx, table.id, job.id, outcome, Update::Existing)?;
    tx.commit()
}

/// The rows that a `QueryExpression` finds.
fn rows(
    context: &Context<'_>,
    organisation: &Organisation,
    query: &Value,
) -> Result<(TableId, Vec<Uuid>), Refusal> {
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
        only: None,
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
            return Ok((table.id, ids));
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

/// The row by which a client follows its job; it waits.
fn leave_job(context: &Context<'_>, organisation: &mut Organisation, name: &str) -> Result<Uuid, Refusal> {
    let settings = context.service.settings();
    let schema = Arc::clone(&organisation.schema);
    let Some(table) = schema.named("asyncoperation") else {
        return Ok(crate::state::key::named_id(context.service.next_number(), "job"));
    };
    let content_ids = ContentIds::new();
    let reader = Reader { schema: &schema, settings, content_ids: &content_ids };
    let mut now = Vec::new();
    write_cell(&Cell::Instant(context.caller.now), &mut now);
    let now: Value = serde_json::from_slice(&now).unwrap_or_default();
    // 13 is Bulk Delete.
    let row = json!({ "name": name, "operationtype": 13, "correlationupdatedtime": now });
    let row = read_row(reader, table, row.to_string().as_bytes())?;
    let mut tx = Transaction::begin(organisation, settings, context.caller);
    let id = create(&mut tx, table.id, row)?;
    tx.commit()?;
    Ok(id)
}
