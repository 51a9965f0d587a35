//! Statements of the request manifest, and the columns in which outcomes are appended.

use crate::chunk::Held;
use crate::dialect::Dialect;
use crate::flag::RequestState;
use crate::name::TableName;
use crate::statement::Statement;
use crate::value::Value;

/// Columns in which requests are appended; `SentAt` is the database's clock.
pub const REQUEST_COLUMNS: [&str; 11] = [
    "RequestId",
    "ChunkId",
    "LeaseNumber",
    "TargetTable",
    "Pass",
    "Generation",
    "Generations",
    "RowCount",
    "RowIds",
    "Worker",
    "ApplicationUser",
];
/// Columns in which successes are appended.
pub const SUCCESS_COLUMNS: [&str; 7] =
    ["RowId", "Pass", "Generation", "Kind", "DataverseId", "Owed", "RequestId"];
/// Columns in which errors are appended.
pub const ERROR_COLUMNS: [&str; 12] = [
    "RowId",
    "Pass",
    "Generation",
    "Attempt",
    "HttpStatus",
    "ErrorCode",
    "Message",
    "ColumnName",
    "RuleName",
    "Value",
    "RequestId",
    "ServiceRequestId",
];

/// `target.Request`.
pub fn name() -> TableName {
    TableName::target("Request")
}

/// How the rows of an outcome must relate to those of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Each row of the request has exactly one outcome.
    Whole,
    /// Only rows of the request have outcomes.
    Part,
}

/// Ends a request that its own lease still holds; expect one row. `row_ids` are the rows that have an outcome.
pub fn answer(
    request: &str,
    held: &Held<'_>,
    state: RequestState,
    row_ids: &[i64],
    coverage: Coverage,
) -> Statement {
    let own = |d: Dialect| format!("ChunkId = {} AND LeaseNumber = {}", d.param(4), d.param(5));
    settle(request, state, row_ids, coverage, own, vec![held.chunk.into(), held.number.into()])
}

/// Ends a request in doubt, unless somebody else did or it was sent again since; expect one row.
pub fn resolve(
    request: &str,
    sent_at: &str,
    state: RequestState,
    row_ids: &[i64],
    coverage: Coverage,
) -> Statement {
    let unchanged = |d: Dialect| format!("SentAt = {}", d.stamp(&d.param(4)));
    settle(request, state, row_ids, coverage, unchanged, vec![sent_at.into()])
}

fn settle(
    request: &str,
    state: RequestState,
    row_ids: &[i64],
    coverage: Coverage,
    more: impl Fn(Dialect) -> String,
    more_params: Vec<Value>,
) -> Statement {
    let mut params = vec![request.into(), state.as_str().into(), json(row_ids).into()];
    params.extend(more_params);
    Statement::new(
        |d| {
            let list = |json: &str| format!("SELECT {} FROM {}", d.json_value("j"), d.json_array(json, "j"));
            let (outcomes, rows) = (list(&d.param(3)), list("RowIds"));
            // Compared as sets only where they are not written alike, which is rare.
            let part = format!("NOT EXISTS ({outcomes} EXCEPT {rows})");
            let covered = match coverage {
                Coverage::Whole => format!(
                    "(RowIds = {} OR ({part} AND NOT EXISTS ({rows} EXCEPT {outcomes}) AND [RowCount] = {}))",
                    d.param(3),
                    row_ids.len()
                ),
                Coverage::Part => part,
            };
            format!(
                "UPDATE {} SET State = {}, SettledAt = {} WHERE RequestId = {} AND State = 'sent' AND {} AND {covered}",
                d.table(&name()),
                d.param(2),
                d.now(),
                d.param(1),
                more(d),
            )
        },
        params,
    )
}

/// Notes that a request which is known not to have been executed is about to be sent again; expect one row.
pub fn restamp(request: &str, held: &Held<'_>) -> Statement {
    Statement::new(
        |d| {
            format!(
                "UPDATE {} SET SentAt = {} WHERE RequestId = {} AND State = 'sent' AND ChunkId = {} AND LeaseNumber = {}",
                d.table(&name()),
                d.now(),
                d.param(1),
                d.param(2),
                d.param(3)
            )
        },
        vec![request.into(), held.chunk.into(), held.number.into()],
    )
}

/// Lists requests without outcome, of one table or of all, oldest first: id, table, pass, RowIds, generation,
/// generations, worker, application user, `SentAt`, milliseconds since, and whether its lease still runs (1 or 0).
pub fn unresolved(table: Option<&str>) -> Statement {
    Statement::new(
        |d| {
            let chunk = d.table(&TableName::target("Chunk"));
            let of_table =
                if table.is_some() { format!("q.TargetTable = {} AND ", d.param(1)) } else { String::new() };
            format!(
                "SELECT {id}, q.TargetTable, q.Pass, q.RowIds, q.Generation, q.Generations, q.Worker, q.ApplicationUser, \
                 {sent_at}, -{age}, CASE WHEN EXISTS (SELECT 1 FROM {chunk} AS c WHERE c.ChunkId = q.ChunkId \
                 AND c.LeaseNumber = q.LeaseNumber AND c.State = 'leased' AND c.LeaseUntil > {now}) THEN 1 ELSE 0 END \
                 FROM {request} AS q WHERE {of_table}q.State = 'sent' ORDER BY q.SentAt, q.RequestId",
                id = d.guid_letters("q.RequestId"),
                sent_at = d.exact_stamp_text("q.SentAt"),
                age = d.milliseconds_until("q.SentAt"),
                now = d.now(),
                request = d.table(&name()),
            )
        },
        table.map(Value::from).into_iter().collect(),
    )
}

/// The application users that this project has sent requests with.
pub fn application_users() -> Statement {
    Statement::new(
        |d| format!("SELECT DISTINCT ApplicationUser FROM {} ORDER BY ApplicationUser", d.table(&name())),
        Vec::new(),
    )
}

/// A JSON array of whole numbers.
pub fn json(numbers: &[i64]) -> String {
    let mut text = String::with_capacity(2 + numbers.len() * 8);
    text.push('[');
    for (n, number) in numbers.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        text.push_str(&number.to_string());
    }
    text.push(']');
    text
}
