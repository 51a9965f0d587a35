//! Copying outcomes back to the main table: GUIDs and flags, set by set, in ranges of RowIds. Every statement changes
//! nothing the second time, and a kill between any two of them leaves nothing to repair but to run them again.

use std::ops::RangeInclusive;

use crate::control;
use crate::dialect::Dialect;
use crate::flag::{ActionFlag, Pass, Transition};
use crate::pending::{
    action, failed, in_doubt, in_range, outstanding, range_params, state_needed, succeeded,
};
use crate::statement::Statement;
use crate::table::{Shape, TargetTable};

/// Everything that settles a range of rows, in order: GUIDs, errors, accepted, processed.
pub fn settle(table: &TargetTable, rows: &RangeInclusive<i64>) -> Vec<Statement> {
    vec![copy_back(table, rows), fail(table, rows), accept(table, rows), complete(table, rows)]
}

/// Copies GUIDs of inserted rows to the main table. A row whose content changed while its insert was on its way becomes an
/// update, so that the change is not lost.
pub fn copy_back(table: &TargetTable, rows: &RangeInclusive<i64>) -> Statement {
    Statement::new(
        |d| {
            let (id, act) = (d.quote(control::DATAVERSE_ID), d.quote(control::ACTION_FLAG));
            let insert = format!(
                "FROM {} AS s WHERE s.RowId = t.{} AND s.Pass = 'insert'",
                d.table(&table.success()),
                d.quote(control::ROW_ID)
            );
            let set = format!(
                "{id} = (SELECT s.DataverseId {insert}), {act} = CASE WHEN t.{act} = 'I' AND t.{generation} > \
                 (SELECT s.Generation {insert}) THEN 'U' ELSE t.{act} END",
                generation = d.quote(control::GENERATION),
            );
            let condition = format!(
                "{} AND t.{id} IS NULL AND EXISTS (SELECT 1 {insert} AND s.DataverseId IS NOT NULL)",
                in_range(d)
            );
            d.update(&table.name(), &set, &condition)
        },
        range_params(rows),
    )
}

/// Flags rows that have an error which nobody has dealt with.
pub fn fail(table: &TargetTable, rows: &RangeInclusive<i64>) -> Statement {
    transition(table, rows, Transition::Fail, |d| failed(d, table))
}

/// Flags rows that Dataverse has accepted.
pub fn accept(table: &TargetTable, rows: &RangeInclusive<i64>) -> Statement {
    transition(table, rows, Transition::Accept, |d| {
        format!("NOT {} AND ({})", failed(d, table), accepted(d, table))
    })
}

/// Flags rows for which everything is done: GUID copied back, every pass that they need, nothing owed, nothing in doubt.
pub fn complete(table: &TargetTable, rows: &RangeInclusive<i64>) -> Statement {
    transition(table, rows, Transition::Complete, |d| {
        let mut all = vec![format!("NOT {}", failed(d, table)), format!("NOT {}", in_doubt(d, table))];
        all.push(format!("({})", accepted(d, table)));
        if table.shape == Shape::Standard {
            let gone = action(d, ActionFlag::Delete);
            let mut alive = vec![
                format!("t.{} IS NOT NULL", d.quote(control::DATAVERSE_ID)),
                format!("NOT {}", outstanding(d, table)),
            ];
            if let Some(needed) = state_needed(d, table) {
                alive.push(format!("(NOT {needed} OR {})", succeeded(d, table, Pass::State, true)));
            }
            all.push(format!("({gone} OR ({}))", alive.join(" AND ")));
        }
        all.join(" AND ")
    })
}

/// The row's action has been accepted at its current generation.
fn accepted(d: Dialect, table: &TargetTable) -> String {
    let [insert, update, delete] =
        [ActionFlag::Insert, ActionFlag::Update, ActionFlag::Delete].map(|flag| action(d, flag));
    let deleted = succeeded(d, table, Pass::Delete, true);
    match table.shape {
        Shape::Intersect => {
            let associated = succeeded(d, table, Pass::Associate, true);
            format!("({insert} AND {associated}) OR ({delete} AND {deleted})")
        }
        Shape::Standard => {
            let id = d.quote(control::DATAVERSE_ID);
            let inserted = succeeded(d, table, Pass::Insert, false);
            let updated = succeeded(d, table, Pass::Update, true);
            // A row that is to be deleted and was never sent has nothing to wait for.
            format!(
                "({insert} AND (t.{id} IS NOT NULL OR {inserted})) OR ({update} AND {updated}) \
                 OR ({delete} AND ({deleted} OR (t.{id} IS NULL AND NOT {inserted} AND NOT {})))",
                in_doubt(d, table)
            )
        }
    }
}

