//! Tables that hold lists of row numbers between two statements.

use staging_schema::{PhysicalColumn, PhysicalTable, PrimaryKey, SqlType, Statement, TableName, ddl};

/// Source rows whose key an earlier row has.
pub(crate) fn duplicates() -> TableName {
    TableName::migration("TransformDuplicate")
}

/// Staged rows whose source row says something else now.
pub(crate) fn changes() -> TableName {
    TableName::migration("TransformChange")
}

/// Creates them, unless they are there.
pub(crate) fn create() -> Vec<Statement> {
    let duplicates = PhysicalTable {
        name: duplicates(),
        key: PrimaryKey::Columns(vec!["TargetTable", "SourceTable", "SourceRowId"]),
        columns: vec![
            PhysicalColumn::required("TargetTable", SqlType::Word),
            PhysicalColumn::required("SourceTable", SqlType::Word),
            PhysicalColumn::required("SourceRowId", SqlType::BigInt),
        ],
        indexes: Vec::new(),
    };
    let changes = PhysicalTable {
        name: changes(),
        key: PrimaryKey::Columns(vec!["TargetRowId"]),
        columns: vec![
            PhysicalColumn::required("TargetRowId", SqlType::BigInt),
            PhysicalColumn::required("SourceRowId", SqlType::BigInt),
            PhysicalColumn::required("RowHash", SqlType::Hash),
        ],
        indexes: Vec::new(),
    };
    vec![ddl::create(&duplicates), ddl::create(&changes)]
}
