//! How many rows a pass will have to send, counted before anything is sent: [`pending`](crate::pending) counts what can be sent
//! now, and before the insert that is nothing of what follows it.

use crate::control;
use crate::dialect::Dialect;
use crate::flag::{ActionFlag, Levels, Pass};
use crate::name::TableName;
use crate::pending::{action, condition, failed, in_doubt, outstanding, state_needed, succeeded};
use crate::statement::Statement;
use crate::table::{Shape, TargetTable};

/// A lookup that a row's insert leaves empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Later {
    /// Logical name of the column.
    pub column: String,
    /// Only rows that point to this table; all rows where nothing is said.
    pub target: Option<String>,
    /// Only rows on a row-level cycle: a lookup to the row's own table.
    pub on_cycles: bool,
}

/// Counts the rows that a pass will send when everything before it goes well. `later` names the lookups that are written
/// after the insert. Rows in error or in doubt are not among them.
pub fn count(table: &TargetTable, pass: Pass, later: &[Later]) -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT COUNT(*) FROM {} AS t WHERE {}",
                d.table(&table.name()),
                coming(d, table, pass, later)
            )
        },
        Vec::new(),
    )
}

fn coming(d: Dialect, table: &TargetTable, pass: Pass, later: &[Later]) -> String {
    let free = |condition: String| {
        format!(
            "{condition} AND t.{} <> 'E' AND NOT {} AND NOT {}",
            d.quote(control::PROCESSING_FLAG),
            failed(d, table),
            in_doubt(d, table)
        )
    };
    let done = succeeded(d, table, pass, true);
    match (table.shape, pass) {
        (Shape::Intersect, Pass::Associate) => {
            free(format!("{} AND NOT {done}", action(d, ActionFlag::Insert)))
        }
        (Shape::Standard, Pass::Lookups) => {
            let inserted = format!("t.{} IS NOT NULL", d.quote(control::DATAVERSE_ID));
            let owed = format!("({inserted} AND {})", outstanding(d, table));
            let mut any = vec![owed];
            if let Some(empty) = left_empty(d, table, later) {
                let inserts = condition(d, table, Pass::Insert, Levels::All);
                any.push(format!("({inserts} AND {empty})"));
            }
            free(format!("({})", any.join(" OR ")))
        }
        (Shape::Standard, Pass::State) => {
            let Some(needed) = state_needed(d, table) else { return "1 = 0".to_owned() };
            free(format!("NOT {} AND {needed} AND NOT {done}", action(d, ActionFlag::Delete)))
        }
        _ => condition(d, table, pass, Levels::All),
    }
}

/// A lookup of the row is left empty by its insert.
fn left_empty(d: Dialect, table: &TargetTable, later: &[Later]) -> Option<String> {
    let any: Vec<_> = later
        .iter()
        .filter_map(|later| {
            let lookup = table.column(&later.column)?;
            let key = d.quote(&lookup.source_key_column()?);
            let mut all = vec![format!("t.{} IS NULL AND t.{key} IS NOT NULL", d.quote(&lookup.name))];
            if let (Some(column), Some(target)) = (lookup.table_column(), &later.target) {
                all.push(format!("t.{} = {}", d.quote(&column), d.literal(target)));
            }
            if later.on_cycles {
                all.push(format!("t.{} IS NULL", d.quote(control::LEVEL)));
            }
            Some(format!("({})", all.join(" AND ")))
        })
        .collect();
    (!any.is_empty()).then(|| format!("({})", any.join(" OR ")))
}

/// What was measured while requests were sent, per table and pass: table, pass, rows that have an outcome, requests, seconds in
/// which at least one was settled.
pub fn measured() -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT TargetTable, Pass, SUM([RowCount]), COUNT(*), COUNT(DISTINCT {}) FROM {} \
                 WHERE State = 'answered' GROUP BY TargetTable, Pass ORDER BY TargetTable, Pass",
                d.second("SettledAt"),
                d.table(&TableName::target("Request"))
            )
        },
        Vec::new(),
    )
}
