//! What the statements that fill a target table have in common: keys, joins, generations.

use std::ops::RangeInclusive;

use staging_schema::{
    Dialect, Pass, RequestState, StagedColumn, StagedKind, Statement, TableName, Value, control,
};

use super::scratch;
use super::stored::is_longer;
use crate::model::Mode;
use crate::plan::{MapPlan, TablePlan};
use crate::sql::{Fragment, column};

/// Longest source key, in UTF-16 units.
const LONGEST_KEY: u32 = 450;

/// The key under which a source row is staged. Rows without a key and repetitions of a key get one that names their
/// line, so that every source row is staged and none is dropped silently.
pub(crate) fn effective_key(planned: &TablePlan, map: &MapPlan) -> Fragment {
    let line = || Fragment::over([&column("s", control::LINE)], |d, [line]| d.integer_text(line));
    let too_long = Fragment::sql(" WHEN ")
        .then(is_too_long(&map.key))
        .text(" THEN ")
        .then(Fragment::joined(&[Fragment::word("(key too long) line "), line()]));
    let key = Fragment::sql("CASE WHEN ")
        .then(map.key.clone())
        .text(" IS NULL THEN ")
        .then(Fragment::joined(&[Fragment::word("(no key) line "), line()]))
        .then(Fragment::built(|d| if d.has_typed_columns() { too_long.clone() } else { Fragment::default() }))
        .text(" WHEN ")
        .then(is_duplicate(planned, map))
        .text(" THEN ")
        .then(Fragment::joined(&[map.key.clone(), Fragment::word(" (again) line "), line()]))
        .text(" ELSE ")
        .then(map.key.clone())
        .text(" END");
    Fragment::over([&key], |d, [key]| d.as_key(key))
}

/// Whether a key is longer than what an index of SQL Server takes together with the name of its table.
pub(crate) fn is_too_long(key: &Fragment) -> Fragment {
    Fragment::built(|d| {
        if d.has_typed_columns() {
            Fragment::sql("(").then(is_longer(key, LONGEST_KEY)).text(")")
        } else {
            Fragment::function("dv_length", vec![key.clone()]).text(&format!(" > {LONGEST_KEY}"))
        }
    })
}

/// Whether the source row repeats the key of an earlier one.
pub(crate) fn is_duplicate(planned: &TablePlan, map: &MapPlan) -> Fragment {
    Fragment::sql("EXISTS (SELECT 1 FROM ")
        .then(Fragment::each(|d| d.table(&scratch::duplicates())))
        .text(" d WHERE d.TargetTable = ")
        .then(Fragment::param(planned.target.logical_name.as_str()))
        .text(" AND d.SourceTable = ")
        .then(Fragment::param(map.source.as_str()))
        .text(" AND d.SourceRowId = ")
        .then(column("s", control::ROW_ID))
        .text(")")
}

/// ` FROM source s WHERE …` the mapping's condition.
pub(crate) fn from_source(map: &MapPlan) -> Fragment {
    let from = Fragment::sql(" FROM ")
        .then(Fragment::each(|d| d.table(&TableName::source(&map.source))))
        .text(" s WHERE ");
    match &map.condition {
        Some(condition) => from.text("(").then(condition.clone()).text(")"),
        None => from.text("1 = 1"),
    }
}

/// Finds the source rows that repeat a key; their first occurrence is not among them.
pub(crate) fn duplicates(planned: &TablePlan, map: &MapPlan) -> Vec<Statement> {
    let table = || Fragment::each(|d| d.table(&scratch::duplicates()));
    let target = || Fragment::param(planned.target.logical_name.as_str());
    let source = || Fragment::param(map.source.as_str());
    let clear = Fragment::sql("DELETE FROM ")
        .then(table())
        .text(" WHERE TargetTable = ")
        .then(target())
        .text(" AND SourceTable = ")
        .then(source());
    let row_id = || column("s", control::ROW_ID);
    let find = Fragment::sql("INSERT INTO ")
        .then(table())
        .text(" (TargetTable, SourceTable, SourceRowId) SELECT ")
        .then(target())
        .text(", ")
        .then(source())
        .text(", x.RowId FROM (SELECT ")
        .then(row_id())
        .text(" AS RowId, ROW_NUMBER() OVER (PARTITION BY ")
        .then(byte_by_byte(&map.key))
        .text(" ORDER BY ")
        .then(row_id())
        .text(") AS n")
        .then(from_source(map))
        .text(" AND ")
        .then(map.key.clone())
        .text(" IS NOT NULL) x WHERE x.n > 1");
    vec![clear.statement(), find.statement()]
}

