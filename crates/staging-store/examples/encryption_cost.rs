//! What encryption costs on this machine: the same rows into a plain and into an encrypted file, in turn, and read again.
//! Seconds, and seconds of processor time where `/proc` tells them: on a machine that others use, the latter mean more.
//!
//! `cargo run --release -p staging-store --features sqlcipher --example encryption_cost [ROWS]`

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::path::Path;
use std::time::{Duration, Instant};

use staging_schema::{Statement, ddl};
use staging_store::{Existing, Store, StoreOptions};

const COLUMNS: usize = 12;
const ROUNDS: usize = 3;
const RAW_KEY: &str = "x'2DD29CA851E7B56E4697B0E1F08507293D761A05CE4D1B628663F411A8086D99'";
const PASSPHRASE: &str = "correct horse battery staple";

const WORK: [&str; 4] = ["append", "stream", "update in slices", "backup"];

/// Time since it was started, and of this process's threads on a processor.
struct Clock(Instant, Duration);

impl Clock {
    fn start() -> Self {
        Self(Instant::now(), processor())
    }

    /// Seconds, and seconds on a processor.
    fn stop(self) -> [f64; 2] {
        [self.0.elapsed(), processor() - self.1].map(|time| time.as_secs_f64())
    }
}

/// Hundredths of a second in user and system mode: the 14th and 15th field, the 2nd of which may hold blanks.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse().ok()).map(|ticks: u64| Duration::from_millis(ticks * 10)).sum()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rows = std::env::args().nth(1).map_or(Ok(500_000), |rows| rows.parse())?;
    println!("{rows} rows of {COLUMNS} columns, the least of {ROUNDS} rounds: seconds, on a processor");
    let mut best = [[[f64::INFINITY; 2]; WORK.len()]; 2];
    for _ in 0..ROUNDS {
        for (key, best) in [None, Some(RAW_KEY)].into_iter().zip(&mut best) {
            let folder = tempfile::tempdir()?;
            let taken = work(folder.path(), key, rows).await?;
            for (best, taken) in best.iter_mut().flatten().zip(taken.into_iter().flatten()) {
                *best = best.min(taken);
            }
        }
    }
    let [plain, encrypted] = best;
    for (what, (plain, encrypted)) in WORK.iter().zip(plain.iter().zip(encrypted)) {
        let ratio = [encrypted[0] / plain[0], encrypted[1] / plain[1]];
        println!("{what}: plain {plain:.2?}, encrypted {encrypted:.2?}, ratio {ratio:.2?}");
    }
    for (name, key) in [("a raw key", RAW_KEY), ("a passphrase", PASSPHRASE)] {
        println!("a connection with {name}: {:.1?} ms (on a processor the second)", connecting(key).await?);
    }
    Ok(())
}

fn options(path: &Path, key: Option<&str>) -> StoreOptions {
    match key {
        Some(key) => StoreOptions::encrypted_sqlite(path, key),
        None => StoreOptions::sqlite(path),
    }
}

async fn work(
    folder: &Path,
    key: Option<&str>,
    rows: usize,
) -> Result<[[f64; 2]; WORK.len()], Box<dyn std::error::Error>> {
    let path = folder.join("staging.db");
    let store = Store::open(options(&path, key)).await?;
    let names: Vec<_> = (0..COLUMNS).map(|column| format!("Column{column}")).collect();
    let source = ddl::SourceTable::new("Account", &names)?;
    store.execute(&source.create()).await?;
    let filled = source.filled_columns();

    let start = Clock::start();
    let mut appender = store.append(&source.name(), &filled);
    let mut batch = appender.batch();
    for row in 0..rows {
        for column in 0..filled.len() {
            batch.push_display(format_args!("value {} of row {row}", (row * 31 + column * 7) % 1_000));
        }
        if appender.is_full(&batch) {
            batch = appender.push(batch).await?;
        }
    }
    appender.push(batch).await?;
    appender.finish().await?;
    let append = start.stop();

    let start = Clock::start();
    let all = Statement::new(|d| format!("SELECT * FROM {}", d.table(&source.name())), vec![]);
    let mut stream = store.stream(&all).await?;
    while stream.next().await?.is_some() {}
    let streamed = start.stop();

    let start = Clock::start();
    let change = |slice: std::ops::RangeInclusive<i64>| {
        let row_id = staging_schema::control::ROW_ID;
        Statement::new(
            |d| {
                let (table, row_id) = (d.table(&source.name()), d.quote(row_id));
                format!(
                    "UPDATE {table} SET Column0 = Column1 WHERE {row_id} BETWEEN {} AND {}",
                    d.param(1),
                    d.param(2)
                )
            },
            vec![(*slice.start()).into(), (*slice.end()).into()],
        )
    };
    store.in_slices(&source.name(), staging_store::SLICE_ROWS, change).await?;
    let changed = start.stop();

    let start = Clock::start();
    let copy = folder.join("copy.db");
    store
        .query(&staging_schema::backup::copy(&copy.to_string_lossy(), staging_schema::backup::Earlier::Keep))
        .await?;
    let copied = start.stop();
    store.close().await?;
    Ok([append, streamed, changed, copied])
}

/// Milliseconds until a file that is there is open for reading, which takes one connection.
async fn connecting(key: &str) -> Result<[f64; 2], Box<dyn std::error::Error>> {
    const TIMES: u32 = 10;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("staging.db");
    Store::open(options(&path, Some(key))).await?.close().await?;
    let start = Clock::start();
    for _ in 0..TIMES {
        let existing = Existing::ReadOnly;
        Store::open(StoreOptions { existing, ..options(&path, Some(key)) }).await?.close().await?;
    }
    Ok(start.stop().map(|seconds| seconds * 1_000.0 / f64::from(TIMES)))
}
