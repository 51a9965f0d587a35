//! Which rows are still to be sent in a pass: the rule, its count, its cut into chunks, and the read of a chunk.
//!
//! A row is *blocked* in every pass while
//! - its flag is `E`, or an error at its current generation has not been retried, or
//! - a request without outcome names it (it is *in doubt*).
//!
//! A row that is not blocked is pending in the pass
//!
//! | pass | when |
//! |---|---|
//! | `insert` | action `I`, no GUID, no success of this pass at any generation, level as asked; never in mode `match` |
//! | `update` | action `U`, a GUID, no success of this pass at this generation |
//! | `lookups` | action `I` (or `U`, and updated at this generation), a GUID, no success of this pass at this generation, and a lookup that its latest success left owed has a GUID now |
//! | `state` | as `lookups`, but: a staged state other than 0 (or one that was set before), and no lookup owed |
//! | `associate` | both ends have GUIDs, action `I`, no success of this pass at this generation |
//! | `delete` | action `D`, a GUID (an association: both ends), no success of this pass at this generation |
//!
//! While a trial load is made, only rows that belong to it are pending ([`crate::pilot`]).
//!
//! Everything is derived from the append-only tables and the manifest, never from what a killed process had in memory;
//! flags are a summary, set afterwards by [`crate::settle`].

use std::ops::RangeInclusive;

use crate::column::{StagedColumn, StagedKind};
use crate::control;
use crate::dialect::Dialect;
use crate::flag::{ActionFlag, Levels, Pass, RequestState};
use crate::name::TableName;
use crate::statement::Statement;
use crate::table::{Mode, Shape, TargetTable};

/// Counts the rows that are pending in a pass.
pub fn count(table: &TargetTable, pass: Pass, levels: Levels) -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT COUNT(*) FROM {} AS t WHERE {}",
                d.table(&table.name()),
                condition(d, table, pass, levels)
            )
        },
        Vec::new(),
    )
}

/// Asks whether any row is pending in a pass: 1 or 0. A count would look at all of them.
pub fn any(table: &TargetTable, pass: Pass) -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM {} AS t WHERE {}) THEN 1 ELSE 0 END",
                d.table(&table.name()),
                condition(d, table, pass, Levels::All)
            )
        },
        Vec::new(),
    )
}

/// Cuts the pending rows, in the order of RowIds, into chunks of `chunk_rows`: first RowId, last RowId, rows.
pub fn cut(table: &TargetTable, pass: Pass, levels: Levels, chunk_rows: u32) -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT MIN(p.RowId), MAX(p.RowId), COUNT(*) FROM (SELECT t.{row_id} AS RowId, \
                 (ROW_NUMBER() OVER (ORDER BY t.{row_id}) - 1) / {size} AS ChunkNumber FROM {table} AS t WHERE {condition}) AS p \
                 GROUP BY p.ChunkNumber ORDER BY p.ChunkNumber",
                row_id = d.quote(control::ROW_ID),
                size = d.param(1),
                table = d.table(&table.name()),
                condition = condition(d, table, pass, levels),
            )
        },
        vec![chunk_rows.max(1).into()],
    )
}

/// Reads the rows of a chunk that are still pending, in the order of RowIds: RowId, generation, then the columns asked for.
pub fn read(
    table: &TargetTable,
    pass: Pass,
    levels: Levels,
    rows: &RangeInclusive<i64>,
    columns: &[impl AsRef<str>],
) -> Statement {
    Statement::new(
        |d| {
            let mut names = vec![d.quote(control::ROW_ID), d.quote(control::GENERATION)];
            names.extend(columns.iter().map(|column| d.quote(column.as_ref())));
            format!(
                "SELECT t.{names} FROM {table} AS t WHERE {range} AND {condition} ORDER BY t.{row_id}",
                names = names.join(", t."),
                table = d.table(&table.name()),
                range = in_range(d),
                condition = condition(d, table, pass, levels),
                row_id = d.quote(control::ROW_ID),
            )
        },
        range_params(rows),
    )
}

