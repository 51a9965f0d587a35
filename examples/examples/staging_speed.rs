//! Times the staging database on this machine: rows appended, streamed and recorded as outcomes, per second, beside the
//! `sqlite3` shell's `.import` of the same rows where the shell is installed.
//!
//! `cargo run --release --example staging_speed [ROWS]`

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use staging_schema::lookup::{self, Fill, Parent};
use staging_schema::{
    Levels, Pass, StagedColumn, StagedKind, Statement, SuccessKind, TargetTable, control, ddl, pending,
};
use staging_store::{
    ChunkPlan, NewRequest, RequestEnd, RequestOutcome, SLICE_ROWS, StagedRow, Store, StoreOptions, Success,
    Take, Taken,
};
use uuid::Uuid;

const COLUMNS: usize = 12;
const LEASE: Duration = Duration::from_mins(5);

fn cell(text: &mut String, row: usize, column: usize) {
    text.clear();
    // A `String` takes whatever is written to it.
    let _ = match column {
        0 => write!(text, "001{row:015}"),
        1 => write!(text, "Contoso Workshop and Sons {row}"),
        2 => write!(text, "+43 1 {row:07}"),
        3 | 7 => Ok(()),
        4 => write!(text, "https://example.invalid/{row}"),
        _ => write!(text, "value {}", (row * 31 + column * 7) % 1_000),
    };
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let rows = std::env::args().nth(1).map_or(Ok(1_000_000), |rows| rows.parse())?;
    let folder = tempfile::tempdir()?;
    let store = Store::open(StoreOptions::sqlite(folder.path().join("staging.db"))).await?;
    let names: Vec<_> = (0..COLUMNS).map(|column| format!("Column{column}")).collect();
    let source = ddl::SourceTable::new("Account", &names)?;
    store.execute(&source.create()).await?;

    let start = Instant::now();
    let mut appender = store.append(&source.name(), source.filled_columns());
    let (mut batch, mut text) = (appender.batch(), String::new());
    for row in 0..rows {
        for column in 0..COLUMNS {
            cell(&mut text, row, column);
            batch.push_option((!text.is_empty()).then_some(text.as_str()));
        }
        batch.push_text("2026-11-21T04:00:00.000Z");
        batch.push_text("Account.csv");
        batch.push_integer(i64::try_from(row)? + 2);
        batch.push_display(format_args!("{row:032x}"));
        if appender.is_full(&batch) {
            batch = appender.push(batch).await?;
        }
    }
    appender.push(batch).await?;
    appender.finish().await?;
    say("appended to source (12 columns and 4 stamps, 20,000 rows per commit)", rows, start);
    import_by_shell(folder.path(), &names, rows)?;

    let start = Instant::now();
    let read = Statement::new(|d| format!("SELECT * FROM {}", d.table(&source.name())), vec![]);
    let mut stream = store.stream(&read).await?;
    let mut streamed = 0;
    while let Some(batch) = stream.next().await? {
        streamed += batch.len();
    }
    say("streamed from source (17 columns)", streamed, start);

    load(&store, rows).await?;
    store.close().await?;
    Ok(())
}

