-- A staging database as the last build of version 1 left it after `dv-migrate run --until sequence` on the project of these tests.
PRAGMA application_id = 1148603751;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE [target_Chunk] (
  [ChunkId] INTEGER PRIMARY KEY AUTOINCREMENT,
  [TargetTable] TEXT NOT NULL,
  [Pass] TEXT NOT NULL CHECK ([Pass] = 'validate' OR [Pass] = 'insert' OR [Pass] = 'lookups' OR [Pass] = 'associate' OR [Pass] = 'state' OR [Pass] = 'update' OR [Pass] = 'delete'),
  [Levels] TEXT NOT NULL CHECK ([Levels] = 'all' OR [Levels] = 'at' OR [Levels] = 'cycle'),
  [Level] INTEGER,
  [FirstRowId] INTEGER NOT NULL,
  [LastRowId] INTEGER NOT NULL,
  [RowCount] INTEGER NOT NULL,
  [State] TEXT NOT NULL DEFAULT ('free') CHECK ([State] = 'free' OR [State] = 'leased' OR [State] = 'done'),
  [Worker] TEXT,
  [LeaseNumber] INTEGER NOT NULL DEFAULT (0),
  [LeaseUntil] TEXT,
  [CreatedDateTime] TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  [DoneDateTime] TEXT
);
CREATE TABLE [target_Request] (
  [RequestId] TEXT NOT NULL,
  [ChunkId] INTEGER NOT NULL,
  [LeaseNumber] INTEGER NOT NULL,
  [TargetTable] TEXT NOT NULL,
  [Pass] TEXT NOT NULL CHECK ([Pass] = 'validate' OR [Pass] = 'insert' OR [Pass] = 'lookups' OR [Pass] = 'associate' OR [Pass] = 'state' OR [Pass] = 'update' OR [Pass] = 'delete'),
  [Generation] INTEGER,
  [Generations] TEXT,
  [RowCount] INTEGER NOT NULL,
  [RowIds] TEXT NOT NULL,
  [Worker] TEXT NOT NULL,
  [ApplicationUser] TEXT NOT NULL,
  [SentAt] TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  [State] TEXT NOT NULL DEFAULT ('sent') CHECK ([State] = 'sent' OR [State] = 'answered' OR [State] = 'resolved' OR [State] = 'void'),
  [SettledAt] TEXT,
  PRIMARY KEY ([RequestId])
);
CREATE TABLE [migration_Environment] (
  [OrganizationId] TEXT NOT NULL,
  [Name] TEXT,
  [Url] TEXT NOT NULL,
  [BoundAt] TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  PRIMARY KEY ([OrganizationId])
);
INSERT INTO migration_Environment VALUES('4b60daf6-e2e4-4069-5f2d-4bc51f783902','emulated','http://127.0.0.1:32913/','2026-11-21T10:13:41.597Z');
CREATE TABLE [migration_Setting] (
  [Name] TEXT NOT NULL,
  [Value] TEXT,
  PRIMARY KEY ([Name])
);
INSERT INTO migration_Setting VALUES('SchemaVersion','1');
INSERT INTO migration_Setting VALUES('UserId','a6a272b7-7ebd-4059-a95b-3f6edb390e87');
INSERT INTO migration_Setting VALUES('Plan','{"waves":[["account"],["contact"]],"deferred":[],"levels":[],"associations":[],"states_last":[],"special":[],"row_waves":[],"second_writes":[],"cost":0,"proven":true,"bound":0,"strategy":"cheapest","components":[],"ignored":[],"explanations":[{"table":"account","text":"wave 1: nothing has to be loaded before it"},{"table":"contact","text":"wave 2: parentcustomerid points to account, loaded in wave 1"}]}');
CREATE TABLE [migration_Run] (
  [RunId] INTEGER PRIMARY KEY AUTOINCREMENT,
  [Step] TEXT NOT NULL,
  [Worker] TEXT,
  [StartedAt] TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  [EndedAt] TEXT,
  [ExitCode] INTEGER,
  [Summary] TEXT
);
INSERT INTO migration_Run VALUES(1,'prepare','process 23945','2026-11-21T10:13:41.595Z','2026-11-21T10:13:41.738Z',0,'p/staging.db is bound to emulated; 2 tables are there, 2 of them with numbers of their own');
INSERT INTO migration_Run VALUES(2,'extract','process 23945','2026-11-21T10:13:41.738Z','2026-11-21T10:13:41.832Z',0,'3 rows of 2 files are in source.*');
INSERT INTO migration_Run VALUES(3,'transform','process 23945','2026-11-21T10:13:41.849Z','2026-11-21T10:13:41.904Z',0,'3 rows are staged: 3 new, 0 changed; all of them fit');
INSERT INTO migration_Run VALUES(4,'sequence','process 23945','2026-11-21T10:13:41.913Z','2026-11-21T10:13:41.933Z',0,'2 tables in 2 waves; 0 lookups wait, which costs 0 second writes, and no order needs fewer');
CREATE TABLE [migration_Difference] (
  [DifferenceId] INTEGER PRIMARY KEY AUTOINCREMENT,
  [TargetTable] TEXT NOT NULL,
  [RowId] INTEGER,
  [SourceKey] TEXT,
  [DataverseId] TEXT,
  [ColumnName] TEXT NOT NULL,
  [Rule] TEXT NOT NULL,
  [Staged] TEXT,
  [ReadBack] TEXT
);
CREATE TABLE [migration_Verified] (
  [TargetTable] TEXT NOT NULL,
  [RowId] INTEGER NOT NULL,
  PRIMARY KEY ([TargetTable], [RowId])
);
CREATE TABLE [migration_Pace] (
  [PaceId] INTEGER PRIMARY KEY AUTOINCREMENT,
  [Worker] TEXT NOT NULL,
  [EndedAt] TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  [ApplicationUser] TEXT,
  [TargetTable] TEXT,
  [Pass] TEXT CHECK ([Pass] = 'validate' OR [Pass] = 'insert' OR [Pass] = 'lookups' OR [Pass] = 'associate' OR [Pass] = 'state' OR [Pass] = 'update' OR [Pass] = 'delete'),
  [Milliseconds] INTEGER NOT NULL,
  [Requests] INTEGER NOT NULL,
  [Rows] INTEGER NOT NULL,
  [ExecutionMilliseconds] INTEGER NOT NULL,
  [InFlight] INTEGER,
  [Throttled] INTEGER,
  [PausedMilliseconds] INTEGER,
  [WindowRequests] INTEGER,
  [WindowMilliseconds] INTEGER,
  [BatchRows] INTEGER,
  [Errors] INTEGER
);
CREATE TABLE [migration_OptionSetMapping] (
  [MappingId] INTEGER PRIMARY KEY AUTOINCREMENT,
  [SourceTable] TEXT NOT NULL,
  [TargetTable] TEXT NOT NULL,
  [TargetColumn] TEXT NOT NULL,
  [SourceText] TEXT NOT NULL,
  [TargetText] TEXT,
  [TargetValue] INTEGER,
  [Origin] TEXT
);
INSERT INTO migration_OptionSetMapping VALUES(1,'Account','account','industrycode','Consulting','Consulting',7,'exact');
CREATE TABLE [migration_OwnerMapping] (
  [SourceOwner] TEXT NOT NULL,
  [SourceName] TEXT,
  [OwnerTable] TEXT NOT NULL DEFAULT ('systemuser') CHECK ([OwnerTable] = 'systemuser' OR [OwnerTable] = 'team'),
  [OwnerName] TEXT,
  [OwnerId] TEXT,
  [Origin] TEXT,
  PRIMARY KEY ([SourceOwner])
);
CREATE TABLE [migration_KeyAlias] (
  [TargetTable] TEXT NOT NULL,
  [SourceKey] TEXT NOT NULL,
  [SurvivorKey] TEXT NOT NULL,
  PRIMARY KEY ([TargetTable], [SourceKey])
);
CREATE TABLE [migration_SequenceBase] (
  [OrganizationId] TEXT NOT NULL,
  [TargetTable] TEXT NOT NULL,
  [Base] INTEGER NOT NULL,
  [Verified] INTEGER NOT NULL DEFAULT (0),
  PRIMARY KEY ([OrganizationId], [TargetTable])
);
INSERT INTO migration_SequenceBase VALUES('4b60daf6-e2e4-4069-5f2d-4bc51f783902','account',1721346489,1);
INSERT INTO migration_SequenceBase VALUES('4b60daf6-e2e4-4069-5f2d-4bc51f783902','contact',1442866944,1);
CREATE TABLE [migration_PlanTable] (
  [TargetTable] TEXT NOT NULL,
  [Wave] INTEGER NOT NULL,
  [Position] INTEGER NOT NULL,
  [Reason] TEXT,
  PRIMARY KEY ([TargetTable])
);
INSERT INTO migration_PlanTable VALUES('account',1,1,'wave 1: nothing has to be loaded before it');
INSERT INTO migration_PlanTable VALUES('contact',2,2,'wave 2: parentcustomerid points to account, loaded in wave 1');
CREATE TABLE [migration_PlanLookup] (
  [TargetTable] TEXT NOT NULL,
  [ColumnName] TEXT NOT NULL,
  [ParentTable] TEXT NOT NULL,
  [Treatment] TEXT NOT NULL CHECK ([Treatment] = 'insert' OR [Treatment] = 'deferred' OR [Treatment] = 'levels'),
  [FilledRows] INTEGER NOT NULL DEFAULT (0),
  [Reason] TEXT,
  PRIMARY KEY ([TargetTable], [ColumnName], [ParentTable])
);
CREATE TABLE [migration_RowParent] (
  [TargetTable] TEXT NOT NULL,
  [RowId] INTEGER NOT NULL,
  [ParentRowId] INTEGER NOT NULL,
  PRIMARY KEY ([TargetTable], [RowId], [ParentRowId])
);
CREATE TABLE [migration_RowLevel] (
  [TargetTable] TEXT NOT NULL,
  [RowId] INTEGER NOT NULL,
  [Level] INTEGER,
  PRIMARY KEY ([TargetTable], [RowId])
);
CREATE TABLE [migration_Rollback] (
  [RunId] INTEGER NOT NULL,
  [StartedAt] TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  [EndedAt] TEXT,
  PRIMARY KEY ([RunId])
);
CREATE TABLE [migration_RollbackRow] (
  [RunId] INTEGER NOT NULL,
  [TargetTable] TEXT NOT NULL,
  [RowId] INTEGER NOT NULL,
  [DataverseId] TEXT NOT NULL,
  [ActionFlag] TEXT NOT NULL,
  [Outcome] TEXT,
  PRIMARY KEY ([RunId], [TargetTable], [RowId])
);
CREATE TABLE [migration_SuccessArchive] (
  [ArchiveId] INTEGER PRIMARY KEY AUTOINCREMENT,
  [RunId] INTEGER NOT NULL,
  [TargetTable] TEXT NOT NULL,
  [SuccessId] INTEGER NOT NULL,
  [RowId] INTEGER NOT NULL,
  [Pass] TEXT NOT NULL,
  [Generation] INTEGER NOT NULL,
  [Kind] TEXT NOT NULL,
  [DataverseId] TEXT,
  [Owed] TEXT,
  [RequestId] TEXT,
  [ArchivedAt] TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now'))
);
CREATE TABLE [migration_Pilot] (
  [TargetTable] TEXT NOT NULL,
  [RowId] INTEGER NOT NULL,
  [Reason] TEXT NOT NULL,
  PRIMARY KEY ([TargetTable], [RowId])
);
CREATE TABLE [migration_Repair] (
  [RepairId] INTEGER PRIMARY KEY AUTOINCREMENT,
  [TargetTable] TEXT NOT NULL,
  [RowId] INTEGER NOT NULL,
  [SourceKey] TEXT,
  [ColumnName] TEXT NOT NULL,
  [Rule] TEXT NOT NULL,
  [FromValue] TEXT,
  [ToValue] TEXT,
  [ErrorCode] TEXT,
  [RepairedAt] TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now'))
);
CREATE TABLE [target_account] (
  [DataMigration_RowId] INTEGER PRIMARY KEY AUTOINCREMENT,
  [DataMigration_SourceTable] TEXT NOT NULL,
  [DataMigration_SourceKey] TEXT NOT NULL,
  [DataMigration_Generation] INTEGER NOT NULL DEFAULT (1),
  [DataMigration_CreatedDateTime] TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  [DataMigration_ActionFlag] TEXT NOT NULL DEFAULT ('I') CHECK ([DataMigration_ActionFlag] = 'I' OR [DataMigration_ActionFlag] = 'U' OR [DataMigration_ActionFlag] = 'D'),
  [DataMigration_ProcessingFlag] TEXT NOT NULL DEFAULT ('U') CHECK ([DataMigration_ProcessingFlag] = 'U' OR [DataMigration_ProcessingFlag] = 'S' OR [DataMigration_ProcessingFlag] = 'P' OR [DataMigration_ProcessingFlag] = 'E'),
  [DataMigration_DataverseId] TEXT,
  [DataMigration_RowHash] TEXT,
  [DataMigration_Level] INTEGER DEFAULT (0),
  [name] TEXT,
  [industrycode] INTEGER,
  [industrycode_Text] TEXT,
  [ownerid] TEXT,
  [ownerid_SourceKey] TEXT,
  [ownerid_Table] TEXT
);
INSERT INTO target_account VALUES(1,'Account','A1',1,'2026-11-21T10:13:41.870Z','I','U',NULL,'90a6f6b49035d37b0000000000000000',0,'Alpha',7,'Consulting',NULL,NULL,NULL);
INSERT INTO target_account VALUES(2,'Account','A2',1,'2026-11-21T10:13:41.870Z','I','U',NULL,'58e07cc685ad8a450000000000000000',0,'Beta',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE [target_account_Success] (
  [SuccessId] INTEGER PRIMARY KEY AUTOINCREMENT,
  [RowId] INTEGER NOT NULL,
  [Pass] TEXT NOT NULL CHECK ([Pass] = 'validate' OR [Pass] = 'insert' OR [Pass] = 'lookups' OR [Pass] = 'associate' OR [Pass] = 'state' OR [Pass] = 'update' OR [Pass] = 'delete'),
  [Generation] INTEGER NOT NULL,
  [Kind] TEXT NOT NULL CHECK ([Kind] = 'created' OR [Kind] = 'adopted' OR [Kind] = 'changed'),
  [DataverseId] TEXT,
  [Owed] TEXT,
  [RequestId] TEXT,
  [CreatedDateTime] TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now'))
);
CREATE TABLE [target_account_Error] (
  [ErrorId] INTEGER PRIMARY KEY AUTOINCREMENT,
  [RowId] INTEGER NOT NULL,
  [Pass] TEXT NOT NULL CHECK ([Pass] = 'validate' OR [Pass] = 'insert' OR [Pass] = 'lookups' OR [Pass] = 'associate' OR [Pass] = 'state' OR [Pass] = 'update' OR [Pass] = 'delete'),
  [Generation] INTEGER NOT NULL,
  [Attempt] INTEGER NOT NULL DEFAULT (1),
  [HttpStatus] INTEGER,
  [ErrorCode] TEXT,
  [Message] TEXT NOT NULL,
  [ColumnName] TEXT,
  [RuleName] TEXT,
  [Value] TEXT,
  [RequestId] TEXT,
  [ServiceRequestId] TEXT,
  [Retried] INTEGER NOT NULL DEFAULT (0),
  [CreatedDateTime] TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now'))
);
CREATE TABLE [target_contact] (
  [DataMigration_RowId] INTEGER PRIMARY KEY AUTOINCREMENT,
  [DataMigration_SourceTable] TEXT NOT NULL,
  [DataMigration_SourceKey] TEXT NOT NULL,
  [DataMigration_Generation] INTEGER NOT NULL DEFAULT (1),
  [DataMigration_CreatedDateTime] TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  [DataMigration_ActionFlag] TEXT NOT NULL DEFAULT ('I') CHECK ([DataMigration_ActionFlag] = 'I' OR [DataMigration_ActionFlag] = 'U' OR [DataMigration_ActionFlag] = 'D'),
  [DataMigration_ProcessingFlag] TEXT NOT NULL DEFAULT ('U') CHECK ([DataMigration_ProcessingFlag] = 'U' OR [DataMigration_ProcessingFlag] = 'S' OR [DataMigration_ProcessingFlag] = 'P' OR [DataMigration_ProcessingFlag] = 'E'),
  [DataMigration_DataverseId] TEXT,
  [DataMigration_RowHash] TEXT,
  [DataMigration_Level] INTEGER DEFAULT (0),
  [lastname] TEXT,
  [parentcustomerid] TEXT,
  [parentcustomerid_SourceKey] TEXT,
  [ownerid] TEXT,
  [ownerid_SourceKey] TEXT,
  [ownerid_Table] TEXT
);
INSERT INTO target_contact VALUES(1,'Contact','C1',1,'2026-11-21T10:13:41.871Z','I','U',NULL,'cef3635dfb5ffdea0000000000000000',0,'Anna',NULL,'A1',NULL,NULL,NULL);
CREATE TABLE [target_contact_Success] (
  [SuccessId] INTEGER PRIMARY KEY AUTOINCREMENT,
  [RowId] INTEGER NOT NULL,
  [Pass] TEXT NOT NULL CHECK ([Pass] = 'validate' OR [Pass] = 'insert' OR [Pass] = 'lookups' OR [Pass] = 'associate' OR [Pass] = 'state' OR [Pass] = 'update' OR [Pass] = 'delete'),
  [Generation] INTEGER NOT NULL,
  [Kind] TEXT NOT NULL CHECK ([Kind] = 'created' OR [Kind] = 'adopted' OR [Kind] = 'changed'),
  [DataverseId] TEXT,
  [Owed] TEXT,
  [RequestId] TEXT,
  [CreatedDateTime] TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now'))
);
CREATE TABLE [target_contact_Error] (
  [ErrorId] INTEGER PRIMARY KEY AUTOINCREMENT,
  [RowId] INTEGER NOT NULL,
  [Pass] TEXT NOT NULL CHECK ([Pass] = 'validate' OR [Pass] = 'insert' OR [Pass] = 'lookups' OR [Pass] = 'associate' OR [Pass] = 'state' OR [Pass] = 'update' OR [Pass] = 'delete'),
  [Generation] INTEGER NOT NULL,
  [Attempt] INTEGER NOT NULL DEFAULT (1),
  [HttpStatus] INTEGER,
  [ErrorCode] TEXT,
  [Message] TEXT NOT NULL,
  [ColumnName] TEXT,
  [RuleName] TEXT,
  [Value] TEXT,
  [RequestId] TEXT,
  [ServiceRequestId] TEXT,
  [Retried] INTEGER NOT NULL DEFAULT (0),
  [CreatedDateTime] TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now'))
);
CREATE TABLE [migration_SourceFile] (
  [SourceTable] TEXT NOT NULL,
  [FileName] TEXT NOT NULL,
  [FileHash] TEXT NOT NULL,
  [Settings] TEXT NOT NULL,
  [RowCount] INTEGER NOT NULL,
  [ArrivedAt] TEXT NOT NULL,
  PRIMARY KEY ([SourceTable])
);
INSERT INTO migration_SourceFile VALUES('Account','Account.csv','85f4f12b9e63bc32','None|None|None|None',2,'2026-11-21T10:13:41.745Z');
INSERT INTO migration_SourceFile VALUES('Contact','Contact.csv','3b13c41f2fdf8c41','None|None|None|None',1,'2026-11-21T10:13:41.790Z');
CREATE TABLE IF NOT EXISTS "source_Account" (
  [DataMigration_RowId] INTEGER PRIMARY KEY,
  [Id] TEXT,
  [Name] TEXT,
  [Industry] TEXT,
  [DataMigration_ArrivedAt] TEXT NOT NULL,
  [DataMigration_File] TEXT,
  [DataMigration_Line] INTEGER,
  [DataMigration_RowHash] TEXT
);
INSERT INTO source_Account VALUES(1,'A1','Alpha','Consulting','2026-11-21T10:13:41.745Z','Account.csv',2,'c028edaff14b0939');
INSERT INTO source_Account VALUES(2,'A2','Beta',NULL,'2026-11-21T10:13:41.745Z','Account.csv',3,'f4a26ccdb963fc3f');
CREATE TABLE IF NOT EXISTS "source_Contact" (
  [DataMigration_RowId] INTEGER PRIMARY KEY,
  [Id] TEXT,
  [Name] TEXT,
  [Account] TEXT,
  [DataMigration_ArrivedAt] TEXT NOT NULL,
  [DataMigration_File] TEXT,
  [DataMigration_Line] INTEGER,
  [DataMigration_RowHash] TEXT
);
INSERT INTO source_Contact VALUES(1,'C1','Anna','A1','2026-11-21T10:13:41.790Z','Contact.csv',2,'a700955ea23ac800');
CREATE TABLE [migration_TransformDuplicate] (
  [TargetTable] TEXT NOT NULL,
  [SourceTable] TEXT NOT NULL,
  [SourceRowId] INTEGER NOT NULL,
  PRIMARY KEY ([TargetTable], [SourceTable], [SourceRowId])
);
CREATE TABLE [migration_TransformChange] (
  [TargetRowId] INTEGER NOT NULL,
  [SourceRowId] INTEGER NOT NULL,
  [RowHash] TEXT NOT NULL,
  PRIMARY KEY ([TargetRowId])
);
CREATE TABLE [migration_Finding] (
  [FindingId] INTEGER PRIMARY KEY AUTOINCREMENT,
  [TargetTable] TEXT NOT NULL,
  [RowId] INTEGER NOT NULL,
  [Generation] INTEGER NOT NULL,
  [SourceTable] TEXT NOT NULL,
  [SourceKey] TEXT NOT NULL,
  [ColumnName] TEXT,
  [RuleName] TEXT NOT NULL,
  [Severity] TEXT NOT NULL,
  [Value] TEXT
);
CREATE TABLE [migration_TransformSuspect] (
  [RowId] INTEGER NOT NULL,
  PRIMARY KEY ([RowId])
);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('migration_Run',4);
INSERT INTO sqlite_sequence VALUES('target_account',2);
INSERT INTO sqlite_sequence VALUES('target_contact',1);
INSERT INTO sqlite_sequence VALUES('migration_OptionSetMapping',1);
INSERT INTO sqlite_sequence VALUES('target_account_Error',0);
INSERT INTO sqlite_sequence VALUES('target_contact_Error',0);
CREATE INDEX [IX_target_Chunk_Open] ON [target_Chunk] ([TargetTable], [Pass], [ChunkId]) WHERE [State] <> 'done';
CREATE INDEX [IX_target_Request_Open] ON [target_Request] ([TargetTable], [SentAt]) WHERE [State] = 'sent';
CREATE INDEX [IX_migration_Difference_Table] ON [migration_Difference] ([TargetTable], [RowId]);
CREATE UNIQUE INDEX [IX_migration_OptionSetMapping_Text] ON [migration_OptionSetMapping] ([TargetTable], [TargetColumn], [SourceTable], [SourceText]);
CREATE INDEX [IX_migration_RowParent_Parent] ON [migration_RowParent] ([TargetTable], [ParentRowId], [RowId]);
CREATE INDEX [IX_migration_RowLevel_Level] ON [migration_RowLevel] ([TargetTable], [Level], [RowId]);
CREATE INDEX [IX_migration_RollbackRow_Guid] ON [migration_RollbackRow] ([DataverseId]);
CREATE INDEX [IX_migration_SuccessArchive_Row] ON [migration_SuccessArchive] ([TargetTable], [RowId]);
CREATE INDEX [IX_migration_Repair_Row] ON [migration_Repair] ([TargetTable], [RowId]);
CREATE UNIQUE INDEX [IX_target_account_Source] ON [target_account] ([DataMigration_SourceKey], [DataMigration_SourceTable]);
CREATE INDEX [IX_target_account_DataverseId] ON [target_account] ([DataMigration_DataverseId]) WHERE [DataMigration_DataverseId] IS NOT NULL;
CREATE UNIQUE INDEX [IX_target_account_Success_Row] ON [target_account_Success] ([RowId], [Pass], [Generation]);
CREATE UNIQUE INDEX [IX_target_account_Success_Insert] ON [target_account_Success] ([RowId]) WHERE [Pass] = 'insert';
CREATE INDEX [IX_target_account_Success_Owed] ON [target_account_Success] ([RowId]) WHERE [Owed] IS NOT NULL;
CREATE INDEX [IX_target_account_Error_Open] ON [target_account_Error] ([RowId], [Generation]) WHERE [Retried] = 0;
CREATE INDEX [IX_target_account_Error_Row] ON [target_account_Error] ([RowId], [Pass]);
CREATE UNIQUE INDEX [IX_target_contact_Source] ON [target_contact] ([DataMigration_SourceKey], [DataMigration_SourceTable]);
CREATE INDEX [IX_target_contact_DataverseId] ON [target_contact] ([DataMigration_DataverseId]) WHERE [DataMigration_DataverseId] IS NOT NULL;
CREATE UNIQUE INDEX [IX_target_contact_Success_Row] ON [target_contact_Success] ([RowId], [Pass], [Generation]);
CREATE UNIQUE INDEX [IX_target_contact_Success_Insert] ON [target_contact_Success] ([RowId]) WHERE [Pass] = 'insert';
CREATE INDEX [IX_target_contact_Success_Owed] ON [target_contact_Success] ([RowId]) WHERE [Owed] IS NOT NULL;
CREATE INDEX [IX_target_contact_Error_Open] ON [target_contact_Error] ([RowId], [Generation]) WHERE [Retried] = 0;
CREATE INDEX [IX_target_contact_Error_Row] ON [target_contact_Error] ([RowId], [Pass]);
CREATE VIEW [target_TableStatus] AS
SELECT 'account' AS TargetTable, COUNT(*) AS Staged, COALESCE(SUM(CASE WHEN [DataMigration_ProcessingFlag] = 'U' THEN 1 ELSE 0 END), 0) AS Unprocessed, COALESCE(SUM(CASE WHEN [DataMigration_ProcessingFlag] = 'S' THEN 1 ELSE 0 END), 0) AS Accepted, COALESCE(SUM(CASE WHEN [DataMigration_ProcessingFlag] = 'P' THEN 1 ELSE 0 END), 0) AS Processed, COALESCE(SUM(CASE WHEN [DataMigration_ProcessingFlag] = 'E' THEN 1 ELSE 0 END), 0) AS InError, COALESCE(SUM(CASE WHEN [DataMigration_DataverseId] IS NOT NULL THEN 1 ELSE 0 END), 0) AS WithId, 0 AS Owed, (SELECT COALESCE(SUM(q.RowCount), 0) FROM [target_Request] q WHERE q.TargetTable = 'account' AND q.State = 'sent') AS InDoubt, (SELECT COUNT(*) FROM [target_Chunk] c WHERE c.TargetTable = 'account' AND c.State <> 'done') AS OpenChunks FROM [target_account]
UNION ALL
SELECT 'contact' AS TargetTable, COUNT(*) AS Staged, COALESCE(SUM(CASE WHEN [DataMigration_ProcessingFlag] = 'U' THEN 1 ELSE 0 END), 0) AS Unprocessed, COALESCE(SUM(CASE WHEN [DataMigration_ProcessingFlag] = 'S' THEN 1 ELSE 0 END), 0) AS Accepted, COALESCE(SUM(CASE WHEN [DataMigration_ProcessingFlag] = 'P' THEN 1 ELSE 0 END), 0) AS Processed, COALESCE(SUM(CASE WHEN [DataMigration_ProcessingFlag] = 'E' THEN 1 ELSE 0 END), 0) AS InError, COALESCE(SUM(CASE WHEN [DataMigration_DataverseId] IS NOT NULL THEN 1 ELSE 0 END), 0) AS WithId, COALESCE(SUM(CASE WHEN [DataMigration_DataverseId] IS NOT NULL AND (([parentcustomerid_SourceKey] IS NOT NULL AND [parentcustomerid] IS NULL)) THEN 1 ELSE 0 END), 0) AS Owed, (SELECT COALESCE(SUM(q.RowCount), 0) FROM [target_Request] q WHERE q.TargetTable = 'contact' AND q.State = 'sent') AS InDoubt, (SELECT COUNT(*) FROM [target_Chunk] c WHERE c.TargetTable = 'contact' AND c.State <> 'done') AS OpenChunks FROM [target_contact];
CREATE VIEW [target_ErrorSummary] AS
SELECT 'account' AS TargetTable, e.Pass, e.ErrorCode, e.RuleName, e.ColumnName, COUNT(*) AS Errors, COUNT(DISTINCT e.RowId) AS RowsAffected, MIN(e.Message) AS FirstMessage FROM [target_account_Error] e JOIN [target_account] t ON t.[DataMigration_RowId] = e.RowId AND t.[DataMigration_Generation] = e.Generation WHERE e.Retried = 0 GROUP BY e.Pass, e.ErrorCode, e.RuleName, e.ColumnName
UNION ALL
SELECT 'contact' AS TargetTable, e.Pass, e.ErrorCode, e.RuleName, e.ColumnName, COUNT(*) AS Errors, COUNT(DISTINCT e.RowId) AS RowsAffected, MIN(e.Message) AS FirstMessage FROM [target_contact_Error] e JOIN [target_contact] t ON t.[DataMigration_RowId] = e.RowId AND t.[DataMigration_Generation] = e.Generation WHERE e.Retried = 0 GROUP BY e.Pass, e.ErrorCode, e.RuleName, e.ColumnName;
CREATE INDEX [IX_migration_Finding_Row] ON [migration_Finding] ([TargetTable], [RowId]);
COMMIT;
