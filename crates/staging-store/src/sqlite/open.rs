//! Opening the file, and telling clearly why it cannot be opened.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use staging_schema::ddl;

use super::connection::{self, Use};
use super::file::File;
use super::reader::Readers;
use super::writer::Writer;
use crate::Error;
use crate::options::{Existing, StoreOptions, Versions};

/// Marks the file as ours (`DvMg`), so that another program's database is not taken for an empty one.
const APPLICATION_ID: i64 = 0x4476_4d67;
/// Bytes of a page: wide rows fit, and a page is still one write. Encrypted files have SQLCipher's own size, so that its tools
/// need nothing but the key.
const PAGE_SIZE: i64 = 8192;
/// Between two attempts at a new file that others are opening.
const PAUSE: Duration = Duration::from_millis(5);

/// An open staging file: one writer, readers as needed.
#[derive(Debug)]
pub(crate) struct Sqlite {
    pub(super) file: File,
    pub(super) writer: Option<Writer>,
    pub(super) readers: Arc<Readers>,
}

impl Sqlite {
    /// Opens or creates the file. Blocks; called on a thread of its own.
    pub(crate) fn open(options: &StoreOptions) -> Result<Self, Error> {
        let file = File::find(options)?;
        let writer = match options.existing {
            Existing::ReadOnly => {
                let reader = file.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
                prepare(&reader, Use::Read, &file, options)?;
                check_version(&reader, &file, options.versions)?;
                None
            }
            Existing::Open | Existing::OpenOrCreate => {
                let mut connection = file.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
                prepare(&connection, Use::Write, &file, options)?;
                if connection.is_readonly("main").map_err(|error| file.opening(error))? {
                    return Err(Error::ReadOnly { database: file.name() });
                }
                if options.existing == Existing::OpenOrCreate {
                    make(&mut connection, &file, options.busy_timeout)?;
                }
                check_version(&connection, &file, options.versions)?;
                Some(Writer::start(connection)?)
            }
        };
        let readers = Arc::new(Readers::new(file.clone(), options.functions.clone(), options.busy_timeout));
        Ok(Self { file, writer, readers })
    }
}

fn prepare(connection: &Connection, purpose: Use, file: &File, options: &StoreOptions) -> Result<(), Error> {
    connection::configure(connection, purpose, file.is_encrypted(), options.busy_timeout, &options.functions)
        .map_err(|error| file.opening(error))
}

fn pragma(connection: &Connection, file: &File, name: &str) -> Result<i64, Error> {
    connection.pragma_query_value(None, name, |row| row.get(0)).map_err(|error| file.opening(error))
}

fn is_new(connection: &Connection, file: &File) -> Result<bool, Error> {
    let objects: i64 = connection
        .query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|error| file.opening(error))?;
    Ok(objects == 0 && pragma(connection, file, "application_id")? == 0)
}

/// Makes a database of a new file. Where others open it first at the same moment SQLite does not wait for them, since it changes
/// the journal mode at once or not at all: so we do, as long as for any other change.
fn make(connection: &mut Connection, file: &File, patience: Duration) -> Result<(), Error> {
    let begun = Instant::now();
    loop {
        let made = match is_new(connection, file) {
            Ok(true) => create(connection, file),
            known => known.map(drop),
        };
        match made {
            Err(Error::Busy { .. }) if begun.elapsed() < patience => std::thread::sleep(PAUSE),
            made => return made,
        }
    }
}

/// Makes the control tables in one transaction; whoever comes second finds them.
fn create(connection: &mut Connection, file: &File) -> Result<(), Error> {
    let failed = |error| file.opening(error);
    if !file.is_encrypted() {
        connection.pragma_update(None, "page_size", PAGE_SIZE).map_err(failed)?;
    }
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    if is_new(&transaction, file)? {
        for statement in ddl::control_tables() {
            connection::execute(&transaction, &statement).map_err(failed)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        transaction.pragma_update(None, "user_version", ddl::SCHEMA_VERSION).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

fn check_version(connection: &Connection, file: &File, versions: Versions) -> Result<(), Error> {
    if pragma(connection, file, "application_id")? != APPLICATION_ID {
        let why = "it is a SQLite file of another program".to_owned();
        return Err(Error::NotADatabase { database: file.name(), why });
    }
    match pragma(connection, file, "user_version")? {
        ddl::SCHEMA_VERSION => Ok(()),
        found if (ddl::OLDEST_VERSION..ddl::SCHEMA_VERSION).contains(&found) => match versions {
            Versions::Known => Ok(()),
            Versions::Current => {
                Err(Error::OlderVersion { database: file.name(), found, needed: ddl::SCHEMA_VERSION })
            }
        },
        found => Err(Error::SchemaVersion { database: file.name(), found, needed: ddl::SCHEMA_VERSION }),
    }
}
