//! Opening says clearly what is wrong, and changes nothing then.

use std::fs;
use std::path::Path;

use futures::future::join_all;
use staging_schema::{Statement, Value};
use staging_store::{Error, Existing, ScalarFunction, Store, StoreOptions};
use tempfile::TempDir;

use crate::world;

async fn fails(options: StoreOptions) -> Error {
    match Store::open(options).await {
        Ok(_) => panic!("it should not open"),
        Err(error) => error,
    }
}

fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_missing_folder_is_named_and_not_made() {
    let folder = TempDir::new().unwrap();
    let error = fails(StoreOptions::sqlite(folder.path().join("no/staging.db"))).await;
    assert!(matches!(&error, Error::FolderMissing { folder } if folder.ends_with("no")), "{error}");
    assert!(error.is_usage());
    assert!(entries(folder.path()).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_file_may_be_opened_by_many_at_the_same_moment() {
    for _ in 0..10 {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("staging.db");
        let opened = join_all((0..12).map(|_| Store::open(StoreOptions::sqlite(&path)))).await;
        let stores: Vec<Store> = opened.into_iter().map(|store| store.unwrap()).collect();
        let runs = Statement::new(|_| "SELECT COUNT(*) FROM migration_Run".to_owned(), Vec::new());
        for store in &stores {
            assert_eq!(store.count(&runs).await.unwrap(), 0);
        }
    }
}

#[tokio::test]
async fn a_missing_file_is_not_made_unless_asked_for() {
    let folder = TempDir::new().unwrap();
    for existing in [Existing::Open, Existing::ReadOnly] {
        let options = StoreOptions { existing, ..StoreOptions::sqlite(folder.path().join("staging.db")) };
        assert!(matches!(fails(options).await, Error::Missing { .. }));
    }
    assert!(entries(folder.path()).is_empty());
}

#[tokio::test]
async fn a_file_that_is_no_database_or_another_programs_stays_as_it_is() {
    let folder = TempDir::new().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(&text, "Dear diary, ".repeat(500)).unwrap();
    assert!(matches!(fails(StoreOptions::sqlite(&text)).await, Error::NotADatabase { .. }));
    assert_eq!(fs::read_to_string(&text).unwrap(), "Dear diary, ".repeat(500));
    assert!(matches!(fails(StoreOptions::sqlite(folder.path())).await, Error::NotADatabase { .. }));
    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let before = fs::read(&other).unwrap();
    let error = fails(StoreOptions::sqlite(&other)).await;
    assert!(error.to_string().contains("another program"), "{error}");
    assert_eq!(fs::read(&other).unwrap(), before);
}

#[tokio::test]
async fn a_database_of_another_schema_version_is_refused() {
    let (folder, store) = world::store().await;
    store.close().await.unwrap();
    let path = folder.path().join("staging.db");
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    match fails(StoreOptions::sqlite(&path)).await {
        Error::SchemaVersion { found: 99, needed, .. } => {
            assert_eq!(needed, staging_schema::ddl::SCHEMA_VERSION);
        }
        other => panic!("{other}"),
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, store) = world::store().await;
    store.execute(&Statement::same("CREATE TABLE t (a)", vec![])).await.unwrap();
    let names = entries(folder.path());
    assert_eq!(names, ["staging.db", "staging.db-shm", "staging.db-wal"]);
    for name in names {
        let mode = fs::metadata(folder.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_reader_reads_beside_the_writer_and_cannot_write() {
    let (folder, store) = world::store().await;
    let options = StoreOptions {
        existing: Existing::ReadOnly,
        ..StoreOptions::sqlite(folder.path().join("staging.db"))
    };
    let reader = Store::open(options).await.unwrap();
    store.execute(&Statement::same("CREATE TABLE t (a)", vec![])).await.unwrap();
    store.execute(&Statement::same("INSERT INTO t VALUES (?1)", vec![1.into()])).await.unwrap();
    assert_eq!(reader.count(&Statement::same("SELECT COUNT(*) FROM t", vec![])).await.unwrap(), 1);
    let write = Statement::same("DELETE FROM t", vec![]);
    assert!(matches!(reader.execute(&write).await, Err(Error::ReadOnly { .. })));
    reader.query(&write).await.expect_err("a query that writes");
}

#[tokio::test]
async fn the_connection_is_set_up_as_documented() {
    let (_folder, store) = world::store().await;
    for (pragma, expected) in [("journal_mode", "wal"), ("page_size", "8192"), ("mmap_size", "0")] {
        let rows = store.query(&Statement::same(format!("PRAGMA {pragma}"), vec![])).await.unwrap();
        let shown = match rows[0].get(0) {
            Value::Text(text) => text.clone(),
            other => other.as_integer().unwrap().to_string(),
        };
        assert_eq!(shown, expected, "{pragma}");
    }
    let misspelt = Statement::same("SELECT \"nothing\" FROM migration_Setting", vec![]);
    store.query(&misspelt).await.expect_err("a misspelt name is no text");
    // Of the writer.
    let steps = vec![
        staging_store::Step::Query(Statement::same("PRAGMA synchronous", vec![])),
        staging_store::Step::Query(Statement::same("PRAGMA foreign_keys", vec![])),
    ];
    let answers = store.transaction(steps).await.unwrap();
    let numbers: Vec<_> =
        answers.into_iter().map(|answer| answer.into_rows()[0].integer(0).unwrap()).collect();
    assert_eq!(numbers, [2, 0], "FULL, off");
}

#[tokio::test]
async fn functions_of_ours_are_there_for_writers_and_readers() {
    let folder = TempDir::new().unwrap();
    let twice = ScalarFunction {
        name: "twice",
        arity: 1,
        call: |arguments| match arguments {
            [Value::Text(text)] => Ok(Value::Text(text.repeat(2))),
            _ => Err("twice takes a text".to_owned()),
        },
        tsql: None,
    };
    let options =
        StoreOptions { functions: vec![twice], ..StoreOptions::sqlite(folder.path().join("staging.db")) };
    let store = Store::open(options).await.unwrap();
    let call = Statement::same("SELECT twice(?1)", vec!["ab".into()]);
    assert_eq!(store.query(&call).await.unwrap()[0].text(0).unwrap(), "abab");
    store.execute(&Statement::same("CREATE TABLE t AS SELECT twice('x') AS a", vec![])).await.unwrap();
    let wrong = Statement::same("SELECT twice(?1)", vec![1.into()]);
    let error = store.query(&wrong).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("twice takes a text"), "{cause}");
}
