//! The request manifest and the outcomes of requests: nothing is sent before it is written down, and no outcome is
//! believed before it is durable.

use std::time::Duration;

use staging_schema::manifest::{self, Coverage};
use staging_schema::{Pass, RequestState, SuccessKind, TargetTable};
use uuid::Uuid;

use crate::record::{append_rows, push_errors, push_successes, row_ids};
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
    /// Requests without outcome, of one table or of all. Those are due that have been quiet for this long and whose lease
    /// has ended, or whose chunk is done: nobody waits for their answer.
    pub async fn in_doubt(&self, table: Option<&str>, quiet: Duration) -> Result<Doubts, Error> {
        self.doubts(table, None, quiet).await
    }

    /// The same of one table, without the requests that another worker has under way in passes that come after this one: they
    /// keep nobody from going on.
    pub async fn in_doubt_until(&self, table: &str, pass: Pass, quiet: Duration) -> Result<Doubts, Error> {
        self.doubts(Some(table), Some(pass), quiet).await
    }

    async fn doubts(
        &self,
        table: Option<&str>,
        until: Option<Pass>,
        quiet: Duration,
    ) -> Result<Doubts, Error> {
        let mut doubts = Doubts::default();
        for row in self.query(&manifest::unresolved(table)).await? {
            let age = Duration::from_millis(u64::try_from(row.integer(9)?).unwrap_or(0));
            let lease_runs = row.integer(10)? == 1;
            let pass = row.text(2)?.parse::<Pass>().ok();
            let is_later = until.zip(pass).is_some_and(|(until, pass)| pass.comes_after(until));
            if is_later && lease_runs {
                continue;
            }
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
