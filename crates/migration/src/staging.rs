//! The staging database that a project names, whichever engine keeps it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use staging_schema::Dialect;
#[cfg(test)]
use staging_store::DEFAULT_BUSY_TIMEOUT;
use staging_store::{Existing, Store, StoreOptions, Versions};

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
        /// The key, where the file is encrypted.
        key: Option<FileKey>,
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

/// The key of an encrypted SQLite file; shown to nobody.
#[derive(Clone, Debug)]
pub enum FileKey {
    /// A passphrase, or `x'…'` with 64 hexadecimal digits: the key itself.
    Given(SecretString),
    /// The variable that the project names is not set.
    Missing {
        /// The variable.
        variable: String,
    },
}

impl FileKey {
    /// The key in this variable of the environment; an empty one counts as not set.
    pub(crate) fn from_process(variable: &str) -> Self {
        match std::env::var(variable).ok().filter(|text| !text.is_empty()) {
            Some(text) => Self::Given(text.into()),
            None => Self::Missing { variable: variable.to_owned() },
        }
    }
}

impl Staging {
    /// A SQLite file that is not encrypted, written with the usual patience.
    #[cfg(test)]
    pub(crate) fn sqlite(path: PathBuf) -> Self {
        Self::Sqlite { path, busy_timeout: DEFAULT_BUSY_TIMEOUT, key: None }
    }

    /// A copy of it in another file, which has the same key. A server's copies are read by the server alone.
    pub(crate) fn copy_in(&self, file: &Path) -> Self {
        let mut copy = self.clone();
        if let Self::Sqlite { path, .. } = &mut copy {
            file.clone_into(path);
        }
        copy
    }

    /// The same file with this key; a server's database stays as it is.
    pub(crate) fn open_by(&mut self, text: SecretString) {
        if let Self::Sqlite { key, .. } = self {
            *key = Some(FileKey::Given(text));
        }
    }

    /// Whether it is an encrypted file.
    pub fn is_encrypted(&self) -> bool {
        matches!(self, Self::Sqlite { key: Some(_), .. })
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
            Self::Sqlite { path, key: Some(_), .. } => {
                format!(
                    "SELECT * FROM target_{view} (in {}, after PRAGMA key, by a tool that knows SQLCipher 4)",
                    path.display()
                )
            }
            Self::Sqlite { path, key: None, .. } => {
                format!("sqlite3 -box {} 'SELECT * FROM target_{view}'", path.display())
            }
            Self::SqlServer { place, .. } => format!("SELECT * FROM target.{view} (in {place})"),
        }
    }

    /// How it is opened.
    pub(crate) fn options(&self, existing: Existing, versions: Versions) -> Result<StoreOptions, Error> {
        let options = match self {
            Self::Sqlite { path, busy_timeout, key } => {
                let key = match key {
                    Some(FileKey::Given(key)) => Some(key.clone()),
                    Some(FileKey::Missing { variable }) => {
                        return Err(Error::MissingKey {
                            staging: self.to_string(),
                            variable: variable.clone(),
                        });
                    }
                    None => None,
                };
                StoreOptions { key, busy_timeout: *busy_timeout, ..StoreOptions::sqlite(path) }
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

    #[test]
    fn the_key_of_a_file_is_shown_to_nobody_and_goes_to_its_copies() {
        let mut staging = Staging::sqlite("staging.db".into());
        assert!(!staging.is_encrypted());
        staging.open_by("s3cret".into());
        assert!(staging.is_encrypted());
        let copy = staging.copy_in(Path::new("copy.db"));
        let options = copy.options(Existing::Open, Versions::Known).unwrap();
        assert_eq!(options.path, Path::new("copy.db"));
        assert_eq!(options.key.as_ref().map(secrecy::ExposeSecret::expose_secret), Some("s3cret"));
        let view = staging.read_view("ErrorSummary");
        assert!(!format!("{staging:?} {staging} {copy:?} {options:?} {view}").contains("s3cret"));
    }

    #[test]
    fn without_the_key_the_error_names_its_variable() {
        let key = Some(FileKey::from_process("DV_STAGING_KEY_THAT_NOBODY_SETS"));
        let staging = Staging::Sqlite { path: "staging.db".into(), busy_timeout: DEFAULT_BUSY_TIMEOUT, key };
        let error = staging.options(Existing::Open, Versions::Current).unwrap_err();
        assert!(error.to_string().contains("DV_STAGING_KEY_THAT_NOBODY_SETS"), "{error}");
        assert_eq!(error.exit_status(), crate::ExitStatus::Input);
        assert!(error.hint().unwrap().contains("DV_STAGING_KEY_THAT_NOBODY_SETS"));
    }
}
