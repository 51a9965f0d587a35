//! Views for people: how far each table is, and which errors there are.

use crate::control;
use crate::dialect::Dialect;
use crate::name::TableName;
use crate::statement::Statement;
use crate::table::{Shape, TargetTable};

/// Makes `target.TableStatus` and `target.ErrorSummary` anew over these tables.
pub fn status_views(tables: &[TargetTable]) -> Vec<Statement> {
    let mut statements = Vec::new();
    for (name, select) in [
        ("TableStatus", status as fn(Dialect, &TargetTable) -> String),
        ("ErrorSummary", errors as fn(Dialect, &TargetTable) -> String),
    ] {
        let view = TableName::target(name);
        statements.push(Statement::new(|d| format!("DROP VIEW IF EXISTS {}", d.table(&view)), Vec::new()));
        if !tables.is_empty() {
            statements.push(Statement::new(
                |d| {
                    let parts: Vec<_> = tables.iter().map(|table| select(d, table)).collect();
                    format!("CREATE VIEW {} AS\n{}", d.table(&view), parts.join("\nUNION ALL\n"))
                },
                Vec::new(),
            ));
        }
    }
    statements
}

fn status(d: Dialect, table: &TargetTable) -> String {
    let flag = d.quote(control::PROCESSING_FLAG);
    let counted =
        |word: &str| format!("COALESCE(SUM(CASE WHEN {flag} = {} THEN 1 ELSE 0 END), 0)", d.literal(word));
    let owed: Vec<_> = table
        .lookups()
        .filter_map(|column| {
            let key = d.quote(&column.source_key_column()?);
            Some(format!("({key} IS NOT NULL AND {} IS NULL)", d.quote(&column.name)))
        })
        .collect();
    let given = format!("{} IS NOT NULL", d.quote(control::DATAVERSE_ID));
    // A row that was accepted owes its lookups; a pair is owed until both of its ends have come.
    let owing = match table.shape {
        Shape::Standard => given.clone(),
        Shape::Intersect => format!("{flag} = 'U'"),
    };
    let owed = if owed.is_empty() {
        "0".to_owned()
    } else {
        format!("COALESCE(SUM(CASE WHEN {owing} AND ({}) THEN 1 ELSE 0 END), 0)", owed.join(" OR "))
    };
    let name = d.literal(&table.logical_name);
    format!(
        "SELECT {name} AS TargetTable, COUNT(*) AS Staged, {unprocessed} AS Unprocessed, {accepted} AS Accepted, \
         {processed} AS Processed, {failed} AS InError, COALESCE(SUM(CASE WHEN {given} THEN 1 ELSE 0 END), 0) AS WithId, \
         {owed} AS Owed, \
         (SELECT COALESCE(SUM(q.[RowCount]), 0) FROM {request} q WHERE q.TargetTable = {name} AND q.State = 'sent') AS InDoubt, \
         (SELECT COUNT(*) FROM {chunk} c WHERE c.TargetTable = {name} AND c.State <> 'done') AS OpenChunks \
         FROM {table}",
        unprocessed = counted("U"),
        accepted = counted("S"),
        processed = counted("P"),
        failed = counted("E"),
        request = d.table(&TableName::target("Request")),
        chunk = d.table(&TableName::target("Chunk")),
        table = d.table(&table.name()),
    )
}

/// Open errors by cause: where code, rule, column and the beginning of the message agree, before it names a row or a value.
fn errors(d: Dialect, table: &TargetTable) -> String {
    const CAUSE: &str = "Pass, ErrorCode, RuleName, ColumnName, Cause";
    format!(
        "SELECT {name} AS TargetTable, Pass, ErrorCode, RuleName, ColumnName, COUNT(*) AS Errors, \
         COUNT(DISTINCT RowId) AS RowsAffected, MAX(CASE WHEN n = 1 THEN Message END) AS FirstMessage, Cause, \
         MAX(CASE WHEN n = 1 THEN RowId END) AS ExampleRowId, MAX(CASE WHEN n = 1 THEN SourceKey END) AS ExampleSourceKey\n\
         FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY {CAUSE} ORDER BY ErrorId) AS n\n\
         FROM (SELECT e.ErrorId, e.RowId, e.Message, e.Pass, e.ErrorCode, e.RuleName, e.ColumnName, {cause} AS Cause, \
         t.{source_key} AS SourceKey FROM {error} AS e INNER JOIN {table} AS t ON t.{row_id} = e.RowId AND t.{generation} = e.Generation \
         WHERE e.Retried = 0) AS o) AS c GROUP BY {CAUSE}",
        name = d.literal(&table.logical_name),
        cause = d.beginning("e.Message"),
        source_key = d.quote(control::SOURCE_KEY),
        error = d.table(&table.error()),
        table = d.table(&table.name()),
        row_id = d.quote(control::ROW_ID),
        generation = d.quote(control::GENERATION),
    )
}
