//! A load without trouble.

use batch_loader::{Event, Plan};
use staging_schema::{StagedColumn, StagedKind, TargetTable, Value};

use crate::world::{BASE, Seen, World, named, text, waves};

fn accounts() -> TargetTable {
    let columns = vec![
        text("name", 160),
        StagedColumn::new("numberofemployees", StagedKind::Integer),
        StagedColumn::new("revenue", StagedKind::Money { precision: 2 }),
        StagedColumn::new("donotemail", StagedKind::Boolean),
        StagedColumn::new("overriddencreatedon", StagedKind::DateTime),
    ];
    TargetTable::new("account", columns).unwrap()
}

#[tokio::test]
async fn every_staged_row_arrives_once_with_its_values_and_its_number() {
    let world = World::start().await;
    let plan = waves(vec![vec![world.table(accounts()).await]]);
    world.prepare(&plan).await;
    let rows: Vec<Vec<Value>> = (0..60)
        .map(|n| {
            vec![
                format!("k{n}").into(),
                format!("Account {n:02}").into(),
                n.into(),
                format!("{n}.5").into(),
                Value::Integer(n % 2),
                "2020-01-02T03:04:05Z".into(),
            ]
        })
        .collect();
    let columns = ["name", "numberofemployees", "revenue", "donotemail", "overriddencreatedon"];
    world.stage(&accounts(), &columns, rows).await;

    let seen = Seen::default();
    let report = world.load_seen(&plan, &seen).await.unwrap();
    let account = &report.tables["account"];
    assert_eq!((account.staged, account.loaded, account.errors, account.owed), (60, 60, 0, 0));
    assert_eq!(account.requests, 7, "three chunks of 25, 25 and 10 rows in requests of ten");
    assert!(account.strays.is_empty() && report.is_clean());
    assert_eq!(seen.count(|event| matches!(event, Event::Sending { .. })), 7);

    let shown = world
        .shown(
            "accounts",
            &["name", "numberofemployees", "revenue", "donotemail", "createdon", "importsequencenumber"],
        )
        .await;
    assert_eq!(shown.len(), 60);
    let eighth = shown.iter().find(|row| row["name"] == "Account 07").unwrap();
    assert_eq!(eighth["numberofemployees"], "7");
    assert_eq!(eighth["revenue"].parse::<f64>().unwrap().to_string(), "7.5");
    assert_eq!(eighth["donotemail"], "true");
    assert_eq!(eighth["createdon"], "2020-01-02T03:04:05Z");
    assert_eq!(eighth["importsequencenumber"], (BASE + 8).to_string());
    let processed =
        world.count("SELECT COUNT(*) FROM target_account WHERE DataMigration_ProcessingFlag = 'P'").await;
    assert_eq!(processed, 60, "GUIDs are copied back and nothing is owed");
}

#[tokio::test]
async fn a_second_load_and_a_second_settling_send_nothing() {
    let world = World::start().await;
    let table = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&table, &["name"], named("a", 30)).await;
    world.load(&plan).await.unwrap();
    world.settle(&plan).await.unwrap();
    let again = world.load(&plan).await.unwrap();
    let settled = world.settle(&plan).await.unwrap();
    for report in [again, settled] {
        let account = &report.tables["account"];
        assert_eq!((account.staged, account.loaded, account.requests), (30, 0, 0));
    }
    assert_eq!(world.values("accounts", "name").await.len(), 30);
}

#[tokio::test]
async fn tables_of_a_wave_load_side_by_side_and_users_share_the_work() {
    let world = World::start().await;
    let account = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let contact = TargetTable::new("contact", vec![text("lastname", 50)]).unwrap();
    let plan: Plan =
        waves(vec![vec![world.table(account.clone()).await, world.table(contact.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&account, &["name"], named("a", 40)).await;
    world.stage(&contact, &["lastname"], named("c", 40)).await;
    let clients = [world.client.clone(), crate::world::client(&world.emulator, "user-2")];
    let cancel = tokio_util::sync::CancellationToken::new();
    let report =
        batch_loader::load(&world.store, &clients, &plan, &world.options, &batch_loader::Unobserved, &cancel)
            .await
            .unwrap();
    assert_eq!((report.tables["account"].loaded, report.tables["contact"].loaded), (40, 40));
    let users = world.count("SELECT COUNT(DISTINCT ApplicationUser) FROM target_Request").await;
    assert_eq!(users, 2);
}