/// Reads the parties of a range of activities, in order: RowId, part, party table, GUID, address used.
pub fn read_parties(table: &TargetTable, rows: &RangeInclusive<i64>) -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT t.RowId, t.Part, t.PartyTable, t.PartyId, t.AddressUsed FROM {} AS t \
                 WHERE t.RowId BETWEEN {} AND {} ORDER BY t.RowId, t.Part, t.Position",
                d.table(&table.party()),
                d.param(1),
                d.param(2)
            )
        },
        range_params(rows),
    )
}

/// Lists the levels at which rows are pending in `insert`, in the order in which to load them (NULL: rows on cycles
/// first), with their counts.
pub fn levels(table: &TargetTable) -> Statement {
    Statement::new(
        |d| {
            let level = format!("t.{}", d.quote(control::LEVEL));
            format!(
                "SELECT {level}, COUNT(*) FROM {} AS t WHERE {} GROUP BY {level} ORDER BY {level}",
                d.table(&table.name()),
                condition(d, table, Pass::Insert, Levels::All)
            )
        },
        Vec::new(),
    )
}

/// Raises the generation of rows in a range whose lookups were written at this generation and for which more of what they
/// owe has arrived since: without it, they would have no further success of that pass to gain. Run it before `lookups` is
/// planned; it changes nothing the second time.
pub fn reopen_late_lookups(table: &TargetTable, rows: &RangeInclusive<i64>) -> Statement {
    Statement::new(
        |d| {
            let generation = d.quote(control::GENERATION);
            let condition = format!(
                "{} AND {} AND {} AND {}",
                in_range(d),
                unblocked(d, table),
                succeeded(d, table, Pass::Lookups, true),
                late(d, table)
            );
            d.update(&table.name(), &format!("{generation} = t.{generation} + 1"), &condition)
        },
        range_params(rows),
    )
}

/// The condition under which a row, under the alias `t`, is pending in a pass.
pub fn condition(d: Dialect, table: &TargetTable, pass: Pass, levels: Levels) -> String {
    let mut all = Vec::new();
    match levels {
        Levels::All => {}
        Levels::At(level) => all.push(format!("t.{} = {level}", d.quote(control::LEVEL))),
        Levels::Cycle => all.push(format!("t.{} IS NULL", d.quote(control::LEVEL))),
    }
    let given = d.is_given(&format!("t.{}", d.quote(control::DATAVERSE_ID)));
    match (table.shape, pass) {
        (Shape::Intersect, Pass::Associate) => {
            all.push(action(d, ActionFlag::Insert));
            all.push(both_ends(d, table));
            all.push(format!("NOT {}", succeeded(d, table, pass, true)));
        }
        (Shape::Intersect, Pass::Delete) => {
            all.push(action(d, ActionFlag::Delete));
            all.push(both_ends(d, table));
            all.push(format!("NOT {}", succeeded(d, table, pass, true)));
        }
        (Shape::Standard, Pass::Insert) => {
            if table.mode == Mode::Match {
                return NEVER.to_owned();
            }
            all.push(action(d, ActionFlag::Insert));
            all.push(format!("t.{} IS NULL", d.quote(control::DATAVERSE_ID)));
            all.push(format!("NOT {}", succeeded(d, table, pass, false)));
        }
        (Shape::Standard, Pass::Update) => {
            all.push(action(d, ActionFlag::Update));
            all.push(given);
            all.push(format!("NOT {}", succeeded(d, table, pass, true)));
        }
        (Shape::Standard, Pass::Delete) => {
            all.push(action(d, ActionFlag::Delete));
            all.push(given);
            all.push(format!("NOT {}", succeeded(d, table, pass, true)));
        }
        (Shape::Standard, Pass::Lookups) => {
            all.push(written(d, table));
            all.push(given);
            all.push(format!("NOT {}", succeeded(d, table, pass, true)));
            all.push(late(d, table));
        }
        (Shape::Standard, Pass::State) => {
            let Some(needed) = state_needed(d, table) else { return NEVER.to_owned() };
            all.push(written(d, table));
            all.push(given);
            all.push(needed);
            all.push(format!("NOT {}", succeeded(d, table, pass, true)));
            all.push(format!("NOT {}", outstanding(d, table)));
        }
        (_, Pass::Validate) | (Shape::Standard, Pass::Associate) | (Shape::Intersect, _) => {
            return NEVER.to_owned();
        }
    }
    if table.pilot {
        all.push(crate::pilot::marked(d, table));
    }
    all.push(unblocked(d, table));
    all.join(" AND ")
}

