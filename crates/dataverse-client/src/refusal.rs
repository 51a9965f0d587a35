//! Answers that are no success, and what may be done about them.

use std::time::Duration;

use dataverse_wire::fault::{FaultClass, ServiceFault};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use crate::Error;
use crate::error::{Cause, RequestSummary};
use crate::send::Repeat;
use crate::throttle::retry_after;

/// The service's id of a request, by any of its names.
pub(crate) fn request_id_of(headers: &HeaderMap) -> Option<String> {
    let id = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    id("x-ms-service-request-id").or_else(|| id("REQ_ID")).or_else(|| id("x-ms-request-id"))
}

/// An answer that is no success.
pub(crate) struct Refusal {
    pub(crate) fault: ServiceFault,
    pub(crate) class: FaultClass,
    request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

pub(crate) enum Fate {
    /// The service has decided; nothing was written.
    Final,
    /// Nothing was written, or writing it again changes nothing: it may pass.
    MayPass,
    /// It may have been written.
    Unknown,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let fault = ServiceFault::parse(status.as_u16(), body);
        Self {
            class: fault.class(),
            fault,
            request_id: request_id_of(headers),
            retry_after: retry_after(headers, Timestamp::now()),
        }
    }

    /// Some rows of an elastic table were written, and the others are told: sent again, it would be something else.
    pub(crate) fn is_partial(&self) -> bool {
        !self.fault.rows.is_empty()
    }

    pub(crate) fn fate(&self, repeat: Repeat) -> Fate {
        if self.is_partial() {
            return Fate::Final;
        }
        let is_server_error = self.fault.status >= 500;
        match (self.class, repeat) {
            (FaultClass::Transient, Repeat::Safe) => Fate::MayPass,
            (FaultClass::Transient, Repeat::AskFirst) if !is_server_error || self.fault.is_rolled_back() => {
                Fate::MayPass
            }
            (FaultClass::Transient, Repeat::AskFirst) => Fate::Unknown,
            _ => Fate::Final,
        }
    }

    pub(crate) fn into_error(self, summary: RequestSummary) -> Error {
        Error::Refused {
            request: Box::new(summary),
            fault: Box::new(self.fault),
            request_id: self.request_id,
            retry_after: self.retry_after,
        }
    }
}

/// Why the last attempt failed, for when there is no further one.
pub(crate) enum Failure {
    Refusal(Refusal),
    Lost(Cause),
}

impl Failure {
    /// For logs: without the service's text, which may quote values of rows.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Refusal(refusal) => format!("{}, HTTP {}", refusal.fault.code, refusal.fault.status),
            Self::Lost(source) => {
                let mut cause: &dyn std::error::Error = &**source;
                while let Some(below) = cause.source() {
                    cause = below;
                }
                cause.to_string()
            }
        }
    }

    pub(crate) fn into_error(self, summary: RequestSummary) -> Error {
        match self {
            Self::Refusal(refusal) => refusal.into_error(summary),
            Self::Lost(source) => Error::NoAnswer { request: Box::new(summary), source },
        }
    }
}
