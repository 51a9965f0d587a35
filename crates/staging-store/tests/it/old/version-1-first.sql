-- The control tables of version 1, as the first build with that version made them.
CREATE TABLE IF NOT EXISTS [target_Chunk] (
  [ChunkId] INTEGER PRIMARY KEY AUTOINCREMENT,
  [TargetTable] TEXT NOT NULL,
  [Pass] TEXT NOT NULL CHECK ([Pass] IN ('validate', 'insert', 'lookups', 'associate', 'state', 'update', 'delete')),
  [Levels] TEXT NOT NULL CHECK ([Levels] IN ('all', 'at', 'cycle')),
  [Level] INTEGER,
  [FirstRowId] INTEGER NOT NULL,
  [LastRowId] INTEGER NOT NULL,
  [RowCount] INTEGER NOT NULL,
  [State] TEXT NOT NULL DEFAULT ('free') CHECK ([State] IN ('free', 'leased', 'done')),
  [Worker] TEXT,
  [LeaseNumber] INTEGER NOT NULL DEFAULT (0),
  [LeaseUntil] TEXT,
  [CreatedDateTime] TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  [DoneDateTime] TEXT
);
CREATE INDEX IF NOT EXISTS [IX_target_Chunk_Open] ON [target_Chunk] ([TargetTable], [Pass], [ChunkId]) WHERE [State] <> 'done';
CREATE TABLE IF NOT EXISTS [target_Request] (
  [RequestId] TEXT NOT NULL,
  [ChunkId] INTEGER NOT NULL,
  [LeaseNumber] INTEGER NOT NULL,
  [TargetTable] TEXT NOT NULL,
  [Pass] TEXT NOT NULL CHECK ([Pass] IN ('validate', 'insert', 'lookups', 'associate', 'state', 'update', 'delete')),
  [Generation] INTEGER,
  [Generations] TEXT,
  [RowCount] INTEGER NOT NULL,
  [RowIds] TEXT NOT NULL,
  [Worker] TEXT NOT NULL,
  [ApplicationUser] TEXT NOT NULL,
  [SentAt] TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  [State] TEXT NOT NULL DEFAULT ('sent') CHECK ([State] IN ('sent', 'answered', 'resolved', 'void')),
  [SettledAt] TEXT,
  PRIMARY KEY ([RequestId])
);
CREATE INDEX IF NOT EXISTS [IX_target_Request_Open] ON [target_Request] ([TargetTable], [SentAt]) WHERE [State] = 'sent';
CREATE TABLE IF NOT EXISTS [migration_Environment] (
  [OrganizationId] TEXT NOT NULL,
  [Name] TEXT,
  [Url] TEXT NOT NULL,
  [BoundAt] TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  PRIMARY KEY ([OrganizationId])
);
CREATE TABLE IF NOT EXISTS [migration_Setting] (
  [Name] TEXT NOT NULL,
  [Value] TEXT,
  PRIMARY KEY ([Name])
);
CREATE TABLE IF NOT EXISTS [migration_Run] (
  [RunId] INTEGER PRIMARY KEY AUTOINCREMENT,
  [Step] TEXT NOT NULL,
  [Worker] TEXT,
  [StartedAt] TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  [EndedAt] TEXT,
  [ExitCode] INTEGER,
  [Summary] TEXT
);
CREATE TABLE IF NOT EXISTS [migration_Difference] (
  [DifferenceId] INTEGER PRIMARY KEY AUTOINCREMENT,
  [RunId] INTEGER NOT NULL,
  [TargetTable] TEXT NOT NULL,
  [RowId] INTEGER,
  [DataverseId] TEXT,
  [Kind] TEXT NOT NULL,
  [ColumnName] TEXT,
  [Staged] TEXT,
  [Found] TEXT
);
CREATE INDEX IF NOT EXISTS [IX_migration_Difference_Run] ON [migration_Difference] ([RunId], [TargetTable]);
CREATE TABLE IF NOT EXISTS [migration_OptionSetMapping] (
  [MappingId] INTEGER PRIMARY KEY AUTOINCREMENT,
  [SourceTable] TEXT NOT NULL,
  [TargetTable] TEXT NOT NULL,
  [TargetColumn] TEXT NOT NULL,
  [SourceText] TEXT NOT NULL,
  [TargetText] TEXT,
  [TargetValue] INTEGER,
  [Origin] TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS [IX_migration_OptionSetMapping_Text] ON [migration_OptionSetMapping] ([TargetTable], [TargetColumn], [SourceTable], [SourceText]);
CREATE TABLE IF NOT EXISTS [migration_OwnerMapping] (
  [SourceOwner] TEXT NOT NULL,
  [SourceName] TEXT,
  [OwnerTable] TEXT NOT NULL DEFAULT ('systemuser') CHECK ([OwnerTable] IN ('systemuser', 'team')),
  [OwnerName] TEXT,
  [OwnerId] TEXT,
  [Origin] TEXT,
  PRIMARY KEY ([SourceOwner])
);
CREATE TABLE IF NOT EXISTS [migration_KeyAlias] (
  [TargetTable] TEXT NOT NULL,
  [SourceKey] TEXT NOT NULL,
  [SurvivorKey] TEXT NOT NULL,
  PRIMARY KEY ([TargetTable], [SourceKey])
);
CREATE TABLE IF NOT EXISTS [migration_SequenceBase] (
  [OrganizationId] TEXT NOT NULL,
  [TargetTable] TEXT NOT NULL,
  [Base] INTEGER NOT NULL,
  [Verified] INTEGER NOT NULL DEFAULT (0),
  PRIMARY KEY ([OrganizationId], [TargetTable])
);
CREATE TABLE IF NOT EXISTS [migration_PlanTable] (
  [TargetTable] TEXT NOT NULL,
  [Wave] INTEGER NOT NULL,
  [Position] INTEGER NOT NULL,
  [Reason] TEXT,
  PRIMARY KEY ([TargetTable])
);
CREATE TABLE IF NOT EXISTS [migration_PlanLookup] (
  [TargetTable] TEXT NOT NULL,
  [ColumnName] TEXT NOT NULL,
  [ParentTable] TEXT NOT NULL,
  [Treatment] TEXT NOT NULL CHECK ([Treatment] IN ('insert', 'deferred', 'levels')),
  [FilledRows] INTEGER NOT NULL DEFAULT (0),
  [Reason] TEXT,
  PRIMARY KEY ([TargetTable], [ColumnName], [ParentTable])
);
CREATE TABLE IF NOT EXISTS [migration_RowParent] (
  [TargetTable] TEXT NOT NULL,
  [RowId] INTEGER NOT NULL,
  [ParentRowId] INTEGER NOT NULL,
  PRIMARY KEY ([TargetTable], [RowId], [ParentRowId])
);
CREATE INDEX IF NOT EXISTS [IX_migration_RowParent_Parent] ON [migration_RowParent] ([TargetTable], [ParentRowId], [RowId]);
CREATE TABLE IF NOT EXISTS [migration_RowLevel] (
  [TargetTable] TEXT NOT NULL,
  [RowId] INTEGER NOT NULL,
  [Level] INTEGER,
  PRIMARY KEY ([TargetTable], [RowId])
);
CREATE INDEX IF NOT EXISTS [IX_migration_RowLevel_Level] ON [migration_RowLevel] ([TargetTable], [Level], [RowId]);
INSERT INTO [migration_Setting] ([Name], [Value]) SELECT 'SchemaVersion', '1' WHERE NOT EXISTS (SELECT 1 FROM [migration_Setting] WHERE [Name] = 'SchemaVersion');
