//! The file itself: where it is, whether it can be opened, and its connections.

use std::fs::{self, OpenOptions};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use secrecy::SecretString;

use super::{connection, key};
use crate::Error;
use crate::options::{Existing, StoreOptions};

/// How a file begins that is not encrypted; an encrypted one begins with its salt.
const PLAIN: &[u8; 16] = b"SQLite format 3\0";

/// A staging file and, where it is encrypted, its key.
#[derive(Debug, Clone)]
pub(crate) struct File {
    path: PathBuf,
    key: Option<SecretString>,
}

impl File {
    /// Checks all that can be checked without opening it; where one is to be made, makes an empty file that only its owner can read.
    pub(super) fn find(options: &StoreOptions) -> Result<Self, Error> {
        let file = Self { path: options.path.clone(), key: options.key.clone() };
        file.check_key()?;
        file.check_place(options.existing)?;
        Ok(file)
    }

    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.key.is_some()
    }

    fn check_key(&self) -> Result<(), Error> {
        let Some(key) = &self.key else { return Ok(()) };
        key::check(key)?;
        if !key::library_encrypts().map_err(|error| self.opening(error))? {
            return Err(Error::NoEncryption { database: self.name() });
        }
        let mut start = Vec::with_capacity(PLAIN.len());
        // One that is not there, or cannot be read, is told of below.
        let read = fs::File::open(&self.path).and_then(|file| file.take(16).read_to_end(&mut start));
        if read.is_ok() && start == PLAIN {
            return Err(Error::NotEncrypted { database: self.name() });
        }
        Ok(())
    }

    fn check_place(&self, existing: Existing) -> Result<(), Error> {
        let path = &self.path;
        let folder =
            path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        if !folder.is_dir() {
            return Err(Error::FolderMissing { folder: folder.to_owned() });
        }
        if path.is_dir() {
            return Err(Error::NotADatabase { database: self.name(), why: "it is a folder".to_owned() });
        }
        if path.exists() {
            return Ok(());
        }
        if existing != Existing::OpenOrCreate {
            return Err(Error::Missing { database: self.name() });
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
                Err(Error::ReadOnly { database: self.name() })
            }
            Err(error) => Err(Error::Open { database: self.name(), source: error.into() }),
        }
    }

    /// A fresh connection, which has the key. Opens without creating: a path from the wrong folder must not make a new file.
    pub(super) fn connect(&self, access: OpenFlags) -> Result<Connection, Error> {
        let connection = Connection::open_with_flags(&self.path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(|error| self.opening(error))?;
        if let Some(key) = &self.key {
            key::give(&connection, key)?;
        }
        Ok(connection)
    }

    /// Gives a failure while opening its meaning.
    pub(super) fn opening(&self, error: rusqlite::Error) -> Error {
        let database = self.name();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) if self.is_encrypted() => Error::WrongKey { database },
            Some(ErrorCode::NotADatabase) => Error::NotADatabase {
                database,
                why: "it is no SQLite file, or an encrypted one and no key was given".to_owned(),
            },
            Some(ErrorCode::ReadOnly) => Error::ReadOnly { database },
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt) => {
                connection::failure(&format!("opening {database}"), error)
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Error::Busy { doing: format!("opening {database}"), source: error.into() }
            }
            _ => Error::Open { database, source: error.into() },
        }
    }
}