async fn load(store: &Store, rows: usize) -> anyhow::Result<()> {
    let lookup =
        StagedKind::Lookup { targets: vec!["account".into()], multi_table: false, multi_source: false };
    let columns = vec![
        StagedColumn::new("name", StagedKind::Text { max: 160 }),
        StagedColumn::new("telephone1", StagedKind::Text { max: 50 }),
        StagedColumn::new("parentaccountid", lookup),
    ];
    let table = TargetTable::new("account", columns)?;
    store.ensure_tables(std::slice::from_ref(&table)).await?;
    let start = Instant::now();
    let fill = |slice: std::ops::RangeInclusive<i64>| {
        Statement::new(
            |d| {
                format!(
                    "INSERT INTO {} ({}, {}, name, telephone1, parentaccountid_SourceKey) \
                     SELECT 'Account', Column0, Column1, Column2, Column0 FROM {} WHERE {} BETWEEN {} AND {}",
                    d.table(&table.name()),
                    d.quote(control::SOURCE_TABLE),
                    d.quote(control::SOURCE_KEY),
                    d.table(&staging_schema::TableName::source("Account")),
                    d.quote(control::ROW_ID),
                    d.param(1),
                    d.param(2)
                )
            },
            vec![(*slice.start()).into(), (*slice.end()).into()],
        )
    };
    store.in_slices(&staging_schema::TableName::source("Account"), SLICE_ROWS, fill).await?;
    say("source to target, in slices", rows, start);

    let start = Instant::now();
    store
        .cut_chunks(&ChunkPlan { table: &table, pass: Pass::Insert, levels: Levels::All, chunk_rows: 1_000 })
        .await?;
    say("cut into chunks of 1,000", rows, start);
    let (mut reading, mut recording) = (Duration::ZERO, Duration::ZERO);
    let start = Instant::now();
    let take = Take { chunks: 8, lease: LEASE, ..Take::new("speed", "account", Pass::Insert) };
    while let Taken::Chunks(leases) = store.take_chunks(&take).await? {
        for lease in leases {
            let begin = Instant::now();
            let names = ["name", "telephone1", "parentaccountid", "parentaccountid_SourceKey"];
            let read = pending::read(&table, lease.pass, lease.levels, &lease.row_ids(), &names);
            let mut stream = store.stream(&read).await?;
            let mut sent = Vec::new();
            while let Some(batch) = stream.next().await? {
                for row in batch.rows() {
                    sent.push(StagedRow { row_id: row.integer(0)?, generation: row.integer(1)? });
                }
            }
            reading += begin.elapsed();
            let begin = Instant::now();
            let request = NewRequest { id: Uuid::new_v4(), rows: sent, application_user: "speed".into() };
            store.record_requests(&lease, std::slice::from_ref(&request)).await?;
            let successes = request.rows.iter().map(|row| Success {
                row: *row,
                kind: SuccessKind::Created,
                dataverse_id: Some(Uuid::new_v4()),
                owed: vec!["parentaccountid".into()],
            });
            let outcome = RequestOutcome {
                request: Some(request.id),
                end: RequestEnd::Answered,
                successes: successes.collect(),
                errors: Vec::new(),
            };
            store.record_outcomes(&lease, &table, &[outcome], &[]).await?;
            store.finish_chunk(&lease).await?;
            recording += begin.elapsed();
        }
    }
    say("leases, chunk reads, manifest and outcomes, one after another", rows, start);
    println!("  of it reading {reading:.2?}, recording {recording:.2?}");
    let start = Instant::now();
    store.settle_table(&table).await?;
    say("GUIDs copied back, flags settled", rows, start);
    let start = Instant::now();
    let fill = [Fill::new("parentaccountid", [Parent::new("account")])];
    for slice in store.slices(&table.name(), SLICE_ROWS).await? {
        store.execute(&lookup::preload(&table, &fill, &slice)?).await?;
    }
    say("lookups preloaded", rows, start);
    let start = Instant::now();
    store.count(&pending::count(&table, Pass::Lookups, Levels::All)).await?;
    say("pending lookups counted", rows, start);
    let start = Instant::now();
    store.compute_levels(&table, &["parentaccountid"], None).await?;
    say("levels computed (each row its own parent: the worst)", rows, start);
    Ok(())
}

/// Lets the shell import the same rows, if it is there.
fn import_by_shell(folder: &Path, names: &[String], rows: usize) -> anyhow::Result<()> {
    let mut csv = String::new();
    csv.push_str(&names.join(","));
    csv.push('\n');
    let mut text = String::new();
    for row in 0..rows {
        for column in 0..COLUMNS {
            cell(&mut text, row, column);
            csv.push_str(&text);
            csv.push(if column + 1 == COLUMNS { '\n' } else { ',' });
        }
    }
    std::fs::write(folder.join("account.csv"), csv)?;
    let start = Instant::now();
    let shell = Command::new("sqlite3")
        .current_dir(folder)
        .args([
            "-cmd",
            "PRAGMA journal_mode=WAL",
            "-cmd",
            ".mode csv",
            "shell.db",
            ".import account.csv account",
        ])
        .output();
    match shell {
        Ok(output) if output.status.success() => say("the sqlite3 shell's .import (12 columns)", rows, start),
        Ok(_) | Err(_) => println!("the sqlite3 shell is not there: .import skipped"),
    }
    Ok(())
}

fn say(what: &str, rows: usize, start: Instant) {
    let elapsed = start.elapsed();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = rows as f64 / elapsed.as_secs_f64();
    println!("{rate:>12.0} rows/s  {elapsed:>9.2?}  {what}");
}
