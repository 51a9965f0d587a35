//! The staging database that a project names, whichever engine keeps it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use staging_schema::Dialect;
use staging_store::{DEFAULT_BUSY_TIMEOUT, Existing, Store, StoreOptions, Versions};

use crate::Error;
use crate::error::in_staging;

/// Variable of the connection string of a staging database on SQL Server.
pub(crate) const STAGING_CONNECTION: &str = "DV_STAGING_CONNECTION";

/// Where a project stages.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Staging {
    /// One SQLite file.
    Sqlite {
        /// The file.
        path: PathBuf,
        /// How long a write waits while another process writes.
        busy_timeout: Duration,
    },
    /// A database on a SQL Server.
    SqlServer {
        /// The connection string, from `DV_STAGING_CONNECTION`; it holds a password, so it is shown to nobody.
        connection: Option<SecretString>,
        /// Certificate of an authority that is trusted besides those of the system, as PEM.
        authority: Option<PathBuf>,
        /// Database and server, for people.
        place: String,
    },
}

impl Staging {
    /// A SQLite file, written with the usual patience.
    pub(crate) fn sqlite(path: PathBuf) -> Self {
        Self::Sqlite { path, busy_timeout: DEFAULT_BUSY_TIMEOUT }
    }

    /// The database of the connection string in the environment.
    pub(crate) fn on_sql_server(authority: Option<PathBuf>) -> Self {
        let connection = std::env::var(STAGING_CONNECTION).ok().filter(|text| !text.trim().is_empty());
        let place = connection.as_deref().map_or_else(|| place_of(""), place_of);
        Self::SqlServer { connection: connection.map(SecretString::from), authority, place }
    }

    /// The same server's engine with this connection string; a file stays as it is.
    pub(crate) fn connect_by(&mut self, text: SecretString) {
        if let Self::SqlServer { connection, place, .. } = self {
            *place = place_of(text.expose_secret());
            *connection = Some(text);
        }
    }

    /// The SQLite file, where there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Sqlite { path, .. } => Some(path),
            Self::SqlServer { .. } => None,
        }
    }

    /// The SQL that its engine speaks.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite { .. } => Dialect::Sqlite,
            Self::SqlServer { .. } => Dialect::Mssql,
        }
    }

    /// What a person types to read a view of it, such as `ErrorSummary`.
    pub fn read_view(&self, view: &str) -> String {
        match self {
            Self::Sqlite { path, .. } => {
                format!("sqlite3 -box {} 'SELECT * FROM target_{view}'", path.display())
            }
            Self::SqlServer { place, .. } => format!("SELECT * FROM target.{view} (in {place})"),
        }
    }

    /// How it is opened.
    pub(crate) fn options(&self, existing: Existing, versions: Versions) -> Result<StoreOptions, Error> {
        let options = match self {
            Self::Sqlite { path, busy_timeout } => {
                StoreOptions { busy_timeout: *busy_timeout, ..StoreOptions::sqlite(path) }
            }
            Self::SqlServer { connection: Some(connection), authority, .. } => {
                let mut options = StoreOptions::sql_server(connection.expose_secret());
                options.server.certificate_authority.clone_from(authority);
                options
            }
            Self::SqlServer { connection: None, .. } => {
                return Err(Error::MissingSecret { variable: STAGING_CONNECTION.to_owned() });
            }
        };
        let functions = match existing {
            Existing::ReadOnly => Vec::new(),
            Existing::Open | Existing::OpenOrCreate => row_transform::functions(),
        };
        Ok(StoreOptions { existing, versions, functions, ..options })
    }

    /// Opens it; `None` when it is not there, and is not to be made.
    pub(crate) async fn open(&self, existing: Existing, versions: Versions) -> Result<Option<Store>, Error> {
        match Store::open(self.options(existing, versions)?).await {
            Ok(store) => Ok(Some(store)),
            Err(staging_store::Error::Missing { .. }) => Ok(None),
            Err(error) => Err(in_staging(format!("opening {self}"))(error)),
        }
    }

    /// Opens it for reading beside whoever works with it, if it is there.
    pub(crate) async fn open_for_reading(&self) -> Result<Option<Store>, Error> {
        self.open(Existing::ReadOnly, Versions::Current).await
    }

    /// The same, also one of an earlier version: for what all versions have.
    pub(crate) async fn open_any_version(&self) -> Result<Option<Store>, Error> {
        self.open(Existing::ReadOnly, Versions::Known).await
    }
}

impl fmt::Display for Staging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path, .. } => path.display().fmt(f),
            Self::SqlServer { place, .. } => f.write_str(place),
        }
    }
}

/// `database on server`, as far as a connection string says so; nothing else of it.
fn place_of(connection: &str) -> String {
    let value = |names: &[&str]| {
        connection.split(';').filter_map(|part| part.split_once('=')).find_map(|(name, value)| {
            let value = value.trim();
            let wanted = names.iter().any(|wanted| name.trim().eq_ignore_ascii_case(wanted));
            (wanted && !value.is_empty()).then(|| value.trim_start_matches("tcp:").to_owned())
        })
    };
    let database = value(&["database", "initial catalog", "databasename"]);
    let server = value(&["server", "data source", "addr", "address", "network address"]);
    match (database, server) {
        (Some(database), Some(server)) => format!("{database} on {server}"),
        (None, Some(server)) => format!("the login's database on {server}"),
        (Some(database), None) => database,
        (None, None) => "the staging database on SQL Server".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_database_and_server_and_never_the_password() {
        let place =
            place_of("Server=tcp:sql01,1433;User=loader;Password=s3cret;Initial Catalog = Migration;");
        assert_eq!(place, "Migration on sql01,1433");
        assert_eq!(place_of("password=s3cret"), "the staging database on SQL Server");
        let connection = Some("password=s3cret".into());
        let staging = Staging::SqlServer { connection, authority: None, place };
        assert!(!format!("{staging:?} {staging}").contains("s3cret"));
    }

    #[test]
    fn without_a_connection_string_the_error_names_its_variable() {
        let staging = Staging::SqlServer { connection: None, authority: None, place: place_of("") };
        let error = staging.options(Existing::Open, Versions::Current).unwrap_err();
        assert!(error.to_string().contains(STAGING_CONNECTION));
        assert!(error.hint().unwrap().contains("Database="));
    }
}
