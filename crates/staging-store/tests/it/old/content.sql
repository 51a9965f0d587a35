-- What people and runs had written before the upgrade.
INSERT INTO migration_OptionSetMapping (SourceTable, TargetTable, TargetColumn, SourceText, TargetValue, Origin)
  VALUES ('Account', 'account', 'industrycode', 'Consulting', 12, 'manual');
INSERT INTO migration_OwnerMapping (SourceOwner, OwnerName) VALUES ('005A', 'Anna');
INSERT INTO migration_Run (Step, ExitCode, Summary) VALUES ('load', 0, '3 rows');
INSERT INTO migration_SequenceBase (OrganizationId, TargetTable, Base) VALUES ('4b60daf6-e2e4-4069-5f2d-4bc51f783902', 'account', 700000000);
INSERT INTO target_Chunk (TargetTable, Pass, Levels, FirstRowId, LastRowId, RowCount) VALUES ('account', 'insert', 'all', 1, 3, 3);
INSERT INTO target_Request (RequestId, ChunkId, LeaseNumber, TargetTable, Pass, RowCount, RowIds, Worker, ApplicationUser)
  VALUES ('5b0d1f3e-4c7e-4a39-9d0a-0e2a6f3f7a11', 1, 1, 'account', 'insert', 3, '[1,2,3]', 'run-1', 'user-1');
