//! A staging file in a folder of its own, or a database of its own on the server for tests.

use staging_schema::{Levels, Pass, TargetTable, control};
use staging_store::contract::{ScratchDatabase, ScratchStaging};
use staging_store::{ChunkPlan, Cut, Store, StoreOptions};
use tempfile::TempDir;

pub(crate) async fn store() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store = Store::open(StoreOptions::sqlite(folder.path().join("staging.db"))).await.unwrap();
    (folder, store)
}

/// A store on the engine that the environment asks for.
pub(crate) async fn either_store() -> (ScratchStaging, Store) {
    let staging = ScratchStaging::new().await.unwrap();
    let store = Store::open(staging.options()).await.unwrap();
    (staging, store)
}

/// A key itself, which opens at once: a passphrase takes its time on every connection.
#[cfg(feature = "sqlcipher")]
pub(crate) const RAW_KEY: &str = "x'2DD29CA851E7B56E4697B0E1F08507293D761A05CE4D1B628663F411A8086D99'";

#[cfg(feature = "sqlcipher")]
pub(crate) async fn encrypted_store() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let options = StoreOptions::encrypted_sqlite(folder.path().join("staging.db"), RAW_KEY);
    let store = Store::open(options).await.unwrap();
    (folder, store)
}

pub(crate) async fn server_store() -> Option<(ScratchDatabase, Store)> {
    let database = ScratchDatabase::from_environment().await.unwrap()?;
    let store = Store::open(database.options.clone()).await.unwrap();
    Some((database, store))
}

/// A table with so many rows that are pending.
pub(crate) async fn staged(store: &Store, name: &str, rows: u64) -> TargetTable {
    let table = TargetTable::new(name, vec![]).unwrap();
    store.ensure_tables(std::slice::from_ref(&table)).await.unwrap();
    let mut appender = store.append(&table.name(), [control::SOURCE_TABLE, control::SOURCE_KEY]);
    let mut batch = appender.batch();
    for n in 0..rows {
        batch.push_text("Source");
        batch.push_display(n);
    }
    appender.push(batch).await.unwrap();
    appender.finish().await.unwrap();
    table
}

/// A table whose rows are cut into so many chunks of two.
pub(crate) async fn cut(store: &Store, name: &str, chunks: u64) {
    let table = staged(store, name, chunks * 2).await;
    let plan = ChunkPlan { table: &table, pass: Pass::Insert, levels: Levels::All, chunk_rows: 2 };
    assert_eq!(store.cut_chunks(&plan).await.unwrap(), Cut::Cut { chunks, rows: chunks * 2 });
}
