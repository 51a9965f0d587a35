//! What staging forgets when rows are gone: lookups that pointed to them, and that they were ever sent.

use std::ops::RangeInclusive;

use super::{archive, rows};
use crate::control;
use crate::dialect::Dialect;
use crate::flag::Pass;
use crate::pending::in_range;
use crate::statement::Statement;
use crate::table::{GuidStrategy, Shape, TargetTable};

/// Lets go of rows that are gone, in a range of the table that pointed to them: rows that stay owe these lookups again, pairs
/// with an end that is gone are pending again, GUIDs are empty. One transaction.
pub fn let_go(table: &TargetTable, run: i64, range: &RangeInclusive<i64>) -> Vec<Statement> {
    let params = || vec![(*range.start()).into(), (*range.end()).into(), run.into()];
    let lookups: Vec<&str> = table.lookups().map(|lookup| lookup.name.as_str()).collect();
    let mut statements = Vec::new();
    if table.shape == Shape::Intersect && !lookups.is_empty() {
        let lost = |d: Dialect| {
            let any: Vec<_> =
                lookups.iter().map(|name| format!("t.{} IN ({})", d.quote(name), gone(d))).collect();
            format!("{} AND ({})", in_range(d), any.join(" OR "))
        };
        let of_lost = |d: Dialect| {
            format!(
                "s.RowId IN (SELECT t.{} FROM {} AS t WHERE {})",
                d.quote(control::ROW_ID),
                d.table(&table.name()),
                lost(d)
            )
        };
        statements.extend(archived(table, params(), &of_lost));
        statements.push(Statement::new(
            |d| {
                let generation = d.quote(control::GENERATION);
                let set =
                    format!("{} = 'U', {generation} = t.{generation} + 1", d.quote(control::PROCESSING_FLAG));
                d.update(&table.name(), &set, &lost(d))
            },
            params(),
        ));
    } else {
        statements.extend(lookups.iter().map(|name| Statement::new(|d| owe(d, table, name), params())));
    }
    statements.extend(lookups.iter().map(|name| {
        Statement::new(
            |d| {
                let name = d.quote(name);
                let condition = format!("{} AND t.{name} IN ({})", in_range(d), gone(d));
                d.update(&table.name(), &format!("{name} = NULL"), &condition)
            },
            params(),
        )
    }));
    if table.has_parties() {
        statements.push(Statement::new(
            |d| {
                let condition = format!(
                    "t.RowId BETWEEN {} AND {} AND t.PartyId IN ({})",
                    d.param(1),
                    d.param(2),
                    gone(d)
                );
                d.update(&table.party(), "PartyId = NULL", &condition)
            },
            params(),
        ));
    }
    statements
}

/// The latest success of a row that stays lists the lookup among what it owes.
fn owe(d: Dialect, table: &TargetTable, lookup: &str) -> String {
    let passes: Vec<_> =
        Pass::ALL.iter().filter(|pass| pass.carries_lookups()).map(|pass| d.literal(pass.as_str())).collect();
    let passes = passes.join(", ");
    let (word, listed) = (d.literal(lookup), d.literal(&format!(",{lookup},")));
    let set = format!(
        "Owed = CASE WHEN s.Owed IS NULL OR s.Owed = '' THEN {word} ELSE {} END",
        d.concat(&["s.Owed", "','", &word])
    );
    let success = d.table(&table.success());
    let condition = format!(
        "s.Pass IN ({passes}) AND NOT EXISTS (SELECT 1 FROM {success} AS n WHERE n.RowId = s.RowId AND n.SuccessId > s.SuccessId \
         AND n.Pass IN ({passes})) AND {position} = 0 AND s.RowId IN (SELECT t.{row_id} FROM {table} AS t WHERE {range} \
         AND t.{lookup} IN ({gone})) AND NOT s.RowId IN (SELECT RowId FROM {rows} WHERE RunId = {run} AND TargetTable = {name} \
         AND Outcome = 'deleted')",
        position = d.position(&listed, &d.concat(&["','", "COALESCE(s.Owed, '')", "','"])),
        row_id = d.quote(control::ROW_ID),
        table = d.table(&table.name()),
        range = in_range(d),
        lookup = d.quote(lookup),
        gone = gone(d),
        rows = d.table(&rows()),
        run = d.param(3),
        name = d.literal(&table.logical_name),
    );
    d.update_as(&table.success(), "s", &set, &condition)
}

