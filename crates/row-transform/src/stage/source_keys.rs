//! Indexes over the keys of source tables that expressions and scripts look into.
//!
//! The snapshot has none: most of it is read once, from front to back. A subquery such as
//! `(SELECT a.Name FROM ${source.Account} a WHERE a.Id = s.AccountId)` reads the whole table for each row without one.

use std::collections::BTreeSet;

use staging_schema::{Statement, TableName};

use crate::plan::Plan;

/// Indexes the keys of those of `tables` that a mapping reads rows from, each unless it is indexed.
pub(super) fn index<'t>(plan: &Plan, tables: impl IntoIterator<Item = &'t String>) -> Vec<Statement> {
    let tables: BTreeSet<&String> = tables.into_iter().collect();
    let maps = || plan.tables.iter().flat_map(|planned| &planned.maps);
    let keys = tables.into_iter().filter_map(|table| maps().find(|map| map.source == *table));
    keys.map(|map| index_of(&TableName::source(&map.source), &map.key_columns)).collect()
}

fn index_of(table: &TableName, columns: &[String]) -> Statement {
    Statement::script(|d| {
        // SQL Server turns such subqueries into hash joins.
        if !d.indexes_long_texts() {
            return String::new();
        }
        let columns: Vec<_> = columns.iter().map(|column| d.quote(column)).collect();
        let name = d.index(table, "Key");
        format!("CREATE INDEX IF NOT EXISTS {name} ON {} ({})", d.table(table), columns.join(", "))
    })
}
