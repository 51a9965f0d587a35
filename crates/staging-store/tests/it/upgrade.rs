//! Staging databases of earlier versions: upgraded whole, or refused with a reason, and never guessed at.

use std::path::{Path, PathBuf};

use staging_schema::ddl::{Catalog, OLDEST_VERSION, SCHEMA_VERSION};
use staging_schema::{Statement, TableName};
use staging_store::{Error, Existing, Store, StoreOptions, Upgraded, Versions};
use tempfile::TempDir;

/// The control tables as the first and as the last build of version 1 made them.
const FIRST_OF_1: &str = include_str!("old/version-1-first.sql");
const LAST_OF_1: &str = include_str!("old/version-1-last.sql");
/// What people and runs had written into them.
const CONTENT: &str = include_str!("old/content.sql");

fn old(folder: &Path, tables: &str) -> PathBuf {
    let path = folder.join("staging.db");
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA application_id = 1148603751; PRAGMA user_version = 1;",
    )
    .unwrap();
    file.execute_batch(tables).unwrap();
    file.execute_batch(CONTENT).unwrap();
    path
}

async fn open(path: &Path, versions: Versions) -> Result<Store, Error> {
    Store::open(StoreOptions { versions, existing: Existing::Open, ..StoreOptions::sqlite(path) }).await
}

async fn upgraded(path: &Path) -> Upgraded {
    let store = open(path, Versions::Known).await.unwrap();
    assert_eq!(store.schema_version().await.unwrap(), 1);
    let done = store.upgrade().await.unwrap().unwrap();
    assert_eq!(store.upgrade().await.unwrap(), None, "once is enough");
    store.close().await.unwrap();
    done
}

async fn catalog(store: &Store) -> Catalog {
    let mut catalog = Catalog::default();
    for row in store.query(&Catalog::read()).await.unwrap() {
        catalog.add(row.text(0).unwrap(), row.text(1).unwrap(), row.text(2).unwrap());
    }
    catalog
}

