//! Rows that changed, and rows that are to go.

use staging_schema::TargetTable;

use crate::world::{World, named, text, waves};

#[tokio::test]
async fn changed_rows_are_written_whole_and_emptied_columns_are_cleared() {
    let world = World::start().await;
    let table = TargetTable::new("account", vec![text("name", 160), text("description", 2000)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    let rows = (0..12).map(|n| vec![format!("k{n}").into(), format!("Name {n:02}").into(), "old".into()]);
    world.stage(&table, &["name", "description"], rows.collect()).await;
    world.load(&plan).await.unwrap();
    let change = "UPDATE target_account SET name = CONCAT(name, '!'), description = NULL, DataMigration_ActionFlag = 'U', \
                  DataMigration_Generation = 2, DataMigration_ProcessingFlag = 'U' WHERE DataMigration_RowId <= 3";
    world.execute(change).await;
    let report = world.settle(&plan).await.unwrap();
    assert_eq!((report.tables["account"].updated, report.tables["account"].errors), (3, 0));
    let shown = world.shown("accounts", &["name", "description"]).await;
    assert_eq!(shown.len(), 12);
    assert_eq!(
        shown.iter().filter(|row| row["name"].ends_with('!') && !row.contains_key("description")).count(),
        3
    );
    assert_eq!(world.settle(&plan).await.unwrap().tables["account"].requests, 0);
}

#[tokio::test]
async fn an_update_of_a_row_that_is_gone_is_an_error_and_creates_nothing() {
    let world = World::start().await;
    let table = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&table, &["name"], named("a", 3)).await;
    world.load(&plan).await.unwrap();
    let change = "UPDATE target_account SET DataMigration_DataverseId = 'ffffffff-0000-4000-8000-000000000001', \
                  DataMigration_ActionFlag = 'U', DataMigration_Generation = 2, DataMigration_ProcessingFlag = 'U' \
                  WHERE DataMigration_RowId = 1";
    world.execute(change).await;
    let report = world.settle(&plan).await.unwrap();
    assert_eq!((report.tables["account"].updated, report.tables["account"].errors), (0, 1));
    assert_eq!(world.values("accounts", "name").await.len(), 3);
}

#[tokio::test]
async fn deleted_rows_go_and_a_row_that_is_gone_already_is_a_success() {
    let world = World::start().await;
    let table = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&table, &["name"], named("a", 20)).await;
    world.load(&plan).await.unwrap();
    let change = "UPDATE target_account SET DataMigration_ActionFlag = 'D', DataMigration_Generation = 2, \
                  DataMigration_ProcessingFlag = 'U' WHERE DataMigration_RowId <= 15";
    world.execute(change).await;
    world.faults([dataverse_emulator::FaultRule::new(dataverse_emulator::FaultKind::LoseAnswer)
        .on_path("$batch")
        .times(1)]);
    let report = world.settle(&plan).await.unwrap();
    assert_eq!((report.tables["account"].updated, report.tables["account"].errors), (15, 0));
    assert_eq!(world.values("accounts", "name").await.len(), 5);
}
