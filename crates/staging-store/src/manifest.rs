//! The request manifest and the outcomes of requests.

use std::time::Duration;

use staging_schema::{Pass, SuccessKind, TargetTable};
use uuid::Uuid;

use crate::lease::Lease;
use crate::{Error, Store};

/// A staged row at the generation at which it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StagedRow {
    /// Its RowId.
    pub row_id: i64,
    /// Its generation.
    pub generation: i64,
}

/// A request that is about to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequest {
    /// Our id of it.
    pub id: Uuid,
    /// The rows that it carries, in the order of its body.
    pub rows: Vec<StagedRow>,
    /// The application user that sends it.
    pub application_user: String,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestEnd {
    /// It was answered: every row of it has a success or an error.
    Answered,
    /// It is known not to have been executed: rows without an error are pending again.
    Void,
}

/// A row that Dataverse accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Success {
    /// The row, at the generation that was sent.
    pub row: StagedRow,
    /// What it did.
    pub kind: SuccessKind,
    /// The GUID, where there is one.
    pub dataverse_id: Option<Uuid>,
    /// Lookup columns that had a source key but no GUID when the row was sent (for an adopted row: that are empty in
    /// Dataverse), by logical name.
    pub owed: Vec<String>,
}

/// A row that was refused or is at fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowError {
    /// The row's RowId.
    pub row_id: i64,
    /// The row's generation.
    pub generation: i64,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// HTTP status, where there was an answer.
    pub http_status: Option<u16>,
    /// Dataverse error code, as `0x…`.
    pub code: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
    /// The column at fault, where known.
    pub column: Option<String>,
    /// The rule that was broken, for findings.
    pub rule: Option<String>,
    /// The value at fault, for findings.
    pub value: Option<String>,
    /// The service's id of the request.
    pub service_request_id: Option<String>,
}

/// What became of a request, to be recorded as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestOutcome {
    /// The request; `None` for errors that were found before anything was sent.
    pub request: Option<Uuid>,
    /// How it ended.
    pub end: RequestEnd,
    /// Rows accepted.
    pub successes: Vec<Success>,
    /// Rows at fault.
    pub errors: Vec<RowError>,
}

/// A request whose rows may or may not be in Dataverse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InDoubt {
    /// Our id of it.
    pub request: Uuid,
    /// Logical name of the table.
    pub table: String,
    /// The pass.
    pub pass: Pass,
    /// Its rows, in the order of its body.
    pub rows: Vec<StagedRow>,
    /// Who sent it.
    pub worker: String,
    /// The application user that sent it.
    pub application_user: String,
    /// When it was written down or last sent, by the database's clock.
    pub sent_at: String,
    /// How long ago that is.
    pub age: Duration,
}

/// Requests without outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doubts {
    /// Quiet for long enough, and nobody waits for their answer: they may be looked for now.
    pub due: Vec<InDoubt>,
    /// Requests that must be left alone for longer.
    pub waiting: u64,
    /// When to ask again for those.
    pub next_due: Option<Duration>,
}

/// How a request in doubt was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The request as it was found in doubt.
    pub request: InDoubt,
    /// `Answered`: each of its rows has a success or an error; `Void`: rows without either are pending again.
    pub end: RequestEnd,
    /// Rows found in Dataverse.
    pub successes: Vec<Success>,
    /// Rows for people to look at.
    pub errors: Vec<RowError>,
}

impl Store {
    /// Writes requests down, durably, before they are sent. Fails when the lease was lost: then nothing may be sent.
    pub async fn record_requests(&self, lease: &Lease, requests: &[NewRequest]) -> Result<(), Error> {
        let _ = (lease, requests);
        todo!()
    }

    /// Notes that requests known not to have been executed (throttled) are about to be sent again.
    pub async fn restamp_requests(&self, lease: &Lease, requests: &[Uuid]) -> Result<(), Error> {
        let _ = (lease, requests);
        todo!()
    }

    /// Records outcomes and new requests (the parts of a split one) in one transaction. Fails, and records nothing, when
    /// the lease was lost or a request is settled already.
    pub async fn record_outcomes(
        &self,
        lease: &Lease,
        table: &TargetTable,
        outcomes: &[RequestOutcome],
        next: &[NewRequest],
    ) -> Result<(), Error> {
        let _ = (lease, table, outcomes, next);
        todo!()
    }

    /// Requests without outcome, of one table or of all.
    pub async fn in_doubt(&self, table: Option<&str>, quiet: Duration) -> Result<Doubts, Error> {
        let _ = (table, quiet);
        todo!()
    }

    /// Settles a request in doubt. Fails when somebody else did, or it was sent again since.
    pub async fn resolve(&self, table: &TargetTable, resolution: &Resolution) -> Result<(), Error> {
        let _ = (table, resolution);
        todo!()
    }

    /// Records outcomes that belong to no request: rows adopted by a sweep, errors of a whole pass.
    pub async fn record_rows(
        &self,
        table: &TargetTable,
        pass: Pass,
        successes: &[Success],
        errors: &[RowError],
    ) -> Result<(), Error> {
        let _ = (table, pass, successes, errors);
        todo!()
    }
}
