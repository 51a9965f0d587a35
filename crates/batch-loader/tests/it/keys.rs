//! Alternate keys that cannot serve are found before anything is sent; those that no URL can carry serve all the same.

use batch_loader::{
    Accents, Event, LoadTable, Matched, Plan, Report, Strategy, Unobserved, load, match_rows,
};
use dataverse_client::WriteOptions;
use dataverse_client::wire::write::RowWriter;
use dataverse_emulator::{FaultKind, FaultRule};
use futures::future::join_all;
use staging_schema::{Mode, TargetTable, Value, control};
use tokio_util::sync::CancellationToken;

use crate::world::{Seen, World, text, waves};

const COLUMNS: [&str; 2] = ["name", "accountnumber"];

async fn by_number(world: &World) -> (TargetTable, Plan) {
    let table = TargetTable::new("account", vec![text("name", 160), text("accountnumber", 20)]).unwrap();
    let mut load = world.table(table.clone()).await;
    load.strategy = Strategy::AlternateKey(vec!["accountnumber".to_owned()]);
    let plan = waves(vec![vec![load]]);
    world.prepare(&plan).await;
    (table, plan)
}

/// Rows that are in Dataverse, and rows in error.
fn done(report: &Report) -> (u64, u64) {
    let account = &report.tables["account"];
    (account.loaded + account.adopted, account.errors)
}

/// Source key, name, number; an empty number is none.
fn rows(numbers: &[(&str, &str)]) -> Vec<Vec<Value>> {
    let number = |number: &str| if number.is_empty() { Value::Null } else { number.into() };
    numbers.iter().map(|(key, value)| vec![(*key).into(), (*key).into(), number(value)]).collect()
}

