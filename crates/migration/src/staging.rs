//! The staging database that a project names, whichever engine keeps it.

use std::fmt;
use std::path::{Path, PathBuf};

use staging_schema::Dialect;
use staging_store::{Existing, Store, StoreOptions, Versions};

use crate::Error;
use crate::error::in_staging;

/// Where a project stages.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Staging {
    /// One SQLite file.
    Sqlite {
        /// The file.
        path: PathBuf,
    },
}

impl Staging {
    /// The SQLite file.
    pub fn path(&self) -> &Path {
        let Self::Sqlite { path } = self;
        path
    }

    /// The SQL that its engine speaks.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite { .. } => Dialect::Sqlite,
        }
    }

    /// What a person types to read a view of it, such as `ErrorSummary`.
    pub fn read_view(&self, view: &str) -> String {
        match self {
            Self::Sqlite { path } => format!("sqlite3 -box {} 'SELECT * FROM target_{view}'", path.display()),
        }
    }

    /// Opens it; `None` when it is not there, and is not to be made.
    ///
    /// # Errors
    /// It is there and cannot be opened; the store's error is kept as it is, since some are not the last word.
    pub(crate) async fn open(
        &self,
        existing: Existing,
        versions: Versions,
    ) -> Result<Option<Store>, staging_store::Error> {
        let Self::Sqlite { path } = self;
        let functions = match existing {
            Existing::ReadOnly => Vec::new(),
            Existing::Open | Existing::OpenOrCreate => row_transform::functions(),
        };
        match Store::open(StoreOptions { existing, versions, functions, ..StoreOptions::sqlite(path) }).await
        {
            Ok(store) => Ok(Some(store)),
            Err(staging_store::Error::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens it for reading beside whoever works with it, if it is there.
    pub(crate) async fn open_for_reading(&self) -> Result<Option<Store>, Error> {
        self.open(Existing::ReadOnly, Versions::Current).await.map_err(in_staging(format!("opening {self}")))
    }

    /// The same, also one of an earlier version: for what all versions have.
    pub(crate) async fn open_any_version(&self) -> Result<Option<Store>, Error> {
        self.open(Existing::ReadOnly, Versions::Known).await.map_err(in_staging(format!("opening {self}")))
    }
}

impl fmt::Display for Staging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => path.display().fmt(f),
        }
    }
}
