//! Which route a request takes, and under which lock.

use std::cell::RefCell;
use std::sync::PoisonError;

use dataverse_wire::batch::Method;

use super::apply::apply;
use super::exchange::{Answer, Headers, Request};
use super::path::{Segment, segments};
use super::prepare::prepare;
use super::{batch, bulk_delete, define, files, functions, metadata, read};
use crate::latency::Written;
use crate::refusal::{self, Refusal};
use crate::service::Service;
use crate::state::{Caller, Transaction};
use crate::write::ContentIds;

/// What a request is answered with: the service, who asks, and under which name it was reached.
#[derive(Debug)]
pub(crate) struct Context<'s> {
    pub(crate) service: &'s Service,
    pub(crate) caller: Caller,
    /// `http://host/api/data/v9.2/`.
    pub(crate) root: String,
    /// Rows written on the way: what the latency model charges for.
    pub(crate) written: RefCell<Written>,
    /// Of a bulk message on an elastic table, every n-th row fails on purpose.
    pub(crate) fails_every: Option<usize>,
}

impl Context<'_> {
    /// Notes what a transaction is about to keep.
    pub(super) fn charge(&self, tx: &Transaction<'_>, headers: &Headers) {
        self.written.borrow_mut().add(tx, headers);
    }

    /// Whether a row of a bulk message on an elastic table fails on purpose.
    pub(super) fn strikes_row(&self, index: usize) -> bool {
        self.fails_every.is_some_and(|every| (index + 1).is_multiple_of(every.max(1)))
    }
}

/// What follows the service root in an absolute URL or path.
pub(super) fn after_root(target: &str) -> Option<&str> {
    let path = match target.split_once("://") {
        Some((_, rest)) => &rest[rest.find('/')?..],
        None => target,
    };
    let rest = path.trim_start_matches('/').strip_prefix("api/data/")?;
    rest.split_once('/').map(|(_, target)| target)
}

/// Answers one request; a refusal is an answer too.
pub(crate) fn answer(context: &Context<'_>, request: &Request) -> Answer {
    route(context, request).unwrap_or_else(|refusal| {
        if refusal.is_duplicate() {
            context.service.count_duplicate();
        }
        let answer = Answer::refused(&refusal);
        if request.headers.wants_error_details() { answer.with_error_details(&refusal) } else { answer }
    })
}

/// All activities as one table are copied together when somebody first asks for them.
fn show_pointers(context: &Context<'_>, request: &Request) {
    if request.method != "GET" || !request.target.to_ascii_lowercase().contains("activitypointer") {
        return;
    }
    let organisation = context.service.organisation();
    if !organisation.read().unwrap_or_else(PoisonError::into_inner).shows_pointers() {
        organisation.write().unwrap_or_else(PoisonError::into_inner).show_pointers();
    }
}

fn route(context: &Context<'_>, request: &Request) -> Result<Answer, Refusal> {
    show_pointers(context, request);
    let path = segments(request.path())?;
    if let Some(answer) = files::answer(context, request, &path)? {
        return Ok(answer);
    }
    let first = path.first().map_or("", |segment| segment.name.as_str());
    match (request.method.as_str(), first) {
        ("POST", "$batch") => batch::batch(context, request),
        (_, "$batch") => Err(refusal::wrong_method(&request.method, "$batch")),
        ("GET", "EntityDefinitions" | "RelationshipDefinitions" | "GlobalOptionSetDefinitions") => {
            metadata::read(context, request, &path)
        }
        ("POST" | "PUT" | "PATCH" | "DELETE", name) if define::is_definition(name) => {
            define::define(context, request, &path)
        }
        ("POST", "BulkDelete") => bulk_delete::bulk_delete(context, request),
        ("GET", _) => match functions::call(context, request, &path)? {
            Some(answer) => Ok(answer),
            None => read::read(context, request, &path),
        },
        ("POST" | "PATCH" | "PUT" | "DELETE", _) => write(context, request, &path),
        (method, _) => Err(refusal::wrong_method(method, "only GET, POST, PATCH, PUT and DELETE are known")),
    }
}

/// One write by itself: the body is read before the lock is taken, since that is most of the work.
fn write(context: &Context<'_>, request: &Request, path: &[Segment]) -> Result<Answer, Refusal> {
    let service = context.service;
    let settings = service.settings();
    let schema = service.schema();
    let prepared = prepare(&schema, settings, &ContentIds::new(), request, path)?;
    let mut organisation = service.organisation().write().unwrap_or_else(PoisonError::into_inner);
    let mut transaction = Transaction::begin(&mut organisation, settings, context.caller);
    let outcome = apply(&mut transaction, context, request, prepared)?;
    context.charge(&transaction, &request.headers);
    transaction.commit()?;
    Ok(outcome.answer)
}

/// The writes that a request asks for, by kind: those inside a batch each, messages by their own name.
pub(crate) fn writes_of(request: &Request) -> Vec<String> {
    let named = |method: &str, path: &str| match kind(method, path) {
        "action" => path.rsplit('/').next().unwrap_or_default().to_owned(),
        kind => kind.to_owned(),
    };
    match kind(&request.method, request.path()) {
        "$batch" => batch::operations(request)
            .iter()
            .filter(|operation| operation.method != Method::Get)
            .map(|operation| {
                let target = after_root(&operation.target).unwrap_or(&operation.target);
                named(operation.method.as_str(), target.split('?').next().unwrap_or_default())
            })
            .collect(),
        _ if request.method == "GET" => Vec::new(),
        _ => vec![named(&request.method, request.path())],
    }
}

/// What a request is, for the statistics.
pub(crate) fn kind(method: &str, path: &str) -> &'static str {
    let last = path.rsplit('/').next().unwrap_or_default();
    let name = last.split('(').next().unwrap_or_default();
    let message = name.strip_prefix("Microsoft.Dynamics.CRM.").unwrap_or(name);
    match message {
        "$batch" => "$batch",
        "WhoAmI" => "WhoAmI",
        "CreateMultiple" => "CreateMultiple",
        "UpdateMultiple" => "UpdateMultiple",
        "UpsertMultiple" => "UpsertMultiple",
        "DeleteMultiple" => "DeleteMultiple",
        "$ref" if method == "DELETE" => "disassociate",
        "$ref" => "associate",
        "$count" => "count",
        "UploadBlock" => "upload",
        "$value" | "DownloadBlock" => "download",
        _ if path.starts_with("EntityDefinitions")
            || path.starts_with("RelationshipDefinitions")
            || path.starts_with("GlobalOptionSetDefinitions")
            || path.starts_with("$metadata") =>
        {
            "metadata"
        }
        _ if method == "GET" => {
            if path.contains('(') {
                "retrieve"
            } else {
                "query"
            }
        }
        _ if name.starts_with(|c: char| c.is_ascii_uppercase()) => "action",
        _ => match method {
            "POST" => "create",
            "PATCH" if path.contains(")/") => "upload",
            "PATCH" => "update",
            "PUT" => "set",
            "DELETE" => "delete",
            _ => "other",
        },
    }
}
