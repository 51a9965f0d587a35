//! What is there: the tables of a staging database and their columns.

use std::collections::BTreeMap;

use crate::dialect::Dialect;
use crate::name::{Schema, TableName};
use crate::physical::{PhysicalTable, PrimaryKey};
use crate::statement::Statement;

/// The tables of a staging database with their columns, as they were found, and as an upgrade leaves them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    tables: BTreeMap<TableName, Vec<String>>,
}

impl Catalog {
    /// Reads it: a row per column with schema, table and column, in their order.
    pub fn read() -> Statement {
        Statement::new(
            |dialect| {
                match dialect {
                Dialect::Sqlite => {
                    "SELECT substr(t.name, 1, instr(t.name, '_') - 1), substr(t.name, instr(t.name, '_') + 1), c.name \
                     FROM sqlite_schema AS t CROSS JOIN pragma_table_info(t.name) AS c \
                     WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.cid"
                        .to_owned()
                }
                Dialect::Mssql => {
                    "SELECT c.TABLE_SCHEMA, c.TABLE_NAME, c.COLUMN_NAME FROM INFORMATION_SCHEMA.COLUMNS AS c \
                     INNER JOIN INFORMATION_SCHEMA.TABLES AS t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME \
                     WHERE t.TABLE_TYPE = 'BASE TABLE' ORDER BY c.TABLE_SCHEMA, c.TABLE_NAME, c.ORDINAL_POSITION"
                        .to_owned()
                }
            }
            },
            Vec::new(),
        )
    }

    /// Adds a row of [`read`](Self::read); tables that are not ours are passed over.
    pub fn add(&mut self, schema: &str, table: &str, column: &str) {
        if let Some(schema) = Schema::ALL.into_iter().find(|known| known.as_str() == schema) {
            self.tables.entry(TableName::new(schema, table)).or_default().push(column.to_owned());
        }
    }

    /// The tables.
    pub fn tables(&self) -> impl Iterator<Item = &TableName> {
        self.tables.keys()
    }

    /// Whether a table is there.
    pub fn has_table(&self, table: &TableName) -> bool {
        self.tables.contains_key(table)
    }

    /// Whether a column is there.
    pub fn has_column(&self, table: &TableName, column: &str) -> bool {
        let columns = self.tables.get(table).map(Vec::as_slice).unwrap_or_default();
        columns.iter().any(|known| known.eq_ignore_ascii_case(column))
    }

    /// The first column of these tables that is not there, in words.
    pub(super) fn lacks(&self, tables: &[PhysicalTable]) -> Option<String> {
        tables.iter().find_map(|table| {
            if !self.has_table(&table.name) {
                return Some(format!("the table {} is not there", table.name));
            }
            let column = names(table).into_iter().find(|column| !self.has_column(&table.name, column))?;
            Some(format!("the table {} has no column {column}", table.name))
        })
    }

    pub(super) fn create(&mut self, table: &PhysicalTable) {
        self.tables.insert(table.name.clone(), names(table));
    }

    pub(super) fn drop(&mut self, table: &TableName) {
        self.tables.remove(table);
    }
}

/// The columns of a table, its key first.
pub(super) fn names(table: &PhysicalTable) -> Vec<String> {
    let key = match &table.key {
        PrimaryKey::Identity(name) | PrimaryKey::RowNumber(name) => Some((*name).to_owned()),
        PrimaryKey::Columns(_) => None,
    };
    key.into_iter().chain(table.columns.iter().map(|column| column.name.clone())).collect()
}