const NEVER: &str = "1 = 0";

/// No error that nobody has dealt with, and not in doubt.
pub(crate) fn unblocked(d: Dialect, table: &TargetTable) -> String {
    format!(
        "t.{} <> 'E' AND NOT {} AND NOT {}",
        d.quote(control::PROCESSING_FLAG),
        failed(d, table),
        in_doubt(d, table)
    )
}

/// An error at the row's current generation that has not been retried.
pub(crate) fn failed(d: Dialect, table: &TargetTable) -> String {
    format!(
        "EXISTS (SELECT 1 FROM {} AS e WHERE e.RowId = t.{} AND e.Generation = t.{} AND e.Retried = 0)",
        d.table(&table.error()),
        d.quote(control::ROW_ID),
        d.quote(control::GENERATION)
    )
}

/// A request without outcome names the row. The inner list does not depend on the row: engines build it once.
pub(crate) fn in_doubt(d: Dialect, table: &TargetTable) -> String {
    format!(
        "t.{} IN (SELECT {} FROM {} AS q {} {} WHERE q.TargetTable = {} AND q.State = {})",
        d.quote(control::ROW_ID),
        d.json_value("j"),
        d.table(&TableName::target("Request")),
        d.apply(),
        d.json_array("q.RowIds", "j"),
        d.literal(&table.logical_name),
        d.literal(RequestState::Sent.as_str())
    )
}

/// A success of the pass, at the row's current generation or at any.
pub(crate) fn succeeded(d: Dialect, table: &TargetTable, pass: Pass, at_this_generation: bool) -> String {
    let generation = if at_this_generation {
        format!(" AND s.Generation = t.{}", d.quote(control::GENERATION))
    } else {
        String::new()
    };
    format!(
        "EXISTS (SELECT 1 FROM {} AS s WHERE s.RowId = t.{} AND s.Pass = {}{generation})",
        d.table(&table.success()),
        d.quote(control::ROW_ID),
        d.literal(pass.as_str())
    )
}

pub(crate) fn action(d: Dialect, flag: ActionFlag) -> String {
    format!("t.{} = {}", d.quote(control::ACTION_FLAG), d.literal(flag.as_str()))
}

/// The row's columns are in Dataverse as staged: inserted, or updated at this generation.
fn written(d: Dialect, table: &TargetTable) -> String {
    let updated = succeeded(d, table, Pass::Update, true);
    format!("({} OR ({} AND {updated}))", action(d, ActionFlag::Insert), action(d, ActionFlag::Update))
}

/// A state must be set: one that is not the first, or that takes back one that was set before.
pub(crate) fn state_needed(d: Dialect, table: &TargetTable) -> Option<String> {
    let state = d.quote(&table.state_column()?.name);
    let before = succeeded(d, table, Pass::State, false);
    let update_only = match table.mode {
        Mode::Load => String::new(),
        // A row that is only looked up keeps the state that it has.
        Mode::Match => format!(" AND {}", action(d, ActionFlag::Update)),
    };
    Some(format!("(t.{state} IS NOT NULL AND (t.{state} <> 0 OR {before}){update_only})"))
}

fn both_ends(d: Dialect, table: &TargetTable) -> String {
    let ends: Vec<_> = table.lookups().map(|end| format!("t.{} IS NOT NULL", d.quote(&end.name))).collect();
    if ends.is_empty() { NEVER.to_owned() } else { ends.join(" AND ") }
}

/// A lookup that the row's latest success left owed has a GUID now.
pub(crate) fn late(d: Dialect, table: &TargetTable) -> String {
    latest_owed(d, table, table.lookups(), |name, _| format!("t.{name} IS NOT NULL"))
}

