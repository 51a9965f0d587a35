//! Repairs of staged rows that Dataverse refused: what was refused, what the rows hold, and what they are given instead. Every
//! repair is recorded in `migration.Repair`, in the transaction that makes it.

use std::ops::RangeInclusive;

use crate::control;
use crate::name::TableName;
use crate::pending::{in_range, range_params};
use crate::statement::Statement;
use crate::table::TargetTable;
use crate::value::Value;

/// One change of one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// The row.
    pub row_id: i64,
    /// Its source key.
    pub source_key: Option<String>,
    /// The staged column that is changed.
    pub column: String,
    /// What it held.
    pub from: Option<String>,
    /// What it gets; `None` empties it.
    pub to: Option<String>,
    /// The rule by which it is changed.
    pub rule: &'static str,
    /// The error that it is to repair.
    pub code: Option<String>,
}

/// What a repaired column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// A GUID.
    Guid,
}

/// `migration.Repair`.
pub fn name() -> TableName {
    TableName::migration("Repair")
}

/// Lists what Dataverse refused of a range of rows and nobody has dealt with: RowId, source key, error code, column, message.
pub fn refused(table: &TargetTable, rows: &RangeInclusive<i64>) -> Statement {
    Statement::new(
        |d| {
            let row_id = d.quote(control::ROW_ID);
            format!(
                "SELECT e.RowId, t.{key}, e.ErrorCode, e.ColumnName, e.Message FROM {error} AS e JOIN {table} AS t \
                 ON t.{row_id} = e.RowId AND t.{generation} = e.Generation WHERE {range} AND e.Retried = 0 \
                 AND e.Pass <> 'validate' ORDER BY e.RowId, e.ErrorId",
                key = d.quote(control::SOURCE_KEY),
                error = d.table(&table.error()),
                table = d.table(&table.name()),
                generation = d.quote(control::GENERATION),
                range = in_range(d),
            )
        },
        range_params(rows),
    )
}

/// Reads columns of one row.
pub fn cells(table: &TargetTable, row: i64, columns: &[String]) -> Statement {
    Statement::new(
        |d| {
            let columns: Vec<_> = columns.iter().map(|column| format!("t.{}", d.quote(column))).collect();
            format!(
                "SELECT {} FROM {} AS t WHERE t.{} = {}",
                columns.join(", "),
                d.table(&table.name()),
                d.quote(control::ROW_ID),
                d.param(1)
            )
        },
        vec![row.into()],
    )
}

/// Gives one cell another value.
pub fn set(table: &TargetTable, repair: &Repair, form: Form) -> Statement {
    let value = repair.to.as_deref().map_or(Value::Null, |to| match form {
        Form::Integer => to.parse::<i64>().map_or(Value::Null, Value::Integer),
        Form::Text | Form::Guid => Value::from(to),
    });
    Statement::new(
        |d| {
            let to = match form {
                Form::Guid => d.as_guid(&d.param(2)),
                Form::Integer | Form::Text => d.param(2),
            };
            let set = format!("{} = {to}", d.quote(&repair.column));
            d.update(&table.name(), &set, &format!("t.{} = {}", d.quote(control::ROW_ID), d.param(1)))
        },
        vec![repair.row_id.into(), value],
    )
}

/// Records a repair.
pub fn record(table: &TargetTable, repair: &Repair) -> Statement {
    let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::from);
    Statement::new(
        |d| {
            let values: Vec<_> = (1..=8).map(|n| d.param(n)).collect();
            format!(
                "INSERT INTO {} (TargetTable, RowId, SourceKey, ColumnName, [Rule], FromValue, ToValue, ErrorCode) VALUES ({})",
                d.table(&name()),
                values.join(", ")
            )
        },
        vec![
            table.logical_name.as_str().into(),
            repair.row_id.into(),
            text(&repair.source_key),
            repair.column.as_str().into(),
            repair.rule.into(),
            text(&repair.from),
            text(&repair.to),
            text(&repair.code),
        ],
    )
}
