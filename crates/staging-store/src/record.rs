//! What a worker makes durable for its chunk, in one transaction: outcomes, new requests, and the end of the chunk.

use staging_schema::manifest::{self, Coverage};
use staging_schema::{Pass, RequestState, Statement, TargetTable, settle};
use uuid::Uuid;

use crate::batch::RowBatch;
use crate::lease::Lease;
use crate::manifest::{NewRequest, RequestEnd, RequestOutcome, RowError, Success};
use crate::step::{Expect, Step};
use crate::{Error, Store};

/// One entry in the books of a chunk. A commit is what costs: everything that can be durable together is one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Entry<'a> {
    /// What became of requests.
    pub outcomes: &'a [RequestOutcome],
    /// Requests that are sent once this is durable, and parts of split ones.
    pub requests: &'a [NewRequest],
    /// Requests known not to have been executed, or just become doubtful: their quiet time begins anew.
    pub restamp: &'a [Uuid],
    /// The chunk leaves our hands.
    pub end: Option<ChunkEnd>,
}

/// How a chunk leaves our hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkEnd {
    /// Done, whatever became of its rows: those still pending are cut again. GUIDs and flags of its rows are settled.
    Finished,
    /// Given back unfinished.
    GivenBack,
}

impl Store {
    /// Records an entry as a whole. Fails, and records nothing, when the lease was lost, a request is settled already, or its
    /// outcomes do not cover exactly its rows.
    ///
    /// Dropped half-way, the transaction may be committed all the same.
    pub async fn record(&self, lease: &Lease, table: &TargetTable, entry: &Entry<'_>) -> Result<(), Error> {
        let mut steps = vec![guard(lease)];
        // The requests that steps 1, 2, 3 … change, in this order.
        let mut touched = Vec::new();
        let mut successes = RowBatch::new(manifest::SUCCESS_COLUMNS.len());
        let mut errors = RowBatch::new(manifest::ERROR_COLUMNS.len());
        for outcome in entry.outcomes {
            if let Some(request) = outcome.request {
                steps.push(Step::Execute(answer(lease, request, outcome), Expect::Exactly(1)));
                touched.push(request);
            }
            push_successes(&mut successes, lease.pass, outcome.request, &outcome.successes);
            push_errors(&mut errors, lease.pass, outcome.request, &outcome.errors);
        }
        for request in entry.restamp {
            let restamp = manifest::restamp(&request.to_string(), &lease.held());
            steps.push(Step::Execute(restamp, Expect::Exactly(1)));
            touched.push(*request);
        }
        steps.extend(append_rows(table, successes, errors));
        if !entry.requests.is_empty() {
            steps.push(append_requests(lease, entry.requests));
        }
        match entry.end {
            Some(ChunkEnd::Finished) => {
                // While the rows are at hand: another pass over the table would read them anew.
                steps.push(Step::execute(settle::settle(table, &lease.row_ids())));
                steps.push(held(lease.held().finish()));
            }
            Some(ChunkEnd::GivenBack) => steps.push(held(lease.held().release())),
            None => {}
        }
        self.transaction(steps).await.map(drop).map_err(|error| lost(error, lease, &touched))
    }

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

    /// Records outcomes and new requests (the parts of a split one) in one transaction, as [`record`](Self::record) does.
    pub async fn record_outcomes(
        &self,
        lease: &Lease,
        table: &TargetTable,
        outcomes: &[RequestOutcome],
        next: &[NewRequest],
    ) -> Result<(), Error> {
        let entry = Entry { outcomes, requests: next, ..Entry::default() };
        self.record(lease, table, &entry).await
    }
}

/// The first step of everything that a lease permits.
fn guard(lease: &Lease) -> Step {
    held(lease.held().check())
}

fn held(statement: Statement) -> Step {
    Step::Execute(statement, Expect::Exactly(1))
}

fn answer(lease: &Lease, request: Uuid, outcome: &RequestOutcome) -> Statement {
    let (state, coverage) = match outcome.end {
        RequestEnd::Answered => (RequestState::Answered, Coverage::Whole),
        RequestEnd::Void => (RequestState::Void, Coverage::Part),
    };
    let rows = row_ids(&outcome.successes, &outcome.errors);
    manifest::answer(&request.to_string(), &lease.held(), state, &rows, coverage)
}

/// Says which expectation was missed: that of the lease is the first step, those of requests follow.
fn lost(error: Error, lease: &Lease, requests: &[Uuid]) -> Error {
    match error {
        Error::Unexpected { step: 0, .. } => lease.lost(),
        Error::Unexpected { step, .. } => match requests.get(step - 1) {
            Some(request) => Error::RequestSettled { request: *request },
            // Beyond the requests only the end of the chunk expects anything.
            None => lease.lost(),
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

pub(crate) fn append_rows(table: &TargetTable, successes: RowBatch, errors: RowBatch) -> Vec<Step> {
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

pub(crate) fn row_ids(successes: &[Success], errors: &[RowError]) -> Vec<i64> {
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

pub(crate) fn push_successes(rows: &mut RowBatch, pass: Pass, request: Option<Uuid>, successes: &[Success]) {
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

pub(crate) fn push_errors(rows: &mut RowBatch, pass: Pass, request: Option<Uuid>, errors: &[RowError]) {
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
