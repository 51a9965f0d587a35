//! Load state and the `migration` schema.

use crate::ddl::create;
use crate::flag::{ChunkState, Pass, RequestState};
use crate::name::{Schema, TableName};
use crate::pace;
use crate::physical::DefaultValue::{Now, Number, Word};
use crate::physical::{Index, PhysicalColumn, PhysicalTable, PrimaryKey, SqlType};
use crate::statement::Statement;

/// Version of everything that this module creates. In SQLite it is the file's `user_version`; on both engines it is the
/// setting `SchemaVersion`. A new one needs a step in [`upgrade`](super::upgrade).
pub const SCHEMA_VERSION: i64 = 2;

/// Creates the schemas (where the engine has them), load state and `migration` tables, each unless it is there.
pub fn control_tables() -> Vec<Statement> {
    let mut statements: Vec<_> = Schema::ALL.into_iter().map(create_schema).collect();
    statements.extend(control_schema().iter().map(create));
    statements.push(Statement::new(
        |d| {
            format!(
                "INSERT INTO {setting} ({name}, {value}) SELECT {word}, {version} WHERE NOT EXISTS (SELECT 1 FROM {setting} WHERE {name} = {word})",
                setting = d.table(&TableName::migration("Setting")),
                name = d.quote("Name"),
                value = d.quote("Value"),
                word = d.literal("SchemaVersion"),
                version = d.literal(&SCHEMA_VERSION.to_string()),
            )
        },
        Vec::new(),
    ));
    statements
}

fn create_schema(schema: Schema) -> Statement {
    Statement::script(|dialect| match dialect {
        crate::Dialect::Sqlite => String::new(),
        crate::Dialect::Mssql => {
            let create = format!("CREATE SCHEMA {}", dialect.quote(schema.as_str()));
            let name = dialect.literal(schema.as_str());
            format!("IF SCHEMA_ID({name}) IS NULL EXEC({})", dialect.literal(&create))
        }
    })
}

fn required(name: &str, sql_type: SqlType) -> PhysicalColumn {
    PhysicalColumn::required(name, sql_type)
}

fn optional(name: &str, sql_type: SqlType) -> PhysicalColumn {
    PhysicalColumn::new(name, sql_type)
}

/// All control tables of this version.
pub fn control_schema() -> Vec<PhysicalTable> {
    let mut tables = vec![chunk(), request()];
    tables.extend(project());
    tables.push(pace::table());
    tables.extend(mappings());
    tables.extend(plan());
    tables.extend(rollback());
    tables.extend([pilot(), repair(), upgrade()]);
    tables
}

fn chunk() -> PhysicalTable {
    let passes = Pass::ALL.iter().map(|pass| pass.as_str()).collect();
    let states = ChunkState::ALL.iter().map(|state| state.as_str()).collect();
    PhysicalTable {
        name: TableName::target("Chunk"),
        key: PrimaryKey::Identity("ChunkId"),
        columns: vec![
            required("TargetTable", SqlType::Word),
            required("Pass", SqlType::Word).one_of(passes),
            required("Levels", SqlType::Word).one_of(vec!["all", "at", "cycle"]),
            optional("Level", SqlType::Integer),
            required("FirstRowId", SqlType::BigInt),
            required("LastRowId", SqlType::BigInt),
            required("RowCount", SqlType::Integer),
            required("State", SqlType::Word).or(Word("free")).one_of(states),
            optional("Worker", SqlType::Word),
            required("LeaseNumber", SqlType::Integer).or(Number(0)),
            optional("LeaseUntil", SqlType::Milliseconds),
            required("CreatedDateTime", SqlType::Milliseconds).or(Now),
            optional("DoneDateTime", SqlType::Milliseconds),
        ],
        indexes: vec![Index::on("Open", &["TargetTable", "Pass", "ChunkId"]).filtered("[State] <> 'done'")],
    }
}

