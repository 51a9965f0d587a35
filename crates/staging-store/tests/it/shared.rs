//! Several handles on one file, as several processes have them.

use std::time::Duration;

use staging_schema::Statement;
use staging_store::{Store, StoreOptions};

use crate::world;

#[tokio::test]
async fn a_lock_held_for_longer_than_the_busy_timeout_is_told_as_busy() {
    let (folder, store) = world::store().await;
    let path = folder.path().join("staging.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let options = StoreOptions { busy_timeout: Duration::from_millis(20), ..StoreOptions::sqlite(&path) };
    let hasty = Store::open(options).await.unwrap();
    let write = Statement::same("CREATE TABLE t (a)", vec![]);
    let error = hasty.execute_all(std::slice::from_ref(&write)).await.unwrap_err();
    assert!(error.is_busy(), "{error}");
    other.execute_batch("COMMIT").unwrap();
    store.execute_all(&[write]).await.unwrap();
}

#[tokio::test]
async fn a_write_is_done_even_when_nobody_waits_for_it() {
    let (_folder, store) = world::store().await;
    store.execute(&Statement::same("CREATE TABLE t (a)", vec![])).await.unwrap();
    {
        let write = Statement::same("INSERT INTO t VALUES (1)", vec![]);
        let mut future = Box::pin(store.execute(&write));
        // Polled once: handed over. Then dropped.
        let _ = tokio::time::timeout(Duration::ZERO, &mut future).await;
    }
    // The next write waits behind it.
    store.execute(&Statement::same("INSERT INTO t VALUES (2)", vec![])).await.unwrap();
    assert_eq!(store.count(&Statement::same("SELECT SUM(a) FROM t", vec![])).await.unwrap(), 3);
}

#[tokio::test]
async fn a_stream_that_is_dropped_ends_its_reader() {
    let (_folder, store) = world::store().await;
    let endless = Statement::same(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT n FROM n",
        vec![],
    );
    let mut stream = store.stream(&endless).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().len(), 1_000);
    drop(stream);
    assert_eq!(store.count(&Statement::same("SELECT 7", vec![])).await.unwrap(), 7);
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_is_told() {
    let (_folder, store) = world::store().await;
    let breaks = Statement::same(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 3000) \
         SELECT CASE WHEN n < 2500 THEN n ELSE abs(-9223372036854775807 - 1) END FROM n",
        vec![],
    );
    let mut stream = store.stream(&breaks).await.unwrap();
    let mut rows = 0;
    let error = loop {
        match stream.next().await {
            Ok(Some(batch)) => rows += batch.len(),
            Ok(None) => panic!("the stream ended as if it were whole"),
            Err(error) => break error,
        }
    };
    assert_eq!(rows, 2_000);
    assert!(error.to_string().starts_with("the staging database failed at WITH RECURSIVE"), "{error}");
}
