//! What a load decides and does, as numbers for whoever collects them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use batch_loader::{Event, Options};
use dataverse_emulator::{FaultKind, FaultRule};
use staging_schema::{TargetTable, Value};
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::world::{Seen, World, text, waves};

/// Collects metrics as `tracing-opentelemetry` does, by the first part of a field's name: those of one test, which stays on one
/// thread.
#[derive(Debug, Clone)]
struct Metrics(Arc<Mutex<BTreeMap<&'static str, f64>>>, ThreadId);

impl Metrics {
    /// A metric without its fraction.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
    fn whole(&self, name: &str) -> u64 {
        self.0.lock().unwrap()[name] as u64
    }
}

impl<S: Subscriber> Layer<S> for Metrics {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if std::thread::current().id() == self.1 {
            event.record(&mut self.clone());
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
impl Visit for Metrics {
    fn record_f64(&mut self, field: &Field, value: f64) {
        let mut known = self.0.lock().unwrap();
        match field.name().split_once('.') {
            Some(("gauge", name)) => drop(known.insert(name, value)),
            Some(("monotonic_counter", name)) => *known.entry(name).or_default() += value,
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record_f64(field, value as f64);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.record_f64(field, value as f64);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// Of 1,000 rows every tenth is too long, and one answer is lost: requests must become smaller and fewer.
#[tokio::test]
async fn decisions_and_work_are_metrics() {
    let mut world = World::start().await;
    let table = TargetTable::new("account", vec![text("name", 400)]).unwrap();
    let mut accounts = world.table(table.clone()).await;
    accounts.batch = None;
    let plan = waves(vec![vec![accounts]]);
    world.prepare(&plan).await;
    let name = |n: u32| Value::from(if n.is_multiple_of(10) { "x".repeat(300) } else { format!("A{n}") });
    world.stage(&table, &["name"], (0..1_000).map(|n| vec![format!("k{n}").into(), name(n)]).collect()).await;
    world.options = Options { in_flight: None, chunk_rows: 500, ..world.options.clone() };
    world.faults([FaultRule::new(FaultKind::LoseAnswer).on_path("*CreateMultiple").times(1)]);
    let (metrics, seen) = (Metrics(Arc::default(), std::thread::current().id()), Seen::default());
    // For all threads: an event that another test meets first would otherwise be taken for one that nobody wants.
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(metrics.clone())).unwrap();
    tracing::callsite::rebuild_interest_cache();
    let report = world.load_seen(&plan, &seen).await.unwrap();

    let done = &report.tables["account"];
    assert_eq!((done.loaded + done.adopted, done.errors), (900, 100));
    assert_eq!(metrics.whole("dataverse_requests"), done.requests);
    // Rows whose answer was lost are found, not answered.
    assert!(metrics.whole("dataverse_rows") + done.adopted >= 900, "{metrics:?}");
    assert_eq!(metrics.whole("dataverse_throttled"), 0);
    assert!(metrics.0.lock().unwrap()["dataverse_execution_seconds"] > 0.0, "{metrics:?}");
    let events = seen.0.into_inner().unwrap();
    let in_flight = events.iter().rev().find_map(|event| match event {
        Event::Concurrency { in_flight, .. } => Some(*in_flight),
        _ => None,
    });
    assert_eq!(
        in_flight.unwrap() as u64,
        metrics.whole("dataverse_requests_in_flight"),
        "as it was told last"
    );
    let rows = events.iter().rev().find_map(|event| match event {
        Event::BatchSize { rows, .. } => Some(*rows),
        _ => None,
    });
    assert_eq!(rows.unwrap() as u64, metrics.whole("dataverse_rows_per_request"), "as it was told last");
}
