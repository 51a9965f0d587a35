//! Loads under the service's limits, time running ten times as fast, and prints the curve of concurrency, batch size and
//! rows per second: the loader as it is, or with fixed settings as other tools use them.
//!
//! `cargo run --release --example load_pace -- [SETTING] [USERS] [SERVERS] [WINDOWS] [MS PER REQUEST] [MS PER ROW]`
//!
//! SETTING is `adaptive`, `adaptive/20` (20 rows a request) or, as in `10x100`, requests at once and rows of each.
//! Milliseconds are emulated ones. Half-way the service becomes half as fast if SETTING ends in `!`, twice as fast if it ends
//! in `+`.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use batch_loader::{Event, LoadTable, Options, PaceOptions, Plan, Strategy, load};
use dataverse_client::{Client, Options as ClientOptions, StaticToken};
use dataverse_emulator::{Emulator, Keep, Limits, Options as EmulatorOptions, Routing, Settings};
use staging_schema::{StagedColumn, StagedKind, TargetTable, control};
use staging_store::{Store, StoreOptions};
use tokio_util::sync::CancellationToken;

/// Emulated seconds in a real one.
const SCALE: f64 = 10.0;
const WINDOW: f64 = 300.0 / SCALE;
/// Emulated seconds after which it is looked how fast rows went.
const SLICE: f64 = 10.0;
const SLICES_PER_MINUTE: u32 = 6;

struct Setting {
    in_flight: Option<u32>,
    batch: Option<u32>,
    /// How fast the service is from half-way on.
    speed: Option<f64>,
}

impl Setting {
    fn read(text: &str) -> anyhow::Result<Self> {
        let (text, speed) = match (text.strip_suffix('!'), text.strip_suffix('+')) {
            (Some(text), _) => (text, Some(0.5)),
            (_, Some(text)) => (text, Some(2.0)),
            _ => (text, None),
        };
        let (in_flight, batch) = match (text.strip_prefix("adaptive"), text.split_once('x')) {
            (Some(""), _) => (None, None),
            (Some(batch), _) => (None, Some(batch.trim_start_matches('/').parse()?)),
            (None, Some((in_flight, batch))) => (Some(in_flight.parse()?), Some(batch.parse()?)),
            (None, None) => anyhow::bail!("{text} is neither `adaptive` nor like 10x100"),
        };
        Ok(Self { in_flight, batch, speed })
    }
}

