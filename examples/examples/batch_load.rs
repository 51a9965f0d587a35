//! Loads staged accounts into an emulator that loses every n-th answer, and counts what arrived.
//!
//! `cargo run --example batch_load -- [ROWS] [ROWS PER REQUEST] [LOSE EVERY N-TH ANSWER]`

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use batch_loader::{Event, LoadTable, Options, Plan, Strategy, load, settle};
use dataverse_client::{Client, Options as ClientOptions, StaticToken};
use dataverse_emulator::{Emulator, FaultKind, FaultPlan, FaultRule, Limits, Options as EmulatorOptions};
use staging_schema::{StagedColumn, StagedKind, TargetTable, control};
use staging_store::Store;
use staging_store::contract::ScratchStaging;
use tokio_util::sync::CancellationToken;

const COLUMNS: [&str; 8] = [
    "name",
    "accountnumber",
    "telephone1",
    "websiteurl",
    "address1_city",
    "address1_country",
    "numberofemployees",
    "donotemail",
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u32>());
    let rows = arguments.next().transpose()?.unwrap_or(2_000);
    let batch = arguments.next().transpose()?.unwrap_or(100);
    let lose = arguments.next().transpose()?.unwrap_or(5);

    let fault = FaultRule::new(FaultKind::LoseAnswer).on_path("*CreateMultiple").every(lose.into());
    let emulator = Emulator::start(EmulatorOptions {
        limits: Limits::unlimited(),
        faults: FaultPlan::of((lose > 0).then_some(fault)),
        ..EmulatorOptions::default()
    })
    .await?;
    let token = Arc::new(StaticToken::new("user-1"));
    let client = Client::new(ClientOptions::new(emulator.url().parse()?, token))?;
    let definition = client.table_definition("account").await?.context("the target has no accounts")?;

    // A file, or a database on the server that `STAGING_TEST_MSSQL` names; of a project of one's own: `StoreOptions::sqlite`.
    let staging = ScratchStaging::new().await?;
    let store = Store::open(staging.options()).await?;
    let columns = COLUMNS.map(|name| {
        let kind = match name {
            "numberofemployees" => StagedKind::Integer,
            "donotemail" => StagedKind::Boolean,
            _ => StagedKind::Text { max: 100 },
        };
        StagedColumn::new(name, kind)
    });
    let staged = TargetTable::new("account", columns.into())?;
    store.ensure_tables(std::slice::from_ref(&staged)).await?;
    stage(&store, &staged, rows).await?;

    let mut table =
        LoadTable::new(Arc::new(definition), staged, Strategy::SequenceNumber { base: 1_500_000_000 });
    table.batch = Some(batch);
    let plan = Plan { waves: vec![vec![table]], ..Plan::default() };
    // Minutes in real life; an emulator on the same machine has no late answers.
    let options = Options { quiet_time: Duration::from_millis(300), ..Options::default() };
    let observer = |event: &Event| {
        if let Event::Waiting { requests, .. } = event {
            println!("{requests} requests are in doubt; waiting before their rows are looked for");
        }
    };
    let (clients, cancel) = ([client], CancellationToken::new());
    let started = Instant::now();
    let report = load(&store, &clients, &plan, &options, &observer, &cancel).await?;
    let elapsed = started.elapsed();
    settle(&store, &clients, &plan, &options, &observer, &cancel).await?;

    let account = report.tables.get("account").context("nothing was loaded")?;
    println!("staged   {:>8}", account.staged);
    println!("created  {:>8}", account.loaded);
    println!("adopted  {:>8}  after {} lost answers", account.adopted, account.in_doubt);
    println!(
        "requests {:>8}  in {elapsed:.2?}, {:.0} rows/s",
        account.requests,
        f64::from(rows) / elapsed.as_secs_f64()
    );
    println!("held by the target: {}", emulator.stats().rows.get("account").copied().unwrap_or_default());
    Ok(())
}

async fn stage(store: &Store, table: &TargetTable, rows: u32) -> anyhow::Result<()> {
    let names = [control::SOURCE_TABLE, control::SOURCE_KEY].into_iter().chain(COLUMNS);
    let mut appender = store.append(&table.name(), names);
    let mut batch = appender.batch();
    for n in 0..rows {
        batch.push_text("Account");
        batch.push_display(format_args!("001{n:09}"));
        batch.push_display(format_args!("Contoso {n}"));
        batch.push_display(format_args!("A-{n}"));
        batch.push_display(format_args!("+43 1 {n:07}"));
        batch.push_display(format_args!("https://contoso-{n}.example"));
        batch.push_text("Vienna");
        batch.push_text("Austria");
        batch.push_integer(i64::from(n % 500));
        batch.push_integer(i64::from(n % 2));
        if appender.is_full(&batch) {
            batch = appender.push(batch).await?;
        }
    }
    appender.push(batch).await?;
    appender.finish().await?;
    Ok(())
}
