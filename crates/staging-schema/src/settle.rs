//! Copying outcomes back to the main table: GUIDs and flags, set by set, in ranges of RowIds. Every statement changes
//! nothing the second time, and a kill between any two of them leaves nothing to repair but to run them again.
//!
//! A row is wide, and writing it is what settling costs: GUID and flag are written together, once.

use std::ops::RangeInclusive;

use crate::control;
use crate::dialect::Dialect;
use crate::flag::{ActionFlag, Pass, ProcessingFlag, Transition};
use crate::pending::{
    action, failed, in_doubt, in_range, outstanding, range_params, state_needed, succeeded,
};
use crate::statement::Statement;
use crate::table::{Shape, TargetTable};

/// Settles a range of rows in one pass over them: copies GUIDs of inserted rows to the main table, and flags rows with an open
/// error (`E`), rows that Dataverse has accepted (`S`), and those of them for which everything is done (`P`): GUID copied
/// back, every pass that they need, nothing owed, nothing in doubt.
///
/// A row whose content changed while its insert was on its way becomes an update, so that the change is not lost.
pub fn settle(table: &TargetTable, rows: &RangeInclusive<i64>) -> Statement {
    Statement::new(
        |d| {
            let [row_id, id, action, flag] =
                [control::ROW_ID, control::DATAVERSE_ID, control::ACTION_FLAG, control::PROCESSING_FLAG]
                    .map(|column| d.quote(column));
            let set = format!("{id} = n.{id}, {action} = n.{action}, {flag} = n.{flag}");
            // Accepted a moment ago or right now.
            let completes = format!("t.{flag} IN ({}) AND {}", unfinished(d), completed(d, table));
            let settled = format!(
                "SELECT t.{row_id}, t.{id}, t.{action}, CASE WHEN {fails} THEN 'E' WHEN {completes} THEN 'P' \
                 WHEN {accepts} THEN 'S' ELSE t.{flag} END AS {flag} FROM ({arrived}) AS t",
                fails = when(d, Transition::Fail, &failed(d, table)),
                accepts = when(d, Transition::Accept, &format!("({})", accepted(d, table))),
                arrived = arrived(d, table),
            );
            let condition = format!(
                "t.{row_id} = n.{row_id} AND (t.{flag} <> n.{flag} OR t.{action} <> n.{action} \
                 OR (t.{id} IS NULL AND n.{id} IS NOT NULL))",
            );
            d.update_from(&table.name(), &set, &settled, &condition)
        },
        range_params(rows),
    )
}

/// Asks whether anything of a table can be settled: 1 or 0. Rows that are to be created, were never sent and have no finding stay
/// as they are, and before a load that is all of them.
pub fn is_due(table: &TargetTable) -> Statement {
    Statement::new(
        |d| {
            let any = |from: String, condition: &str| format!("EXISTS (SELECT 1 FROM {from}{condition})");
            let begun = format!(
                " AS t WHERE NOT {} OR t.{} IS NOT NULL",
                action(d, ActionFlag::Insert),
                d.quote(control::DATAVERSE_ID)
            );
            format!(
                "SELECT CASE WHEN {} OR {} OR {} THEN 1 ELSE 0 END",
                any(d.table(&table.success()), ""),
                any(d.table(&table.error()), ""),
                any(d.table(&table.name()), &begun),
            )
        },
        Vec::new(),
    )
}

/// The rows of a range for which something may have changed, as they are once their GUIDs have come back.
fn arrived(d: Dialect, table: &TargetTable) -> String {
    let [row_id, generation, id, action, flag] = [
        control::ROW_ID,
        control::GENERATION,
        control::DATAVERSE_ID,
        control::ACTION_FLAG,
        control::PROCESSING_FLAG,
    ]
    .map(|column| d.quote(column));
    let mut columns = vec![
        format!("r.{row_id}"),
        format!("r.{generation}"),
        format!("r.{flag}"),
        format!("COALESCE(r.{id}, s.DataverseId) AS {id}"),
        format!(
            "CASE WHEN r.{id} IS NULL AND s.DataverseId IS NOT NULL AND r.{action} = 'I' AND r.{generation} > s.Generation \
             THEN 'U' ELSE r.{action} END AS {action}"
        ),
    ];
    // What the conditions of a complete row look at.
    columns.extend(table.state_column().map(|state| format!("r.{}", d.quote(&state.name))));
    for lookup in table.lookups() {
        columns.push(format!("r.{}", d.quote(&lookup.name)));
        columns.extend(lookup.source_key_column().map(|key| format!("r.{}", d.quote(&key))));
    }
    format!(
        "SELECT {columns} FROM {table} AS r LEFT JOIN {success} AS s ON s.RowId = r.{row_id} AND s.Pass = 'insert' \
         WHERE r.{row_id} BETWEEN {first} AND {last} AND (r.{flag} IN ({unfinished}) OR r.{id} IS NULL \
         OR r.{row_id} IN (SELECT e.RowId FROM {error} AS e WHERE e.Retried = 0 AND e.RowId BETWEEN {first} AND {last}))",
        columns = columns.join(", "),
        table = d.table(&table.name()),
        success = d.table(&table.success()),
        error = d.table(&table.error()),
        first = d.param(1),
        last = d.param(2),
        unfinished = unfinished(d),
    )
}

/// Flags rows that have an error which nobody has dealt with.
pub(crate) fn fail(table: &TargetTable, rows: &RangeInclusive<i64>) -> Statement {
    Statement::new(
        |d| {
            let set = format!(
                "{} = {}",
                d.quote(control::PROCESSING_FLAG),
                d.literal(Transition::Fail.to().as_str())
            );
            let condition = format!("{} AND {}", in_range(d), when(d, Transition::Fail, &failed(d, table)));
            d.update(&table.name(), &set, &condition)
        },
        range_params(rows),
    )
}

/// Everything that the row needs is done.
fn completed(d: Dialect, table: &TargetTable) -> String {
    let mut all = vec![format!("NOT {}", in_doubt(d, table)), format!("({})", accepted(d, table))];
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

/// The condition of a transition, guarded so that the change is legal by construction.
fn when(d: Dialect, transition: Transition, condition: &str) -> String {
    format!("t.{} IN ({}) AND {condition}", d.quote(control::PROCESSING_FLAG), flags(d, transition.from()))
}

/// The flags of rows that may still be accepted or completed.
fn unfinished(d: Dialect) -> String {
    flags(d, &[Transition::Accept.from(), Transition::Complete.from()].concat())
}

fn flags(d: Dialect, flags: &[ProcessingFlag]) -> String {
    flags.iter().map(|flag| d.literal(flag.as_str())).collect::<Vec<_>>().join(", ")
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
            let value = d.json_guid_of(&d.param(1), &format!("t.{row_id}"));
            d.update(
                &table.name(),
                &format!("{column} = {value}"),
                &format!("t.{column} IS NULL AND t.{row_id} IN ({})", d.json_keys(&d.param(1))),
            )
        },
        vec![serde_json::Value::Object(json).to_string().into()],
    )
}