fn request() -> PhysicalTable {
    let passes = Pass::ALL.iter().map(|pass| pass.as_str()).collect();
    let states = RequestState::ALL.iter().map(|state| state.as_str()).collect();
    PhysicalTable {
        name: TableName::target("Request"),
        key: PrimaryKey::Columns(vec!["RequestId"]),
        columns: vec![
            required("RequestId", SqlType::Guid),
            required("ChunkId", SqlType::BigInt),
            required("LeaseNumber", SqlType::Integer),
            required("TargetTable", SqlType::Word),
            required("Pass", SqlType::Word).one_of(passes),
            // The generation of all rows, or, where they differ, of each in the order of RowIds.
            optional("Generation", SqlType::Integer),
            optional("Generations", SqlType::Text(None)),
            required("RowCount", SqlType::Integer),
            required("RowIds", SqlType::Text(None)),
            required("Worker", SqlType::Word),
            required("ApplicationUser", SqlType::Text(Some(400))),
            required("SentAt", SqlType::Milliseconds).or(Now),
            required("State", SqlType::Word).or(Word("sent")).one_of(states),
            optional("SettledAt", SqlType::Milliseconds),
        ],
        indexes: vec![Index::on("Open", &["TargetTable", "SentAt"]).filtered("[State] = 'sent'")],
    }
}

fn project() -> Vec<PhysicalTable> {
    vec![
        // One row: the environment that the staging database is bound to.
        PhysicalTable {
            name: TableName::migration("Environment"),
            key: PrimaryKey::Columns(vec!["OrganizationId"]),
            columns: vec![
                required("OrganizationId", SqlType::Guid),
                optional("Name", SqlType::Text(Some(400))),
                required("Url", SqlType::Text(Some(2000))),
                required("BoundAt", SqlType::Milliseconds).or(Now),
            ],
            indexes: Vec::new(),
        },
        PhysicalTable {
            name: TableName::migration("Setting"),
            key: PrimaryKey::Columns(vec!["Name"]),
            columns: vec![required("Name", SqlType::Word), optional("Value", SqlType::Text(None))],
            indexes: Vec::new(),
        },
        PhysicalTable {
            name: TableName::migration("Run"),
            key: PrimaryKey::Identity("RunId"),
            columns: vec![
                required("Step", SqlType::Word),
                optional("Worker", SqlType::Word),
                required("StartedAt", SqlType::Milliseconds).or(Now),
                optional("EndedAt", SqlType::Milliseconds),
                optional("ExitCode", SqlType::Integer),
                optional("Summary", SqlType::Text(None)),
            ],
            indexes: Vec::new(),
        },
        // `verify`: where Dataverse and staging disagree, as the latest verification of each table found it.
        PhysicalTable {
            name: TableName::migration("Difference"),
            key: PrimaryKey::Identity("DifferenceId"),
            columns: vec![
                required("TargetTable", SqlType::Word),
                optional("RowId", SqlType::BigInt),
                optional("SourceKey", SqlType::Text(None)),
                optional("DataverseId", SqlType::Guid),
                required("ColumnName", SqlType::Word),
                required("Rule", SqlType::Text(Some(200))),
                optional("Staged", SqlType::Text(None)),
                optional("ReadBack", SqlType::Text(None)),
            ],
            indexes: vec![Index::on("Table", &["TargetTable", "RowId"])],
        },
        // The rows that the latest verification of each table has seen in Dataverse.
        PhysicalTable {
            name: TableName::migration("Verified"),
            key: PrimaryKey::Columns(vec!["TargetTable", "RowId"]),
            columns: vec![required("TargetTable", SqlType::Word), required("RowId", SqlType::BigInt)],
            indexes: Vec::new(),
        },
    ]
}

