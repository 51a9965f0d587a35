//! What became of a request, before anything of it is durable.

use dataverse_wire::fault::ServiceFault;
use staging_store::{RowError, StagedRow, Success};

use crate::Error;
use crate::columns::Unwritable;
use crate::rows::Slot;

/// How the sending of a request ended.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Each row has its outcome, but for those named.
    Settled {
        successes: Vec<Success>,
        errors: Vec<RowError>,
        /// Known not to have been executed.
        again: Vec<Slot>,
        /// Refused without a reason of their own; each is sent by itself to learn it.
        apart: Vec<Slot>,
        /// Nobody knows.
        doubtful: Vec<Slot>,
    },
    /// Refused as a whole; nothing was written.
    Refused(Refusal),
    /// Could not be carried out at the moment; nothing was written, or repeating it is harmless.
    Postponed(dataverse_client::Error),
    /// Nobody knows what was written.
    InDoubt,
    /// Rows that cannot be written into a body; nothing was sent.
    Unwritable(Vec<(Slot, Unwritable)>),
    /// Not sent: the lease was running out.
    Unsent,
    /// Nothing of this kind can succeed; nothing was written.
    Fatal(Error),
}

impl Verdict {
    /// Rows that have an outcome, and those in error among them.
    pub(crate) fn outcomes(&self) -> (usize, usize) {
        match self {
            Self::Settled { successes, errors, .. } => (successes.len() + errors.len(), errors.len()),
            _ => (0, 0),
        }
    }

    /// Every row has its outcome.
    pub(crate) fn settled(successes: Vec<Success>, errors: Vec<RowError>) -> Self {
        Self::Settled { successes, errors, again: Vec::new(), apart: Vec::new(), doubtful: Vec::new() }
    }
}

/// A refusal with the service's name for the request.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) fault: ServiceFault,
    pub(crate) service_request_id: Option<String>,
}

impl Refusal {
    /// The error of one row.
    pub(crate) fn of(&self, row: StagedRow, attempt: u32) -> RowError {
        RowError {
            row_id: row.row_id,
            generation: row.generation,
            attempt,
            http_status: Some(self.fault.status),
            code: (!self.fault.code.is_none()).then(|| self.fault.code.to_string()),
            message: self.fault.message.clone(),
            column: self.fault.column().map(str::to_owned),
            service_request_id: self.service_request_id.clone(),
            ..RowError::default()
        }
    }
}

impl Unwritable {
    /// The error of one row.
    pub(crate) fn of(self, row: StagedRow, attempt: u32) -> RowError {
        RowError {
            row_id: row.row_id,
            generation: row.generation,
            attempt,
            message: self.message,
            column: Some(self.column),
            rule: Some("writable".to_owned()),
            ..RowError::default()
        }
    }
}