/// What is seen from outside.
#[derive(Default)]
struct Seen {
    rows: AtomicU64,
    batch: AtomicU64,
    in_flight: AtomicU64,
    /// Requests that were answered, and the microseconds that they took.
    answered: AtomicU64,
    took: AtomicU64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, usual: f64| arguments.get(at).map_or(Ok(usual), |text| text.parse());
    let setting = Setting::read(arguments.first().map_or("adaptive", String::as_str))?;
    let (users, servers, windows) = (number(1, 1.0)?, number(2, 2.0)?, number(3, 3.0)?);
    let (per_request, per_row) = (number(4, 100.0)?, number(5, 40.0)?);

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few servers")]
    let limits = Limits {
        servers: servers as usize,
        routing: Routing::Requests,
        time_scale: SCALE,
        latency_ms: per_request,
        latency_per_row_ms: per_row,
        ..Limits::default()
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few users")]
    let users = users as u32;
    let emulator = Emulator::start(EmulatorOptions {
        limits: limits.clone(),
        users,
        settings: Settings { keep: Keep::Keys, ..Settings::default() },
        ..EmulatorOptions::default()
    })
    .await?;
    let client = |user: u32| -> anyhow::Result<Client> {
        let token = Arc::new(StaticToken::new(format!("user-{user}")));
        Ok(Client::new(ClientOptions::new(emulator.url().parse()?, token))?)
    };
    let clients: Vec<Client> = (1..=users).map(client).collect::<Result<_, _>>()?;

    let folder = tempfile::tempdir()?;
    let store = Store::open(StoreOptions::sqlite(folder.path().join("staging.db"))).await?;
    let staged = TargetTable::new("task", vec![StagedColumn::new("subject", StagedKind::Text { max: 200 })])?;
    store.ensure_tables(std::slice::from_ref(&staged)).await?;
    // What the limits allow with the most rows that the time ceiling has room for, and a little more.
    let batch = setting.batch.map_or(10_000.0 / per_row, f64::from);
    let speed = setting.speed.unwrap_or(1.0);
    let allowed = |batch: f64, speed: f64| {
        let took = (per_request + per_row * batch) / 1_000.0 / speed;
        f64::from(users) * servers * batch * 20.0_f64.min(4.0 / took).min(52.0 / took)
    };
    stage(&store, &staged, allowed(batch, speed.max(1.0)) * 300.0 * (windows + 0.5)).await?;

    let definition = clients[0].table_definition("task").await?.context("the target has no tasks")?;
    let mut table =
        LoadTable::new(Arc::new(definition), staged, Strategy::SequenceNumber { base: 1_500_000_000 });
    table.batch = setting.batch;
    let plan = Plan { waves: vec![vec![table]], ..Plan::default() };
    let options = Options {
        in_flight: setting.in_flight,
        max_in_flight: 400,
        sweep: batch_loader::Sweep::Never,
        pace: PaceOptions {
            plans_budget: setting.in_flight.is_none(),
            window: Duration::from_secs_f64(WINDOW),
            ..PaceOptions::default()
        },
        batch: batch_loader::BatchOptions { ceiling: Duration::from_secs(1), ..Default::default() },
        ..Options::default()
    };

    let seen = Seen::default();
    seen.batch.store(setting.batch.unwrap_or(250).into(), Ordering::Relaxed);
    seen.in_flight.store(setting.in_flight.unwrap_or(limits.dop_hint).into(), Ordering::Relaxed);
    let observer = |event: &Event| match event {
        Event::Recorded { succeeded, .. } => {
            seen.rows.fetch_add(*succeeded, Ordering::Relaxed);
        }
        Event::Answered { elapsed, .. } => {
            seen.answered.fetch_add(1, Ordering::Relaxed);
            seen.took.fetch_add(u64::try_from(elapsed.as_micros()).unwrap_or_default(), Ordering::Relaxed);
        }
        Event::BatchSize { rows, .. } => seen.batch.store(*rows as u64, Ordering::Relaxed),
        Event::Concurrency { in_flight, .. } => seen.in_flight.store(*in_flight as u64, Ordering::Relaxed),
        _ => {}
    };
    let cancel = CancellationToken::new();
    let loading = load(&store, &clients, &plan, &options, &observer, &cancel);
    let watching = async {
        println!("minute   at most in flight   rows a request   rows/s   throttled");
        let (start, mut rows, mut at_change) = (Instant::now(), 0, (0, 0.0_f64));
        let (mut before, mut followed) = (0, None);
        for slice in 1.. {
            let due = Duration::from_secs_f64(f64::from(slice) * SLICE / SCALE);
            tokio::time::sleep(due.saturating_sub(start.elapsed())).await;
            let now = seen.rows.load(Ordering::Relaxed);
            let elapsed = start.elapsed().as_secs_f64() * SCALE;
            #[expect(clippy::cast_precision_loss, reason = "rows of one request")]
            let limit = allowed(seen.batch.load(Ordering::Relaxed) as f64, speed);
            #[expect(clippy::cast_precision_loss, reason = "counts")]
            let rate = (now - std::mem::replace(&mut before, now)) as f64 / SLICE;
            // What was sent before the change is still answered for a while.
            let is_settled = if speed < 1.0 { rate <= 1.2 * limit } else { rate >= 0.9 * limit };
            if at_change.1 > 0.0 && followed.is_none() && is_settled {
                followed = Some(elapsed - at_change.1);
            }
            if setting.speed.is_some() && at_change.1 <= 0.0 && elapsed >= windows * 150.0 {
                // The windows go on: only the speed changes.
                let (latency_ms, latency_per_row_ms) = (per_request / speed, per_row / speed);
                emulator.set_limits(Limits { latency_ms, latency_per_row_ms, ..limits.clone() });
                at_change = (now, elapsed);
            }
            if slice % SLICES_PER_MINUTE == 0 {
                let throttled: u64 = emulator.stats().throttled.values().sum();
                println!(
                    "{:>6}   {:>17}   {:>14}   {:>6}   {throttled:>9}",
                    slice / SLICES_PER_MINUTE,
                    seen.in_flight.load(Ordering::Relaxed),
                    seen.batch.load(Ordering::Relaxed),
                    (now - rows) / 60
                );
                rows = now;
            }
            if elapsed >= windows * 300.0 {
                break;
            }
        }
        if let Some(followed) = followed {
            println!("the change after {:.0} s was followed within {followed:.0} s", at_change.1);
        }
        let elapsed = start.elapsed().as_secs_f64() * SCALE;
        cancel.cancel();
        (elapsed, at_change)
    };
    let (outcome, (elapsed, at_change)) = tokio::join!(loading, watching);
    if let Err(error) = outcome
        && !error.is_stop()
    {
        return Err(error.into());
    }
    let stats = emulator.stats();
    #[expect(clippy::cast_precision_loss, reason = "counts")]
    let (rows, requests, throttled) = (
        (seen.rows.load(Ordering::Relaxed) - at_change.0) as f64,
        stats.requests as f64,
        stats.throttled.values().sum::<u64>() as f64,
    );
    let rate = rows / (elapsed - at_change.1);
    let last = seen.batch.load(Ordering::Relaxed);
    #[expect(clippy::cast_precision_loss, reason = "rows of one request")]
    let limit = allowed(last as f64, speed);
    println!(
        "{users} users, {servers} servers, {:.0} s: {rate:.0} rows/s, {:.1} % of the {limit:.0} allowed at {last} rows a request, {:.2} % of {requests} requests throttled",
        elapsed,
        100.0 * rate / limit,
        100.0 * throttled / requests,
    );
    #[expect(clippy::cast_precision_loss, reason = "counts")]
    let took = seen.took.load(Ordering::Relaxed) as f64 * SCALE
        / 1e6
        / (seen.answered.load(Ordering::Relaxed) as f64).max(1.0);
    let measured =
        f64::from(users) * servers * 20.0_f64.min(4.0 / took).min(52.0 / took) * (elapsed - at_change.1);
    if setting.batch.is_some() && setting.speed.is_none() {
        println!(
            "a request took {took:.2} s on this machine; {:.1} % of the requests that are allowed at that",
            100.0 * rows / f64::from(setting.batch.unwrap_or(1)) / measured,
        );
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rows to stage")]
async fn stage(store: &Store, table: &TargetTable, rows: f64) -> anyhow::Result<()> {
    let names = [control::SOURCE_TABLE, control::SOURCE_KEY, "subject"];
    let mut appender = store.append(&table.name(), names);
    for slice in 0..(rows as u64).div_ceil(10_000) {
        let mut batch = appender.batch();
        for row in slice * 10_000..(slice + 1) * 10_000 {
            batch.push_text("S");
            batch.push_text(&row.to_string());
            batch.push_text(&format!("Task {row}"));
        }
        appender.push(batch).await?;
    }
    appender.finish().await?;
    Ok(())
}
