//! What can go wrong, and what may be done about it.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use dataverse_wire::fault::{FaultClass, ServiceCode, ServiceFault};
use dataverse_wire::metadata::KeyStatus;
use jiff::Timestamp;
use uuid::Uuid;

/// What was asked of the service, without any value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestSummary {
    /// What was being done, such as `CreateMultiple`.
    pub operation: &'static str,
    /// The table's entity set, the action or the function.
    pub target: String,
    /// The row, where one was named by id.
    pub row: Option<Uuid>,
    /// The id that was sent as `x-ms-client-request-id`; the same for all attempts.
    pub client_request_id: Uuid,
    /// When the last attempt was sent, if any was.
    pub sent_at: Option<Timestamp>,
    /// How often it was sent.
    pub attempts: u32,
    /// From the first attempt to the end, waits included.
    pub elapsed: Duration,
}

impl fmt::Display for RequestSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.operation == self.target {
            return f.write_str(self.operation);
        }
        write!(f, "{} of {}", self.operation, self.target)?;
        match self.row {
            Some(id) => write!(f, "({id})"),
            None => Ok(()),
        }
    }
}

/// The cause that lies below this crate.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// Why a call did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client cannot be built like this.
    #[error("the client cannot be set up: {reason}")]
    Configuration {
        /// What is wrong.
        reason: String,
        /// What lies below, if anything does.
        #[source]
        source: Option<Cause>,
    },
    /// What the caller gave cannot be sent.
    #[error("{operation} cannot be sent: {reason}")]
    Input {
        /// What was to be done.
        operation: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// There is no token to send.
    #[error("no access token for {scope}")]
    Credential {
        /// What the token was for.
        scope: String,
        /// What the identity service or the credential says.
        #[source]
        source: Cause,
    },
    /// The service answered, and said no. Nothing was written, unless the fault tells of single rows of an elastic
    /// table: then those that it does not name were.
    #[error("{request}: refused{}", request_id.as_deref().map(|id| format!(" (request {id})")).unwrap_or_default())]
    Refused {
        /// What was asked.
        request: Box<RequestSummary>,
        /// What the service said.
        #[source]
        fault: Box<ServiceFault>,
        /// The service's id of the request, for its support.
        request_id: Option<String>,
        /// How long the service wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// There was no usable answer, and nothing can have been written: the request never left, or it changes nothing
    /// when sent again.
    #[error(
        "{request}: no answer after {} {} in {:.1?}",
        request.attempts,
        if request.attempts == 1 { "attempt" } else { "attempts" },
        request.elapsed
    )]
    NoAnswer {
        /// What was asked.
        request: Box<RequestSummary>,
        /// What went wrong on the way.
        #[source]
        source: Cause,
    },
    /// A write that must not simply be sent again was sent, and nobody knows whether it was done: the answer was lost,
    /// late, cut off, or an error of something in between.
    #[error("{request}: in doubt, the answer is missing")]
    InDoubt {
        /// What was asked; [`RequestSummary::sent_at`] and the id help to find out.
        request: Box<RequestSummary>,
        /// What went wrong on the way.
        #[source]
        source: Cause,
    },
    /// The caller's [`crate::SendPermit`] said no before the whole request had left. The service saw no complete one, and
    /// earlier attempts were not executed.
    #[error("{request}: not sent, the permit was withdrawn")]
    NotPermitted {
        /// What was asked.
        request: Box<RequestSummary>,
    },
    /// An alternate key cannot be used: its index failed, is still being built, or there is no such key.
    #[error(
        "the key {key} of {table} is not active after {waited:.1?}: {}",
        status.map_or("there is no such key", wire_status)
    )]
    KeyNotActive {
        /// The table.
        table: String,
        /// Schema name of the key.
        key: String,
        /// How far its index is; none where there is no such key.
        status: Option<KeyStatus>,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The answer of a read is not what the documentation promises.
    #[error("{request}: the answer cannot be read: {reason}")]
    Unreadable {
        /// What was asked.
        request: Box<RequestSummary>,
        /// What is wrong with it.
        reason: String,
    },
}

fn wire_status(status: KeyStatus) -> &'static str {
    match status {
        KeyStatus::Pending => "its index waits to be built",
        KeyStatus::InProgress => "its index is being built",
        KeyStatus::Active => "its index is built",
        KeyStatus::Failed => "its index could not be built, over duplicates most often",
    }
}

impl Error {
    /// What to do about it, in the five classes of `dataverse-wire`.
    ///
    /// [`Error::InDoubt`] is `Transient`, but must be looked into before anything is sent again: ask
    /// [`Self::is_in_doubt`] first.
    pub fn class(&self) -> FaultClass {
        match self {
            Self::Refused { fault, .. } => fault.class(),
            Self::NoAnswer { .. } | Self::InDoubt { .. } | Self::NotPermitted { .. } => FaultClass::Transient,
            Self::KeyNotActive { status: Some(KeyStatus::Pending | KeyStatus::InProgress), .. } => {
                FaultClass::Transient
            }
            Self::Input { .. } | Self::KeyNotActive { .. } => FaultClass::Request,
            Self::Configuration { .. } | Self::Credential { .. } | Self::Unreadable { .. } => {
                FaultClass::Fatal
            }
        }
    }

    /// Something may have been written although there is no answer that says so.
    pub fn is_in_doubt(&self) -> bool {
        matches!(self, Self::InDoubt { .. })
    }

    /// May pass by itself, and nothing was written.
    pub fn is_transient(&self) -> bool {
        !self.is_in_doubt() && matches!(self.class(), FaultClass::Transient | FaultClass::Throttled)
    }

    /// The row, or one that it points to, is not there.
    pub fn is_not_found(&self) -> bool {
        self.fault().is_some_and(ServiceFault::is_not_found)
    }

    /// What was to be made is there already.
    pub fn is_duplicate(&self) -> bool {
        self.fault().is_some_and(ServiceFault::is_duplicate)
    }

    /// A delta link is too old, or of another organisation: start again with [`crate::Client::changes`].
    pub fn is_delta_expired(&self) -> bool {
        self.fault().is_some_and(|fault| fault.code == ServiceCode::EXPIRED_VERSION_STAMP)
    }

    /// How long the service wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What the service said, if it said something.
    pub fn fault(&self) -> Option<&ServiceFault> {
        match self {
            Self::Refused { fault, .. } => Some(fault),
            _ => None,
        }
    }

    /// The service's id of the request, for its support.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }

    /// What was asked, if it came so far.
    pub fn request(&self) -> Option<&RequestSummary> {
        match self {
            Self::Refused { request, .. }
            | Self::NoAnswer { request, .. }
            | Self::InDoubt { request, .. }
            | Self::NotPermitted { request }
            | Self::Unreadable { request, .. } => Some(request),
            Self::Configuration { .. }
            | Self::Input { .. }
            | Self::Credential { .. }
            | Self::KeyNotActive { .. } => None,
        }
    }
}
