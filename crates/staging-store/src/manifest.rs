//! The request manifest and the outcomes of requests: nothing is sent before it is written down, and no outcome is
//! believed before it is durable.

use std::time::Duration;

use staging_schema::manifest::{self, Coverage};
use staging_schema::{Pass, RequestState, SuccessKind, TargetTable};
use uuid::Uuid;

use crate::lease::Lease;
use crate::row::Row;
use crate::step::{Expect, Step};
use crate::{Error, RowBatch, Store};

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
        let steps = vec![guard(lease), append_requests(lease, requests)];
        self.transaction(steps).await.map(drop).map_err(|error| lost(error, lease, &[]))
    }

    /// Notes that requests known not to have been executed (throttled) are about to be sent again: their quiet time
    /// begins anew. Fails when the lease was lost, or one has an outcome.
    pub async fn restamp_requests(&self, lease: &Lease, requests: &[Uuid]) -> Result<(), Error> {
        let restamp =
            |id: &Uuid| Step::Execute(manifest::restamp(&id.to_string(), &lease.held()), Expect::Exactly(1));
        let steps = std::iter::once(guard(lease)).chain(requests.iter().map(restamp)).collect();
        self.transaction(steps).await.map(drop).map_err(|error| lost(error, lease, requests))
    }

    /// Records outcomes and new requests (the parts of a split one) in one transaction. Fails, and records nothing, when
    /// the lease was lost, a request is settled already, or its outcomes do not cover exactly its rows.
    ///
    /// Dropped half-way, the transaction may be committed all the same.
    pub async fn record_outcomes(
        &self,
        lease: &Lease,
        table: &TargetTable,
        outcomes: &[RequestOutcome],
        next: &[NewRequest],
    ) -> Result<(), Error> {
        let mut steps = vec![guard(lease)];
        let mut settled = Vec::new();
        let mut successes = RowBatch::new(manifest::SUCCESS_COLUMNS.len());
        let mut errors = RowBatch::new(manifest::ERROR_COLUMNS.len());
        for outcome in outcomes {
            if let Some(request) = outcome.request {
                let (state, coverage) = match outcome.end {
                    RequestEnd::Answered => (RequestState::Answered, Coverage::Whole),
                    RequestEnd::Void => (RequestState::Void, Coverage::Part),
                };
                let rows = row_ids(&outcome.successes, &outcome.errors);
                let answer = manifest::answer(&request.to_string(), &lease.held(), state, &rows, coverage);
                steps.push(Step::Execute(answer, Expect::Exactly(1)));
                settled.push(request);
            }
            push_successes(&mut successes, lease.pass, outcome.request, &outcome.successes);
            push_errors(&mut errors, lease.pass, outcome.request, &outcome.errors);
        }
        steps.extend(append_rows(table, successes, errors));
        if !next.is_empty() {
            steps.push(append_requests(lease, next));
        }
        self.transaction(steps).await.map(drop).map_err(|error| lost(error, lease, &settled))
    }

    /// Requests without outcome, of one table or of all. Those are due that have been quiet for this long and whose lease
    /// has ended, or whose chunk is done: nobody waits for their answer.
    pub async fn in_doubt(&self, table: Option<&str>, quiet: Duration) -> Result<Doubts, Error> {
        let mut doubts = Doubts::default();
        for row in self.query(&manifest::unresolved(table)).await? {
            let age = Duration::from_millis(u64::try_from(row.integer(9)?).unwrap_or(0));
            let lease_runs = row.integer(10)? == 1;
            if age >= quiet && !lease_runs {
                doubts.due.push(in_doubt(&row, age)?);
                continue;
            }
            doubts.waiting += 1;
            // A running lease may end at any time: ask again soon.
            let wait = quiet.saturating_sub(age).max(ASK_AGAIN);
            doubts.next_due = Some(doubts.next_due.map_or(wait, |next| next.min(wait)));
        }
        Ok(doubts)
    }

    /// Settles a request in doubt. Fails when somebody else did, it was sent again since, or the outcomes are not of its
    /// rows.
    pub async fn resolve(&self, table: &TargetTable, resolution: &Resolution) -> Result<(), Error> {
        let Resolution { request, end, successes, errors } = resolution;
        let (state, coverage) = match end {
            RequestEnd::Answered => (RequestState::Resolved, Coverage::Whole),
            RequestEnd::Void => (RequestState::Void, Coverage::Part),
        };
        let rows = row_ids(successes, errors);
        let settle =
            manifest::resolve(&request.request.to_string(), &request.sent_at, state, &rows, coverage);
        let mut steps = vec![Step::Execute(settle, Expect::Exactly(1))];
        steps.extend(outcome_steps(table, request.pass, Some(request.request), successes, errors));
        self.transaction(steps).await.map(drop).map_err(|error| match error {
            Error::Unexpected { .. } => Error::RequestSettled { request: request.request },
            other => other,
        })
    }

    /// Records outcomes that belong to no request: rows adopted by a sweep, errors of a whole pass.
    pub async fn record_rows(
        &self,
        table: &TargetTable,
        pass: Pass,
        successes: &[Success],
        errors: &[RowError],
    ) -> Result<(), Error> {
        self.transaction(outcome_steps(table, pass, None, successes, errors)).await.map(drop)
    }
}

/// How soon to ask again for requests whose lease still runs.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// The first step of everything that a lease permits.
fn guard(lease: &Lease) -> Step {
    Step::Execute(lease.held().check(), Expect::Exactly(1))
}

