//! A staging file in a folder of its own, or a database of its own on the server for tests.

use staging_store::contract::ScratchDatabase;
use staging_store::{Store, StoreOptions};
use tempfile::TempDir;

pub(crate) async fn store() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store = Store::open(StoreOptions::sqlite(folder.path().join("staging.db"))).await.unwrap();
    (folder, store)
}

pub(crate) async fn server_store() -> Option<(ScratchDatabase, Store)> {
    let database = ScratchDatabase::from_environment().await.unwrap()?;
    let store = Store::open(database.options.clone()).await.unwrap();
    Some((database, store))
}
