//! Target tables with their success, error and party tables.

use crate::control;
use crate::ddl::{add_column, create};
use crate::flag::{ActionFlag, Pass, ProcessingFlag, SuccessKind};
use crate::physical::{DefaultValue, Index, PhysicalColumn, PhysicalTable, PrimaryKey, SqlType};
use crate::statement::Statement;
use crate::table::{GuidStrategy, TargetTable};

/// Creates a target table with its success and error tables, and the party table where activities have parties;
/// each unless it is there.
pub fn target_table(table: &TargetTable) -> Vec<Statement> {
    target_tables(table).iter().map(create).collect()
}

/// The models behind [`target_table`], the main table first.
pub fn target_tables(table: &TargetTable) -> Vec<PhysicalTable> {
    let mut tables = vec![main(table), success(table), error(table)];
    if table.has_parties() {
        tables.push(party(table));
    }
    tables
}

/// Adds the columns of the model that a table in the database does not have yet: mapping more columns is not
/// staging anew. `existing` is the answer of [`columns_of`](crate::ddl::columns_of).
pub fn added_columns(table: &TargetTable, existing: &[String]) -> Vec<Statement> {
    main(table)
        .columns
        .iter()
        .filter(|column| !existing.iter().any(|name| name.eq_ignore_ascii_case(&column.name)))
        .map(|column| add_column(&table.name(), column))
        .collect()
}

fn words<T: Copy>(all: &[T], word: impl Fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().copied().map(word).collect()
}

fn main(table: &TargetTable) -> PhysicalTable {
    let actions = words(ActionFlag::ALL, ActionFlag::as_str);
    let flags = words(ProcessingFlag::ALL, ProcessingFlag::as_str);
    let mut columns = vec![
        PhysicalColumn::required(control::SOURCE_TABLE, SqlType::Word),
        PhysicalColumn::required(control::SOURCE_KEY, SqlType::Key),
        PhysicalColumn::required(control::GENERATION, SqlType::Integer).or(DefaultValue::Number(1)),
        PhysicalColumn::required(control::CREATED, SqlType::Milliseconds).or(DefaultValue::Now),
        PhysicalColumn::required(control::ACTION_FLAG, SqlType::Word)
            .or(DefaultValue::Word("I"))
            .one_of(actions),
        PhysicalColumn::required(control::PROCESSING_FLAG, SqlType::Word)
            .or(DefaultValue::Word("U"))
            .one_of(flags),
        PhysicalColumn::new(control::DATAVERSE_ID, SqlType::Guid),
        PhysicalColumn::new(control::ROW_HASH, SqlType::Hash),
        PhysicalColumn::new(control::LEVEL, SqlType::Integer).or(DefaultValue::Number(0)),
    ];
    if table.guid != GuidStrategy::Server {
        columns.push(PhysicalColumn::new(control::CLIENT_ID, SqlType::Guid));
    }
    columns.extend(table.columns.iter().flat_map(crate::StagedColumn::physical));
    // The key comes first: a lookup whose parents have one source finds them by key alone.
    let mut indexes = vec![Index::on("Source", &[control::SOURCE_KEY, control::SOURCE_TABLE]).unique()];
    if table.guid != GuidStrategy::Server {
        indexes.push(
            Index::on("ClientId", &[control::CLIENT_ID]).unique().filtered(&not_null(control::CLIENT_ID)),
        );
    }
    // Two staged rows of a table that is created cannot be one row of Dataverse; matched ones may.
    let given = Index::on("DataverseId", &[control::DATAVERSE_ID]).filtered(&not_null(control::DATAVERSE_ID));
    indexes.push(given);
    PhysicalTable { name: table.name(), key: PrimaryKey::Identity(control::ROW_ID), columns, indexes }
}

fn not_null(column: &str) -> String {
    format!("[{column}] IS NOT NULL")
}

fn success(table: &TargetTable) -> PhysicalTable {
    let columns = vec![
        PhysicalColumn::required("RowId", SqlType::BigInt),
        PhysicalColumn::required("Pass", SqlType::Word).one_of(words(Pass::ALL, Pass::as_str)),
        PhysicalColumn::required("Generation", SqlType::Integer),
        PhysicalColumn::required("Kind", SqlType::Word).one_of(words(SuccessKind::ALL, SuccessKind::as_str)),
        PhysicalColumn::new("DataverseId", SqlType::Guid),
        PhysicalColumn::new("Owed", SqlType::Text(None)),
        PhysicalColumn::new("RequestId", SqlType::Guid),
        PhysicalColumn::required("CreatedDateTime", SqlType::Milliseconds).or(DefaultValue::Now),
    ];
    let indexes = vec![
        // At most one success per row, pass and generation.
        Index::on("Row", &["RowId", "Pass", "Generation"]).unique(),
        // At most one insert ever.
        Index::on("Insert", &["RowId"]).unique().filtered("[Pass] = 'insert'"),
        Index::on("Owed", &["RowId"]).filtered("[Owed] IS NOT NULL"),
    ];
    PhysicalTable { name: table.success(), key: PrimaryKey::Identity("SuccessId"), columns, indexes }
}

fn error(table: &TargetTable) -> PhysicalTable {
    let columns = vec![
        PhysicalColumn::required("RowId", SqlType::BigInt),
        PhysicalColumn::required("Pass", SqlType::Word).one_of(words(Pass::ALL, Pass::as_str)),
        PhysicalColumn::required("Generation", SqlType::Integer),
        PhysicalColumn::required("Attempt", SqlType::Integer).or(DefaultValue::Number(1)),
        PhysicalColumn::new("HttpStatus", SqlType::Integer),
        PhysicalColumn::new("ErrorCode", SqlType::Word),
        PhysicalColumn::required("Message", SqlType::Text(None)),
        PhysicalColumn::new("ColumnName", SqlType::Word),
        PhysicalColumn::new("RuleName", SqlType::Word),
        PhysicalColumn::new("Value", SqlType::Text(None)),
        PhysicalColumn::new("RequestId", SqlType::Guid),
        PhysicalColumn::new("ServiceRequestId", SqlType::Text(Some(200))),
        PhysicalColumn::required("Retried", SqlType::Boolean).or(DefaultValue::Number(0)),
        PhysicalColumn::required("CreatedDateTime", SqlType::Milliseconds).or(DefaultValue::Now),
    ];
    let indexes = vec![
        Index::on("Open", &["RowId", "Generation"]).filtered("[Retried] = 0"),
        Index::on("Row", &["RowId", "Pass"]),
    ];
    PhysicalTable { name: table.error(), key: PrimaryKey::Identity("ErrorId"), columns, indexes }
}

fn party(table: &TargetTable) -> PhysicalTable {
    let columns = vec![
        PhysicalColumn::required("RowId", SqlType::BigInt),
        PhysicalColumn::required("Part", SqlType::Word),
        PhysicalColumn::required("Position", SqlType::Integer).or(DefaultValue::Number(1)),
        PhysicalColumn::new("PartyTable", SqlType::Word),
        PhysicalColumn::new("PartySourceTable", SqlType::Word),
        PhysicalColumn::new("PartySourceKey", SqlType::Key),
        PhysicalColumn::new("PartyId", SqlType::Guid),
        PhysicalColumn::new("AddressUsed", SqlType::Text(Some(400))),
    ];
    let indexes = vec![Index::on("Row", &["RowId", "Part", "Position"]).unique()];
    PhysicalTable { name: table.party(), key: PrimaryKey::Identity("PartyRowId"), columns, indexes }
}
