//! What goes wrong between us and a server: said clearly, repeated where that is safe, and never half done. Needs
//! `STAGING_TEST_MSSQL`.

use std::time::Duration;

use staging_schema::{Dialect, Statement, TableName, ddl};
use staging_store::contract::ScratchDatabase;
use staging_store::{Error, Existing, LockMode, ScalarFunction, SessionLock, Step, Store, StoreOptions};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};

use crate::wire::{Cut, Wire};
use crate::world;

async fn fails(options: StoreOptions) -> Error {
    match Store::open(options).await {
        Ok(_) => panic!("it should not open"),
        Err(error) => error,
    }
}

/// The same server with other words in the connection string.
fn with(database: &ScratchDatabase, more: &str) -> StoreOptions {
    StoreOptions::sql_server(format!("{};{more}", database.connection()))
}

async fn source(store: &Store, name: &str) -> TableName {
    let table = ddl::SourceTable::new(name, ["a"]).unwrap();
    store.execute(&table.create()).await.unwrap();
    table.name()
}

async fn rows(store: &Store, table: &TableName) -> u64 {
    store
        .count(&Statement::new(|d| format!("SELECT COUNT(*) FROM {}", d.table(table)), vec![]))
        .await
        .unwrap()
}

fn insert(table: &TableName, value: &str) -> Statement {
    Statement::new(
        |d| {
            format!(
                "INSERT INTO {} (a, DataMigration_ArrivedAt) VALUES ({}, '2026-11-21T04:00:00.000Z')",
                d.table(table),
                d.param(1)
            )
        },
        vec![value.into()],
    )
}

#[tokio::test]
async fn what_is_wrong_with_a_server_is_said_without_the_password() {
    let Some(database) = ScratchDatabase::from_environment().await.unwrap() else { return };
    let wrong = fails(with(&database, "Password=not-the-one")).await;
    assert!(matches!(wrong, Error::LoginRefused { .. }), "{wrong:?}");
    let missing = fails(with(&database, "Database=dvt_nobody_made_it")).await;
    assert!(matches!(missing, Error::DatabaseMissing { .. }), "{missing:?}");
    assert!(missing.to_string().contains("CREATE DATABASE"), "{missing}");
    let untrusted = fails(with(&database, "TrustServerCertificate=false")).await;
    assert!(matches!(untrusted, Error::UntrustedCertificate { .. }), "{untrusted:?}");
    let master = fails(with(&database, "Database=master")).await;
    assert!(matches!(master, Error::NotADatabase { .. }), "{master:?}");
    for error in [&wrong, &missing, &untrusted, &master] {
        assert!(error.is_usage(), "{error}");
        assert!(!format!("{error:?}").contains("not-the-one"), "{error:?}");
    }
    // A port on which nobody listens.
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let silent = fails(with(&database, &format!("Server=tcp:127.0.0.1,{port}"))).await;
    assert!(matches!(silent, Error::Unreachable { .. }) && !silent.is_usage(), "{silent:?}");
    database.remove().await.unwrap();
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_told_within_the_login_timeout() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut options =
        StoreOptions::sql_server(format!("Server=tcp:127.0.0.1,{port};Database=d;User Id=u;Password=p"));
    options.server.login_timeout = Duration::from_millis(200);
    let silent = fails(options).await;
    assert!(matches!(silent, Error::Unreachable { .. }), "{silent:?}");
}

#[tokio::test]
async fn a_database_is_made_only_when_asked_to_and_others_tables_are_left_alone() {
    let Some(database) = ScratchDatabase::from_environment().await.unwrap() else { return };
    for existing in [Existing::Open, Existing::ReadOnly] {
        let missing = fails(StoreOptions { existing, ..database.options.clone() }).await;
        assert!(matches!(missing, Error::Missing { .. }), "{missing:?}");
    }
    let store = Store::open(database.options.clone()).await.unwrap();
    let age = |version: &str| {
        let text = format!(
            "UPDATE [migration].[Setting] SET [Value] = N'{version}' WHERE [Name] = N'SchemaVersion'"
        );
        Statement::same(text, vec![])
    };
    store.execute(&age("99")).await.unwrap();
    match fails(database.options.clone()).await {
        Error::SchemaVersion { found: 99, needed: ddl::SCHEMA_VERSION, .. } => {}
        other => panic!("{other}"),
    }
    store.execute(&Statement::same("DELETE FROM [migration].[Setting]", vec![])).await.unwrap();
    let foreign = fails(database.options.clone()).await;
    assert!(matches!(foreign, Error::NotADatabase { .. }), "{foreign:?}");
    store.close().await.unwrap();
    database.remove().await.unwrap();
}

