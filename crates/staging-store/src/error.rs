//! What can go wrong between us and a staging database.

use std::path::PathBuf;
use std::time::Duration;

use uuid::Uuid;

/// The cause below an [`Error`], of the engine in use.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a staging database did not do as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder in which the file should be is not there.
    #[error("the folder {} of the staging database is not there", .folder.display())]
    FolderMissing {
        /// The folder.
        folder: PathBuf,
    },
    /// The database should be there already and is not.
    #[error("there is no staging database {database}")]
    Missing {
        /// The file, or the database and its server.
        database: String,
    },
    /// The database is something else.
    #[error("{database} is not a staging database: {why}")]
    NotADatabase {
        /// The file, or the database and its server.
        database: String,
        /// What was found instead.
        why: String,
    },
    /// The database was opened for reading only, or the file or its folder cannot be written.
    #[error("the staging database {database} cannot be written")]
    ReadOnly {
        /// The file, or the database and its server.
        database: String,
    },
    /// Made by a later version of this toolkit, or by one that nobody knows.
    #[error("the staging database {database} has schema version {found}, this program needs {needed}")]
    SchemaVersion {
        /// The file, or the database and its server.
        database: String,
        /// Version in the database.
        found: i64,
        /// Version of this program.
        needed: i64,
    },
    /// Made by an earlier version of this toolkit, from which it can be upgraded.
    #[error(
        "the staging database {database} has schema version {found} and must be upgraded to {needed} first"
    )]
    OlderVersion {
        /// The file, or the database and its server.
        database: String,
        /// Version in the database.
        found: i64,
        /// Version of this program.
        needed: i64,
    },
    /// An upgrade was refused; nothing was changed.
    #[error("the staging database cannot be upgraded; nothing was changed")]
    UpgradeRefused {
        /// Why.
        source: staging_schema::Error,
    },
    /// A key was given, and the library that was built in does not encrypt.
    #[error(
        "the staging database {database} has a key, but this program cannot encrypt: it was built without the cargo feature \
         `sqlcipher`"
    )]
    NoEncryption {
        /// The file.
        database: String,
    },
    /// The key of an encrypted file cannot be one.
    #[error("the key of the staging database cannot be used: {why}")]
    UnusableKey {
        /// What is wrong, without the key.
        why: String,
    },
    /// A key was given for a file that is there and is not encrypted.
    #[error("the staging database {database} is not encrypted, but a key was given for it")]
    NotEncrypted {
        /// The file.
        database: String,
    },
    /// The key does not open the file.
    #[error(
        "the key does not open {database}: it is the key of another file, or the file is damaged or no encrypted database"
    )]
    WrongKey {
        /// The file.
        database: String,
    },
    /// The connection string of a server cannot be read.
    #[error("the connection string of the staging server cannot be used: {why}")]
    ConnectionString {
        /// What is wrong, without the string.
        why: String,
    },
    /// Nobody answers at the server's address.
    #[error("the staging server {server} does not answer; check its address, its port and the firewall")]
    Unreachable {
        /// Address and port.
        server: String,
        /// What the network said.
        source: Cause,
    },
    /// The server's certificate is not trusted.
    #[error(
        "the certificate of the staging server {server} is not trusted; name the certificate authority that issued it, \
         or say TrustServerCertificate=true where the network is yours"
    )]
    UntrustedCertificate {
        /// Address and port.
        server: String,
        /// What TLS said.
        source: Cause,
    },
    /// The server refused the login.
    #[error("the staging server {server} refused the login; check user and password")]
    LoginRefused {
        /// Address and port.
        server: String,
        /// What the server said.
        source: Cause,
    },
    /// The server has no such database, or the login may not use it.
    #[error(
        "the staging server {server} has no such database for this login; make it with CREATE DATABASE, \
         or grant the login access to it"
    )]
    DatabaseMissing {
        /// Address and port.
        server: String,
        /// What the server said.
        source: Cause,
    },
    /// The database could not be opened for another reason.
    #[error("the staging database {database} could not be opened")]
    Open {
        /// The file, or the database and its server.
        database: String,
        /// What the engine said.
        source: Cause,
    },
    /// Somebody else held the lock for longer than the busy timeout.
    #[error("the staging database is busy: another process held its lock too long while {doing}")]
    Busy {
        /// What was being done.
        doing: String,
        /// What the engine said.
        source: Cause,
    },
    /// The server chose this transaction to be rolled back, and again each time that it was repeated.
    #[error("the staging database rolled back {doing} again and again, because others change the same rows")]
    Deadlock {
        /// What was being done.
        doing: String,
        /// What the engine said.
        source: Cause,
    },
    /// The server did not answer within the statement timeout; what was being done was rolled back.
    #[error("the staging server took longer than {} s for {doing}; nothing was changed", .after.as_secs())]
    Timeout {
        /// What was being done.
        doing: String,
        /// The timeout.
        after: Duration,
        /// What the driver said.
        source: Cause,
    },
    /// The connection broke; what was being done was rolled back, and repeating it did not help.
    #[error("the connection to the staging server broke during {doing}; nothing was changed")]
    ConnectionLost {
        /// What was being done.
        doing: String,
        /// What the network said.
        source: Cause,
    },
    /// The connection broke while a transaction was being committed: it is done as a whole or not at all, and nobody
    /// knows which.
    #[error(
        "the connection to the staging server broke while {doing} was being committed; it may or may not be done, \
         so look before repeating it"
    )]
    Ambiguous {
        /// What was being done.
        doing: String,
        /// What the network said.
        source: Cause,
    },
    /// A row that should be unique is there already, or a check failed.
    #[error("the staging database refused {doing}: a constraint is violated")]
    Constraint {
        /// What was being done.
        doing: String,
        /// What the engine said.
        source: Cause,
    },
    /// There is no room left, on the disk or in the database's log; what was being done was not done at all.
    #[error("there is no room left for the staging database: it failed at {doing}")]
    Full {
        /// What was being done.
        doing: String,
        /// What the engine said.
        source: Cause,
    },
    /// The disk did not do as asked: it may be full, broken or gone, or a limit was reached. What was being done was not done at
    /// all.
    #[error("the disk of the staging database failed at {doing}")]
    Disk {
        /// What was being done.
        doing: String,
        /// What the engine said.
        source: Cause,
    },
    /// The file is damaged.
    #[error("the staging database is damaged: it was noticed at {doing}")]
    Damaged {
        /// What was being done.
        doing: String,
        /// What the engine said.
        source: Cause,
    },
    /// A statement failed.
    #[error("the staging database failed at {doing}")]
    Statement {
        /// What was being done: the statement's text, shortened, without its parameters.
        doing: String,
        /// What the engine said.
        source: Cause,
    },
    /// The staging model does not allow what was asked.
    #[error("the staging table cannot be as asked")]
    Model {
        /// What is wrong.
        source: staging_schema::Error,
    },
    /// A cell is not what the reader expected.
    #[error("column {column} holds {found}, not {expected}")]
    Shape {
        /// The column's name or number.
        column: String,
        /// The kind that was expected.
        expected: &'static str,
        /// The kind that was found.
        found: &'static str,
    },
    /// A batch whose cells do not fill its last row, or whose width is not that of the columns.
    #[error("{table}: {cells} cells do not make rows of {width} columns")]
    UnevenBatch {
        /// The table.
        table: String,
        /// Cells in the batch.
        cells: usize,
        /// Columns of a row.
        width: usize,
    },
    /// A step of a transaction changed another number of rows than it must; all of it was rolled back.
    #[error("step {step} of a transaction changed {changed} rows, not {expected}; nothing was changed")]
    Unexpected {
        /// Which step, from 0.
        step: usize,
        /// Rows that it changed.
        changed: u64,
        /// Rows that it should have changed.
        expected: u64,
    },
    /// The lease of a chunk ended or was taken by somebody else; nothing was changed.
    #[error("the lease of chunk {chunk} of {table} is lost; nothing was recorded")]
    LeaseLost {
        /// The chunk.
        chunk: i64,
        /// The target table.
        table: String,
    },
    /// The request has an outcome already, was sent again, or its outcomes do not cover its rows; nothing was changed.
    #[error("request {request} is not open with these rows any more; nothing was recorded")]
    RequestSettled {
        /// The request.
        request: Uuid,
    },
    /// A row of the manifest is not as it was written.
    #[error("the manifest of request {request} cannot be read: {why}")]
    BadManifest {
        /// The request, as it is stored.
        request: String,
        /// What is wrong.
        why: String,
    },
    /// The thread or task that owns the connection has ended.
    #[error("the staging database was closed")]
    Closed,
}

