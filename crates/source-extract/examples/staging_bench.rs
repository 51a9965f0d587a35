//! Times the staging database on many rows, a line of JSON per step; `tests/bench_staging.py` runs it beside the engine's own tool.
//!
//! `staging_bench FOLDER STEP`, where the folder holds `Contact.csv` and the step is `extract`, `fill`, `statements`, `choices`, `lookups` or
//! `leases`. The staging database is a file in the folder, or the database of a SQL Server that `STAGING_BENCH_CONNECTION` names;
//! the step `database` makes one on the server of `STAGING_TEST_MSSQL`, says how to connect to it, and drops it when its input ends.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use source_extract::{Options, SourceTable, extract};
use staging_schema::lookup::{self, Fill, Parent};
use staging_schema::{
    Dialect, Levels, Pass, StagedColumn, StagedKind, Statement, TableName, TargetTable, control, ddl,
};
use staging_store::contract::ScratchDatabase;
use staging_store::{ChunkPlan, SLICE_ROWS, Store, StoreOptions, Take, Taken};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const WORKERS: usize = 8;
/// Rows in a chunk, or more where that would be more than this many chunks: their rate is what counts.
const CHUNK_ROWS: u64 = 500;
const MOST_CHUNKS: u64 = 2_000;

fn account() -> Outcome<TargetTable> {
    Ok(TargetTable::new("account", vec![StagedColumn::new("name", StagedKind::Text { max: 160 })])?)
}

fn contact() -> Outcome<TargetTable> {
    let parent =
        StagedKind::Lookup { targets: vec!["account".into()], multi_table: false, multi_source: false };
    Ok(TargetTable::new(
        "contact",
        vec![
            StagedColumn::new("lastname", StagedKind::Text { max: 50 }),
            StagedColumn::new("preferredcontactmethodcode", StagedKind::Choice),
            StagedColumn::new("parentcustomerid", parent),
        ],
    )?)
}

#[tokio::main]
async fn main() -> Outcome {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(folder), Some(step)) = (arguments.next().map(PathBuf::from), arguments.next()) else {
        return Err("FOLDER STEP".into());
    };
    if step == "database" {
        return database().await;
    }
    let options = match std::env::var("STAGING_BENCH_CONNECTION") {
        Ok(connection) => StoreOptions::sql_server(connection),
        Err(_) => StoreOptions::sqlite(folder.join("staging.db")),
    };
    let store = Store::open(options.clone()).await?;
    let (rows, seconds) = match step.to_str() {
        Some("extract") => extracted(&store, &folder).await?,
        Some("fill") => filled(&store).await?,
        Some("statements") => statements(&store, &folder)?,
        Some("choices") => choices(&store).await?,
        Some("lookups") => lookups(&store).await?,
        Some("leases") => leases(&store, &options).await?,
        _ => return Err("the step is database, extract, fill, statements, choices, lookups or leases".into()),
    };
    store.close().await?;
    println!("{{\"rows\":{rows},\"seconds\":{seconds:.3},\"peak_mib\":{:.0}}}", peak_mib());
    Ok(())
}

/// A database on the server for tests, until nobody needs it any more.
async fn database() -> Outcome {
    let database = ScratchDatabase::from_environment().await?.ok_or("STAGING_TEST_MSSQL is not set")?;
    println!("{}", database.connection());
    let wait = || std::io::stdin().read_to_end(&mut Vec::new());
    tokio::task::spawn_blocking(wait).await??;
    Ok(database.remove().await?)
}

/// A CSV file into `source.Contact`.
async fn extracted(store: &Store, folder: &Path) -> Outcome<(u64, f64)> {
    let start = Instant::now();
    let options = Options::at(jiff::Timestamp::now());
    let done = extract(store, folder, &SourceTable::named("Contact"), &options).await?;
    Ok((done.rows, start.elapsed().as_secs_f64()))
}