/// A key compared byte by byte, which is SQLite's own way.
fn byte_by_byte(key: &Fragment) -> Fragment {
    Fragment::over([key], |d, [key]| d.in_bytes(&format!("({key})")))
}

/// Counts the staged rows of a mapping.
pub(crate) fn staged_rows(planned: &TablePlan, map: &MapPlan) -> Statement {
    Fragment::sql("SELECT COUNT(*) FROM ")
        .then(target_table(planned))
        .text(" t WHERE ")
        .then(column("t", control::SOURCE_TABLE))
        .text(" = ")
        .then(Fragment::param(map.source.as_str()))
        .statement()
}

/// Counts the source rows that a mapping takes.
pub(crate) fn source_rows(map: &MapPlan) -> Statement {
    Fragment::sql("SELECT COUNT(*)").then(from_source(map)).statement()
}

pub(crate) fn target_table(planned: &TablePlan) -> Fragment {
    Fragment::each(|d| d.table(&planned.target.name()))
}

pub(crate) fn quoted(name: &str) -> Fragment {
    Fragment::each(|d| d.quote(name))
}

/// Joins `t` to the row at hand: `key` is its effective key.
pub(crate) fn is_row_of(map: &MapPlan, key: Fragment) -> Fragment {
    column("t", control::SOURCE_KEY)
        .text(" = ")
        .then(key)
        .text(" AND ")
        .then(column("t", control::SOURCE_TABLE))
        .text(" = ")
        .then(Fragment::param(map.source.as_str()))
}

/// The physical columns that say what a staged column refers to or means.
pub(crate) fn key_columns(staged: &StagedColumn) -> Vec<String> {
    let keys = [
        staged.text_column(),
        staged.source_key_column(),
        staged.source_table_column(),
        // The owner's table is a result, not a key.
        staged.table_column().filter(|_| staged.kind != StagedKind::Owner),
    ];
    keys.into_iter().flatten().collect()
}

/// The physical columns that are resolved from [`key_columns`].
pub(crate) fn resolved_columns(staged: &StagedColumn) -> Vec<String> {
    match staged.kind {
        StagedKind::Owner => std::iter::once(staged.name.clone()).chain(staged.table_column()).collect(),
        _ => vec![staged.name.clone()],
    }
}

/// Who changed a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Its source row.
    Source,
    /// A script of the user's.
    Script,
}

/// Assignments that begin a new generation of `t`: `by` is how many are counted. What the source changed is no longer to be
/// deleted, unless a script says so again; what the script itself changed stays so.
pub(crate) fn new_generation(planned: &TablePlan, map: &MapPlan, by: &str, change: Change) -> Fragment {
    let is_match = map.mode == Mode::Match;
    Fragment::each(|d| {
        let generation = d.quote(control::GENERATION);
        let action = d.quote(control::ACTION_FLAG);
        let flag = d.quote(control::PROCESSING_FLAG);
        let known = is_in_dataverse(planned, d);
        let action_of = if is_match {
            format!("{action} = t.{action}")
        } else {
            let kept = match change {
                Change::Source => String::new(),
                Change::Script => format!("WHEN t.{action} = 'D' THEN 'D' "),
            };
            format!("{action} = CASE {kept}WHEN {known} THEN 'U' ELSE 'I' END")
        };
        format!("{generation} = t.{generation} + {by}, {flag} = 'U', {action_of}")
    })
}

