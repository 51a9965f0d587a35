//! One bad row costs little.

use std::time::Duration;

use batch_loader::{Event, LoadTable, Options};
use dataverse_emulator::{FaultKind, FaultRule, Options as EmulatorOptions, Settings};
use staging_schema::{TargetTable, Value};

use crate::world::{Seen, World, lookup, named, quick, text, waves};

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

/// Rows of which every hundredth has a name that is too long.
fn one_percent_bad(count: usize) -> Vec<Vec<Value>> {
    let mut rows = named("a", count);
    for row in rows.iter_mut().skip(50).step_by(100) {
        row[1] = Value::from("x".repeat(300));
    }
    rows
}

#[tokio::test]
async fn one_percent_of_bad_rows_costs_two_requests_for_each_that_fails_and_makes_requests_smaller() {
    let mut world = World::start().await;
    let (lease, request_timeout) = (Duration::from_mins(1), Duration::from_secs(20));
    world.options = Options { chunk_rows: 5_000, in_flight: None, lease, request_timeout, ..quick() };
    let table = TargetTable::new("account", vec![text("name", 400)]).unwrap();
    let mut planned = world.table(table.clone()).await;
    planned.batch = None;
    let profile = planned.profile().rows as usize;
    let plan = waves(vec![vec![planned]]);
    world.prepare(&plan).await;
    let count = 6_000;
    world.stage(&table, &["name"], one_percent_bad(count)).await;

    let seen = Seen::default();
    let report = world.load_seen(&plan, &seen).await.unwrap();
    let account = &report.tables["account"];
    assert_eq!((account.loaded, account.errors), (5_940, 60));
    assert!(world.errors("account").await.iter().all(|error| error.2.as_deref() == Some("name")));

    let events = seen.0.lock().unwrap();
    let of =
        |wanted: &dyn Fn(&Event) -> Option<usize>| events.iter().filter_map(wanted).collect::<Vec<usize>>();
    let failed = of(&|event| match event {
        Event::Isolated { rows, .. } => Some(*rows),
        _ => None,
    });
    let followed = of(&|event| match event {
        Event::Sending { rows, isolates: true, .. } => Some(*rows),
        _ => None,
    });
    assert!(failed[0] >= profile, "it starts from the profile: {failed:?}");
    let refused = world.emulator.stats().by_status[&400];
    assert_eq!(refused, failed.len() as u64, "what the loader tells is what the service has seen");
    let requests = failed.len() + followed.len();
    assert!(requests * 10 <= 21 * failed.len(), "{requests} requests for {} that failed", failed.len());
    // Each row of a refused request was executed in it, and again for its own outcome.
    let (in_failed, again) = (failed.iter().sum::<usize>(), followed.iter().sum::<usize>());
    assert!((in_failed + again) * 10 <= 21 * in_failed, "{in_failed} rows, {again} again");
    let smallest = of(&|event| match event {
        Event::BatchSize { rows, .. } => Some(*rows),
        _ => None,
    });
    assert!(smallest.iter().min().is_some_and(|rows| *rows <= 60), "requests get smaller: {smallest:?}");
    // With 250 rows a request, nearly all of them would have failed.
    assert!(in_failed < count * 3 / 4, "{in_failed} of {count} rows were executed in vain");
}

#[tokio::test]
async fn a_request_that_is_too_large_is_halved_and_the_next_ones_are_smaller() {
    let settings = Settings { max_body_bytes: 8_000, ..Settings::default() };
    let mut world = World::with(EmulatorOptions { settings, ..EmulatorOptions::default() }).await;
    world.options.chunk_rows = 1_000;
    world.options.lease = Duration::from_mins(1);
    world.options.request_timeout = Duration::from_secs(20);
    let table = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let mut planned = world.table(table.clone()).await;
    planned.batch = None;
    let plan = waves(vec![vec![planned]]);
    world.prepare(&plan).await;
    world.stage(&table, &["name"], named("a", 2_000)).await;
    let seen = Seen::default();
    let report = world.load_seen(&plan, &seen).await.unwrap();
    assert_eq!((report.tables["account"].loaded, report.tables["account"].errors), (2_000, 0));
    let refused = seen.count(|event| matches!(event, Event::Isolated { .. }));
    assert!((1..=40).contains(&refused), "{refused} requests were too large");
    assert!(seen.count(|event| matches!(event, Event::BatchSize { rows, .. } if *rows < 130)) > 0);
}

#[tokio::test]
async fn after_a_deadlock_rows_of_one_parent_are_never_in_two_requests_at_once() {
    let mut world = World::start().await;
    world.options = Options { chunk_rows: 60, in_flight: Some(6), ..quick() };
    let accounts = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let contacts =
        TargetTable::new("contact", vec![text("lastname", 50), lookup("parentcustomerid", "account")])
            .unwrap();
    let plan = waves(vec![
        vec![world.table(accounts.clone()).await],
        vec![LoadTable { batch: Some(5), ..world.table(contacts.clone()).await }],
    ]);
    world.prepare(&plan).await;
    world.stage(&accounts, &["name"], named("a", 6)).await;
    let row =
        |n: usize| vec![format!("c{n}").into(), format!("Contact {n}").into(), format!("a{}", n % 6).into()];
    world.stage(&contacts, &["lastname", "parentcustomerid_SourceKey"], (0..240).map(row).collect()).await;
    world.faults([FaultRule::new(FaultKind::Deadlock).on_path("contacts*CreateMultiple").times(1)]);
    let seen = Seen::default();
    let report = world.load_seen(&plan, &seen).await.unwrap();
    assert_eq!((report.tables["contact"].loaded, report.tables["contact"].errors), (240, 0));
    assert_eq!(seen.count(|event| matches!(event, Event::Spread { .. })), 1);

    // From the second chunk on, each request holds the contacts of one or two accounts and no two at once share one.
    let sql = "SELECT q.RequestId, COUNT(DISTINCT c.parentcustomerid) FROM target_Request q \
               JOIN target_contact_Success s ON s.RequestId = q.RequestId \
               JOIN target_contact c ON c.DataMigration_RowId = s.RowId WHERE c.DataMigration_RowId > 180 \
               GROUP BY q.RequestId";
    let rows = world.query(sql).await;
    assert!(!rows.is_empty() && rows.iter().all(|row| row.integer(1).unwrap() <= 2), "{}", rows.len());
}
