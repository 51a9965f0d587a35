//! The one place where requests are sent, waited for and sent again.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use dataverse_wire::fault::FaultClass;
use dataverse_wire::literal::RowKey;
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

use crate::attempt::Attempt;
use crate::client::Client;
use crate::error::RequestSummary;
use crate::refusal::{Failure, Fate, Refusal, request_id_of};
use crate::write_options::{Retries, SendPermit};
use crate::{Error, WriteOptions};

/// Whether a request may be sent again when nobody knows whether it was executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// The outcome is the same.
    Safe,
    /// It might be done twice: somebody must look first.
    AskFirst,
}

/// A request, ready to be sent any number of times.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) operation: &'static str,
    /// For people: the entity set, action or function.
    pub(crate) target: String,
    /// For people: the row, where it is named by id.
    pub(crate) row: Option<Uuid>,
    pub(crate) method: Method,
    /// Path and query below the service root, percent-encoded, or an absolute URL that the service gave.
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Bytes>,
    pub(crate) content_type: String,
    pub(crate) repeat: Repeat,
    /// A multipart answer is an answer, whatever its status.
    pub(crate) takes_multipart: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retries: Retries,
    pub(crate) permit: Option<SendPermit>,
}

impl Request {
    pub(crate) fn get(operation: &'static str, target: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            operation,
            target: target.into(),
            row: None,
            method: Method::GET,
            path: path.into(),
            headers: Vec::new(),
            body: None,
            content_type: "application/json; charset=utf-8".to_owned(),
            repeat: Repeat::Safe,
            takes_multipart: false,
            timeout: None,
            retries: Retries::ByClient,
            permit: None,
        }
    }

    pub(crate) fn write(
        operation: &'static str,
        method: Method,
        target: impl Into<String>,
        path: impl Into<String>,
        options: &WriteOptions,
    ) -> Self {
        let mut path = path.into();
        if let Some(tag) = &options.tag {
            let separator = if path.contains('?') { '&' } else { '?' };
            path.push(separator);
            path.push_str("tag=");
            path.push_str(&dataverse_wire::literal::percent_encode(tag));
        }
        Self {
            method,
            headers: options.headers(),
            repeat: Repeat::AskFirst,
            timeout: options.timeout,
            retries: options.retries,
            permit: options.permit.clone(),
            ..Self::get(operation, target, path)
        }
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Names the row for people.
    pub(crate) fn row(mut self, key: &RowKey) -> Self {
        self.row = key.id();
        self
    }

    pub(crate) fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }
}

/// An answer with a status in the 200s, or a multipart one.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) summary: RequestSummary,
    repeat: Repeat,
}

impl Answer {
    /// The answer is a success, but its body is not what it should be: a write is then in doubt.
    pub(crate) fn unreadable(self, reason: impl std::fmt::Display) -> Error {
        let reason = format!("unreadable answer: {reason}");
        match self.repeat {
            Repeat::AskFirst => Error::InDoubt { request: Box::new(self.summary), source: reason.into() },
            Repeat::Safe => Error::Unreadable { request: Box::new(self.summary), reason },
        }
    }

