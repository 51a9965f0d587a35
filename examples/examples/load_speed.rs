//! What a load costs our process: the whole loader over a staging database, and a bare poster of the same bytes.
//!
//! `tests/bench_loader.py` starts it and the emulator. By hand, against an emulator without limits:
//!
//! ```text
//! cargo run --release --example load_speed -- --subject stage --staging /tmp/staging.db --rows 200000
//! cargo run --release --example load_speed -- --subject load  --staging /tmp/staging.db --url URL --batch 100
//! cargo run --release --example load_speed -- --subject bare  --url URL --rows 200000 --batch 100
//! ```
//!
//! `stage` fills `target.task` with rows of ten columns, by SQL; one row in a hundred is too long with `--bad 100`.
//! `bare` posts one body of as many rows, prepared beforehand, again and again: it reads no rows and no ids, and keeps
//! nothing. Prints one line of JSON. CPU time and memory are read from Linux's `/proc`.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use batch_loader::{Event, LoadTable, Options, Plan, Report, Strategy, Sweep, load};
use bytes::Bytes;
use dataverse_client::wire::write::TargetsWriter;
use dataverse_client::{Client, Options as ClientOptions, StaticToken};
use futures::{StreamExt as _, TryStreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use staging_schema::{StagedColumn, StagedKind, Statement, TargetTable, control};
use staging_store::{Store, StoreOptions};
use tokio_util::sync::CancellationToken;

/// Rows that are staged in one transaction.
const SLICE: u64 = 50_000;
/// Where the numbers of the rows begin.
const BASE: i64 = 1_500_000_000;
const SUBJECT: &str = "Call Contoso Workshop and Sons about order ";
const DESCRIPTION: &str = "They asked for an offer \"as soon as possible\", by e-mail.\nSecond line.";

struct Arguments {
    subject: String,
    staging: PathBuf,
    url: String,
    rows: u64,
    batch: u32,
    in_flight: u32,
    /// One row in so many is bad; 0 for none.
    bad: u64,
    sweep: Sweep,
}

fn arguments() -> anyhow::Result<Arguments> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (pairs, []) = words.as_chunks::<2>() else { anyhow::bail!("every option has a value") };
    let value = |name: &str| pairs.iter().find(|[given, _]| given == name).map(|[_, value]| value.clone());
    let number = |name: &str, default: u64| value(name).map_or(Ok(default), |text| text.parse());
    Ok(Arguments {
        subject: value("--subject").context("--subject is missing")?,
        staging: value("--staging").unwrap_or_default().into(),
        url: value("--url").unwrap_or_default(),
        rows: number("--rows", 200_000)?,
        batch: u32::try_from(number("--batch", 100)?)?,
        in_flight: u32::try_from(number("--in-flight", 20)?)?,
        bad: number("--bad", 0)?,
        sweep: match value("--sweep").as_deref() {
            None | Some("yes") => Sweep::BeforeAndAfter,
            Some("no") => Sweep::Never,
            Some(other) => anyhow::bail!("--sweep is yes or no, not {other}"),
        },
    })
}

/// Ten columns of common kinds.
fn task() -> anyhow::Result<TargetTable> {
    let text = |max: u32| StagedKind::Text { max };
    let columns = vec![
        StagedColumn::new("subject", text(200)),
        StagedColumn::new("description", text(2_000)),
        StagedColumn::new("category", text(250)),
        StagedColumn::new("subcategory", text(250)),
        StagedColumn::new("prioritycode", StagedKind::Choice),
        StagedColumn::new("percentcomplete", StagedKind::Integer),
        StagedColumn::new("actualdurationminutes", StagedKind::Integer),
        StagedColumn::new("scheduleddurationminutes", StagedKind::Integer),
        StagedColumn::new("scheduledstart", StagedKind::DateTime),
        StagedColumn::new("scheduledend", StagedKind::DateTime),
    ];
    Ok(TargetTable::new("task", columns)?)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let given = arguments()?;
    let answer = match given.subject.as_str() {
        "stage" => stage(&given).await?,
        "load" => loaded(&given).await?,
        "bare" => bare(&given).await?,
        other => anyhow::bail!("`{other}` is no subject: stage, load, bare"),
    };
    println!("{answer}");
    Ok(())
}

/// What was done since: seconds, processor time and peak memory.
struct Clock {
    started: Instant,
    processor: u64,
}

impl Clock {
    fn start() -> anyhow::Result<Self> {
        // The peak of what came before does not count.
        std::fs::write("/proc/self/clear_refs", "5")?;
        Ok(Self { processor: processor_time()?, started: Instant::now() })
    }

    #[expect(clippy::cast_precision_loss, reason = "counts and times of a benchmark")]
    fn read(&self, rows: u64) -> anyhow::Result<serde_json::Value> {
        let seconds = self.started.elapsed().as_secs_f64();
        let spent = (processor_time()? - self.processor) as f64;
        Ok(serde_json::json!({
            "rows": rows, "seconds": seconds, "rows_per_second": rows as f64 / seconds,
            "cpu_us_per_row": spent / 1_000.0 / rows as f64, "peak_mib": peak_mib()?,
        }))
    }
}

/// Processor time of all threads of this process so far, ended ones included, in nanoseconds.
fn processor_time() -> anyhow::Result<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().context("stat")?.split_whitespace().collect();
    let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    // Linux counts in hundredths of a second.
    Ok(ticks * 10_000_000)
}

/// Highest resident memory of this process.
fn peak_mib() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1_024.0)
}

