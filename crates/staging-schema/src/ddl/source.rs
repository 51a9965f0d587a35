//! Source tables: the snapshot as it was, every column text.

use std::collections::HashSet;

use crate::Error;
use crate::control;
use crate::ddl::create;
use crate::name::{TableName, check_identifier};
use crate::physical::{PhysicalColumn, PhysicalTable, PrimaryKey, SqlType};
use crate::statement::Statement;
use crate::table::check_column;

/// Columns that SQL Server takes in a table; SQLite takes 2,000.
const MAX_COLUMNS: usize = 1_024;

/// A table of the snapshot: the source's columns as text (NULL: an empty cell), RowId, arrival, file, line, hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTable {
    name: String,
    columns: Vec<String>,
}

impl SourceTable {
    /// The control columns that the extractor fills, in this order, after the source's own columns.
    pub const STAMPS: [&'static str; 4] =
        [control::ARRIVED_AT, control::FILE, control::LINE, control::ROW_HASH];

    /// A source table of this name with these columns, spelt as in the source.
    ///
    /// Fails when a name is none on both engines, uses the reserved prefix, or differs from another by case only.
    pub fn new(
        name: impl Into<String>,
        columns: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, Error> {
        let table = Self { name: name.into(), columns: columns.into_iter().map(Into::into).collect() };
        check_identifier(&table.name)?;
        let count = table.columns.len() + Self::STAMPS.len() + 1;
        if count > MAX_COLUMNS {
            return Err(Error::TooManyColumns { table: table.name, count, limit: MAX_COLUMNS });
        }
        let mut seen = HashSet::new();
        for column in &table.columns {
            check_column(column)?;
            if !seen.insert(column.to_lowercase()) {
                return Err(Error::DuplicateColumn { table: table.name.clone(), column: column.clone() });
            }
        }
        Ok(table)
    }

    /// `source.<name>`.
    pub fn name(&self) -> TableName {
        TableName::source(&self.name)
    }

    /// The source's columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Everything that the extractor fills: the source's columns, then the [stamps](Self::STAMPS).
    pub fn filled_columns(&self) -> Vec<String> {
        self.columns.iter().cloned().chain(Self::STAMPS.map(str::to_owned)).collect()
    }

    /// The model of the table.
    pub fn physical(&self) -> PhysicalTable {
        let mut columns: Vec<_> =
            self.columns.iter().map(|column| PhysicalColumn::new(column, SqlType::Text(None))).collect();
        columns.push(PhysicalColumn::required(control::ARRIVED_AT, SqlType::Milliseconds));
        columns.push(PhysicalColumn::new(control::FILE, SqlType::Text(Some(400))));
        columns.push(PhysicalColumn::new(control::LINE, SqlType::BigInt));
        columns.push(PhysicalColumn::new(control::ROW_HASH, SqlType::Hash));
        PhysicalTable {
            name: self.name(),
            key: PrimaryKey::RowNumber(control::ROW_ID),
            columns,
            indexes: Vec::new(),
        }
    }

    /// Creates it, unless it is there.
    pub fn create(&self) -> Statement {
        create(&self.physical())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_differ_by_case_only_are_one_name_in_sql() {
        assert!(matches!(SourceTable::new("Account", ["Id", "ID"]), Err(Error::DuplicateColumn { .. })));
    }

    #[test]
    fn a_header_may_be_any_text_without_control_characters() {
        let table = SourceTable::new("Account", ["Straße [neu]", "a\"b", "50 % off"]).unwrap();
        assert!(table.create().text(crate::Dialect::Mssql).contains("[Straße [neu]]]"));
        assert!(matches!(SourceTable::new("Account", ["a\nb"]), Err(Error::ControlCharacter { .. })));
    }
}