    /// Reads a JSON body.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(self) -> Result<T, Error> {
        match serde_json::from_slice(&self.body) {
            Ok(value) => Ok(value),
            Err(error) => Err(self.unreadable(error)),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Client {
    /// Sends until there is an answer, a refusal, or no hope. Dropping the future abandons the request: what the
    /// service has already read, it may finish.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, Error> {
        let policy = &self.options().retry;
        let mut waits = ExponentialBuilder::default()
            .with_min_delay(policy.first_wait)
            .with_max_delay(policy.longest_wait)
            .with_max_times(policy.attempts.saturating_sub(1) as usize)
            .with_jitter()
            .build();
        let started = Instant::now();
        let mut summary = RequestSummary {
            operation: request.operation,
            target: request.target.clone(),
            row: request.row,
            client_request_id: Uuid::new_v4(),
            sent_at: None,
            attempts: 0,
            elapsed: Duration::ZERO,
        };
        let mut has_new_token = false;
        let mut token = None;
        loop {
            self.throttle().wait().await;
            let present = match token.take() {
                Some(token) => token,
                None => self.tokens().get().await?,
            };
            summary.elapsed = started.elapsed();
            if request.permit.as_ref().is_some_and(|permit| !permit.is_granted()) {
                return Err(Error::NotPermitted { request: Box::new(summary) });
            }
            let before = (summary.attempts, summary.sent_at);
            summary.attempts += 1;
            summary.sent_at = Some(Timestamp::now());
            let span = tracing::debug_span!(
                "request",
                operation = request.operation,
                target = %summary.target,
                client_request_id = %summary.client_request_id,
                attempt = summary.attempts,
                status = tracing::field::Empty,
                request_id = tracing::field::Empty,
            );
            let attempt = self.attempt(&request, &summary, &present).instrument(span.clone()).await;
            summary.elapsed = started.elapsed();

            let failure = match attempt {
                Attempt::Answered { status, headers, body } => {
                    self.throttle().note(&headers);
                    span.record("status", status.as_u16());
                    if let Some(request_id) = request_id_of(&headers) {
                        span.record("request_id", request_id);
                    }
                    self.note_session(&request.target, &headers);
                    let is_answer =
                        status.is_success() || (request.takes_multipart && is_multipart(&headers));
                    if is_answer {
                        return Ok(Answer { status, headers, body, summary, repeat: request.repeat });
                    }
                    if status == StatusCode::UNAUTHORIZED && !has_new_token {
                        tracing::debug!(parent: &span, "refused with 401, asking for a new token once");
                        has_new_token = true;
                        token = Some(self.tokens().replace(&present).await?);
                        continue;
                    }
                    let refusal = Refusal::new(status, &headers, &body);
                    tracing::debug!(parent: &span, code = %refusal.fault.code, class = refusal.class.as_str(), "refused");
                    if refusal.class == FaultClass::Throttled && !refusal.is_partial() {
                        let wait = refusal.retry_after.unwrap_or(policy.throttle_wait);
                        self.throttle().pause(wait, refusal.fault.code);
                        let is_borne = request.retries == Retries::ByClient
                            && summary.elapsed + wait <= policy.throttle_patience;
                        tracing::warn!(parent: &span, wait_ms = wait.as_millis(), "throttled");
                        if is_borne {
                            continue;
                        }
                        return Err(refusal.into_error(summary));
                    }
                    if refusal.fault.is_deadlock() {
                        self.throttle().note_deadlock();
                    }
                    match refusal.fate(request.repeat) {
                        Fate::Final => return Err(refusal.into_error(summary)),
                        Fate::Unknown => {
                            return Err(Error::InDoubt {
                                request: Box::new(summary),
                                source: refusal.fault.into(),
                            });
                        }
                        Fate::MayPass => Failure::Refusal(refusal),
                    }
                }
                Attempt::Invalid(source) => {
                    return Err(Error::Input { operation: request.operation, reason: source.to_string() });
                }
                Attempt::NotPermitted => {
                    (summary.attempts, summary.sent_at) = before;
                    return Err(Error::NotPermitted { request: Box::new(summary) });
                }
                Attempt::Unsent(source) => Failure::Lost(source),
                Attempt::Lost(source) => match request.repeat {
                    Repeat::Safe => Failure::Lost(source),
                    Repeat::AskFirst => return Err(Error::InDoubt { request: Box::new(summary), source }),
                },
            };
            // What comes here may be repeated.
            let wait = match request.retries {
                Retries::ByClient => waits.next(),
                Retries::ByCaller => None,
            };
            let Some(wait) = wait else { return Err(failure.into_error(summary)) };
            tracing::warn!(
                parent: &span,
                operation = request.operation,
                reason = failure.reason(),
                wait_ms = wait.as_millis(),
                "failed, trying again"
            );
            tokio::time::sleep(wait).await;
        }
    }
}

fn is_multipart(headers: &HeaderMap) -> bool {
    let content_type = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("multipart/mixed"))
}
