//! Counts that account for every row of a table.

use crate::control;
use crate::flag::{ActionFlag, Levels, Pass};
use crate::pending::{action, condition, failed, in_doubt, late, outstanding, succeeded};
use crate::statement::Statement;
use crate::table::{Mode, TargetTable};

/// The columns of [`table`], in order.
pub const TABLE_COLUMNS: [&str; 9] =
    ["Staged", "Unprocessed", "Accepted", "Processed", "InError", "Inserted", "Owed", "InDoubt", "Stranded"];

/// One row of exact counts, named in [`TABLE_COLUMNS`]: staged rows, rows by flag, inserted by us (created or adopted),
/// rows that still owe a lookup, rows in doubt, and rows that no pass would ever take: to be updated or deleted, but
/// without a GUID.
pub fn table(table: &TargetTable) -> Statement {
    Statement::new(
        |d| {
            let flag = d.quote(control::PROCESSING_FLAG);
            let count = |test: String| format!("COALESCE(SUM(CASE WHEN {test} THEN 1 ELSE 0 END), 0)");
            let flagged = |word: &str| count(format!("t.{flag} = {}", d.literal(word)));
            // Subqueries stand in an inner select: T-SQL does not sum over them.
            format!(
                "SELECT COUNT(*), {}, {}, {}, {}, (SELECT COUNT(*) FROM {} WHERE Pass = 'insert'), \
                 COALESCE(SUM(t.Owed), 0), COALESCE(SUM(t.Doubt), 0), COALESCE(SUM(t.Stranded), 0) FROM \
                 (SELECT t.{flag}, CASE WHEN {} THEN 1 ELSE 0 END AS Owed, CASE WHEN {} THEN 1 ELSE 0 END AS Doubt, \
                 CASE WHEN t.{id} IS NULL AND {} AND NOT {} THEN 1 ELSE 0 END AS Stranded FROM {} AS t) AS t",
                flagged("U"),
                flagged("S"),
                flagged("P"),
                flagged("E"),
                d.table(&table.success()),
                outstanding(d, table),
                in_doubt(d, table),
                action(d, ActionFlag::Update),
                succeeded(d, table, Pass::Insert, false),
                d.table(&table.name()),
                id = d.quote(control::DATAVERSE_ID),
            )
        },
        Vec::new(),
    )
}

/// Counts what is owed per lookup: column, rows that were accepted without it and whose parent has not come, rows whose
/// parent has come and which are pending in `lookups`. `None` for a table without lookups.
pub fn owed(table: &TargetTable) -> Option<Statement> {
    table.lookups().next()?;
    Some(Statement::new(
        |d| {
            let parts: Vec<_> = table
                .lookups()
                .filter_map(|column| {
                    let single = TargetTable { columns: vec![column.clone()], ..table.clone() };
                    let name = d.quote(&column.name);
                    let key = d.quote(&column.source_key_column()?);
                    Some(format!(
                        "SELECT {word} AS ColumnName, \
                         (SELECT COUNT(*) FROM {table} AS t WHERE t.{name} IS NULL AND t.{key} IS NOT NULL AND {owed}) AS Waiting, \
                         (SELECT COUNT(*) FROM {table} AS t WHERE {late}) AS Late",
                        word = d.literal(&column.name),
                        table = d.table(&table.name()),
                        owed = outstanding(d, &single),
                        late = late(d, &single),
                    ))
                })
                .collect();
            parts.join(" UNION ALL ")
        },
        Vec::new(),
    ))
}

/// Counts the pending rows of every pass that the table has: pass, rows.
pub fn pending(table: &TargetTable) -> Statement {
    Statement::new(
        |d| {
            let parts: Vec<_> = table
                .passes()
                .into_iter()
                .map(|pass| {
                    format!(
                        "SELECT {} AS Pass, (SELECT COUNT(*) FROM {} AS t WHERE {}) AS Pending",
                        d.literal(pass.as_str()),
                        d.table(&table.name()),
                        condition(d, table, pass, Levels::All)
                    )
                })
                .collect();
            parts.join(" UNION ALL ")
        },
        Vec::new(),
    )
}

/// Counts rows with open errors at their current generation, per pass, code, rule and column: pass, code, rule, column,
/// rows, the first message.
pub fn errors(table: &TargetTable) -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT e.Pass, e.ErrorCode, e.RuleName, e.ColumnName, COUNT(DISTINCT e.RowId), MIN(e.Message) \
                 FROM {error} AS e JOIN {table} AS t ON t.{row_id} = e.RowId AND t.{generation} = e.Generation \
                 WHERE e.Retried = 0 GROUP BY e.Pass, e.ErrorCode, e.RuleName, e.ColumnName \
                 ORDER BY COUNT(DISTINCT e.RowId) DESC, e.Pass, e.ErrorCode, e.RuleName, e.ColumnName",
                error = d.table(&table.error()),
                table = d.table(&table.name()),
                row_id = d.quote(control::ROW_ID),
                generation = d.quote(control::GENERATION),
            )
        },
        Vec::new(),
    )
}

/// Removes the findings of an earlier validation of this table, so that a new one can write its own; in one transaction
/// with what follows, ending in [`flag_findings`].
pub fn clear_findings(table: &TargetTable) -> Statement {
    Statement::new(|d| format!("DELETE FROM {} WHERE Pass = 'validate'", d.table(&table.error())), Vec::new())
}

/// Brings the flags of the whole table in line with its open errors, after a validation: `E` where there is one, and no
/// longer where there is none.
pub fn flag_findings(table: &TargetTable) -> [Statement; 2] {
    let all = i64::MIN..=i64::MAX;
    [crate::settle::clear_flags(table), crate::settle::fail(table, &all)]
}

/// Counts the rows that Dataverse refused and that only wait to be taken again: rows with open errors at their current
/// generation, none of which is a finding of the validation. Rows of a table in mode `match` that were not found are not
/// among them: they are looked for by every load.
pub fn refused_rows(table: &TargetTable) -> Statement {
    Statement::new(
        |d| {
            let (error, generation) = (d.table(&table.error()), d.quote(control::GENERATION));
            let unmatched = match table.mode {
                Mode::Load => String::new(),
                Mode::Match => format!(" AND e.Pass <> {}", d.literal(Pass::Insert.as_str())),
            };
            format!(
                "SELECT COUNT(DISTINCT e.RowId) FROM {error} AS e JOIN {main} AS t ON t.{row_id} = e.RowId \
                 AND t.{generation} = e.Generation WHERE e.Retried = 0 AND e.Pass <> 'validate'{unmatched} \
                 AND NOT EXISTS (SELECT 1 FROM {error} AS f WHERE f.RowId = e.RowId AND f.Generation = e.Generation \
                 AND f.Retried = 0 AND f.Pass = 'validate')",
                main = d.table(&table.name()),
                row_id = d.quote(control::ROW_ID),
            )
        },
        Vec::new(),
    )
}

/// Counts the rows with open errors: what the error table and the flag must agree on.
pub fn failed_rows(table: &TargetTable) -> Statement {
    Statement::new(
        |d| format!("SELECT COUNT(*) FROM {} AS t WHERE {}", d.table(&table.name()), failed(d, table)),
        Vec::new(),
    )
}