/// A lookup that the row's latest success left owed is still wanted. One whose source key was taken away is not.
/// A pair is owed as long as one of its ends has not come.
pub(crate) fn outstanding(d: Dialect, table: &TargetTable) -> String {
    if table.shape == Shape::Intersect {
        let flag = d.quote(control::PROCESSING_FLAG);
        let associated = succeeded(d, table, Pass::Associate, false);
        return format!("(t.{flag} <> 'E' AND NOT {associated} AND NOT ({}))", both_ends(d, table));
    }
    latest_owed(d, table, table.lookups(), |name, key| {
        format!("(t.{key} IS NOT NULL OR t.{name} IS NOT NULL)")
    })
}

/// Lists what the rows of a table owe, a line per lookup whose parent has not arrived: source table, source key, RowId, lookup,
/// parent's table and parent's source key; `None` for a table without lookups.
pub fn owed(table: &TargetTable) -> Option<Statement> {
    table.lookups().next()?;
    Some(Statement::new(
        |d| {
            let of_lookup = |lookup: &StagedColumn| {
                let name = d.quote(&lookup.name);
                let key = d.quote(&lookup.source_key_column()?);
                let parent = match (lookup.table_column(), &lookup.kind) {
                    (Some(column), _) => format!("t.{}", d.quote(&column)),
                    (None, StagedKind::Lookup { targets, .. }) => d.literal(targets.first()?),
                    (None, _) => return None,
                };
                let is_owed = match table.shape {
                    Shape::Intersect => format!("t.{name} IS NULL AND {}", outstanding(d, table)),
                    Shape::Standard => latest_owed(d, table, [lookup].into_iter(), |name, key| {
                        format!("(t.{key} IS NOT NULL AND t.{name} IS NULL)")
                    }),
                };
                Some(format!(
                    "SELECT t.{} AS SourceTable, t.{} AS SourceKey, t.{} AS RowId, {} AS Lookup, {parent} AS ParentTable, \
                     t.{key} AS ParentKey FROM {} AS t WHERE {is_owed}",
                    d.quote(control::SOURCE_TABLE),
                    d.quote(control::SOURCE_KEY),
                    d.quote(control::ROW_ID),
                    d.literal(&lookup.name),
                    d.table(&table.name()),
                ))
            };
            let all: Vec<_> = table.lookups().filter_map(of_lookup).collect();
            format!("{} ORDER BY RowId, Lookup", all.join(" UNION ALL "))
        },
        Vec::new(),
    ))
}

fn latest_owed<'a>(
    d: Dialect,
    table: &TargetTable,
    lookups: impl Iterator<Item = &'a StagedColumn>,
    wanted: impl Fn(&str, &str) -> String,
) -> String {
    let columns: Vec<_> = lookups
        .filter_map(|column| {
            let listed =
                d.position(&d.literal(&format!(",{},", column.name)), &d.concat(&["','", "s.Owed", "','"]));
            let wanted = wanted(&d.quote(&column.name), &d.quote(&column.source_key_column()?));
            Some(format!("({listed} > 0 AND {wanted})"))
        })
        .collect();
    if columns.is_empty() {
        return format!("({NEVER})");
    }
    let passes: Vec<_> =
        Pass::ALL.iter().filter(|pass| pass.carries_lookups()).map(|pass| d.literal(pass.as_str())).collect();
    let passes = passes.join(", ");
    let success = d.table(&table.success());
    format!(
        "EXISTS (SELECT 1 FROM {success} AS s WHERE s.RowId = t.{row_id} AND s.Owed IS NOT NULL AND s.Pass IN ({passes}) \
         AND NOT EXISTS (SELECT 1 FROM {success} AS n WHERE n.RowId = s.RowId AND n.SuccessId > s.SuccessId \
         AND n.Pass IN ({passes})) AND ({columns}))",
        row_id = d.quote(control::ROW_ID),
        columns = columns.join(" OR "),
    )
}

/// The row lies in the range of the first two parameters.
pub(crate) fn in_range(d: Dialect) -> String {
    format!("t.{} BETWEEN {} AND {}", d.quote(control::ROW_ID), d.param(1), d.param(2))
}

pub(crate) fn range_params(rows: &RangeInclusive<i64>) -> Vec<crate::Value> {
    vec![(*rows.start()).into(), (*rows.end()).into()]
}
