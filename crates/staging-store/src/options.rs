//! How a staging database is opened.

use std::path::PathBuf;
use std::time::Duration;

use staging_schema::Value;

/// How long a chunk is leased when nothing else is said: far above the busy timeout.
pub const DEFAULT_LEASE: Duration = Duration::from_mins(5);
/// How long a request without outcome is left alone when nothing else is said: longer than the service works on one.
pub const DEFAULT_QUIET_TIME: Duration = Duration::from_mins(10);
/// How long to wait for another process's lock when nothing else is said.
pub const DEFAULT_BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The engine that keeps the staging database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineKind {
    /// One file, embedded.
    #[default]
    Sqlite,
    /// A server, for teams and many machines. Not available yet: opening it is an error that says so.
    SqlServer,
}

/// What to do about a database that is, or is not, there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// Open it, or make it with its control tables.
    #[default]
    OpenOrCreate,
    /// Open it; an error when it is not there.
    Open,
    /// Open it for reading only, beside whoever works with it; an error when it is not there.
    ReadOnly,
}

/// Which versions of our own control tables are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Versions {
    /// That of this program; others are refused.
    #[default]
    Current,
    /// Earlier ones as well that [`Store::upgrade`](crate::Store::upgrade) knows: to upgrade, to copy, to read what every version has.
    Known,
}

/// A function of ours that SQL can call.
///
/// SQLite calls it in this process. SQL Server gets a function of its own in the schema `migration`, made when a store is
/// opened, from a text that answers the same. It must answer the same for the same arguments, must not touch the database, and must not be used in what stays in
/// the database (views, indexes, defaults), since other tools do not know it.
#[derive(Debug, Clone, Copy)]
pub struct ScalarFunction {
    /// Its name in SQL.
    pub name: &'static str,
    /// How many arguments it takes; -1: any number.
    pub arity: i32,
    /// What it computes; the error's text becomes the statement's.
    pub call: fn(&[Value]) -> Result<Value, String>,
    /// The `CREATE FUNCTION [migration].[name] …` of SQL Server, one batch; none where statements need no function there.
    pub tsql: Option<&'static str>,
}

/// How a staging database is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The engine.
    pub engine: EngineKind,
    /// The file.
    pub path: PathBuf,
    /// What to do about a file that is, or is not, there.
    pub existing: Existing,
    /// Which versions of our own control tables are opened.
    pub versions: Versions,
    /// Functions of ours for SQL.
    pub functions: Vec<ScalarFunction>,
    /// How long to wait for another process's lock.
    pub busy_timeout: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            engine: EngineKind::Sqlite,
            path: PathBuf::from("staging.db"),
            existing: Existing::OpenOrCreate,
            versions: Versions::Current,
            functions: Vec::new(),
            busy_timeout: DEFAULT_BUSY_TIMEOUT,
        }
    }
}

impl StoreOptions {
    /// A file, opened or created.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }
}
