//! `$batch`: several requests in one, by themselves or all or nothing.

use std::sync::PoisonError;

use dataverse_wire::batch::{
    Answer as BatchPart, BatchAnswer, BatchItem, BatchRequest, BatchResponse, Method, Operation,
};
use dataverse_wire::limits::BATCH_OPERATIONS;

use super::apply::apply;
use super::dispatch::{Context, after_root, answer};
use super::exchange::{Answer, Headers, Request};
use super::path::segments;
use super::prepare::prepare;
use crate::refusal::{self, Refusal};
use crate::state::{Transaction, key::named_id};
use crate::write::ContentIds;

/// Runs a batch in order.
pub(super) fn batch(context: &Context<'_>, request: &Request) -> Result<Answer, Refusal> {
    let content_type = request.headers.get("content-type").unwrap_or_default();
    if !content_type.trim_start().to_ascii_lowercase().starts_with("multipart/mixed") {
        let text =
            format!("The content type '{content_type}' is not supported for $batch; send multipart/mixed.");
        return Err(refusal::refusal(415, 0x8004_8D19, text));
    }
    let batch = BatchRequest::decode(content_type, &request.body).map_err(|error| match error {
        dataverse_wire::Error::BatchNotEnded => refusal::payload("$batch", "Stream was not readable."),
        error => refusal::payload("$batch", error),
    })?;
    let operations = batch.operation_count();
    if operations > BATCH_OPERATIONS {
        let text =
            format!("The batch holds {operations} operations; at most {BATCH_OPERATIONS} are allowed.");
        return Err(refusal::refusal(400, 0x8004_0203, text));
    }
    let goes_on = request.headers.preference("odata.continue-on-error").is_some_and(|value| value != "false");
    let mut response = BatchResponse::default();
    let mut first_failure = None;
    for item in &batch.items {
        let part = match item {
            BatchItem::Operation(operation) => {
                BatchAnswer::Answer(part(&single(context, request, operation), None))
            }
            BatchItem::ChangeSet(operations) => change_set(context, request, operations),
        };
        let status = match &part {
            BatchAnswer::Answer(answer) => answer.status,
            BatchAnswer::ChangeSet(_) => 200,
        };
        response.items.push(part);
        if status >= 400 {
            first_failure.get_or_insert(status);
            if !goes_on {
                break;
            }
        }
    }
    let boundary = format!("batchresponse_{}", named_id(context.service.next_number(), "batch"));
    let encoded = response.encode(&boundary);
    let status = first_failure.filter(|_| !goes_on).unwrap_or(200);
    Ok(Answer { status, headers: vec![("content-type", encoded.content_type)], body: encoded.body.into() })
}

/// Everything that a batch asks for; nothing of one that cannot be read.
pub(super) fn operations(request: &Request) -> Vec<Operation> {
    let content_type = request.headers.get("content-type").unwrap_or_default();
    let items =
        BatchRequest::decode(content_type, &request.body).map(|batch| batch.items).unwrap_or_default();
    items
        .into_iter()
        .flat_map(|item| match item {
            BatchItem::Operation(operation) => vec![operation],
            BatchItem::ChangeSet(operations) => operations,
        })
        .collect()
}

/// One operation of its own, with its own transaction.
fn single(context: &Context<'_>, batch: &Request, operation: &Operation) -> Answer {
    match inner_request(batch, operation) {
        Ok(request) if request.path().starts_with("$batch") => {
            Answer::refused(&refusal::payload("$batch", "A batch cannot hold another batch."))
        }
        Ok(request) => answer(context, &request),
        Err(refusal) => Answer::refused(&refusal),
    }
}

/// All operations or none; one refusal answers for all.
fn change_set(context: &Context<'_>, batch: &Request, operations: &[Operation]) -> BatchAnswer {
    match run_change_set(context, batch, operations) {
        Ok(parts) => BatchAnswer::ChangeSet(parts),
        Err((refusal, content_id)) => {
            if refusal.is_duplicate() {
                context.service.count_duplicate();
            }
            BatchAnswer::Answer(part(&Answer::refused(&refusal), content_id))
        }
    }
}

type NamedRefusal = (Refusal, Option<String>);

fn run_change_set(
    context: &Context<'_>,
    batch: &Request,
    operations: &[Operation],
) -> Result<Vec<BatchPart>, NamedRefusal> {
    let service = context.service;
    let settings = service.settings();
    let mut organisation = service.organisation().write().unwrap_or_else(PoisonError::into_inner);
    let mut tx = Transaction::begin(&mut organisation, settings, context.caller);
    let schema = tx.schema();
    let mut content_ids = ContentIds::new();
    let mut parts = Vec::with_capacity(operations.len());
    for operation in operations {
        let named = |refusal: Refusal| (refusal, operation.content_id.clone());
        if operation.method == Method::Get {
            return Err(named(refusal::payload("$batch", "A change set cannot hold a GET.")));
        }
        let Some(content_id) = &operation.content_id else {
            return Err(named(refusal::payload(
                "$batch",
                "Each operation of a change set needs a Content-ID.",
            )));
        };
        let request = inner_request(batch, operation).map_err(named)?;
        let path = segments(request.path()).map_err(named)?;
        let prepared = prepare(&schema, settings, &content_ids, &request, &path).map_err(named)?;
        let mark = tx.mark();
        let outcome = match apply(&mut tx, context, &request, prepared) {
            Ok(outcome) => outcome,
            Err(refusal) => {
                tx.fail(mark).map_err(named)?;
                return Err(named(refusal));
            }
        };
        if let Some(row) = outcome.row {
            content_ids.insert(content_id.clone(), row);
        }
        parts.push(part(&outcome.answer, Some(content_id.clone())));
    }
    context.charge(&tx, &batch.headers);
    tx.commit().map_err(|refusal| (refusal, None))?;
    Ok(parts)
}

fn inner_request(batch: &Request, operation: &Operation) -> Result<Request, Refusal> {
    let target = operation.target.as_str();
    let target = if target.starts_with('$') {
        target
    } else {
        after_root(target).ok_or_else(|| {
            refusal::payload(
                "$batch",
                format_args!("The request target '{target}' is not below the service root."),
            )
        })?
    };
    let mut headers = Headers::from(operation.headers.as_slice());
    headers.inherit(&batch.headers);
    Ok(Request {
        method: operation.method.as_str().to_owned(),
        target: target.to_owned(),
        headers,
        body: operation.body.clone(),
    })
}

fn part(answer: &Answer, content_id: Option<String>) -> BatchPart {
    let mut headers: Vec<(String, String)> = vec![("OData-Version".to_owned(), "4.0".to_owned())];
    headers.extend(answer.headers.iter().map(|(name, value)| (spelled(name).to_owned(), value.clone())));
    if !answer.is_success() {
        let id = named_id(u64::from(answer.status), "request");
        headers.push(("REQ_ID".to_owned(), id.to_string()));
    }
    BatchPart { status: answer.status, headers, content_id, body: answer.body.clone() }
}

/// Header names as documents spell them; some readers look no further.
fn spelled(name: &'static str) -> &'static str {
    match name {
        "content-type" => "Content-Type",
        "location" => "Location",
        "odata-entityid" => "OData-EntityId",
        "preference-applied" => "Preference-Applied",
        "etag" => "ETag",
        other => other,
    }
}