fn mappings() -> Vec<PhysicalTable> {
    vec![
        PhysicalTable {
            name: TableName::migration("OptionSetMapping"),
            key: PrimaryKey::Identity("MappingId"),
            columns: vec![
                required("SourceTable", SqlType::Word),
                required("TargetTable", SqlType::Word),
                required("TargetColumn", SqlType::Word),
                required("SourceText", SqlType::IndexedText),
                optional("TargetText", SqlType::Text(Some(400))),
                optional("TargetValue", SqlType::Integer),
                optional("Origin", SqlType::Word),
            ],
            // Compared byte by byte on both engines: spellings that differ are mapped one by one.
            indexes: vec![
                Index::on("Text", &["TargetTable", "TargetColumn", "SourceTable", "SourceText"]).unique(),
            ],
        },
        PhysicalTable {
            name: TableName::migration("OwnerMapping"),
            key: PrimaryKey::Columns(vec!["SourceOwner"]),
            columns: vec![
                required("SourceOwner", SqlType::Key),
                optional("SourceName", SqlType::Text(Some(400))),
                required("OwnerTable", SqlType::Word)
                    .or(Word("systemuser"))
                    .one_of(vec!["systemuser", "team"]),
                optional("OwnerName", SqlType::Text(Some(400))),
                optional("OwnerId", SqlType::Guid),
                optional("Origin", SqlType::Word),
            ],
            indexes: Vec::new(),
        },
        PhysicalTable {
            name: TableName::migration("KeyAlias"),
            key: PrimaryKey::Columns(vec!["TargetTable", "SourceKey"]),
            columns: vec![
                required("TargetTable", SqlType::Word),
                required("SourceKey", SqlType::Key),
                required("SurvivorKey", SqlType::Key),
            ],
            indexes: Vec::new(),
        },
        PhysicalTable {
            name: TableName::migration("SequenceBase"),
            key: PrimaryKey::Columns(vec!["OrganizationId", "TargetTable"]),
            columns: vec![
                required("OrganizationId", SqlType::Guid),
                required("TargetTable", SqlType::Word),
                required("Base", SqlType::BigInt),
                required("Verified", SqlType::Boolean).or(Number(0)),
            ],
            indexes: Vec::new(),
        },
    ]
}

fn plan() -> Vec<PhysicalTable> {
    vec![
        PhysicalTable {
            name: TableName::migration("PlanTable"),
            key: PrimaryKey::Columns(vec!["TargetTable"]),
            columns: vec![
                required("TargetTable", SqlType::Word),
                required("Wave", SqlType::Integer),
                required("Position", SqlType::Integer),
                optional("Reason", SqlType::Text(None)),
            ],
            indexes: Vec::new(),
        },
        PhysicalTable {
            name: TableName::migration("PlanLookup"),
            key: PrimaryKey::Columns(vec!["TargetTable", "ColumnName", "ParentTable"]),
            columns: vec![
                required("TargetTable", SqlType::Word),
                required("ColumnName", SqlType::Word),
                required("ParentTable", SqlType::Word),
                required("Treatment", SqlType::Word).one_of(vec!["insert", "deferred", "levels"]),
                required("FilledRows", SqlType::BigInt).or(Number(0)),
                optional("Reason", SqlType::Text(None)),
            ],
            indexes: Vec::new(),
        },
        // Scratch of the level computation: which row waits for which, and how deep it is.
        PhysicalTable {
            name: TableName::migration("RowParent"),
            key: PrimaryKey::Columns(vec!["TargetTable", "RowId", "ParentRowId"]),
            columns: vec![
                required("TargetTable", SqlType::Word),
                required("RowId", SqlType::BigInt),
                required("ParentRowId", SqlType::BigInt),
            ],
            indexes: vec![Index::on("Parent", &["TargetTable", "ParentRowId", "RowId"])],
        },
        PhysicalTable {
            name: TableName::migration("RowLevel"),
            key: PrimaryKey::Columns(vec!["TargetTable", "RowId"]),
            columns: vec![
                required("TargetTable", SqlType::Word),
                required("RowId", SqlType::BigInt),
                optional("Level", SqlType::Integer),
            ],
            indexes: vec![Index::on("Level", &["TargetTable", "Level", "RowId"])],
        },
    ]
}