/// Makes the rows that are gone new again, in a range: their successes go to the archive, and they are pending to be inserted at
/// a new generation. One transaction.
pub fn renew(table: &TargetTable, run: i64, range: &RangeInclusive<i64>) -> Vec<Statement> {
    let params = || vec![(*range.start()).into(), (*range.end()).into(), run.into()];
    let deleted = |d: Dialect, row: &str| {
        format!(
            "{row} BETWEEN {} AND {} AND {row} IN (SELECT RowId FROM {} WHERE RunId = {} AND TargetTable = {} AND Outcome = 'deleted')",
            d.param(1),
            d.param(2),
            d.table(&rows()),
            d.param(3),
            d.literal(&table.logical_name)
        )
    };
    // Rows that were loaded again since have another action: a second call leaves their successes alone.
    let marked = |d: Dialect| {
        format!(
            "{} AND EXISTS (SELECT 1 FROM {} AS t WHERE t.{} = s.RowId AND t.{} = 'D' AND t.{} IS NOT NULL)",
            deleted(d, "s.RowId"),
            d.table(&table.name()),
            d.quote(control::ROW_ID),
            d.quote(control::ACTION_FLAG),
            d.quote(control::DATAVERSE_ID)
        )
    };
    let mut statements = archived(table, params(), &marked);
    statements.push(Statement::new(
        |d| {
            let generation = d.quote(control::GENERATION);
            let (id, action) = (d.quote(control::DATAVERSE_ID), d.quote(control::ACTION_FLAG));
            let row_id = d.quote(control::ROW_ID);
            // What the source has deleted since is not to come back.
            let was_deleted = format!(
                "t.{row_id} IN (SELECT RowId FROM {} WHERE RunId = {} AND TargetTable = {} AND ActionFlag = 'D')",
                d.table(&rows()),
                d.param(3),
                d.literal(&table.logical_name)
            );
            let mut set = format!(
                "{id} = NULL, {action} = CASE WHEN {was_deleted} THEN 'D' ELSE 'I' END, {} = 'U', {generation} = t.{generation} + 1",
                d.quote(control::PROCESSING_FLAG)
            );
            if table.guid == GuidStrategy::Sequential {
                set = format!("{set}, {} = NULL", d.quote(control::CLIENT_ID));
            }
            let condition =
                format!("t.{action} = 'D' AND t.{id} IS NOT NULL AND {}", deleted(d, &format!("t.{row_id}")));
            d.update(&table.name(), &set, &condition)
        },
        params(),
    ));
    statements
}

/// Moves successes, under the alias `s`, to the archive. The run is the third parameter.
fn archived(
    table: &TargetTable,
    params: Vec<crate::Value>,
    which: &dyn Fn(Dialect) -> String,
) -> Vec<Statement> {
    const COLUMNS: [&str; 8] =
        ["SuccessId", "RowId", "Pass", "Generation", "Kind", "DataverseId", "Owed", "RequestId"];
    let copied = Statement::new(
        |d| {
            format!(
                "INSERT INTO {} (RunId, TargetTable, {}) SELECT {}, {}, s.{} FROM {} AS s WHERE {}",
                d.table(&archive()),
                COLUMNS.join(", "),
                d.param(3),
                d.literal(&table.logical_name),
                COLUMNS.join(", s."),
                d.table(&table.success()),
                which(d)
            )
        },
        params.clone(),
    );
    let removed = Statement::new(|d| d.delete_as(&table.success(), "s", &which(d)), params);
    vec![copied, removed]
}

/// GUIDs that are gone, of any table; the run is the third parameter.
fn gone(d: Dialect) -> String {
    format!(
        "SELECT DataverseId FROM {} WHERE RunId = {} AND Outcome = 'deleted'",
        d.table(&rows()),
        d.param(3)
    )
}
