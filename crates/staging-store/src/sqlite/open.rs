//! Opening the file, and telling clearly why it cannot be opened.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use staging_schema::ddl;

use super::connection::{self, Use};
use super::reader::Readers;
use super::writer::Writer;
use crate::Error;
use crate::options::{Existing, StoreOptions, Versions};

/// Marks the file as ours (`DvMg`), so that another program's database is not taken for an empty one.
const APPLICATION_ID: i64 = 0x4476_4d67;
/// Bytes of a page: wide rows fit, and a page is still one write.
const PAGE_SIZE: i64 = 8192;

/// An open staging file: one writer, readers as needed.
#[derive(Debug)]
pub(crate) struct Sqlite {
    pub(super) path: PathBuf,
    pub(super) writer: Option<Writer>,
    pub(super) readers: Arc<Readers>,
}

impl Sqlite {
    /// Opens or creates the file. Blocks; called on a thread of its own.
    pub(crate) fn open(options: &StoreOptions) -> Result<Self, Error> {
        let path = &options.path;
        check_place(path, options.existing)?;
        let writer = match options.existing {
            Existing::ReadOnly => {
                let reader = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
                prepare(&reader, Use::Read, options)?;
                check_version(&reader, options)?;
                None
            }
            Existing::Open | Existing::OpenOrCreate => {
                let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
                prepare(&connection, Use::Write, options)?;
                if connection.is_readonly("main").map_err(|error| opening(path, error))? {
                    return Err(Error::ReadOnly { database: path.display().to_string() });
                }
                if options.existing == Existing::OpenOrCreate && is_new(&connection, path)? {
                    create(&mut connection, path)?;
                }
                check_version(&connection, options)?;
                Some(Writer::start(connection)?)
            }
        };
        let readers = Arc::new(Readers::new(path.clone(), options.functions.clone(), options.busy_timeout));
        Ok(Self { path: path.clone(), writer, readers })
    }
}

/// Checks folder and file, and makes an empty file that only its owner can read.
fn check_place(path: &Path, existing: Existing) -> Result<(), Error> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    if !folder.is_dir() {
        return Err(Error::FolderMissing { folder: folder.to_owned() });
    }
    if path.is_dir() {
        return Err(Error::NotADatabase {
            database: path.display().to_string(),
            why: "it is a folder".to_owned(),
        });
    }
    if path.exists() {
        return Ok(());
    }
    if existing != Existing::OpenOrCreate {
        return Err(Error::Missing { database: path.display().to_string() });
    }
    let mut file = OpenOptions::new();
    file.write(true).create_new(true);
    #[cfg(unix)]
    {
        // SQLite gives its `-wal` and `-shm` files the same permissions.
        use std::os::unix::fs::OpenOptionsExt as _;
        file.mode(0o600);
    }
    match file.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(Error::ReadOnly { database: path.display().to_string() })
        }
        Err(error) => Err(Error::Open { database: path.display().to_string(), source: error.into() }),
    }
}

/// Opens without creating: a path from the wrong folder must not make a new file.
pub(super) fn connect(path: &Path, access: OpenFlags) -> Result<Connection, Error> {
    Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| opening(path, error))
}

fn prepare(connection: &Connection, purpose: Use, options: &StoreOptions) -> Result<(), Error> {
    connection::configure(connection, purpose, options.busy_timeout, &options.functions)
        .map_err(|error| opening(&options.path, error))
}

fn pragma(connection: &Connection, path: &Path, name: &str) -> Result<i64, Error> {
    connection.pragma_query_value(None, name, |row| row.get(0)).map_err(|error| opening(path, error))
}

fn is_new(connection: &Connection, path: &Path) -> Result<bool, Error> {
    let objects: i64 = connection
        .query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|error| opening(path, error))?;
    Ok(objects == 0 && pragma(connection, path, "application_id")? == 0)
}

/// Makes the control tables in one transaction; whoever comes second finds them.
fn create(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let failed = |error| opening(path, error);
    connection.pragma_update(None, "page_size", PAGE_SIZE).map_err(failed)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    if is_new(&transaction, path)? {
        for statement in ddl::control_tables() {
            connection::execute(&transaction, &statement).map_err(failed)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        transaction.pragma_update(None, "user_version", ddl::SCHEMA_VERSION).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

fn check_version(connection: &Connection, options: &StoreOptions) -> Result<(), Error> {
    let path = &options.path;
    if pragma(connection, path, "application_id")? != APPLICATION_ID {
        let why = "it is a SQLite file of another program".to_owned();
        return Err(Error::NotADatabase { database: path.display().to_string(), why });
    }
    match pragma(connection, path, "user_version")? {
        ddl::SCHEMA_VERSION => Ok(()),
        found if (ddl::OLDEST_VERSION..ddl::SCHEMA_VERSION).contains(&found) => match options.versions {
            Versions::Known => Ok(()),
            Versions::Current => Err(Error::OlderVersion {
                database: path.display().to_string(),
                found,
                needed: ddl::SCHEMA_VERSION,
            }),
        },
        found => Err(Error::SchemaVersion {
            database: path.display().to_string(),
            found,
            needed: ddl::SCHEMA_VERSION,
        }),
    }
}

/// Gives a failure while opening its meaning.
pub(super) fn opening(path: &Path, error: rusqlite::Error) -> Error {
    let database = path.display().to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            Error::NotADatabase { database, why: "it is no SQLite file, or an encrypted one".to_owned() }
        }
        Some(ErrorCode::ReadOnly) => Error::ReadOnly { database },
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt) => {
            connection::failure(&format!("opening {}", path.display()), error)
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::Busy { doing: format!("opening {}", path.display()), source: error.into() }
        }
        _ => Error::Open { database, source: error.into() },
    }
}
