//! Source columns that are mapped nowhere.

use std::collections::BTreeSet;

use staging_schema::{Statement, TableName};
use staging_store::Store;

use crate::Error;
use crate::error::while_doing;
use crate::plan::Plan;

/// A source column that no mapping uses, and what is lost with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmappedColumn {
    /// Source table.
    pub source: String,
    /// Its column.
    pub column: String,
    /// Rows in which it has a value.
    pub values: u64,
}

/// Lists the columns of all source tables that are neither mapped nor ignored, those with most values first.
///
/// A source table that no mapping reads is listed with all its columns.
///
/// # Errors
/// The staging database refused.
pub async fn unmapped_columns(store: &Store, plan: &Plan) -> Result<Vec<UnmappedColumn>, Error> {
    let mut unmapped = Vec::new();
    for (source, columns) in &plan.sources {
        let used: BTreeSet<&str> = plan
            .tables
            .iter()
            .flat_map(|table| &table.maps)
            .filter(|map| map.source == *source)
            .flat_map(|map| map.used.iter().map(String::as_str))
            .collect();
        let left: Vec<&String> = columns.iter().filter(|column| !used.contains(column.as_str())).collect();
        // One pass over the table counts many columns; an engine's limit on results is far above.
        for part in left.chunks(200) {
            let statement = Statement::new(
                |d| {
                    let counts: Vec<String> =
                        part.iter().map(|column| format!("COUNT({})", d.quote(column))).collect();
                    format!("SELECT {} FROM {}", counts.join(", "), d.table(&TableName::source(source)))
                },
                Vec::new(),
            );
            let failed = || while_doing(source, "counting values of unmapped columns");
            let rows = store.query(&statement).await.map_err(failed())?;
            let Some(row) = rows.first() else { continue };
            for (index, column) in part.iter().enumerate() {
                unmapped.push(UnmappedColumn {
                    source: source.clone(),
                    column: (*column).clone(),
                    values: row.count(index).map_err(failed())?,
                });
            }
        }
    }
    unmapped.sort_by(|a, b| {
        b.values.cmp(&a.values).then_with(|| (&a.source, &a.column).cmp(&(&b.source, &b.column)))
    });
    Ok(unmapped)
}
