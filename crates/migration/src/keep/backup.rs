//! A copy of the staging database, taken while others may work on it.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use serde::Serialize;
use staging_schema::Statement;
use staging_schema::backup::{self, Earlier};
use staging_store::{Existing, Store, Versions};

use crate::error::in_staging;
use crate::staging::Staging;
use crate::{Error, Project};

/// A backup that was taken and read again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// The copy.
    pub path: PathBuf,
    /// Its size; not known where a server wrote it.
    pub bytes: Option<u64>,
    /// Rows in target tables.
    pub staged: u64,
    /// Of them, rows with a GUID in Dataverse.
    pub arrived: u64,
}

/// Copies the staging database into a new file, as of one moment, also while a load is at work, and checks the copy.
///
/// What is loaded after that moment the copy does not know. It may be used all the same: before rows are created, the load
/// looks for rows that carry this project's numbers, and adopts them.
///
/// # Errors
/// There is no staging database, the file exists already, or the copy could not be written; then it is removed.
pub async fn backup(project: &Project, to: &Path) -> Result<Backup, Error> {
    let staging = &project.settings().staging;
    if staging.path().is_none() {
        // A file of that name may hold what somebody needs.
        return on_a_server(staging, Earlier::Keep, |_| to.to_owned()).await;
    }
    let Some(store) = staging.open_any_version().await? else {
        return Err(Error::NoStaging { staging: staging.to_string() });
    };
    let taken = take(&store, staging, to).await;
    store.close().await.map_err(in_staging("closing it"))?;
    taken
}

/// How long a server may take for a copy.
const PATIENCE: std::time::Duration = std::time::Duration::from_hours(12);

/// The server writes the file, where its service may: a name without a folder is one in its folder for backups. The name may
/// depend on that of the database.
pub(super) async fn on_a_server(
    staging: &Staging,
    earlier: Earlier,
    to: impl FnOnce(&str) -> PathBuf,
) -> Result<Backup, Error> {
    let mut options = staging.options(Existing::Open, Versions::Known)?;
    // What is copied is left as it is.
    options.functions = Vec::new();
    options.server.statement_timeout = PATIENCE;
    let store = match Store::open(options).await {
        Ok(store) => store,
        Err(staging_store::Error::Missing { .. }) => {
            return Err(Error::NoStaging { staging: staging.to_string() });
        }
        Err(error) => return Err(in_staging(format!("opening {staging}"))(error)),
    };
    let copied = async {
        let name = Statement::same("SELECT DB_NAME()", Vec::new());
        let name = store.query(&name).await.map_err(in_staging("asking for its name"))?;
        let path = to(name.first().and_then(|row| row.get(0).as_text()).unwrap_or_default());
        let file = path.to_string_lossy();
        // Not in a transaction: the server would refuse it.
        let copy = backup::copy(&file, earlier);
        store.query(&copy).await.map_err(in_staging(format!("having the server copy it to {file}")))?;
        store.query(&backup::verify(&file)).await.map_err(in_staging(format!("reading the copy {file}")))?;
        let tables = crate::status::tables(&store).await?;
        Ok(Backup {
            bytes: None,
            staged: tables.iter().map(|table| table.staged).sum(),
            arrived: tables.iter().map(|table| table.arrived).sum(),
            path,
        })
    }
    .await;
    store.close().await.map_err(in_staging("closing it"))?;
    copied
}

/// Copies an open staging database into a new file; an encrypted one into one with the same key.
pub(super) async fn take(store: &Store, staging: &Staging, to: &Path) -> Result<Backup, Error> {
    make_private(to)?;
    let taken = copy(store, staging, to).await;
    if taken.is_err() {
        // What is there is half a copy; the error is what matters.
        let _ = std::fs::remove_file(to);
    }
    taken
}

/// An empty file that only its owner can read: SQLite fills it, and leaves the permissions as they are.
fn make_private(path: &Path) -> Result<(), Error> {
    let mut file = OpenOptions::new();
    file.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        file.mode(0o600);
    }
    match file.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Error::FileExists { path: path.to_owned() })
        }
        Err(source) => Err(Error::File { path: path.to_owned(), doing: "written", source }),
    }
}

async fn copy(store: &Store, staging: &Staging, to: &Path) -> Result<Backup, Error> {
    let target = to.to_string_lossy();
    store
        .query(&backup::copy(&target, Earlier::Keep))
        .await
        .map_err(in_staging(format!("copying it to {}", to.display())))?;
    let reading = || in_staging(format!("reading the copy {}", to.display()));
    let copied = staging.copy_in(to);
    let Some(copy) = copied.open_any_version().await? else {
        return Err(Error::NoStaging { staging: copied.to_string() });
    };
    let sound = copy.query(&backup::verify(&target)).await.map_err(reading())?;
    let complaint = sound.first().and_then(|row| row.get(0).as_text()).unwrap_or("no answer").to_owned();
    let tables = crate::status::tables(&copy).await?;
    copy.close().await.map_err(reading())?;
    if complaint != "ok" {
        return Err(Error::BackupUnsound { path: to.to_owned(), complaint });
    }
    let bytes = std::fs::metadata(to)
        .map_err(|source| Error::File { path: to.to_owned(), doing: "read", source })?
        .len();
    Ok(Backup {
        path: to.to_owned(),
        bytes: Some(bytes),
        staged: tables.iter().map(|table| table.staged).sum(),
        arrived: tables.iter().map(|table| table.arrived).sum(),
    })
}