/// Whether the row `t` is in Dataverse, though its GUID may not have been copied back yet.
pub(crate) fn is_in_dataverse(planned: &TablePlan, d: Dialect) -> String {
    format!(
        "(t.{id} IS NOT NULL OR EXISTS (SELECT 1 FROM {success} y WHERE y.RowId = t.{row} AND y.Pass = {pass}))",
        id = d.quote(control::DATAVERSE_ID),
        success = d.table(&planned.target.success()),
        row = d.quote(control::ROW_ID),
        pass = d.literal(Pass::Insert.as_str()),
    )
}

/// Whether something of the row `t` was sent at its generation, or may have been: a request without outcome may have
/// carried what is replaced now.
pub(crate) fn was_sent(planned: &TablePlan, d: Dialect) -> String {
    format!(
        "t.{flag} <> 'U' OR EXISTS (SELECT 1 FROM {success} y WHERE y.RowId = t.{row} AND y.Generation = t.{generation}) OR \
         EXISTS (SELECT 1 FROM {request} r WHERE r.TargetTable = {table} AND r.State = {open})",
        flag = d.quote(control::PROCESSING_FLAG),
        success = d.table(&planned.target.success()),
        row = d.quote(control::ROW_ID),
        generation = d.quote(control::GENERATION),
        request = d.table(&TableName::target("Request")),
        table = d.literal(&planned.target.logical_name),
        open = d.literal(RequestState::Sent.as_str()),
    )
}

/// The hash over these expressions. The number of arguments of a function is limited, so that long lists are hashed in parts.
pub(crate) fn hash_of(mut parts: Vec<Fragment>) -> Fragment {
    const MOST_ARGUMENTS: usize = 90;
    while parts.len() > MOST_ARGUMENTS {
        let rest = parts.split_off(MOST_ARGUMENTS);
        let head = Fragment::digest(&parts);
        parts = std::iter::once(head).chain(rest).collect();
    }
    Fragment::digest(&parts)
}

/// The half of the row hash of `t` that is over what the mapping fills.
pub(crate) fn source_half(d: Dialect) -> String {
    d.substring(&format!("t.{}", d.quote(control::ROW_HASH)), 1, 16)
}

/// The half that is over what the user's scripts fill.
pub(crate) fn script_half(d: Dialect) -> String {
    d.rest(&format!("t.{}", d.quote(control::ROW_HASH)), 17, 64)
}

/// Derives the state of each row from its status, for one slice of staged rows.
pub(crate) fn state_of_status(
    planned: &TablePlan,
) -> Option<impl Fn(RangeInclusive<i64>) -> Statement + Send + use<>> {
    let target = &planned.target;
    let of_kind = |kind: &StagedKind| target.columns.iter().find(|column| column.kind == *kind);
    let (state, status) = (of_kind(&StagedKind::State)?, of_kind(&StagedKind::Status)?);
    let pairs: Vec<(i32, i32)> = planned
        .definition
        .statuses()
        .iter()
        .filter_map(|option| Some((option.value, option.state?)))
        .collect();
    if pairs.is_empty() {
        return None;
    }
    let cases = pairs
        .iter()
        .map(|(status, state)| format!(" WHEN {status} THEN {state}"))
        .collect::<Vec<_>>()
        .concat();
    let text = move |d: Dialect, target: &TableName, state: &str, status: &str, text: &str| {
        let (state, status, text) = (d.quote(state), d.quote(status), d.quote(text));
        let row = d.quote(control::ROW_ID);
        let table = d.table(target);
        let derived = format!("CASE {status}{cases} END");
        format!(
            "UPDATE {table} SET {state} = {derived} WHERE {row} BETWEEN {} AND {} AND {text} IS NULL AND {derived} IS NOT NULL AND ({state} IS NULL OR {state} <> {derived})",
            d.param(1),
            d.param(2)
        )
    };
    let (name, state_name, status_name) = (target.name(), state.name.clone(), status.name.clone());
    let state_text = state.text_column().unwrap_or_default();
    Some(move |slice: RangeInclusive<i64>| {
        let params: Vec<Value> = super::bounds(&slice).to_vec();
        Statement::new(|d| text(d, &name, &state_name, &status_name, &state_text), params)
    })
}