impl Error {
    /// Whether somebody else held the lock; the same call may be repeated.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Deadlock { .. })
    }

    /// Whether it may go better later: nothing was changed, and the same call may be repeated.
    pub fn is_transient(&self) -> bool {
        self.is_busy() || matches!(self, Self::ConnectionLost { .. } | Self::Unreachable { .. })
    }

    /// Whether nobody knows if it was done: ask the database before repeating it.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Ambiguous { .. })
    }

    /// Whether a lease was lost: leave the chunk alone and take another.
    pub fn is_lease_lost(&self) -> bool {
        matches!(self, Self::LeaseLost { .. })
    }

    /// Whether the request in question has been settled by somebody else.
    pub fn is_request_settled(&self) -> bool {
        matches!(self, Self::RequestSettled { .. })
    }

    /// Whether a row is there already, or a check failed.
    pub fn is_constraint(&self) -> bool {
        matches!(self, Self::Constraint { .. })
    }

    /// Whether the database was made by an earlier version and can be upgraded.
    pub fn is_older_version(&self) -> bool {
        matches!(self, Self::OlderVersion { .. })
    }

    /// Whether the disk is full or failed; once there is room, the same command goes on.
    pub fn is_disk(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Disk { .. })
    }

    /// Whether the file is damaged.
    pub fn is_damaged(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }

    /// Whether the database could not be opened because of what the project says (exit code 2), rather than because it
    /// refused (exit code 3).
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::FolderMissing { .. }
                | Self::Missing { .. }
                | Self::NotADatabase { .. }
                | Self::SchemaVersion { .. }
                | Self::OlderVersion { .. }
                | Self::UpgradeRefused { .. }
                | Self::NoEncryption { .. }
                | Self::UnusableKey { .. }
                | Self::NotEncrypted { .. }
                | Self::WrongKey { .. }
                | Self::ConnectionString { .. }
                | Self::UntrustedCertificate { .. }
                | Self::LoginRefused { .. }
                | Self::DatabaseMissing { .. }
        )
    }
}