async fn stage(given: &Arguments) -> anyhow::Result<serde_json::Value> {
    let clock = Clock::start()?;
    let store = Store::open(StoreOptions::sqlite(&given.staging)).await?;
    let table = task()?;
    store.ensure_tables(std::slice::from_ref(&table)).await?;
    let mut first = 1;
    while first <= given.rows {
        let last = given.rows.min(first + SLICE - 1);
        store.execute(&slice(&table, first, last, given.bad)?).await?;
        first = last + 1;
    }
    store.close().await?;
    clock.read(given.rows)
}

/// Rows from `first` to `last`.
fn slice(table: &TargetTable, first: u64, last: u64, bad: u64) -> anyhow::Result<Statement> {
    let (subject, description) = (SUBJECT.to_owned(), DESCRIPTION.to_owned());
    let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let text = |d: staging_schema::Dialect| {
        let names: Vec<String> = [control::SOURCE_TABLE, control::SOURCE_KEY]
            .iter()
            .chain(&columns)
            .map(|name| d.quote(name))
            .collect();
        // A subject may have 200 characters.
        let subject = format!(
            "CASE WHEN {bad} > 0 AND n % MAX({bad}, 1) = 0 THEN printf('%0250d', n) ELSE {} || n END",
            d.param(3)
        );
        format!(
            "INSERT INTO {} ({}) WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers \
             WHERE n < {last}) SELECT 'Task', n, {subject}, {description}, 'Sales', 'Telephone', n % 3, n % 101, n % 600, 30, \
             '2026-11-21T08:00:00Z', '2026-11-21T08:30:00Z' FROM numbers",
            d.table(&table.name()),
            names.join(", "),
            first = d.param(1),
            last = d.param(2),
            description = d.param(4),
        )
    };
    let params =
        vec![i64::try_from(first)?.into(), i64::try_from(last)?.into(), subject.into(), description.into()];
    Ok(Statement::new(text, params))
}

async fn loaded(given: &Arguments) -> anyhow::Result<serde_json::Value> {
    let client = Client::new(ClientOptions::new(given.url.parse()?, Arc::new(StaticToken::new("user-1"))))?;
    let definition = client.table_definition("task").await?.context("the target has no tasks")?;
    let store = Store::open(StoreOptions::sqlite(&given.staging)).await?;
    let clock = Clock::start()?;
    let mut table = LoadTable::new(Arc::new(definition), task()?, Strategy::SequenceNumber { base: BASE });
    table.batch = (given.batch > 0).then_some(given.batch);
    let plan = Plan { waves: vec![vec![table]], ..Plan::default() };
    let options = Options {
        in_flight: (given.in_flight > 0).then_some(given.in_flight),
        sweep: given.sweep,
        ..Options::default()
    };
    let (executed, requests, took) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let observer = |event: &Event| match event {
        Event::Sending { rows, .. } => {
            requests.fetch_add(1, Ordering::Relaxed);
            executed.fetch_add(*rows as u64, Ordering::Relaxed);
        }
        Event::Answered { elapsed, .. } => {
            took.fetch_add(u64::try_from(elapsed.as_millis()).unwrap_or_default(), Ordering::Relaxed);
        }
        _ => {}
    };
    let report: Report =
        load(&store, &[client], &plan, &options, &observer, &CancellationToken::new()).await?;
    let mut answer = clock.read(given.rows)?;
    store.close().await?;
    let bad = given.rows.checked_div(given.bad).unwrap_or(0);
    let table = report.tables.get("task").context("the load reports nothing of its table")?;
    ensure!(
        table.loaded == given.rows - bad && table.errors == bad,
        "not every row is accounted for: {table:?}"
    );
    answer["requests"] = requests.into_inner().into();
    answer["executed_rows"] = executed.into_inner().into();
    answer["execution_ms"] = took.into_inner().into();
    Ok(answer)
}

fn body(rows: i64, bytes_with_number: bool) -> Bytes {
    let mut targets = TargetsWriter::new("task");
    for number in 1..=rows {
        let mut row = targets.row();
        if bytes_with_number {
            row.integer("importsequencenumber", BASE + number);
        }
        row.text("subject", &format!("{SUBJECT}{number}"))
            .text("description", DESCRIPTION)
            .text("category", "Sales")
            .text("subcategory", "Telephone")
            .integer("prioritycode", number % 3)
            .integer("percentcomplete", number % 101)
            .integer("actualdurationminutes", number % 600)
            .integer("scheduleddurationminutes", 30)
            .text("scheduledstart", "2026-11-21T08:00:00Z")
            .text("scheduledend", "2026-11-21T08:30:00Z");
    }
    targets.finish().into()
}

async fn bare(given: &Arguments) -> anyhow::Result<serde_json::Value> {
    let target = format!(
        "{}/api/data/v9.2/tasks/Microsoft.Dynamics.CRM.CreateMultiple",
        given.url.trim_end_matches('/')
    );
    let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .build::<HttpConnector, Full<Bytes>>(HttpConnector::new());
    let body = body(given.batch.into(), true);
    let requests = given.rows.div_ceil(given.batch.into());
    let clock = Clock::start()?;
    let calls = (0..requests).map(|_| {
        let request = http::Request::post(&target)
            .header("Authorization", "Bearer user-1")
            .header("Content-Type", "application/json")
            .header("Accept", "application/json")
            .header("OData-Version", "4.0")
            .header("OData-MaxVersion", "4.0")
            .body(Full::new(body.clone()));
        let client = client.clone();
        async move {
            let answer = client.request(request?).await?;
            ensure!(answer.status().is_success(), "the target answered {}", answer.status());
            answer.into_body().collect().await?;
            Ok(())
        }
    });
    let in_flight = usize::try_from(given.in_flight)?.max(1);
    futures::stream::iter(calls).buffer_unordered(in_flight).try_collect::<()>().await?;
    clock.read(requests * u64::from(given.batch))
}