/// Target rows from the snapshot, and parents with their GUIDs: what the next steps work on.
async fn filled(store: &Store) -> Outcome<(u64, f64)> {
    let start = Instant::now();
    let (account, contact) = (account()?, contact()?);
    store.ensure_tables(&[account.clone(), contact.clone()]).await?;
    let source = TableName::source("Contact");
    let rows = store
        .in_slices(&source, SLICE_ROWS, |slice| {
            Statement::new(
                |d| {
                    format!(
                        "INSERT INTO {target} ({key}, {table}, lastname, preferredcontactmethodcode_Text, parentcustomerid_SourceKey) \
                         SELECT Id, 'Contact', LastName, Method, AccountId FROM {source} WHERE {row} BETWEEN {first} AND {last}",
                        target = d.table(&contact.name()),
                        key = d.quote(control::SOURCE_KEY),
                        table = d.quote(control::SOURCE_TABLE),
                        source = d.table(&source),
                        row = d.quote(control::ROW_ID),
                        first = d.param(1),
                        last = d.param(2),
                    )
                },
                vec![(*slice.start()).into(), (*slice.end()).into()],
            )
        })
        .await?;
    let parents = Statement::new(
        |d| {
            let number = match d {
                Dialect::Sqlite => {
                    "'00000000-0000-4000-8000-' || printf('%012d', CAST(SUBSTR(AccountId, 2) AS INTEGER))"
                }
                Dialect::Mssql => {
                    "'00000000-0000-4000-8000-' + RIGHT('000000000000' + SUBSTRING(AccountId, 2, 12), 12)"
                }
            };
            format!(
                "INSERT INTO {account} ({key}, {table}, name, {id}, {flag}) SELECT DISTINCT AccountId, 'Account', AccountId, \
                 {number}, 'P' FROM {source}",
                account = d.table(&account.name()),
                key = d.quote(control::SOURCE_KEY),
                table = d.quote(control::SOURCE_TABLE),
                id = d.quote(control::DATAVERSE_ID),
                flag = d.quote(control::PROCESSING_FLAG),
                source = d.table(&source),
            )
        },
        Vec::new(),
    );
    store.execute(&parents).await?;
    let mapping = Statement::new(
        |d| {
            format!(
                "INSERT INTO {} (SourceTable, TargetTable, TargetColumn, SourceText, TargetValue) \
                 VALUES ('Contact', 'contact', 'preferredcontactmethodcode', 'Any', 1), \
                 ('Contact', 'contact', 'preferredcontactmethodcode', 'Email', 2), \
                 ('Contact', 'contact', 'preferredcontactmethodcode', 'Phone', 3), \
                 ('Contact', 'contact', 'preferredcontactmethodcode', 'Fax', 4)",
                d.table(&TableName::migration("OptionSetMapping"))
            )
        },
        Vec::new(),
    );
    store.execute(&mapping).await?;
    Ok((rows, start.elapsed().as_secs_f64()))
}

fn fills() -> [Fill; 1] {
    [Fill::new("parentcustomerid", [Parent::new("account")])]
}

/// Leaves the statements that people would type beside the database: of the same text, over all rows at once.
fn statements(store: &Store, folder: &Path) -> Outcome<(u64, f64)> {
    let (contact, all) = (contact()?, 1..=i64::MAX);
    let separators = optionset_mapping::Separators::default();
    let choices = optionset_mapping::apply_statement(&contact, "Contact", &separators, &all)?;
    let choices = choices.ok_or("contact has a choice")?;
    let lookups = lookup::preload(&contact, &fills(), &all)?;
    for (name, statement) in [("choices.sql", choices), ("lookups.sql", lookups)] {
        std::fs::write(folder.join(name), statement.written_out(store.dialect()))?;
    }
    Ok((2, 0.0))
}

/// Choice texts into values, slice by slice.
async fn choices(store: &Store) -> Outcome<(u64, f64)> {
    let start = Instant::now();
    let changed =
        optionset_mapping::apply(store, &contact()?, &optionset_mapping::Separators::default()).await?;
    Ok((changed, start.elapsed().as_secs_f64()))
}

/// GUIDs of parents into lookups, slice by slice.
async fn lookups(store: &Store) -> Outcome<(u64, f64)> {
    let contact = contact()?;
    let start = Instant::now();
    let mut changed = 0;
    for slice in store.slices(&contact.name(), SLICE_ROWS).await? {
        changed += store.execute(&lookup::preload(&contact, &fills(), &slice)?).await?;
    }
    Ok((changed, start.elapsed().as_secs_f64()))
}

/// Chunks taken and finished by workers of which each has opened the database for itself, as processes do.
async fn leases(store: &Store, options: &StoreOptions) -> Outcome<(u64, f64)> {
    let contact = contact()?;
    store.execute_all(&ddl::target_table(&contact)).await?;
    let count = Statement::new(|d| format!("SELECT COUNT(*) FROM {}", d.table(&contact.name())), Vec::new());
    let chunk_rows = u32::try_from((store.count(&count).await? / MOST_CHUNKS).max(CHUNK_ROWS))?;
    let plan = ChunkPlan { table: &contact, pass: Pass::Insert, levels: Levels::All, chunk_rows };
    store.cut_chunks(&plan).await?;
    let mut stores = Vec::new();
    for _ in 0..WORKERS {
        stores.push(Store::open(options.clone()).await?);
    }
    let start = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for (worker, store) in stores.into_iter().enumerate() {
        workers.spawn(async move {
            let name = format!("worker-{worker}");
            let take = Take {
                chunks: 1,
                lease: Duration::from_mins(5),
                ..Take::new(&name, "contact", Pass::Insert)
            };
            let mut taken: u64 = 0;
            loop {
                match store.take_chunks(&take).await? {
                    Taken::Chunks(leases) => {
                        for lease in leases {
                            store.finish_chunk(&lease).await?;
                            taken += 1;
                        }
                    }
                    // Somebody else was faster this time, or still holds the last one.
                    Taken::AllLeased { .. } => tokio::task::yield_now().await,
                    Taken::NothingLeft => break,
                }
            }
            store.close().await?;
            Outcome::Ok(taken)
        });
    }
    let mut taken = 0;
    while let Some(worker) = workers.join_next().await {
        taken += worker??;
    }
    Ok((taken, start.elapsed().as_secs_f64()))
}

/// Highest resident memory of this process so far; 0 where the system does not say.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.map_or(0.0, |kib| kib / 1024.0)
}
