//! One bad row costs little.

use dataverse_emulator::{FaultKind, FaultRule, Options as EmulatorOptions, Settings};
use staging_schema::{TargetTable, Value};

use crate::world::{World, named, text, waves};

#[tokio::test]
async fn a_bad_row_is_named_with_its_column_and_the_others_load() {
    let world = World::start().await;
    let table = TargetTable::new("account", vec![text("name", 400)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    let mut rows = named("a", 20);
    rows[3][1] = Value::from("x".repeat(300));
    rows[13][1] = Value::from("y".repeat(300));
    world.stage(&table, &["name"], rows).await;

    let report = world.load(&plan).await.unwrap();
    let account = &report.tables["account"];
    assert_eq!((account.loaded, account.errors), (18, 2));
    assert_eq!(account.requests, 4, "two bulk requests, each followed by one batch");
    assert_eq!(world.values("accounts", "name").await.len(), 18);
    let errors = world.errors("account").await;
    assert_eq!(errors.iter().map(|error| error.0).collect::<Vec<_>>(), [4, 14]);
    for (_, pass, column, message) in &errors {
        assert_eq!((pass.as_str(), column.as_deref()), ("insert", Some("name")));
        assert!(message.contains("exceeded the maximum allowed length"), "{message}");
    }
    let coded = world
        .count("SELECT COUNT(*) FROM target_account_Error WHERE ErrorCode = '0x80044331' AND HttpStatus = 400 AND Attempt = 1")
        .await;
    assert_eq!(coded, 2);
    // The rows are in error until somebody repairs them: a second load leaves them alone.
    let again = world.load(&plan).await.unwrap();
    assert_eq!(again.tables["account"].requests, 0);
}

#[tokio::test]
async fn a_table_without_bulk_messages_loads_in_batches() {
    let settings = Settings { tables_without_bulk: vec!["account".to_owned()], ..Settings::default() };
    let world = World::with(EmulatorOptions { settings, ..EmulatorOptions::default() }).await;
    let table = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&table, &["name"], named("a", 20)).await;
    let report = world.load(&plan).await.unwrap();
    assert_eq!((report.tables["account"].loaded, report.tables["account"].requests), (20, 2));
    assert!(!world.emulator.stats().by_kind.contains_key("CreateMultiple"));
}

#[tokio::test]
async fn a_deadlock_is_repeated_and_costs_no_row() {
    let world = World::start().await;
    let table = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&table, &["name"], named("a", 30)).await;
    world.faults([FaultRule::new(FaultKind::Deadlock).on_path("*CreateMultiple").every(2).times(3)]);
    let report = world.load(&plan).await.unwrap();
    assert_eq!((report.tables["account"].loaded, report.tables["account"].errors), (30, 0));
    assert_eq!(world.values("accounts", "name").await.len(), 30);
}
