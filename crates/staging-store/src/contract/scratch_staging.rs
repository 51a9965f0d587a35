//! A staging database for a test, on the engine that the environment asks for: the tests of all crates run on both.

use std::path::Path;

use tempfile::TempDir;

use super::{ScratchDatabase, TEST_SERVER};
use staging_schema::{Dialect, Statement};

use crate::options::StoreOptions;
use crate::{Error, Existing, Store};

/// A staging database of its own, gone with this: a database on the server that `STAGING_TEST_MSSQL` names, a SQLite file where
/// it names none.
#[derive(Debug)]
pub struct ScratchStaging {
    folder: TempDir,
    server: Option<ScratchDatabase>,
}

impl ScratchStaging {
    /// Makes a place for one; the first [`Store::open`](crate::Store::open) makes its tables.
    ///
    /// # Errors
    /// No folder can be made, or the server does not make a database.
    pub async fn new() -> Result<Self, Error> {
        let folder = tempfile::tempdir()
            .map_err(|error| Error::Open { database: "a scratch folder".to_owned(), source: error.into() })?;
        let server = match std::env::var(TEST_SERVER) {
            Ok(connection) => Some(ScratchDatabase::on(&connection).await?),
            Err(_) => None,
        };
        Ok(Self { folder, server })
    }

    /// How it is opened.
    pub fn options(&self) -> StoreOptions {
        match &self.server {
            Some(database) => database.options.clone(),
            None => StoreOptions::sqlite(self.folder.path().join("staging.db")),
        }
    }

    /// A statement of a test for both engines: written for SQLite, where `source_T` is `source.T` of a server.
    pub fn statement(sql: &str) -> Statement {
        let on = |dialect| match dialect {
            Dialect::Sqlite => sql.to_owned(),
            Dialect::Mssql => {
                let schemas = [("source_", "source."), ("target_", "target."), ("migration_", "migration.")];
                schemas.iter().fold(sql.to_owned(), |sql, (from, to)| sql.replace(from, to))
            }
        };
        Statement::new(on, Vec::new())
    }

    /// All that is in it, to see whether anything changed: the bytes of its file, or every row of every table. `None` where
    /// nothing has made one yet.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub async fn content(&self) -> Result<Option<Vec<u8>>, Error> {
        if self.server.is_none() {
            return Ok(std::fs::read(self.options().path).ok());
        }
        let store = match Store::open(StoreOptions { existing: Existing::ReadOnly, ..self.options() }).await {
            Ok(store) => store,
            Err(Error::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let tables = "SELECT TABLE_SCHEMA, TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_TYPE = 'BASE TABLE' \
                      AND TABLE_SCHEMA IN ('source', 'target', 'migration') ORDER BY TABLE_SCHEMA, TABLE_NAME";
        let mut all = String::new();
        for table in store.query(&Statement::same(tables.to_owned(), Vec::new())).await? {
            let quote = |name| Dialect::Mssql.quote(name);
            let (schema, name) = (table.text(0)?, table.text(1)?);
            let every_row = format!("SELECT * FROM {}.{}", quote(schema), quote(name));
            let rows = store.query(&Statement::same(every_row, Vec::new())).await?;
            let mut rows: Vec<String> = rows.iter().map(|row| format!("{:?}\n", row.values())).collect();
            rows.sort_unstable();
            all.extend([schema, ".", name, ":\n", &rows.concat()]);
        }
        store.close().await?;
        Ok(Some(all.into_bytes()))
    }

    /// Loses it, as a disk or an administrator can: the next [`Store::open`](crate::Store::open) finds nothing there.
    ///
    /// # Errors
    /// The server does not make another database.
    pub async fn lose(&mut self) -> Result<(), Error> {
        match &mut self.server {
            Some(database) => {
                let connection = std::env::var(TEST_SERVER).unwrap_or_default();
                *database = ScratchDatabase::on(&connection).await?;
            }
            None => {
                for name in ["staging.db", "staging.db-wal", "staging.db-shm"] {
                    // It may be gone already.
                    let _ = std::fs::remove_file(self.folder.path().join(name));
                }
            }
        }
        Ok(())
    }

    /// A folder for files of the test, which goes with this.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The database on the server, where that keeps it.
    pub fn server(&self) -> Option<&ScratchDatabase> {
        self.server.as_ref()
    }

    /// The connection string for another process, where a server keeps it.
    pub fn connection(&self) -> Option<&str> {
        self.server.as_ref().map(ScratchDatabase::connection)
    }
}