/// An update of the flag that is legal by construction.
fn transition(
    table: &TargetTable,
    rows: &RangeInclusive<i64>,
    transition: Transition,
    when: impl Fn(Dialect) -> String,
) -> Statement {
    Statement::new(
        |d| {
            let flag = d.quote(control::PROCESSING_FLAG);
            let from: Vec<_> = transition.from().iter().map(|from| d.literal(from.as_str())).collect();
            let condition = format!("{} AND t.{flag} IN ({}) AND {}", in_range(d), from.join(", "), when(d));
            d.update(&table.name(), &format!("{flag} = {}", d.literal(transition.to().as_str())), &condition)
        },
        range_params(rows),
    )
}

/// Which errors are to be tried again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RetryFilter {
    /// Only errors of this pass.
    pub pass: Option<Pass>,
    /// Only errors with this Dataverse code.
    pub code: Option<String>,
    /// Only errors of this row.
    pub row_id: Option<i64>,
}

/// Marks errors as retried, and then rows without any other error as unprocessed: one transaction. Findings of the
/// validation are not tried again but judged anew by the next validation.
pub fn retry_errors(table: &TargetTable, filter: &RetryFilter) -> [Statement; 2] {
    let mut params = Vec::new();
    let mut tests: Vec<(&str, usize)> = Vec::new();
    let mut add = |column, value: Option<crate::Value>| {
        if let Some(value) = value {
            params.push(value);
            tests.push((column, params.len()));
        }
    };
    add("Pass", filter.pass.map(|pass| pass.as_str().into()));
    add("ErrorCode", filter.code.clone().map(Into::into));
    add("RowId", filter.row_id.map(Into::into));
    let mark = Statement::new(
        |d| {
            let mut all = vec!["Retried = 0".to_owned(), "Pass <> 'validate'".to_owned()];
            all.extend(tests.iter().map(|(column, n)| format!("{column} = {}", d.param(*n))));
            format!("UPDATE {} SET Retried = 1 WHERE {}", d.table(&table.error()), all.join(" AND "))
        },
        params.clone(),
    );
    [mark, clear_flags(table)]
}

/// Takes the flag `E` from rows that have no error at their current generation which nobody has dealt with.
pub fn clear_flags(table: &TargetTable) -> Statement {
    Statement::new(
        |d| {
            let flag = d.quote(control::PROCESSING_FLAG);
            let to = d.literal(Transition::Retry.to().as_str());
            d.update(
                &table.name(),
                &format!("{flag} = {to}"),
                &format!("t.{flag} = 'E' AND NOT {}", failed(d, table)),
            )
        },
        Vec::new(),
    )
}

/// Writes GUIDs of rows that are there already (mode `match`, adopted by a sweep) where there is none yet: pairs of RowId
/// and GUID.
pub fn assign_ids(table: &TargetTable, ids: &[(i64, String)]) -> Statement {
    assign(table, control::DATAVERSE_ID, ids)
}

/// Writes the GUIDs that we made for rows where there is none yet; durable before anything is sent.
pub fn assign_client_ids(table: &TargetTable, ids: &[(i64, String)]) -> Statement {
    assign(table, control::CLIENT_ID, ids)
}

fn assign(table: &TargetTable, column: &str, ids: &[(i64, String)]) -> Statement {
    let json: serde_json::Map<_, _> =
        ids.iter().map(|(row, id)| (row.to_string(), serde_json::Value::from(id.as_str()))).collect();
    Statement::new(
        |d| {
            let (row_id, column) = (d.quote(control::ROW_ID), d.quote(column));
            let (rows, value) = match d {
                Dialect::Sqlite => (
                    format!("SELECT CAST(j.key AS INTEGER) FROM json_each({}) AS j", d.param(1)),
                    format!("json_extract({}, '$.\"' || t.{row_id} || '\"')", d.param(1)),
                ),
                Dialect::Mssql => (
                    format!("SELECT CAST(j.[key] AS bigint) FROM OPENJSON({}) AS j", d.param(1)),
                    format!(
                        "(SELECT CAST(j.[value] AS uniqueidentifier) FROM OPENJSON({}) AS j WHERE CAST(j.[key] AS bigint) = t.{row_id})",
                        d.param(1)
                    ),
                ),
            };
            d.update(
                &table.name(),
                &format!("{column} = {value}"),
                &format!("t.{column} IS NULL AND t.{row_id} IN ({rows})"),
            )
        },
        vec![serde_json::Value::Object(json).to_string().into()],
    )
}