#[tokio::test]
async fn many_open_a_new_database_at_once_and_it_is_made_once() {
    let Some(database) = ScratchDatabase::from_environment().await.unwrap() else { return };
    let (a, b, c) = tokio::join!(
        Store::open(database.options.clone()),
        Store::open(database.options.clone()),
        Store::open(database.options.clone())
    );
    for store in [a, b, c] {
        let store = store.unwrap();
        assert_eq!(store.schema_version().await.unwrap(), ddl::SCHEMA_VERSION);
        store.close().await.unwrap();
    }
    database.remove().await.unwrap();
}

#[tokio::test]
async fn what_is_opened_for_reading_changes_nothing() {
    let Some((database, store)) = world::server_store().await else { return };
    let table = source(&store, "kept").await;
    store.execute(&insert(&table, "x")).await.unwrap();
    let options = StoreOptions { existing: Existing::ReadOnly, ..database.options.clone() };
    let reader = Store::open(options).await.unwrap();
    let delete = Statement::new(|d| format!("DELETE FROM {}", d.table(&table)), vec![]);
    assert!(matches!(reader.execute(&delete).await, Err(Error::ReadOnly { .. })));
    // Through the back door.
    reader.query(&delete).await.unwrap();
    drop(reader.stream(&delete).await.unwrap());
    assert_eq!(rows(&reader, &table).await, 1);
    for store in [reader, store] {
        store.close().await.unwrap();
    }
    database.remove().await.unwrap();
}

#[tokio::test]
async fn functions_of_ours_are_made_and_made_anew_when_their_text_changes() {
    let Some(database) = ScratchDatabase::from_environment().await.unwrap() else { return };
    let function = |tsql| ScalarFunction {
        name: "dv_answer",
        arity: 0,
        call: |_| Err("on SQLite".to_owned()),
        tsql: Some(tsql),
    };
    let texts = [
        "CREATE FUNCTION [migration].[dv_answer]() RETURNS int AS BEGIN RETURN 41 END",
        "CREATE FUNCTION [migration].[dv_answer]() RETURNS int AS BEGIN RETURN 42 END",
        "CREATE FUNCTION [migration].[dv_answer]() RETURNS int AS BEGIN RETURN 42 END",
    ];
    for (text, answer) in texts.into_iter().zip([41, 42, 42]) {
        let options = StoreOptions { functions: vec![function(text)], ..database.options.clone() };
        let store = Store::open(options).await.unwrap();
        let call = Statement::same("SELECT [migration].[dv_answer]()", vec![]);
        assert_eq!(store.count(&call).await.unwrap(), answer);
        store.close().await.unwrap();
    }
    database.remove().await.unwrap();
}

/// A store behind a wire, whose words can be read.
async fn wired(database: &ScratchDatabase) -> (Wire, Store) {
    let connection = database.connection().to_ascii_lowercase();
    let server = connection.split(';').find_map(|pair| pair.split_once("server=tcp:")).unwrap().1.to_owned();
    let wire = Wire::to(server.replace(',', ":")).await;
    let through = format!("Server=tcp:127.0.0.1,{};Encrypt=DANGER_PLAINTEXT", wire.address.port());
    let store = Store::open(with(database, &through)).await.unwrap();
    (wire, store)
}

#[tokio::test]
async fn a_connection_lost_before_the_commit_is_replaced_and_the_work_done_once() {
    let Some((database, direct)) = world::server_store().await else { return };
    let (wire, store) = wired(&database).await;
    let table = source(&store, "lost").await;
    for (n, cut) in [Cut::Before, Cut::After].into_iter().enumerate() {
        wire.cut("INSERT INTO", 0, cut);
        assert_eq!(store.execute(&insert(&table, "x")).await.unwrap(), 1);
        assert_eq!((wire.cuts(), rows(&direct, &table).await), (n + 1, n as u64 + 1));
    }
    // Reads as well, and the pool never hands out what is broken.
    wire.cut("SELECT COUNT", 0, Cut::After);
    assert_eq!(rows(&store, &table).await, 2);
    assert_eq!(wire.cuts(), 3);
    for store in [store, direct] {
        store.close().await.unwrap();
    }
    database.remove().await.unwrap();
}

