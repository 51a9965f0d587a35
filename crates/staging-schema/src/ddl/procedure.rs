//! Stored procedures for those who look after a load on SQL Server. SQLite has none.

use std::fmt::Write as _;

use crate::control;
use crate::dialect::Dialect;
use crate::name::TableName;
use crate::settle;
use crate::statement::Statement;
use crate::table::TargetTable;

const D: Dialect = Dialect::Mssql;

/// Their names.
pub(super) const NAMES: [&str; 3] = ["Status", "RowHistory", "RetryErrors"];

/// The procedures of a project with these tables, each a batch of its own; on SQLite the statements are empty.
///
/// - `migration.Status`: the status views, who holds leases, and the latest runs.
/// - `migration.RowHistory @Table, @SourceKey`: what became of one row.
/// - `migration.RetryErrors @Table, @ErrorCode = NULL`: lets the next run take rows again that Dataverse refused.
pub fn procedures(tables: &[TargetTable]) -> Vec<Statement> {
    if tables.is_empty() {
        return Vec::new();
    }
    let bodies = [
        ("Status", "", status()),
        ("RowHistory", "@Table nvarchar(128), @SourceKey nvarchar(450)", each(tables, history)),
        ("RetryErrors", "@Table nvarchar(128), @ErrorCode nvarchar(128) = NULL", each(tables, retry)),
    ];
    bodies
        .into_iter()
        .flat_map(|(name, parameters, body)| {
            let parameters = if parameters.is_empty() { String::new() } else { format!(" ({parameters})") };
            let name = D.table(&TableName::migration(name));
            // Not `CREATE OR ALTER`: not everything that speaks T-SQL knows it.
            let create =
                format!("CREATE PROCEDURE {name}{parameters} AS\nBEGIN\nSET NOCOUNT ON;\nSET XACT_ABORT ON;\n{body}END");
            [format!("DROP PROCEDURE IF EXISTS {name}"), create].map(batch)
        })
        .collect()
}

fn batch(text: String) -> Statement {
    Statement::script(move |dialect| match dialect {
        Dialect::Sqlite => String::new(),
        Dialect::Mssql => text.clone(),
    })
}

fn status() -> String {
    format!(
        "SELECT * FROM {status} ORDER BY TargetTable;\n\
         SELECT * FROM {errors} ORDER BY Errors DESC;\n\
         SELECT Worker, TargetTable, Pass, COUNT(*) AS Chunks, SUM([RowCount]) AS ChunkRows, MIN(LeaseUntil) AS FirstLeaseEnds \
         FROM {chunk} WHERE State = N'leased' GROUP BY Worker, TargetTable, Pass;\n\
         SELECT TOP (10) RunId, Step, Worker, StartedAt, EndedAt, ExitCode, Summary FROM {run} ORDER BY RunId DESC;\n",
        status = D.table(&TableName::target("TableStatus")),
        errors = D.table(&TableName::target("ErrorSummary")),
        chunk = D.table(&TableName::target("Chunk")),
        run = D.table(&TableName::migration("Run")),
    )
}

/// A branch for each table, and an error where none was meant.
fn each(tables: &[TargetTable], branch: fn(&TargetTable) -> String) -> String {
    let names: Vec<_> = tables.iter().map(|table| D.literal(&table.logical_name)).collect();
    let known: Vec<_> = tables.iter().map(|table| table.logical_name.as_str()).collect();
    let mut text = format!(
        "IF @Table IS NULL OR @Table NOT IN ({})\nBEGIN\nRAISERROR({}, 16, 1);\nRETURN;\nEND;\n",
        names.join(", "),
        D.literal(&format!("@Table is one of: {}", known.join(", ").replace('%', "%%"))),
    );
    for (table, name) in tables.iter().zip(&names) {
        let _ = write!(text, "IF @Table = {name}\nBEGIN\n{}END;\n", branch(table));
    }
    text
}

/// Control columns only: what the row holds is for those who may read its table.
fn history(table: &TargetTable) -> String {
    let columns = [
        control::ROW_ID,
        control::SOURCE_TABLE,
        control::SOURCE_KEY,
        control::GENERATION,
        control::ACTION_FLAG,
        control::PROCESSING_FLAG,
        control::DATAVERSE_ID,
        control::LEVEL,
        control::CREATED,
    ]
    .map(|column| D.quote(column))
    .join(", ");
    let rows = format!(
        "SELECT {} FROM {} WHERE {} = @SourceKey",
        D.quote(control::ROW_ID),
        D.table(&table.name()),
        D.quote(control::SOURCE_KEY)
    );
    format!(
        "SELECT {columns} FROM {main} WHERE {key} = @SourceKey;\n\
         SELECT s.* FROM {success} AS s WHERE s.RowId IN ({rows}) ORDER BY s.SuccessId;\n\
         SELECT e.ErrorId, e.RowId, e.Pass, e.Generation, e.Attempt, e.HttpStatus, e.ErrorCode, e.ColumnName, e.RuleName, e.Message, \
         e.ServiceRequestId, e.Retried, e.CreatedDateTime FROM {error} AS e WHERE e.RowId IN ({rows}) ORDER BY e.ErrorId;\n\
         SELECT q.RequestId, q.Pass, q.Worker, q.ApplicationUser, q.SentAt, q.State, q.SettledAt FROM {request} AS q \
         WHERE q.RequestId IN (SELECT s.RequestId FROM {success} AS s WHERE s.RowId IN ({rows})) \
         OR q.RequestId IN (SELECT e.RequestId FROM {error} AS e WHERE e.RowId IN ({rows})) ORDER BY q.SentAt;\n",
        main = D.table(&table.name()),
        key = D.quote(control::SOURCE_KEY),
        success = D.table(&table.success()),
        error = D.table(&table.error()),
        request = D.table(&TableName::target("Request")),
    )
}

/// What `dv-load --retry-errors` does before it loads.
fn retry(table: &TargetTable) -> String {
    format!(
        "BEGIN TRANSACTION;\n\
         UPDATE {error} SET Retried = 1 WHERE Retried = 0 AND Pass <> N'validate' AND (@ErrorCode IS NULL OR ErrorCode = @ErrorCode);\n\
         SELECT @@ROWCOUNT AS Errors;\n\
         {clear};\n\
         COMMIT TRANSACTION;\n",
        error = D.table(&table.error()),
        clear = settle::clear_flags(table).text(D),
    )
}
