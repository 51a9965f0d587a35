//! What a staging database looks like, as values and SQL text.

pub mod chunk;
mod column;
pub mod control;
pub mod ddl;
mod dialect;
mod error;
mod flag;
pub mod level;
pub mod lookup;
pub mod manifest;
mod name;
pub mod pending;
mod physical;
pub mod settle;
mod statement;
pub mod summary;
mod table;
mod value;

pub use column::{
    SOURCE_KEY_SUFFIX, SOURCE_TABLE_SUFFIX, StagedColumn, StagedKind, TABLE_SUFFIX, TEXT_SUFFIX,
};
pub use dialect::Dialect;
pub use error::Error;
pub use flag::{ActionFlag, ChunkState, Levels, Pass, ProcessingFlag, RequestState, SuccessKind, Transition};
pub use name::{MAX_IDENTIFIER, Schema, TableName, check_identifier};
pub use physical::{DefaultValue, Index, PhysicalColumn, PhysicalTable, PrimaryKey, SqlType};
pub use statement::Statement;
pub use table::{GuidStrategy, Mode, Shape, TargetTable};
pub use value::{Value, ValueRef};
