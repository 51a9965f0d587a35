//! Stopping on purpose: by request, by the safety limit, by a target that refuses.

use std::time::Duration;

use batch_loader::{Error, ErrorLimit, Event, Unobserved};
use dataverse_emulator::{FaultKind, FaultRule};
use staging_schema::{TargetTable, Value};
use tokio_util::sync::CancellationToken;

use crate::world::{World, named, patient, text, waves};

#[tokio::test]
async fn a_cancelled_load_ends_what_is_in_flight_and_the_next_one_goes_on() {
    let world = World::start().await;
    let table = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&table, &["name"], named("a", 1_000)).await;
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let observer = move |event: &Event| {
        if matches!(event, Event::Recorded { .. }) {
            stop.cancel();
        }
    };
    let clients = [world.client.clone()];
    let stopped = batch_loader::load(&world.store, &clients, &plan, &world.options, &observer, &cancel).await;
    let error = stopped.unwrap_err();
    assert!(matches!(error, Error::Cancelled { .. }) && error.is_stop(), "{error}");
    let open = world.count("SELECT COUNT(*) FROM target_Request WHERE State = 'sent'").await;
    let leased = world.count("SELECT COUNT(*) FROM target_Chunk WHERE State = 'leased'").await;
    assert_eq!((open, leased), (0, 0), "nothing in doubt, no lease to wait for");
    let there = world.values("accounts", "name").await.len();
    assert!((1..1_000).contains(&there), "{there} rows were loaded before the stop");
    let report = world.load(&plan).await.unwrap();
    assert_eq!(report.tables["account"].loaded + there as u64, 1_000);
    assert_eq!(report.tables["account"].in_doubt, 0);
    assert_eq!(world.values("accounts", "name").await.len(), 1_000);
}

#[tokio::test]
async fn what_outlives_the_grace_time_is_looked_for_by_the_next_load() {
    let mut world = World::start().await;
    // Far apart, so that a busy machine keeps their order: the grace time ends, the requests commit, the doubt is resolved.
    world.options.grace = Duration::from_millis(50);
    world.options.lease = patient(3_000);
    world.options.request_timeout = Duration::from_millis(1_500);
    world.options.quiet_time = Duration::from_millis(1_500);
    let table = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&table, &["name"], named("a", 20)).await;
    let slow = FaultRule::new(FaultKind::CommitLate).on_path("*CreateMultiple").times(2);
    world.faults([slow.delayed_by(Duration::from_secs(1))]);
    let cancel = CancellationToken::new();
    let clients = [world.client.clone()];
    // Not before both have arrived: what never left would simply be sent again.
    let both_are_there = async {
        while world.emulator.stats().faults.get("commit_late") != Some(&2) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        cancel.cancel();
        std::future::pending::<()>().await;
    };
    let load = batch_loader::load(&world.store, &clients, &plan, &world.options, &Unobserved, &cancel);
    let stopped = tokio::select! {
        stopped = load => stopped,
        () = both_are_there => unreachable!("it ends with the load"),
    };
    assert!(stopped.is_err());
    let report = world.load(&plan).await.unwrap();
    assert!(report.tables["account"].adopted > 0);
    assert_eq!(world.values("accounts", "name").await.len(), 20);
}

#[tokio::test]
async fn too_many_errors_stop_the_table_and_say_so() {
    let mut world = World::start().await;
    world.options.error_limit = ErrorLimit { after_rows: 20, share: 0.5 };
    let table = TargetTable::new("account", vec![text("name", 400)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    // More than can be under way while a slow server records the first.
    let rows = (0..1_000).map(|n| vec![format!("k{n}").into(), Value::from("x".repeat(300))]).collect();
    world.stage(&table, &["name"], rows).await;
    let error = world.load(&plan).await.unwrap_err();
    assert!(matches!(error, Error::TooManyErrors { .. }), "{error}");
    assert!(world.count("SELECT COUNT(*) FROM target_account_Error").await < 1_000);
    assert!(error.to_string().contains("repair the cause"), "{error}");
}

#[tokio::test]
async fn a_target_that_is_not_there_leaves_a_resumable_state() {
    let world = World::start().await;
    let table = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&table, &["name"], named("a", 20)).await;
    world.faults([FaultRule::new(FaultKind::Unavailable).on_path("WhoAmI*")]);
    let error = world.load(&plan).await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
    world.faults([]);
    assert_eq!(world.load(&plan).await.unwrap().tables["account"].loaded, 20);
}