/// Says which expectation was missed: that of the lease is step 0, those of requests follow.
fn lost(error: Error, lease: &Lease, requests: &[Uuid]) -> Error {
    match error {
        Error::Unexpected { step: 0, .. } => lease.lost(),
        Error::Unexpected { step, .. } => match requests.get(step - 1) {
            Some(request) => Error::RequestSettled { request: *request },
            None => error,
        },
        other => other,
    }
}

fn append_requests(lease: &Lease, requests: &[NewRequest]) -> Step {
    let mut rows = RowBatch::new(manifest::REQUEST_COLUMNS.len());
    for request in requests {
        let first = request.rows.first().map(|row| row.generation);
        let uniform = request.rows.iter().all(|row| Some(row.generation) == first);
        rows.push_display(request.id);
        rows.push_integer(lease.chunk);
        rows.push_integer(lease.number);
        rows.push_text(&lease.table);
        rows.push_text(lease.pass.as_str());
        match first.filter(|_| uniform) {
            Some(generation) => rows.push_integer(generation),
            None => rows.push_null(),
        }
        let generations: Vec<_> = request.rows.iter().map(|row| row.generation).collect();
        rows.push_option((!uniform).then(|| manifest::json(&generations)).as_deref());
        rows.push_integer(i64::try_from(request.rows.len()).unwrap_or(i64::MAX));
        let ids: Vec<_> = request.rows.iter().map(|row| row.row_id).collect();
        rows.push_text(&manifest::json(&ids));
        rows.push_text(&lease.worker);
        rows.push_text(&request.application_user);
    }
    Step::Append {
        table: manifest::name(),
        columns: manifest::REQUEST_COLUMNS.map(str::to_owned).into(),
        rows,
    }
}

fn outcome_steps(
    table: &TargetTable,
    pass: Pass,
    request: Option<Uuid>,
    successes: &[Success],
    errors: &[RowError],
) -> Vec<Step> {
    let mut accepted = RowBatch::new(manifest::SUCCESS_COLUMNS.len());
    let mut refused = RowBatch::new(manifest::ERROR_COLUMNS.len());
    push_successes(&mut accepted, pass, request, successes);
    push_errors(&mut refused, pass, request, errors);
    append_rows(table, accepted, refused)
}

fn append_rows(table: &TargetTable, successes: RowBatch, errors: RowBatch) -> Vec<Step> {
    let mut steps = Vec::new();
    if !successes.is_empty() {
        let columns = manifest::SUCCESS_COLUMNS.map(str::to_owned).into();
        steps.push(Step::Append { table: table.success(), columns, rows: successes });
    }
    if !errors.is_empty() {
        let columns = manifest::ERROR_COLUMNS.map(str::to_owned).into();
        steps.push(Step::Append { table: table.error(), columns, rows: errors });
    }
    steps
}

fn row_ids(successes: &[Success], errors: &[RowError]) -> Vec<i64> {
    successes
        .iter()
        .map(|success| success.row.row_id)
        .chain(errors.iter().map(|error| error.row_id))
        .collect()
}

fn push_id(rows: &mut RowBatch, id: Option<Uuid>) {
    match id {
        Some(id) => rows.push_display(id),
        None => rows.push_null(),
    }
}

fn push_successes(rows: &mut RowBatch, pass: Pass, request: Option<Uuid>, successes: &[Success]) {
    for success in successes {
        rows.push_integer(success.row.row_id);
        rows.push_text(pass.as_str());
        rows.push_integer(success.row.generation);
        rows.push_text(success.kind.as_str());
        push_id(rows, success.dataverse_id);
        rows.push_option((!success.owed.is_empty()).then(|| success.owed.join(",")).as_deref());
        push_id(rows, request);
    }
}

fn push_errors(rows: &mut RowBatch, pass: Pass, request: Option<Uuid>, errors: &[RowError]) {
    for error in errors {
        rows.push_integer(error.row_id);
        rows.push_text(pass.as_str());
        rows.push_integer(error.generation);
        rows.push_integer(error.attempt.max(1).into());
        match error.http_status {
            Some(status) => rows.push_integer(status.into()),
            None => rows.push_null(),
        }
        rows.push_option(error.code.as_deref());
        rows.push_text(&error.message);
        rows.push_option(error.column.as_deref());
        rows.push_option(error.rule.as_deref());
        rows.push_option(error.value.as_deref());
        push_id(rows, request);
        rows.push_option(error.service_request_id.as_deref());
    }
}

fn in_doubt(row: &Row, age: Duration) -> Result<InDoubt, Error> {
    let request = row.text(0)?;
    let bad = |why: &str| Error::BadManifest { request: request.to_owned(), why: why.to_owned() };
    let numbers =
        |json: &str| serde_json::from_str::<Vec<i64>>(json).map_err(|_| bad("its rows are no JSON array"));
    let row_ids = numbers(row.text(3)?)?;
    let generations = match (row.optional_integer(4)?, row.optional_text(5)?) {
        (Some(generation), _) => vec![generation; row_ids.len()],
        (None, Some(each)) => numbers(each)?,
        (None, None) => Vec::new(),
    };
    if generations.len() != row_ids.len() {
        return Err(bad("it has not as many generations as rows"));
    }
    Ok(InDoubt {
        request: request.parse().map_err(|_| bad("its id is no GUID"))?,
        table: row.text(1)?.to_owned(),
        pass: row.text(2)?.parse().map_err(|_| bad("its pass is unknown"))?,
        rows: row_ids
            .into_iter()
            .zip(generations)
            .map(|(row_id, generation)| StagedRow { row_id, generation })
            .collect(),
        worker: row.text(6)?.to_owned(),
        application_user: row.text(7)?.to_owned(),
        sent_at: row.text(8)?.to_owned(),
        age,
    })
}
