//! How a staging database is opened.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use staging_schema::Value;

/// How long a chunk is leased when nothing else is said: far above the busy timeout.
pub const DEFAULT_LEASE: Duration = Duration::from_mins(5);
/// How long a request without outcome is left alone when nothing else is said: longer than the service works on one.
pub const DEFAULT_QUIET_TIME: Duration = Duration::from_mins(10);
/// How long to wait for another process's lock when nothing else is said.
pub const DEFAULT_BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a server may work on one statement when nothing else is said: a slice of a wide table on a slow disk.
pub const DEFAULT_STATEMENT_TIMEOUT: Duration = Duration::from_mins(10);
/// How long a login at a server may take when nothing else is said.
pub const DEFAULT_LOGIN_TIMEOUT: Duration = Duration::from_secs(15);

/// The engine that keeps the staging database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineKind {
    /// One file, embedded.
    #[default]
    Sqlite,
    /// A database of a SQL Server, for teams and many machines.
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

/// Where a SQL Server is, and how patient we are with it.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// An ADO.NET connection string: `Server`, `Database`, `User Id` and `Password`; `TrustServerCertificate=true` accepts
    /// any certificate. Encryption is required unless the string says otherwise. Never shown.
    pub connection: SecretString,
    /// A token of Entra ID instead of user and password.
    pub access_token: Option<SecretString>,
    /// Certificates of authorities that are trusted besides those of the system, as PEM.
    pub certificate_authority: Option<PathBuf>,
    /// How long the server may work on one statement.
    pub statement_timeout: Duration,
    /// How long connecting and logging in may take.
    pub login_timeout: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            connection: SecretString::default(),
            access_token: None,
            certificate_authority: None,
            statement_timeout: DEFAULT_STATEMENT_TIMEOUT,
            login_timeout: DEFAULT_LOGIN_TIMEOUT,
        }
    }
}

/// How a staging database is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The engine.
    pub engine: EngineKind,
    /// The file, for SQLite.
    pub path: PathBuf,
    /// The key of the file, for SQLite, where it is encrypted or to be made so: a passphrase, or `x'…'` with 64 hexadecimal digits, the
    /// key itself. Needs the cargo feature `sqlcipher`. Never shown.
    pub key: Option<SecretString>,
    /// The server, for SQL Server.
    pub server: ServerOptions,
    /// What to do about a database that is, or is not, there.
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
            key: None,
            server: ServerOptions::default(),
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

    /// An encrypted file, opened or created; every connection to it gets the key before anything else.
    pub fn encrypted_sqlite(path: impl Into<PathBuf>, key: impl Into<SecretString>) -> Self {
        Self { key: Some(key.into()), ..Self::sqlite(path) }
    }

    /// A database of a SQL Server, which must be there; the toolkit makes its schemas in it.
    pub fn sql_server(connection: impl Into<String>) -> Self {
        let connection = SecretString::from(connection.into());
        Self {
            engine: EngineKind::SqlServer,
            server: ServerOptions { connection, ..ServerOptions::default() },
            ..Self::default()
        }
    }
}