async fn texts(store: &Store, sql: &str) -> Vec<String> {
    let rows = store.query(&Statement::same(sql, vec![])).await.unwrap();
    rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[tokio::test]
async fn the_first_and_the_last_build_of_version_1_become_what_this_version_makes_anew() {
    let fresh = TempDir::new().unwrap();
    let new = Store::open(StoreOptions::sqlite(fresh.path().join("staging.db"))).await.unwrap();
    let wanted = catalog(&new).await;
    for (tables, changes) in [(FIRST_OF_1, 10), (LAST_OF_1, 1)] {
        let folder = TempDir::new().unwrap();
        let path = old(folder.path(), tables);
        let done = upgraded(&path).await;
        assert_eq!((done.from, done.to), (1, SCHEMA_VERSION));
        assert_eq!(done.changes.len(), changes, "{:?}", done.changes);
        let store = open(&path, Versions::Current).await.unwrap();
        assert_eq!(catalog(&store).await, wanted, "same tables, same columns");
        let indexes = "SELECT name FROM sqlite_schema WHERE type = 'index' ORDER BY name";
        assert_eq!(texts(&store, indexes).await, texts(&new, indexes).await, "same indexes");
        let kept = "SELECT SourceText || '=' || TargetValue FROM migration_OptionSetMapping UNION ALL \
                    SELECT SourceOwner FROM migration_OwnerMapping UNION ALL SELECT Summary FROM migration_Run UNION ALL \
                    SELECT RequestId FROM target_Request UNION ALL SELECT CAST(Base AS TEXT) FROM migration_SequenceBase";
        assert_eq!(
            texts(&store, kept).await,
            ["Consulting=12", "005A", "3 rows", "5b0d1f3e-4c7e-4a39-9d0a-0e2a6f3f7a11", "700000000"],
            "what people and runs wrote is kept"
        );
        let record = "SELECT FromVersion || ' to ' || ToVersion FROM migration_Upgrade";
        assert_eq!(texts(&store, record).await, [format!("1 to {SCHEMA_VERSION}")]);
    }
}

#[tokio::test]
async fn an_older_version_is_not_opened_for_work_and_the_error_says_which_it_is() {
    let folder = TempDir::new().unwrap();
    let path = old(folder.path(), FIRST_OF_1);
    for existing in [Existing::ReadOnly, Existing::Open, Existing::OpenOrCreate] {
        let options = StoreOptions { existing, ..StoreOptions::sqlite(&path) };
        let error = Store::open(options).await.unwrap_err();
        assert!(error.is_older_version() && error.is_usage(), "{error}");
        assert!(error.to_string().contains("has schema version 1 and must be upgraded to 2"), "{error}");
    }
    let reading = StoreOptions {
        existing: Existing::ReadOnly,
        versions: Versions::Known,
        ..StoreOptions::sqlite(&path)
    };
    let reader = Store::open(reading).await.unwrap();
    assert!(matches!(reader.upgrade().await, Err(Error::ReadOnly { .. })));
    assert_eq!(reader.schema_version().await.unwrap(), 1);
}

#[tokio::test]
async fn a_newer_version_is_refused_also_where_older_ones_are_known() {
    let folder = TempDir::new().unwrap();
    for found in [0, SCHEMA_VERSION + 1] {
        let path = old(folder.path(), LAST_OF_1);
        rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", found).unwrap();
        let before = bytes(&path);
        let error = open(&path, Versions::Known).await.unwrap_err();
        assert!(matches!(error, Error::SchemaVersion { found: said, .. } if said == found), "{error}");
        assert_eq!(bytes(&path), before);
        std::fs::remove_file(&path).unwrap();
    }
    assert_eq!(OLDEST_VERSION, 1);
}

#[tokio::test]
async fn tables_that_are_not_those_of_their_version_are_refused_with_the_reason() {
    let folder = TempDir::new().unwrap();
    let path = old(folder.path(), LAST_OF_1);
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("ALTER TABLE target_Request DROP COLUMN Worker")
        .unwrap();
    let store = open(&path, Versions::Known).await.unwrap();
    let error = store.upgrade().await.unwrap_err();
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(why, "its tables are not those of version 1: the table target.Request has no column Worker");
    assert!(error.is_usage());
    assert_eq!(store.schema_version().await.unwrap(), 1);
    assert!(!catalog(&store).await.has_table(&TableName::migration("Upgrade")));
}

#[tokio::test]
async fn an_upgrade_that_fails_half_way_leaves_the_old_version_whole() {
    let folder = TempDir::new().unwrap();
    let path = old(folder.path(), FIRST_OF_1);
    // The record of the upgrade comes last, and is refused here.
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(
            "CREATE TABLE migration_Upgrade (UpgradeId INTEGER PRIMARY KEY, FromVersion INTEGER, ToVersion INTEGER, UpgradedAt TEXT);
             CREATE TRIGGER refuse BEFORE INSERT ON migration_Upgrade BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        .unwrap();
    let store = open(&path, Versions::Known).await.unwrap();
    let before = catalog(&store).await;
    assert!(store.upgrade().await.is_err());
    assert_eq!(catalog(&store).await, before);
    assert_eq!(store.schema_version().await.unwrap(), 1);
    store.close().await.unwrap();
    let version: i64 = rusqlite::Connection::open(&path)
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 1);
    rusqlite::Connection::open(&path).unwrap().execute_batch("DROP TABLE migration_Upgrade").unwrap();
    assert_eq!(upgraded(&path).await.to, SCHEMA_VERSION, "the next attempt does it");
}

#[tokio::test]
async fn of_two_that_upgrade_at_the_same_time_one_does_it() {
    let folder = TempDir::new().unwrap();
    let path = old(folder.path(), FIRST_OF_1);
    let one = open(&path, Versions::Known).await.unwrap();
    let two = open(&path, Versions::Known).await.unwrap();
    let (first, second) = tokio::join!(one.upgrade(), two.upgrade());
    let done = [&first, &second].into_iter().filter(|done| matches!(done, Ok(Some(_)))).count();
    assert_eq!(done, 1, "{first:?} {second:?}");
    let other = if matches!(first, Ok(Some(_))) { second } else { first };
    assert!(matches!(other, Ok(None) | Err(Error::Unexpected { .. })), "{other:?}");
    assert_eq!(texts(&one, "SELECT CAST(COUNT(*) AS TEXT) FROM migration_Upgrade").await, ["1"]);
}

/// Tells the child which file to upgrade.
const FILE: &str = "STAGING_STORE_UPGRADE_FILE";

#[tokio::test]
async fn an_upgrade_that_is_killed_half_way_leaves_the_old_version_whole() {
    let folder = TempDir::new().unwrap();
    let path = old(folder.path(), FIRST_OF_1);
    let file = rusqlite::Connection::open(&path).unwrap();
    // The last statement of the upgrade never ends.
    file.execute_batch(
        "CREATE TABLE migration_Upgrade (UpgradeId INTEGER PRIMARY KEY, FromVersion INTEGER, ToVersion INTEGER, UpgradedAt TEXT);
         CREATE TRIGGER wait BEFORE INSERT ON migration_Upgrade BEGIN
           SELECT (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000000) SELECT MAX(i) FROM n);
         END",
    )
    .unwrap();
    let store = open(&path, Versions::Known).await.unwrap();
    let before = catalog(&store).await;
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "upgrade::an_upgrade_to_be_killed", "--nocapture", "--test-threads=1"])
        .env(FILE, &path)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // Its transaction has begun when nobody else can begin one.
    file.busy_timeout(std::time::Duration::ZERO).unwrap();
    while file.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it began");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(catalog(&store).await, before);
    assert_eq!(store.schema_version().await.unwrap(), 1);
    let sound: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    file.execute_batch("DROP TABLE migration_Upgrade").unwrap();
    assert_eq!(upgraded(&path).await.to, SCHEMA_VERSION, "the next attempt does it");
}

/// No test of its own: what the killed process does. Without the file it does nothing.
#[tokio::test]
async fn an_upgrade_to_be_killed() {
    let Some(file) = std::env::var_os(FILE) else { return };
    open(Path::new(&file), Versions::Known).await.unwrap().upgrade().await.unwrap();
}

async fn everything_of_ours_goes(store: &Store) {
    let table = staging_schema::TargetTable::new("contact", vec![]).unwrap();
    store.ensure_tables(&[table]).await.unwrap();
    let theirs = Statement::new(
        |d| match d {
            staging_schema::Dialect::Sqlite => "CREATE TABLE payroll (a INTEGER)".to_owned(),
            staging_schema::Dialect::Mssql => "CREATE TABLE dbo.payroll (a int)".to_owned(),
        },
        vec![],
    );
    store.execute(&theirs).await.unwrap();
    assert!(store.discard().await.unwrap() > 20);
    assert_eq!(catalog(store).await, Catalog::default());
    assert_eq!(store.discard().await.unwrap(), 0, "a second time there is nothing");
    store.execute(&Statement::same("INSERT INTO payroll (a) VALUES (1)", vec![])).await.unwrap();
}

#[tokio::test]
async fn a_database_that_others_use_as_well_loses_what_is_ours_and_nothing_else() {
    let (_folder, store) = crate::world::store().await;
    everything_of_ours_goes(&store).await;
    let Some((database, store)) = crate::world::server_store().await else { return };
    everything_of_ours_goes(&store).await;
    store.close().await.unwrap();
    database.remove().await.unwrap();
}
