//! The script: complete, readable by another program, and repeatable.

use migration::Step;
use sqlparser::dialect::MsSqlDialect;
use sqlparser::parser::Parser;

use crate::world::{Database, World};

const A1: &str = "11111111-1111-1111-1111-111111111111";
const C1: &str = "22222222-2222-2222-2222-222222222222";

#[test]
fn another_loader_works_with_the_script_alone_and_its_results_are_taken_back() {
    let world = World::new();
    world.run(Step::Prepare);
    let (script, _) = world.stage(&["sql", "--engine", world.engine()], 0);
    let parts = |parts: &[&str]| parts.join(world.between());
    // What a tool of another maker does: rows into the target tables, outcomes into the success and error tables.
    let rows = world.sql(
        "INSERT INTO target_account (DataMigration_SourceTable, DataMigration_SourceKey, name, industrycode_Text)
           VALUES ('Account', 'A1', 'Alpha', 'Consulting'), ('Account', 'A2', 'Beta', NULL);
         INSERT INTO target_contact (DataMigration_SourceTable, DataMigration_SourceKey, lastname, parentcustomerid_SourceKey)
           VALUES ('Contact', 'C1', 'Anna', 'A1');
         INSERT INTO migration_OptionSetMapping (TargetTable, TargetColumn, SourceTable, SourceText, TargetValue, Origin)
           VALUES ('account', 'industrycode', 'Account', 'Consulting', 12, 'manual');",
    );
    let outcomes = world.sql(&format!(
        "INSERT INTO target_account_Success (RowId, Pass, Generation, Kind, DataverseId)
           SELECT DataMigration_RowId, 'insert', DataMigration_Generation, 'created', '{A1}'
             FROM target_account WHERE DataMigration_SourceKey = 'A1';
         INSERT INTO target_account_Error (RowId, Pass, Generation, Message)
           SELECT DataMigration_RowId, 'insert', DataMigration_Generation, 'no such city'
             FROM target_account WHERE DataMigration_SourceKey = 'A2';"
    ));
    let accounts = "SELECT DataMigration_SourceKey, industrycode, DataMigration_ProcessingFlag, DataMigration_DataverseId \
                    FROM target_account ORDER BY DataMigration_SourceKey";
    let once = parts(&[&script, &rows, &script, &outcomes, &script]);
    assert_eq!(world.ask(Database::ByHand, &once, accounts), [format!("A1|12|P|{A1}"), "A2||E|".to_owned()]);
    let contact = "SELECT parentcustomerid, DataMigration_ProcessingFlag FROM target_contact";
    let loaded = world.sql(&format!(
        "INSERT INTO target_contact_Success (RowId, Pass, Generation, Kind, DataverseId) VALUES (1, 'insert', 1, 'created', '{C1}');"
    ));
    assert_eq!(world.ask(Database::ByHand, &script, contact), [format!("{A1}|U")]);
    assert_eq!(world.ask(Database::ByHand, &parts(&[&loaded, &script]), contact), [format!("{A1}|P")]);
    let status =
        "SELECT TargetTable, Staged, Processed, InError FROM target_TableStatus ORDER BY TargetTable";
    assert_eq!(world.ask(Database::ByHand, "", status), ["account|2|1|1", "contact|1|1|0"]);
}

#[test]
fn the_script_for_sql_server_is_t_sql() {
    let world = World::new();
    world.run(Step::Prepare);
    let file = world.file("staging.sql");
    world.stage(&["sql", "--engine", "sqlserver", "--out", file.to_str().unwrap()], 0);
    let script = std::fs::read_to_string(&file).unwrap();
    let batches: Vec<_> = script.split("\nGO\n").filter(|batch| !batch.trim().is_empty()).collect();
    assert!(batches.len() > 20, "{script}");
    // This parser knows no BREAK, which ends a loop; row-transform's tests make and ask that function on a server.
    let has_break = |batch: &&str| batch.contains("CREATE FUNCTION [migration].[dv_date]");
    assert_eq!(batches.iter().filter(|batch| batch.contains("CREATE FUNCTION [migration]")).count(), 12);
    for batch in batches.into_iter().filter(|batch| !has_break(batch)) {
        Parser::parse_sql(&MsSqlDialect {}, batch).unwrap_or_else(|error| panic!("{error} in\n{batch}"));
    }
    let (_, complaint) = world.stage(&["sql", "--out", file.to_str().unwrap()], 2);
    assert!(complaint.contains("exists already"), "{complaint}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), script);
}

#[test]
fn a_project_that_was_not_prepared_has_no_script_yet() {
    let world = World::new();
    let (_, complaint) = world.stage(&["sql"], 2);
    assert!(complaint.contains("run the step prepare"), "{complaint}");
}
