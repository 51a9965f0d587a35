//! What a load decides and does, as numbers for whoever collects them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use batch_loader::{Options, PaceOptions};
use dataverse_emulator::Limits;
use staging_schema::TargetTable;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::world::{World, named, text, waves};

/// Collects metrics as `tracing-opentelemetry` does: by the first part of a field's name.
#[derive(Debug, Clone, Default)]
struct Metrics(Arc<Mutex<BTreeMap<&'static str, f64>>>);

impl Metrics {
    /// A metric without its fraction.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
    fn whole(&self, name: &str) -> u64 {
        self.0.lock().unwrap()[name] as u64
    }
}

impl<S: Subscriber> Layer<S> for Metrics {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut self.clone());
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

#[tokio::test]
async fn decisions_and_work_are_metrics() {
    let mut world = World::start().await;
    let table = TargetTable::new("task", vec![text("subject", 200)]).unwrap();
    let mut tasks = world.table(table.clone()).await;
    tasks.batch = None;
    let plan = waves(vec![vec![tasks]]);
    world.prepare(&plan).await;
    world.stage(&table, &["subject"], named("t", 8_000)).await;
    world.options = Options {
        in_flight: None,
        chunk_rows: 2_000,
        pace: PaceOptions { window: Duration::from_secs(15), ..PaceOptions::default() },
        ..world.options.clone()
    };
    // Time that goes by the request rather than by the row: larger requests and more of them are better.
    let limits =
        Limits { requests: 100_000, execution_ms: 10_000_000, latency_ms: 100.0, ..Limits::default() };
    world.emulator.set_limits(limits);
    let metrics = Metrics::default();
    let collected = tracing::subscriber::set_default(tracing_subscriber::registry().with(metrics.clone()));
    let report = world.load(&plan).await.unwrap();
    drop(collected);

    let done = &report.tables["task"];
    assert_eq!((done.loaded, metrics.whole("dataverse_rows")), (8_000, 8_000));
    assert_eq!(metrics.whole("dataverse_requests"), done.requests);
    assert!(metrics.whole("dataverse_execution_seconds") >= done.requests / 10, "a tenth of a second each");
    assert_eq!(metrics.whole("dataverse_throttled"), 0);
    assert!(metrics.whole("dataverse_requests_in_flight") >= 1, "{metrics:?}");
    assert!(metrics.whole("dataverse_rows_per_request") > 250, "{metrics:?}");
}