#[tokio::test]
async fn a_connection_lost_in_a_bulk_insert_leaves_every_row_once() {
    let Some((database, direct)) = world::server_store().await else { return };
    let (wire, store) = wired(&database).await;
    let table = source(&store, "bulk").await;
    let mut appender = store.append(&table, ["a", "DataMigration_ArrivedAt"]);
    let mut batch = appender.batch();
    for n in 0..5_000 {
        batch.push_display(format_args!("value {n}"));
        batch.push_text("2026-11-21T04:00:00.000Z");
    }
    // In the middle of the rows.
    wire.cut("value 3210", 0, Cut::Before);
    appender.push(batch).await.unwrap();
    assert_eq!(appender.finish().await.unwrap(), 5_000);
    assert_eq!(wire.cuts(), 1);
    let all = Statement::new(|d| format!("SELECT COUNT(DISTINCT a) FROM {}", d.table(&table)), vec![]);
    assert_eq!((rows(&direct, &table).await, direct.count(&all).await.unwrap()), (5_000, 5_000));
    for store in [store, direct] {
        store.close().await.unwrap();
    }
    database.remove().await.unwrap();
}

#[tokio::test]
async fn a_connection_lost_in_a_commit_is_ambiguous_and_never_repeated() {
    let Some((database, direct)) = world::server_store().await else { return };
    let (wire, store) = wired(&database).await;
    let table = source(&store, "doubtful").await;
    for (cut, done) in [(Cut::Before, 0), (Cut::After, 1)] {
        wire.cut("COMMIT TRANSACTION", 0, cut);
        let error = store.execute(&insert(&table, "x")).await.unwrap_err();
        assert!(error.is_ambiguous() && !error.is_transient(), "{error:?}");
        // The server may still be at it when we ask; a lock of the same row waits for that.
        let settled = Statement::new(|d| format!("DELETE FROM {}", d.table(&table)), vec![]);
        let deleted = loop {
            let deleted = direct.execute(&settled).await.unwrap();
            if deleted == done || done == 0 {
                break deleted;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(deleted, done);
    }
    for store in [store, direct] {
        store.close().await.unwrap();
    }
    database.remove().await.unwrap();
}

#[tokio::test]
async fn the_loser_of_a_deadlock_is_repeated() {
    let Some((database, one)) = world::server_store().await else { return };
    let two = Store::open(database.options.clone()).await.unwrap();
    let table = source(&one, "rows").await;
    for key in ["a", "b"] {
        one.execute(&insert(&table, key)).await.unwrap();
    }
    let touch = |key: &str| {
        let text = |d: Dialect| {
            format!(
                "UPDATE {} SET DataMigration_Line = COALESCE(DataMigration_Line, 0) + 1 WHERE a = {}",
                d.table(&table),
                d.param(1)
            )
        };
        Step::execute(Statement::new(text, vec![key.into()]))
    };
    // Each in the other's way, again and again.
    let rounds = 15;
    let cross = async |store: &Store, first: &str, second: &str| {
        for _ in 0..rounds {
            store.transaction(vec![touch(first), touch(second)]).await.unwrap();
        }
    };
    tokio::join!(cross(&one, "a", "b"), cross(&two, "b", "a"));
    let lines =
        Statement::new(|d| format!("SELECT SUM(DataMigration_Line) FROM {}", d.table(&table)), vec![]);
    assert_eq!(one.count(&lines).await.unwrap(), 4 * rounds);
    for store in [one, two] {
        store.close().await.unwrap();
    }
    database.remove().await.unwrap();
}

#[tokio::test]
async fn a_write_is_done_even_when_nobody_waits_for_it() {
    let Some((database, store)) = world::server_store().await else { return };
    let table = source(&store, "dropped").await;
    {
        let write = insert(&table, "x");
        let mut future = Box::pin(store.execute(&write));
        // Polled once: handed over. Then dropped.
        let _ = tokio::time::timeout(Duration::ZERO, &mut future).await;
    }
    // The next write waits behind it.
    store.execute(&insert(&table, "y")).await.unwrap();
    assert_eq!(rows(&store, &table).await, 2);
    // What was handed over is done before the store is closed.
    {
        let write = insert(&table, "z");
        let mut future = Box::pin(store.execute(&write));
        let _ = tokio::time::timeout(Duration::ZERO, &mut future).await;
    }
    store.close().await.unwrap();
    let again = Store::open(database.options.clone()).await.unwrap();
    assert_eq!(rows(&again, &table).await, 3);
    again.close().await.unwrap();
    database.remove().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_is_dropped_gives_its_connection_up_and_others_go_on() {
    let Some((database, store)) = world::server_store().await else { return };
    let numbers = Statement::same(
        "WITH t(n) AS (SELECT n FROM (VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) AS v(n)) \
         SELECT a.n FROM t AS a CROSS JOIN t AS b CROSS JOIN t AS c CROSS JOIN t AS d CROSS JOIN t AS e CROSS JOIN t AS f",
        vec![],
    );
    // More of them than there are connections for reading.
    for _ in 0..40 {
        let mut stream = store.stream(&numbers).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap().len(), 1_000);
    }
    assert_eq!(store.count(&Statement::same("SELECT 7", vec![])).await.unwrap(), 7);
    store.close().await.unwrap();
    database.remove().await.unwrap();
}

/// A session of somebody else, who leaves a transaction open.
pub(crate) async fn somebody(database: &ScratchDatabase, doing: &str) -> tiberius::Client<Compat<TcpStream>> {
    let config = tiberius::Config::from_ado_string(database.connection()).unwrap();
    let tcp = TcpStream::connect(config.get_addr()).await.unwrap();
    let mut client = Box::pin(tiberius::Client::connect(config, tcp.compat_write())).await.unwrap();
    for text in ["BEGIN TRANSACTION", doing] {
        client.simple_query(text).await.unwrap().into_results().await.unwrap();
    }
    client
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_told_and_rolled_back() {
    let Some((database, store)) = world::server_store().await else { return };
    let table = source(&store, "late").await;
    store.execute(&insert(&table, "x")).await.unwrap();
    let mut options = database.options.clone();
    options.server.statement_timeout = Duration::from_secs(5);
    let hasty = Store::open(options).await.unwrap();
    let mut somebody = somebody(&database, "UPDATE [source].[late] SET a = N'theirs'").await;
    let touch = |d: Dialect| format!("UPDATE {} SET a = {}", d.table(&table), d.param(1));
    let touch = Statement::new(touch, vec!["ours".into()]);
    let error = hasty.execute_all(&[insert(&table, "ours"), touch.clone()]).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    assert!(!error.is_transient());
    // Whoever waits less for locks is told so.
    let impatient = StoreOptions { busy_timeout: Duration::from_millis(100), ..database.options.clone() };
    let impatient = Store::open(impatient).await.unwrap();
    impatient.execute(&touch).await.expect_err("somebody holds the row");
    somebody.simple_query("ROLLBACK TRANSACTION").await.unwrap().into_results().await.unwrap();
    assert_eq!(impatient.execute(&touch).await.unwrap(), 1, "one row: the insert was rolled back");
    for store in [hasty, impatient, store] {
        store.close().await.unwrap();
    }
    database.remove().await.unwrap();
}

#[tokio::test]
async fn a_lock_of_a_session_is_free_as_soon_as_it_is_released() {
    let Some((database, store)) = world::server_store().await else { return };
    let take = async |mode| SessionLock::take(&database.options, "ours", mode).await.unwrap();
    for _ in 0..5 {
        let first = take(LockMode::Exclusive).await.expect("nobody holds it");
        assert!(take(LockMode::Shared).await.is_none());
        first.release().await;
    }
    // Another database has a lock of its own of this name.
    let other = ScratchDatabase::from_environment().await.unwrap().unwrap();
    let first = take(LockMode::Exclusive).await.unwrap();
    let theirs = SessionLock::take(&other.options, "ours", LockMode::Exclusive).await.unwrap();
    theirs.expect("it is not ours").release().await;
    first.release().await;
    other.remove().await.unwrap();
    let (one, two) = (take(LockMode::Shared).await.unwrap(), take(LockMode::Shared).await.unwrap());
    assert!(take(LockMode::Exclusive).await.is_none());
    one.release().await;
    // Dropped: a moment later.
    drop(two);
    while take(LockMode::Exclusive).await.is_none() {}
    store.close().await.unwrap();
    database.remove().await.unwrap();
}
