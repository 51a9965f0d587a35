//! A staging database for a test, on the engine that the environment asks for: the tests of all crates run on both.

use std::path::Path;

use tempfile::TempDir;

use super::{ScratchDatabase, TEST_SERVER};
use staging_schema::{Dialect, Statement};

use crate::Error;
use crate::options::StoreOptions;

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

    /// A folder for files of the test, which goes with this.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The connection string for another process, where a server keeps it.
    pub fn connection(&self) -> Option<&str> {
        self.server.as_ref().map(ScratchDatabase::connection)
    }
}
