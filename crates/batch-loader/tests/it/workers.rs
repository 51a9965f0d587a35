//! Several workers on one staging database, and workers that came too late.

use std::sync::Mutex;
use std::time::Duration;

use batch_loader::{Event, Observer as _, Options};
use dataverse_emulator::{FaultKind, FaultRule};
use staging_schema::Pass;
use tokio_util::sync::CancellationToken;

use crate::lookups::{content, pairs, plan, stage_pairs};
use crate::world::{Seen, World, patient, quick};

#[tokio::test]
async fn two_workers_share_a_load_and_no_row_is_sent_by_both() {
    let world = World::start().await;
    let plan = plan(&world).await;
    stage_pairs(&world, 100).await;
    let clients = [world.client.clone()];
    let work = |worker: &str| {
        let options = Options { worker: worker.to_owned(), chunk_rows: 10, chunks_ahead: 1, ..quick() };
        let (store, clients, plan) = (&world.store, &clients, &plan);
        async move {
            let (cancel, seen) = (CancellationToken::new(), Seen::default());
            let report = batch_loader::load(store, clients, plan, &options, &seen, &cancel).await.unwrap();
            batch_loader::settle(store, clients, plan, &options, &seen, &cancel).await.unwrap();
            report.tables["account"].loaded
        }
    };
    let (first, second) = tokio::join!(work("one"), work("two"));
    assert_eq!(first + second, 100);
    assert!(first > 0 && second > 0, "both worked: {first} and {second}");
    world.settle(&plan).await.unwrap();
    assert_eq!(content(&world).await, pairs(100));
}

#[tokio::test]
async fn a_worker_that_comes_late_goes_on_to_the_pass_that_the_other_is_at_and_helps() {
    let world = World::start().await;
    let plan = plan(&world).await;
    stage_pairs(&world, 200).await;
    world.load(&plan).await.unwrap();
    // 200 lookups are owed; each request takes a while, so that there is something to help with.
    world.faults([FaultRule::new(FaultKind::Slow)
        .on_path("*UpdateMultiple")
        .delayed_by(Duration::from_millis(100))]);
    let clients = [world.client.clone()];
    let begun = tokio::sync::Notify::new();
    let of = |worker: &str| Options {
        worker: worker.to_owned(),
        chunk_rows: 10,
        chunks_ahead: 1,
        in_flight: Some(1),
        // A wait for the other would be seen.
        quiet_time: Duration::from_mins(1),
        ..quick()
    };
    let (store, clients, plan_of_both, begins) = (&world.store, &clients, &plan, &begun);
    let first = async {
        let (cancel, seen) = (CancellationToken::new(), Seen::default());
        let observer = |event: &Event| {
            if matches!(event, Event::Sending { pass: Pass::Lookups, .. }) {
                begins.notify_one();
            }
            seen.event(event);
        };
        batch_loader::settle(store, clients, plan_of_both, &of("first"), &observer, &cancel).await.unwrap();
        seen
    };
    let second = async {
        begins.notified().await;
        let (cancel, seen) = (CancellationToken::new(), Seen::default());
        let options = of("second");
        // Inserts and updates come before what the first is at.
        let report =
            batch_loader::load(store, clients, plan_of_both, &options, &seen, &cancel).await.unwrap();
        assert_eq!(report.tables["account"].requests, 0);
        batch_loader::settle(store, clients, plan_of_both, &options, &seen, &cancel).await.unwrap();
        seen
    };
    let (first, second) = tokio::join!(first, second);
    let sent = |seen: &Seen| seen.count(|event| matches!(event, Event::Sending { pass: Pass::Lookups, .. }));
    assert!(sent(&first) > 0 && sent(&second) > 3, "{} and {}", sent(&first), sent(&second));
    let waited = |event: &Event| matches!(event, Event::Others { pass: Pass::Insert | Pass::Update, .. });
    assert_eq!(second.count(waited), 0, "it did not wait for the other");
    assert_eq!(content(&world).await, pairs(200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_slept_past_its_lease_sends_nothing_more_and_records_nothing() {
    let mut world = World::start().await;
    world.options.lease = patient(400);
    world.options.request_timeout = Duration::from_millis(150);
    let plan = plan(&world).await;
    stage_pairs(&world, 40).await;
    // The first worker stands still at its first answer, as under SIGSTOP, until the second has taken over.
    // With one request at a time, none is between its last look at the lease and the wire at that moment.
    let sleeper = Options { worker: "sleeper".to_owned(), in_flight: Some(1), ..world.options.clone() };
    let slept = Mutex::new(false);
    let falls_asleep = |event: &Event| {
        if matches!(event, Event::Answered { .. }) && !std::mem::replace(&mut *slept.lock().unwrap(), true) {
            std::thread::sleep(patient(900));
        }
    };
    let cancel = CancellationToken::new();
    let (store, plan_of_both) = (&world.store, &plan);
    let second = Options { worker: "second".to_owned(), ..world.options.clone() };
    let handle = tokio::runtime::Handle::current();
    let late = std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let client = [crate::world::client(&world.emulator, "user-1")];
            runtime.block_on(batch_loader::load(
                store,
                &client,
                plan_of_both,
                &sleeper,
                &falls_asleep,
                &cancel,
            ))
        });
        let other = scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let client = [crate::world::client(&world.emulator, "user-2")];
            let quiet = Seen::default();
            runtime
                .block_on(batch_loader::load(store, &client, plan_of_both, &second, &quiet, &cancel))
                .unwrap();
        });
        // The emulator runs on this test's runtime.
        tokio::task::block_in_place(|| {
            handle.block_on(async {
                while !(first.is_finished() && other.is_finished()) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            });
        });
        other.join().unwrap();
        first.join().unwrap()
    });
    late.unwrap();
    world.settle(&plan).await.unwrap();
    assert_eq!(content(&world).await, pairs(40));
}
