//! Answers that never come.

use std::time::Duration;

use batch_loader::Event;
use dataverse_client::WriteOptions;
use dataverse_client::wire::write::RowWriter;
use dataverse_emulator::{FaultKind, FaultRule};
use staging_schema::TargetTable;

use crate::lookups::{content, pairs, plan, stage_pairs};
use crate::world::{BASE, Seen, World, named, patient, text, waves};

#[tokio::test]
async fn rows_whose_answer_was_lost_are_adopted_and_never_sent_again() {
    let mut world = World::start().await;
    world.options.quiet_time = patient(1_000);
    let table = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&table, &["name"], named("a", 60)).await;
    world.faults([FaultRule::new(FaultKind::LoseAnswer).on_path("*CreateMultiple").every(3)]);
    let seen = Seen::default();
    let report = world.load_seen(&plan, &seen).await.unwrap();
    let account = &report.tables["account"];
    assert!(account.adopted > 0 && account.in_doubt > 0);
    assert_eq!((account.loaded + account.adopted, account.errors), (60, 0));
    assert!(account.strays.is_empty());
    assert_eq!(world.values("accounts", "name").await.len(), 60);
    assert!(seen.count(|event| matches!(event, Event::Waiting { .. })) > 0);
    assert!(seen.count(|event| matches!(event, Event::Probed { .. })) as u64 >= account.in_doubt);
}

#[tokio::test]
async fn rows_of_a_request_that_never_arrived_are_sent_again() {
    let world = World::start().await;
    let table = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&table, &["name"], named("a", 40)).await;
    world.faults([FaultRule::new(FaultKind::ResetBefore).on_path("*CreateMultiple").every(3).times(2)]);
    let report = world.load(&plan).await.unwrap();
    let account = &report.tables["account"];
    assert_eq!((account.loaded, account.adopted, account.errors), (40, 0, 0));
    assert_eq!(world.values("accounts", "name").await.len(), 40);
}

#[tokio::test]
async fn a_request_that_commits_after_its_client_gave_up_doubles_nothing() {
    let mut world = World::start().await;
    world.options.request_timeout = Duration::from_millis(100);
    let table = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&table, &["name"], named("a", 40)).await;
    let late = FaultRule::new(FaultKind::CommitLate).on_path("*CreateMultiple").every(2).times(2);
    world.faults([late.delayed_by(Duration::from_millis(250))]);
    let report = world.load(&plan).await.unwrap();
    let account = &report.tables["account"];
    assert_eq!((account.loaded + account.adopted, account.errors), (40, 0));
    assert!(account.adopted >= 15, "two of five requests: {account:?}");
    assert_eq!(world.values("accounts", "name").await.len(), 40);
}

#[tokio::test]
async fn lost_answers_to_every_kind_of_write_leave_each_row_once() {
    let world = World::start().await;
    let plan = plan(&world).await;
    stage_pairs(&world, 30).await;
    world.faults([FaultRule::new(FaultKind::LoseAnswer).on_method("POST").every(3)]);
    world.load(&plan).await.unwrap();
    world.settle(&plan).await.unwrap();
    assert_eq!(content(&world).await, pairs(30));
}

#[tokio::test]
async fn a_row_with_our_number_but_other_content_is_for_people() {
    let world = World::start().await;
    let table = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&table, &["name"], named("a", 3)).await;
    // Somebody loaded rows from a staging database that is gone: one is ours, one is not.
    for (row, name) in [(1, "a 0000"), (2, "somebody else")] {
        let mut body = RowWriter::new();
        body.text("name", name).integer("importsequencenumber", BASE + row);
        world.client.create("accounts", body.finish(), &WriteOptions::default()).await.unwrap();
    }
    let report = world.load(&plan).await.unwrap();
    let account = &report.tables["account"];
    assert_eq!((account.loaded, account.adopted, account.errors), (1, 1, 1));
    let errors = world.errors("account").await;
    assert_eq!((errors[0].0, errors[0].2.as_deref()), (2, Some("name")));
    assert_eq!(world.values("accounts", "name").await, ["a 0000", "a 0002", "somebody else"]);
}

#[tokio::test]
async fn a_restored_backup_learns_what_was_loaded_since() {
    let world = World::start().await;
    let table = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&table, &["name"], named("a", 20)).await;
    world.load(&plan).await.unwrap();
    // As an older copy of the file would be.
    for sql in [
        "DELETE FROM target_account_Success",
        "DELETE FROM target_Request",
        "DELETE FROM target_Chunk",
        "UPDATE target_account SET DataMigration_DataverseId = NULL, DataMigration_ProcessingFlag = 'U'",
    ] {
        world.execute(sql).await;
    }
    let report = world.load(&plan).await.unwrap();
    assert_eq!((report.tables["account"].loaded, report.tables["account"].adopted), (0, 20));
    assert_eq!(world.values("accounts", "name").await.len(), 20);
}

#[tokio::test]
async fn a_double_that_nothing_could_prevent_is_reported_by_the_sweep() {
    let world = World::start().await;
    let table = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&table, &["name"], named("a", 5)).await;
    world.load(&plan).await.unwrap();
    // An answer later than any quiet time.
    let mut body = RowWriter::new();
    body.text("name", "a 0000").integer("importsequencenumber", BASE + 1);
    world.client.create("accounts", body.finish(), &WriteOptions::default()).await.unwrap();
    world.stage(&table, &["name"], vec![vec!["more".into(), "more".into()]]).await;
    let report = world.load(&plan).await.unwrap();
    let strays = &report.tables["account"].strays;
    assert_eq!(strays.iter().map(|stray| stray.row).collect::<Vec<_>>(), [1]);
    assert!(!report.is_clean());
}

#[tokio::test]
async fn a_row_that_changed_while_it_was_in_doubt_is_adopted_and_then_updated() {
    let world = World::start().await;
    let table = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&table, &["name"], named("a", 5)).await;
    world.faults([FaultRule::new(FaultKind::LoseAnswer).on_path("*CreateMultiple").times(1)]);
    // The loader dies when the answer is lost; the next delta comes before the next load.
    let died = tokio::sync::Notify::new();
    let observer = |event: &Event| {
        if matches!(event, Event::Answered { .. }) {
            died.notify_one();
        }
    };
    tokio::select! {
        biased;
        () = died.notified() => {}
        _ = world.load_seen(&plan, &observer) => panic!("it was to die"),
    }
    let change = "UPDATE target_account SET name = CONCAT(name, '!'), DataMigration_Generation = 2 WHERE DataMigration_RowId = 2";
    world.execute(change).await;
    let report = world.load(&plan).await.unwrap();
    assert_eq!((report.tables["account"].adopted, report.tables["account"].errors), (5, 0));
    let report = world.settle(&plan).await.unwrap();
    assert_eq!(report.tables["account"].updated, 1);
    assert_eq!(world.values("accounts", "name").await, ["a 0000", "a 0001!", "a 0002", "a 0003", "a 0004"]);
}