#[tokio::test]
async fn rows_with_one_key_or_none_are_errors_before_anything_is_sent_and_the_rest_loads() {
    let world = World::start().await;
    let (table, plan) = by_number(&world).await;
    let staged = [
        ("k1", "A-1"),
        ("k2", "a-1"),
        ("k3", "B"),
        ("k4", "B "),
        ("k5", "José"),
        ("k6", "jose"),
        ("k7", ""),
        ("k8", "  "),
        ("k9", "C"),
        ("k10", "D"),
    ];
    world.stage(&table, &COLUMNS, rows(&staged)).await;
    let seen = Seen::default();
    let report = world.load_seen(&plan, &seen).await.unwrap();
    assert_eq!(done(&report), (2, 8));
    assert_eq!(world.values("accounts", "accountnumber").await, ["C", "D"]);
    let errors = world.errors("account").await;
    assert_eq!(errors.iter().map(|error| error.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8]);
    for (row, pass, column, message) in &errors {
        assert_eq!((pass.as_str(), column.as_deref()), ("validate", Some("accountnumber")));
        let others = ["", "k2", "k1", "k4", "k3", "k6", "k5", "empty", "empty"];
        let other = others[usize::try_from(*row).unwrap()];
        assert!(message.contains(&format!(" {other} ")) || message.contains(" empty;"), "{row}: {message}");
        assert!(message.contains("account") && message.contains("(accountnumber)"), "{message}");
    }
    assert_eq!(
        seen.count(|event| matches!(event, Event::KeysUnusable { rows, .. } if *rows == 2 || *rows == 6)),
        2
    );
    assert_eq!(
        seen.count(|event| matches!(event, Event::Manifested { rows, .. } if *rows != 2)),
        0,
        "nothing else was sent"
    );
    // A second load finds the same, and writes it down no second time.
    let again = world.load(&plan).await.unwrap();
    assert_eq!((again.tables["account"].errors, again.tables["account"].requests), (0, 0));
    assert_eq!(world.count("SELECT COUNT(*) FROM target_account_Error").await, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_that_check_the_keys_at_the_same_moment_write_each_error_once() {
    const WORKERS: usize = 6;
    let world = World::start().await;
    let (table, plan) = by_number(&world).await;
    // Three rows of one key, and one without, over and over; nothing is left to be sent.
    let staged: Vec<_> = (0..120)
        .map(|n| (format!("k{n}"), if n % 4 == 3 { String::new() } else { format!("A{}", n / 4) }))
        .collect();
    let staged: Vec<_> = staged.iter().map(|(key, number)| (key.as_str(), number.as_str())).collect();
    world.stage(&table, &COLUMNS, rows(&staged)).await;
    let stores = join_all((0..WORKERS).map(|_| world.another_store())).await;
    let clients = [world.client.clone()];
    let cancel = CancellationToken::new();
    let loads = stores.iter().map(|store| load(store, &clients, &plan, &world.options, &Unobserved, &cancel));
    let reports = join_all(loads).await;
    let errors: Vec<u64> = reports.into_iter().map(|report| done(&report.unwrap()).1).collect();
    assert_eq!(world.count("SELECT COUNT(*) FROM target_account_Error").await, 120);
    assert_eq!(world.count("SELECT COUNT(DISTINCT RowId) FROM target_account_Error").await, 120);
    assert_eq!(errors.iter().sum::<u64>(), 120, "each counted by the one that wrote it: {errors:?}");
}

#[tokio::test]
async fn once_one_of_two_is_corrected_both_load() {
    let world = World::start().await;
    let (table, plan) = by_number(&world).await;
    world.stage(&table, &COLUMNS, rows(&[("k1", "A"), ("k2", "a"), ("k3", "B"), ("k4", "b")])).await;
    assert_eq!(world.load(&plan).await.unwrap().tables["account"].errors, 4);
    // Corrected in the staging database; of the other pair, one is not wanted at all.
    world.execute("UPDATE target_account SET accountnumber = 'A2' WHERE DataMigration_RowId = 2").await;
    let unwanted =
        format!("UPDATE target_account SET {} = 'D' WHERE DataMigration_RowId = 3", control::ACTION_FLAG);
    world.execute(&unwanted).await;
    let report = world.load(&plan).await.unwrap();
    assert_eq!(done(&report), (3, 0));
    assert_eq!(world.values("accounts", "accountnumber").await, ["A", "A2", "b"]);
    assert!(world.errors("account").await.is_empty());
}

#[tokio::test]
async fn the_twin_of_a_row_that_is_loaded_is_in_error_and_the_loaded_row_stays() {
    let world = World::start().await;
    let (table, plan) = by_number(&world).await;
    world.stage(&table, &COLUMNS, rows(&[("k1", "A")])).await;
    assert_eq!(done(&world.load(&plan).await.unwrap()), (1, 0));
    world.stage(&table, &COLUMNS, rows(&[("k2", "a"), ("k3", "B")])).await;
    let report = world.load(&plan).await.unwrap();
    assert_eq!(done(&report), (1, 1));
    let errors = world.errors("account").await;
    assert_eq!((errors.len(), errors[0].0), (1, 2));
    assert!(errors[0].3.contains("source key k1 of S"), "{}", errors[0].3);
    assert_eq!(
        world.count("SELECT COUNT(*) FROM target_account WHERE DataMigration_ProcessingFlag = 'E'").await,
        1
    );
}

#[tokio::test]
async fn accents_tell_keys_apart_where_the_project_says_so() {
    let mut world = World::start().await;
    world.options.key_accents = Accents::Distinguished;
    let (table, plan) = by_number(&world).await;
    world.stage(&table, &COLUMNS, rows(&[("k1", "José"), ("k2", "Jose"), ("k3", "JOSÉ")])).await;
    let report = world.load(&plan).await.unwrap();
    assert_eq!(done(&report), (1, 2));
    assert_eq!(world.values("accounts", "accountnumber").await, ["Jose"]);
}

#[tokio::test]
async fn keys_that_no_url_can_carry_load_and_are_found_again() {
    let world = World::start().await;
    let (table, plan) = by_number(&world).await;
    let marks =
        ["/", "<", ">", "*", "%", "&", ":", "\\", "?", "+", "#", "'", "\"", ";", "=", ",", "%2F", "$1", "ä€"];
    let keys: Vec<(String, String)> =
        marks.iter().enumerate().map(|(n, mark)| (format!("k{n}"), format!("{n}{mark}x y{mark}"))).collect();
    let staged: Vec<(&str, &str)> =
        keys.iter().map(|(key, number)| (key.as_str(), number.as_str())).collect();
    world.stage(&table, &COLUMNS, rows(&staged)).await;
    // Committed, and the answer is lost: each must be found by its key.
    world.faults([FaultRule::new(FaultKind::LoseAnswer).on_path("*CreateMultiple").times(2)]);
    let report = world.load(&plan).await.unwrap();
    assert_eq!(done(&report), (marks.len() as u64, 0));
    assert!(report.tables["account"].adopted > 0);
    let mut expected: Vec<&str> = staged.iter().map(|(_, number)| *number).collect();
    expected.sort_unstable();
    assert_eq!(world.values("accounts", "accountnumber").await, expected);
}

#[tokio::test]
async fn several_rows_may_stand_for_one_of_dataverse_unless_they_are_to_be_written() {
    let world = World::start().await;
    for name in ["Smith", "Jones"] {
        let mut body = RowWriter::new();
        body.text("lastname", name);
        world.client.create("contacts", body.finish(), &WriteOptions::default()).await.unwrap();
    }
    let contact = TargetTable::new("contact", vec![text("lastname", 50), text("firstname", 50)])
        .unwrap()
        .with_mode(Mode::Match);
    let key = ["lastname".to_owned()];
    let matched = LoadTable::new(
        world.definition("contact").await,
        contact.clone(),
        Strategy::AlternateKey(key.to_vec()),
    );
    let plan = waves(vec![vec![matched.clone()]]);
    world.prepare(&plan).await;
    let rows = ["Smith", "Smith", "Jones", "Jones "].iter().enumerate();
    let rows = rows.map(|(n, name)| vec![format!("k{n}").into(), (*name).into()]).collect();
    world.stage(&contact, &["lastname"], rows).await;
    world
        .execute("UPDATE target_contact SET DataMigration_ActionFlag = 'U' WHERE DataMigration_RowId > 2")
        .await;
    let found = async || match_rows(&world.store, &world.client, &plan, &matched, &key).await.unwrap();
    assert_eq!(found().await, Matched { matched: 2, missing: 0, ambiguous: 0, unusable: 2 });
    // What is found again is written down no second time.
    assert_eq!(found().await, Matched::default());
    let errors = world.errors("contact").await;
    assert_eq!(errors.iter().map(|error| error.0).collect::<Vec<_>>(), [3, 4]);
    assert!(errors[1].3.contains("source key k2 of S"), "{}", errors[1].3);
}
