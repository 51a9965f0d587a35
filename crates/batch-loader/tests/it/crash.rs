//! The loader dies at any event, and the next run ends where an undisturbed one would have.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use batch_loader::{Event, Observer, Plan};
use dataverse_emulator::{FaultKind, FaultRule};
use tokio::sync::Notify;

use crate::lookups::{content, pairs, plan, stage_pairs};
use crate::world::{World, patient};

/// Asks for the end at its n-th event.
struct Killer {
    at: usize,
    seen: AtomicUsize,
    now: Notify,
}

impl Killer {
    fn at(at: usize) -> Self {
        Self { at, seen: AtomicUsize::new(0), now: Notify::new() }
    }
}

impl Observer for Killer {
    fn event(&self, _event: &Event) {
        if self.seen.fetch_add(1, Ordering::Relaxed) + 1 == self.at {
            self.now.notify_one();
        }
    }
}

const PAIRS: usize = 24;

async fn world() -> (World, Plan) {
    let mut world = World::start().await;
    world.options.lease = patient(600);
    world.options.request_timeout = Duration::from_millis(300);
    world.options.chunk_rows = 12;
    let mut plan = plan(&world).await;
    for table in plan.waves.iter_mut().flatten() {
        table.batch = Some(4);
    }
    stage_pairs(&world, PAIRS).await;
    (world, plan)
}

/// Runs load and settling until the killer's event; what is in the future then is dropped, as by a crash.
async fn run(world: &World, plan: &Plan, killer: &Killer) {
    tokio::select! {
        biased;
        () = killer.now.notified() => {}
        () = async {
            world.load_seen(plan, killer).await.unwrap();
            world.settle_seen(plan, killer).await.unwrap();
        } => {}
    }
}

async fn events_of_an_undisturbed_run() -> usize {
    let (world, plan) = world().await;
    let killer = Killer::at(usize::MAX);
    run(&world, &plan, &killer).await;
    assert_eq!(content(&world).await, pairs(PAIRS));
    killer.seen.load(Ordering::Relaxed)
}

/// Kills at event `n` while every fourth answer is lost, then runs again and compares. Returns the requests that the
/// first death left without outcome.
async fn dies_and_recovers(n: usize) -> u64 {
    let (mut world, plan) = world().await;
    world.faults([FaultRule::new(FaultKind::LoseAnswer).on_method("POST").every(4).times(3)]);
    run(&world, &plan, &Killer::at(n)).await;
    let left = world.count("SELECT COUNT(*) FROM target_Request WHERE State = 'sent'").await;
    // A second death, in the middle of the recovery.
    world.options.worker = format!("second-{n}");
    run(&world, &plan, &Killer::at(n / 2 + 1)).await;
    world.options.worker = format!("third-{n}");
    let report = world.load(&plan).await.unwrap();
    assert!(report.tables.values().all(|table| table.strays.is_empty()), "killed at {n}: {report:?}");
    let settled = world.settle(&plan).await.unwrap();
    assert!(settled.is_clean(), "killed at {n}: {settled:?}");
    assert_eq!(content(&world).await, pairs(PAIRS), "killed at event {n}");
    for table in ["account", "contact"] {
        let sql = format!("SELECT COUNT(*) FROM target_{table} WHERE DataMigration_ProcessingFlag <> 'P'");
        assert_eq!(world.count(&sql).await, 0, "killed at {n}: every row of {table} is processed");
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM target_Request WHERE State = 'sent'").await, 0);
    left
}

#[test]
fn a_load_can_be_given_to_a_task_of_its_own() {
    fn is_send<T: Send>(_: impl FnOnce(&'static World, &'static Plan, &'static Killer) -> T) {}
    is_send(|world, plan, killer| world.load_seen(plan, killer));
    is_send(|world, plan, killer| world.settle_seen(plan, killer));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_event_the_loader_dies_at_the_next_run_ends_in_the_same_content() {
    let events = events_of_an_undisturbed_run().await;
    // Every event in the nightly run, a spread of them otherwise.
    let step: usize = std::env::var("CRASH_STEP").ok().and_then(|step| step.parse().ok()).unwrap_or(7);
    let points: Vec<usize> = (1..=events).step_by(step).collect();
    let mut left = 0;
    for several in points.chunks(6) {
        left += futures::future::join_all(several.iter().map(|n| dies_and_recovers(*n)))
            .await
            .iter()
            .sum::<u64>();
    }
    assert!(left > points.len() as u64, "deaths leave requests in doubt, or they were too gentle: {left}");
}