fn rollback() -> Vec<PhysicalTable> {
    vec![
        // Runs that were taken back, or are being so.
        PhysicalTable {
            name: TableName::migration("Rollback"),
            key: PrimaryKey::Columns(vec!["RunId"]),
            columns: vec![
                required("RunId", SqlType::BigInt),
                required("StartedAt", SqlType::Milliseconds).or(Now),
                optional("EndedAt", SqlType::Milliseconds),
            ],
            indexes: Vec::new(),
        },
        // The rows that a rollback deletes: what they were, and what came of it.
        PhysicalTable {
            name: TableName::migration("RollbackRow"),
            key: PrimaryKey::Columns(vec!["RunId", "TargetTable", "RowId"]),
            columns: vec![
                required("RunId", SqlType::BigInt),
                required("TargetTable", SqlType::Word),
                required("RowId", SqlType::BigInt),
                required("DataverseId", SqlType::Guid),
                required("ActionFlag", SqlType::Word),
                optional("Outcome", SqlType::Word),
            ],
            indexes: vec![Index::on("Guid", &["DataverseId"])],
        },
        // Successes of rows that were taken back.
        PhysicalTable {
            name: TableName::migration("SuccessArchive"),
            key: PrimaryKey::Identity("ArchiveId"),
            columns: vec![
                required("RunId", SqlType::BigInt),
                required("TargetTable", SqlType::Word),
                required("SuccessId", SqlType::BigInt),
                required("RowId", SqlType::BigInt),
                required("Pass", SqlType::Word),
                required("Generation", SqlType::Integer),
                required("Kind", SqlType::Word),
                optional("DataverseId", SqlType::Guid),
                optional("Owed", SqlType::Text(None)),
                optional("RequestId", SqlType::Guid),
                required("ArchivedAt", SqlType::Milliseconds).or(Now),
            ],
            indexes: vec![Index::on("Row", &["TargetTable", "RowId"])],
        },
    ]
}

/// The rows of a trial load.
fn pilot() -> PhysicalTable {
    PhysicalTable {
        name: TableName::migration("Pilot"),
        key: PrimaryKey::Columns(vec!["TargetTable", "RowId"]),
        columns: vec![
            required("TargetTable", SqlType::Word),
            required("RowId", SqlType::BigInt),
            // `seed`, `hangs` (found on the way down from the seeds), `needed` (on the way up).
            required("Reason", SqlType::Word),
        ],
        indexes: Vec::new(),
    }
}

/// What was changed in staged rows before they were taken again.
fn repair() -> PhysicalTable {
    PhysicalTable {
        name: TableName::migration("Repair"),
        key: PrimaryKey::Identity("RepairId"),
        columns: vec![
            required("TargetTable", SqlType::Word),
            required("RowId", SqlType::BigInt),
            optional("SourceKey", SqlType::Text(None)),
            required("ColumnName", SqlType::Word),
            required("Rule", SqlType::Word),
            optional("FromValue", SqlType::Text(None)),
            optional("ToValue", SqlType::Text(None)),
            optional("ErrorCode", SqlType::Word),
            required("RepairedAt", SqlType::Milliseconds).or(Now),
        ],
        indexes: vec![Index::on("Row", &["TargetTable", "RowId"])],
    }
}

/// Which versions this database had before.
fn upgrade() -> PhysicalTable {
    PhysicalTable {
        name: TableName::migration("Upgrade"),
        key: PrimaryKey::Identity("UpgradeId"),
        columns: vec![
            required("FromVersion", SqlType::Integer),
            required("ToVersion", SqlType::Integer),
            required("UpgradedAt", SqlType::Milliseconds).or(Now),
        ],
        indexes: Vec::new(),
    }
}
