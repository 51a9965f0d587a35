//! What the service allows is used, and what was decided can be read afterwards.

use std::time::Duration;

use batch_loader::{Event, Options, PaceMemory, PaceOptions};
use dataverse_emulator::{FaultKind, FaultRule, Limits, Routing};
use staging_schema::TargetTable;
use staging_store::contract::TEST_SERVER;
use tokio_util::sync::CancellationToken;

use crate::world::{Seen, World, client, named, text, waves};

/// How much faster than real time runs in a test that measures how near to the limit a load comes: where a server keeps the
/// staging database, the service must be the slower of the two.
fn speed() -> f64 {
    if std::env::var_os(TEST_SERVER).is_some() { 0.5 } else { 4.0 }
}

/// Limits that are met within seconds, on two servers.
fn small() -> Limits {
    Limits {
        enabled: true,
        requests: 300,
        execution_ms: 60_000,
        concurrent: 52,
        window_seconds: 30,
        servers: 2,
        routing: Routing::Requests,
        time_scale: speed(),
        latency_ms: 500.0,
        ..Limits::default()
    }
}

/// The window of the limits in real time.
fn window() -> Duration {
    Duration::from_secs(30).div_f64(speed())
}

fn paced(world: &World, window: Duration) -> Options {
    Options {
        in_flight: None,
        chunk_rows: 500,
        lease: Duration::from_mins(1),
        request_timeout: Duration::from_secs(10),
        pace: PaceOptions { window, ..PaceOptions::default() },
        ..world.options.clone()
    }
}

#[tokio::test]
async fn two_users_load_at_the_limit_and_hardly_a_request_is_throttled() {
    let mut world = World::start().await;
    let table = TargetTable::new("task", vec![text("subject", 200)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&table, &["subject"], named("t", 6_400)).await;
    world.options = paced(&world, window());
    world.emulator.set_limits(small());
    let clients = [client(&world.emulator, "user-1"), client(&world.emulator, "user-2")];
    let (seen, cancel) = (Seen::default(), CancellationToken::new());
    let started = tokio::time::Instant::now();
    let report =
        batch_loader::load(&world.store, &clients, &plan, &world.options, &seen, &cancel).await.unwrap();
    let elapsed = started.elapsed().as_secs_f64();
    assert_eq!((report.tables["task"].loaded, report.tables["task"].errors), (6_400, 0));

    // 2 users x 2 servers x 10 rows x min(300 requests / 30 s, 60 s / 30 s / 0.5 s) in time that runs so much faster.
    let reached = 6_400.0 / (2.0 * 2.0 * 10.0 * 4.0 * speed()) / elapsed;
    assert!(reached >= 0.7, "{reached:.2} of the limit, the ramp-up included");
    let stats = world.emulator.stats();
    let throttled: u64 = stats.throttled.values().sum();
    assert!(throttled * 50 <= stats.requests, "{throttled} of {} requests were throttled", stats.requests);
    let users = "SELECT COUNT(DISTINCT ApplicationUser) FROM target_Request";
    assert_eq!(world.count(users).await, 2, "both users worked");
    let learnt =
        "SELECT COUNT(*) FROM migration_Pace WHERE ApplicationUser IS NOT NULL AND WindowMilliseconds > 0";
    assert!(world.count(learnt).await >= 4, "what the service allows was learnt and written down");
    let tables = "SELECT SUM(Rows) FROM migration_Pace WHERE TargetTable = 'task' AND Pass = 'insert'";
    assert_eq!(world.count(tables).await, 6_400);
}

#[tokio::test]
async fn while_one_user_must_wait_the_others_do_the_work() {
    let mut world = World::start().await;
    let table = TargetTable::new("task", vec![text("subject", 200)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&table, &["subject"], named("t", 600)).await;
    world.options = paced(&world, Duration::from_mins(5));
    world.options.chunk_rows = 50;
    let clients = [client(&world.emulator, "user-1"), client(&world.emulator, "user-2")];
    // The first write of all is refused; its user waits longer than the others take.
    let retry_after = if std::env::var_os(TEST_SERVER).is_some() { 60 } else { 2 };
    let refused = FaultRule::new(FaultKind::Throttle).on_path("*CreateMultiple").times(1);
    world.faults([FaultRule { retry_after, ..refused }]);
    let (seen, cancel) = (Seen::default(), CancellationToken::new());
    let report =
        batch_loader::load(&world.store, &clients, &plan, &world.options, &seen, &cancel).await.unwrap();
    assert_eq!(report.tables["task"].loaded, 600);
    assert_eq!(seen.count(|event| matches!(event, Event::Throttled { answers: 1, .. })), 1);
    let most =
        "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM target_Request GROUP BY ApplicationUser) AS users";
    assert!(world.count(most).await >= 50, "the user that need not wait does nearly all 60 requests");
}

/// The most requests that a load of `requests` had in flight at a time, at a service that takes half a second of its time.
async fn peak(requests: usize, memory: &PaceMemory) -> u64 {
    let mut world = World::start().await;
    let table = TargetTable::new("task", vec![text("subject", 200)]).unwrap();
    let plan = waves(vec![vec![world.table(table.clone()).await]]);
    world.prepare(&plan).await;
    world.stage(&table, &["subject"], named("t", 10 * requests)).await;
    world.options = Options { memory: memory.clone(), ..paced(&world, window()) };
    world.emulator.set_limits(Limits { requests: 100_000, execution_ms: 10_000_000, servers: 1, ..small() });
    assert_eq!(world.load(&plan).await.unwrap().tables["task"].loaded, 10 * requests as u64);
    world.emulator.stats().peak_concurrency
}

#[tokio::test]
async fn what_one_call_learns_about_a_user_the_next_one_knows() {
    let memory = PaceMemory::default();
    let climbed = peak(400, &memory).await;
    assert!(climbed >= 10, "{climbed} requests at a time");
    let (knowing, new) = (peak(12, &memory).await, peak(12, &PaceMemory::default()).await);
    assert!(new < knowing, "{new} at a time without, {knowing} with what was learnt");
    assert!(knowing >= 10, "{knowing} of 12 at a time, since {climbed} were good before");
}
