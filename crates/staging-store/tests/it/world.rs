//! A staging file in a folder of its own.

use staging_store::{Store, StoreOptions};
use tempfile::TempDir;

pub(crate) async fn store() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store = Store::open(StoreOptions::sqlite(folder.path().join("staging.db"))).await.unwrap();
    (folder, store)
}
