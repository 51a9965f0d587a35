//! Tables whose rows are recognised by something else than a sequence number.

use batch_loader::Strategy;
use dataverse_client::NewKey;
use dataverse_emulator::{FaultKind, FaultRule};
use staging_schema::{GuidStrategy, TargetTable};

use crate::world::{World, named, text, waves};

#[tokio::test]
async fn ids_made_by_us_are_kept_before_the_send_and_recognised_after_a_lost_answer() {
    let world = World::start().await;
    let table =
        TargetTable::new("account", vec![text("name", 160)]).unwrap().with_guid(GuidStrategy::Sequential);
    let mut load = world.table(table.clone()).await;
    load.strategy = Strategy::Sequential;
    let plan = waves(vec![vec![load]]);
    world.prepare(&plan).await;
    world.stage(&table, &["name"], named("a", 30)).await;
    world.faults([FaultRule::new(FaultKind::LoseAnswer).on_path("*CreateMultiple").every(2)]);
    let report = world.load(&plan).await.unwrap();
    let account = &report.tables["account"];
    assert_eq!((account.loaded + account.adopted, account.errors), (30, 0));
    assert!(account.adopted > 0);
    let agree = world
        .count("SELECT COUNT(*) FROM target_account WHERE DataMigration_ClientId = DataMigration_DataverseId")
        .await;
    assert_eq!(agree, 30);
    assert_eq!(world.values("accounts", "name").await.len(), 30);
}

#[tokio::test]
async fn source_guids_are_kept_and_a_key_that_is_none_is_that_rows_error() {
    let world = World::start().await;
    let table = TargetTable::new("account", vec![text("name", 160)]).unwrap().with_guid(GuidStrategy::Source);
    let mut load = world.table(table.clone()).await;
    load.strategy = Strategy::Source;
    let plan = waves(vec![vec![load]]);
    world.prepare(&plan).await;
    let id = "0a0b0c0d-0000-4000-8000-000000000001";
    let rows = vec![vec![id.into(), "kept".into()], vec!["no guid".into(), "lost".into()]];
    world.stage(&table, &["name"], rows).await;
    let report = world.load(&plan).await.unwrap();
    assert_eq!((report.tables["account"].loaded, report.tables["account"].errors), (1, 1), "{report:?}");
    assert_eq!(world.values("accounts", "accountid").await, [id]);
    assert_eq!(world.errors("account").await[0].2.as_deref(), Some("accountid"));
}

#[tokio::test]
async fn an_alternate_key_finds_rows_whose_answer_was_lost() {
    let world = World::start().await;
    let table = TargetTable::new("account", vec![text("name", 160), text("accountnumber", 20)]).unwrap();
    let mut load = world.table(table.clone()).await;
    load.strategy = Strategy::AlternateKey(vec!["accountnumber".to_owned()]);
    let plan = waves(vec![vec![load]]);
    world.prepare(&plan).await;
    let rows =
        (0..30).map(|n| vec![format!("k{n}").into(), format!("Name {n}").into(), format!("N'{n}").into()]);
    world.stage(&table, &["name", "accountnumber"], rows.collect()).await;
    world.faults([FaultRule::new(FaultKind::LoseAnswer).on_path("*CreateMultiple").every(2)]);
    let report = world.load(&plan).await.unwrap();
    let account = &report.tables["account"];
    assert_eq!((account.loaded + account.adopted, account.errors), (30, 0));
    assert!(account.adopted > 0);
    assert_eq!(world.values("accounts", "accountnumber").await.len(), 30);
}

#[tokio::test]
async fn rows_whose_other_key_is_taken_are_in_error_and_not_taken_for_rows_that_are_there() {
    let world = World::start().await;
    let key = NewKey::new("new_NumberKey", "Number", ["accountnumber"]);
    world.client.define().key("account", &key).await.unwrap();
    let table = TargetTable::new("account", vec![text("name", 160), text("accountnumber", 20)])
        .unwrap()
        .with_guid(GuidStrategy::Sequential);
    let mut load = world.table(table.clone()).await;
    load.strategy = Strategy::Sequential;
    let plan = waves(vec![vec![load]]);
    world.prepare(&plan).await;
    let rows = [("k1", "N1"), ("k2", "N2"), ("k3", "N1"), ("k4", "N2")];
    let rows = rows.map(|(key, number)| vec![key.into(), key.into(), number.into()]);
    world.stage(&table, &["name", "accountnumber"], rows.into()).await;
    let loaded = tokio::time::timeout(std::time::Duration::from_mins(1), world.load(&plan)).await;
    let report = loaded.expect("it ends").unwrap();
    let errors = world.errors("account").await;
    assert_eq!((report.tables["account"].errors, errors.len()), (2, 2), "{errors:?}");
    assert_eq!(report.tables["account"].loaded, 2);
}
