//! A folder with files and a staging database beside it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use source_extract::{Error, Extracted, Options, SourceTable, extract};
use staging_schema::{Dialect, Statement, TableName};
use staging_store::Store;
use staging_store::contract::ScratchStaging;

/// Says loudly that a test has nothing to do on this engine.
pub(crate) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

pub(crate) struct Desk {
    pub(crate) staging: ScratchStaging,
    pub(crate) store: Store,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let staging = ScratchStaging::new().await.unwrap();
        let store = Store::open(staging.options()).await.unwrap();
        Self { staging, store }
    }

    pub(crate) fn path(&self) -> &Path {
        self.staging.folder()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn write_gzip(&self, name: &str, bytes: &[u8]) {
        let file = std::fs::File::create(self.path().join(name)).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap();
    }

    pub(crate) async fn extract(&self, table: &SourceTable) -> Result<Extracted, Error> {
        let at: Timestamp = "2026-11-21T09:00:00Z".parse().unwrap();
        extract(&self.store, self.path(), table, &Options::at(at)).await
    }

    /// All rows of a query over `source.<name>`, cells joined by `|`, NULL as `-`.
    pub(crate) async fn rows(&self, name: &str, columns: &str) -> Vec<String> {
        let statement = Statement::new(
            |d| {
                format!(
                    "SELECT {columns} FROM {} ORDER BY DataMigration_RowId",
                    d.table(&TableName::source(name))
                )
            },
            Vec::new(),
        );
        let rows = self.store.query(&statement).await.unwrap();
        rows.iter()
            .map(|row| {
                let cells = row.values().iter().map(|value| match value.as_integer() {
                    Some(n) => n.to_string(),
                    None => value.as_text().unwrap_or("-").to_owned(),
                });
                cells.collect::<Vec<_>>().join("|")
            })
            .collect()
    }

    /// Rows of `source.<name>` for which this holds.
    pub(crate) async fn count(&self, name: &str, condition: &str) -> u64 {
        let text = |d: Dialect| {
            format!("SELECT COUNT(*) FROM {} WHERE {condition}", d.table(&TableName::source(name)))
        };
        self.store.count(&Statement::new(text, Vec::new())).await.unwrap()
    }

    pub(crate) async fn tables(&self) -> Vec<String> {
        let statement = Statement::new(
            |d| {
                match d {
                Dialect::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'source_%' ORDER BY name",
                Dialect::Mssql => "SELECT N'source_' + TABLE_NAME AS name FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = N'source' AND TABLE_TYPE = N'BASE TABLE' ORDER BY TABLE_NAME",
            }
            .to_owned()
            },
            Vec::new(),
        );
        let rows = self.store.query(&statement).await.unwrap();
        rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect()
    }
}
