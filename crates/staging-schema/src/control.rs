//! The control columns that every target and source table carries.

/// Prefix that no mapped or source column may have.
pub const PREFIX: &str = "DataMigration_";
/// Identity and primary key; `importsequencenumber` = the table's base + this.
pub const ROW_ID: &str = "DataMigration_RowId";
/// Where the row comes from.
pub const SOURCE_TABLE: &str = "DataMigration_SourceTable";
/// The source system's unique id, compared byte by byte.
pub const SOURCE_KEY: &str = "DataMigration_SourceKey";
/// Rises with every staged change of the row.
pub const GENERATION: &str = "DataMigration_Generation";
/// When the row was staged, by the database's clock.
pub const CREATED: &str = "DataMigration_CreatedDateTime";
/// [`ActionFlag`](crate::ActionFlag).
pub const ACTION_FLAG: &str = "DataMigration_ActionFlag";
/// [`ProcessingFlag`](crate::ProcessingFlag).
pub const PROCESSING_FLAG: &str = "DataMigration_ProcessingFlag";
/// The row's GUID in Dataverse; a row that has one can never be inserted again.
pub const DATAVERSE_ID: &str = "DataMigration_DataverseId";
/// The GUID that we made for the row before sending it (`sequential` and `source` tables only).
pub const CLIENT_ID: &str = "DataMigration_ClientId";
/// Content hash; a delta is what differs.
pub const ROW_HASH: &str = "DataMigration_RowHash";
/// Depth in a self-referencing hierarchy; NULL sits on a row-level cycle.
pub const LEVEL: &str = "DataMigration_Level";
/// When a source row arrived.
pub const ARRIVED_AT: &str = "DataMigration_ArrivedAt";
/// The file that a source row came from.
pub const FILE: &str = "DataMigration_File";
/// The line of that file on which the row begins.
pub const LINE: &str = "DataMigration_Line";
