//! A process that is killed never leaves half an outcome, and what it said was durable is.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use staging_schema::{Levels, Pass, Statement, SuccessKind, TargetTable, pending};
use staging_store::{
    ChunkPlan, Cut, Lease, NewRequest, RequestEnd, RequestOutcome, StagedRow, Store, StoreOptions, Success,
    Take, Taken,
};
use uuid::Uuid;

use crate::world;

/// Tells the child which file to work on.
const FILE: &str = "STAGING_STORE_KILLED_FILE";
/// Tells the child which server to work on instead.
const SERVER: &str = "STAGING_STORE_KILLED_SERVER";
const KILLS: usize = 12;
const ROWS: u64 = 60_000;

fn table() -> TargetTable {
    TargetTable::new("contact", vec![]).unwrap()
}

#[tokio::test]
async fn a_killed_writer_never_leaves_half_an_outcome() {
    let (folder, store) = world::store().await;
    stage(&store, ROWS).await;
    let file = folder.path().join("staging.db");
    let mut said = Vec::new();
    for kill in 0..KILLS {
        said.extend(work_until_killed((FILE, file.as_os_str()), 3 + kill % 5, kill as u64));
    }
    assert!(said.len() >= KILLS * 3);
    everything_is_whole(&store, ROWS, &said).await;
}

#[tokio::test]
async fn four_workers_on_a_server_double_nothing_though_all_are_killed() {
    const ROWS: u64 = 6_000;
    let Some((database, store)) = world::server_store().await else { return };
    stage(&store, ROWS).await;
    let connection = std::ffi::OsString::from(database.connection());
    let workers: Vec<_> = [4, 3, 8, 9]
        .into_iter()
        .map(|lines| {
            let connection = connection.clone();
            tokio::task::spawn_blocking(move || work_until_killed((SERVER, &connection), lines, lines as u64))
        })
        .collect();
    let mut said = Vec::new();
    for worker in workers {
        said.extend(worker.await.unwrap());
    }
    assert_eq!(said.len(), 4 + 3 + 8 + 9);
    everything_is_whole(&store, ROWS, &said).await;
    store.close().await.unwrap();
    database.remove().await.unwrap();
}

async fn stage(store: &Store, rows: u64) {
    let table = world::staged(store, &table().logical_name, rows).await;
    let plan = ChunkPlan { table: &table, pass: Pass::Insert, levels: Levels::All, chunk_rows: 100 };
    assert!(matches!(store.cut_chunks(&plan).await.unwrap(), Cut::Cut { .. }));
}

/// No request has outcomes for a part of its rows, what was said to be durable is, and every row is accounted for.
async fn everything_is_whole(store: &Store, rows: u64, said: &[String]) {
    let table = table();
    let (requests, success) = (staging_schema::manifest::name(), table.success());
    let torn = Statement::new(
        |d| {
            format!(
                "SELECT COUNT(*) FROM {} AS q WHERE (SELECT COUNT(*) FROM {} AS s WHERE s.RequestId = q.RequestId) <> \
                 CASE q.State WHEN 'answered' THEN q.[RowCount] ELSE 0 END",
                d.table(&requests),
                d.table(&success)
            )
        },
        vec![],
    );
    assert_eq!(store.count(&torn).await.unwrap(), 0);
    for request in said {
        let answered = Statement::new(
            |d| {
                format!(
                    "SELECT COUNT(*) FROM {} WHERE RequestId = {} AND State = 'answered'",
                    d.table(&requests),
                    d.param(1)
                )
            },
            vec![request.as_str().into()],
        );
        assert_eq!(store.count(&answered).await.unwrap(), 1, "{request} was said to be durable");
    }
    // What was neither answered nor is in doubt is pending: every row is accounted for.
    let pending = store.count(&pending::count(&table, Pass::Insert, Levels::All)).await.unwrap();
    let sent = Statement::new(
        |d| format!("SELECT SUM([RowCount]) FROM {} WHERE State <> 'void'", d.table(&requests)),
        vec![],
    );
    assert_eq!(pending + store.count(&sent).await.unwrap(), rows);
}

/// Lets a child record outcomes, kills it after it has said so a few times, and gives what it said.
fn work_until_killed(place: (&str, &OsStr), lines: usize, delay: u64) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::a_writer_to_be_killed", "--nocapture", "--test-threads=1"])
        .env(place.0, place.1)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .filter_map(|line| line.split_once("durable ").map(|(_, id)| id.to_owned()));
    let heard: Vec<_> = said.by_ref().take(lines).collect();
    // Somewhere in the middle of the next transactions.
    let _ = wait(Duration::from_micros(170 * delay));
    child.kill().unwrap();
    child.wait().unwrap();
    heard
}

fn wait(time: Duration) -> u64 {
    let start = std::time::Instant::now();
    let mut turns = 0;
    while start.elapsed() < time {
        turns += 1;
    }
    turns
}

/// No test of its own: what the killed process does. Without a place it does nothing.
#[tokio::test]
async fn a_writer_to_be_killed() {
    let options = match (std::env::var_os(FILE), std::env::var(SERVER)) {
        (Some(file), _) => StoreOptions::sqlite(file),
        (None, Ok(connection)) => StoreOptions::sql_server(connection),
        (None, Err(_)) => return,
    };
    let store = Store::open(options).await.unwrap();
    let table = table();
    let worker = Uuid::new_v4().to_string();
    loop {
        let take =
            Take { chunks: 1, lease: Duration::from_mins(10), ..Take::new(&worker, "contact", Pass::Insert) };
        match store.take_chunks(&take).await.unwrap() {
            Taken::Chunks(leases) => work(&store, &table, &leases[0]).await,
            // On a server somebody else may just take the same: ask again.
            Taken::AllLeased { next_expiry: Duration::ZERO, .. } => {}
            other => panic!("there is work for all: {other:?}"),
        }
    }
}

async fn work(store: &Store, table: &TargetTable, lease: &Lease) {
    let none: [&str; 0] = [];
    let read = pending::read(table, Pass::Insert, Levels::All, &lease.row_ids(), &none);
    let rows: Vec<_> = store.query(&read).await.unwrap();
    let rows: Vec<_> = rows
        .iter()
        .map(|row| StagedRow { row_id: row.integer(0).unwrap(), generation: row.integer(1).unwrap() })
        .collect();
    let request = NewRequest { id: Uuid::new_v4(), rows, application_user: "app".to_owned() };
    store.record_requests(lease, std::slice::from_ref(&request)).await.unwrap();
    let successes = request
        .rows
        .iter()
        .map(|row| Success {
            row: *row,
            kind: SuccessKind::Created,
            dataverse_id: Some(Uuid::new_v4()),
            owed: vec![],
        })
        .collect();
    let outcome =
        RequestOutcome { request: Some(request.id), end: RequestEnd::Answered, successes, errors: vec![] };
    store.record_outcomes(lease, table, &[outcome], &[]).await.unwrap();
    println!("durable {}", request.id);
    store.finish_chunk(lease).await.unwrap();
}
