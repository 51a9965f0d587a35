//! The end of a staging database.

use std::path::{Path, PathBuf};

use serde::Serialize;

use staging_store::{Existing, Store, StoreOptions, Versions};

use crate::error::in_staging;
use crate::lock::{AtWork, Company};
use crate::{Error, Project, Status, Step, status};

/// A staging database that is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Discarded {
    /// The files that were removed.
    pub files: Vec<PathBuf>,
    /// The tables that were dropped, on a server; its database stays.
    pub tables: usize,
    /// Their bytes; unknown on a server.
    pub bytes: u64,
    /// Rows that were staged.
    pub staged: u64,
    /// Of them, rows that had arrived in Dataverse.
    pub arrived: u64,
    /// Whether a verification had passed since the last change.
    pub verified: bool,
}

/// Why a staging database should be kept: `None` once a verification has passed and nothing was done since.
pub fn why_keep(status: &Status) -> Option<String> {
    let Some(last) = status.runs.last() else { return Some("nothing was loaded with it yet".to_owned()) };
    if last.step != Step::Verify.as_str() {
        let verified = status.runs.iter().any(|run| run.step == Step::Verify.as_str());
        let since = if verified { "was done after the last verification" } else { "was not followed by one" };
        return Some(format!("the step {} {since}", last.step));
    }
    match last.exit_code {
        Some(0) => {
            let open: u64 =
                status.tables.iter().map(|table| table.errors + table.owed + table.in_doubt).sum();
            (open > 0).then(|| format!("{open} rows are in error, owed or in doubt"))
        }
        Some(_) => Some("the last verification found something".to_owned()),
        None => Some("the last verification did not end".to_owned()),
    }
}

/// Removes the staging database of a project, once a verification has passed, or whatever its state with `unverified`.
/// Project file, source files and reports stay.
///
/// # Errors
/// There is none, a run is at work on it, or it should be kept; then nothing is removed.
pub async fn discard(project: &Project, unverified: bool) -> Result<Discarded, Error> {
    let staging = &project.settings().staging;
    let Some(path) = staging.path() else { return on_a_server(project, unverified).await };
    if !path.exists() {
        return Err(Error::NoStaging { staging: staging.to_string() });
    }
    let at_work = AtWork::begin(staging, Company::Alone).await?;
    let state = status::of(project, staging.open_any_version().await?).await?;
    let why = why_keep(&state);
    if let Some(why) = why.clone().filter(|_| !unverified) {
        return Err(Error::StillNeeded { staging: staging.to_string(), why });
    }
    let mut discarded = Discarded {
        files: Vec::new(),
        tables: 0,
        bytes: 0,
        staged: state.tables.iter().map(|table| table.staged).sum(),
        arrived: state.tables.iter().map(|table| table.arrived).sum(),
        verified: why.is_none(),
    };
    // The file itself goes last: what is interrupted can be repeated.
    for file in ["-wal", "-shm", ""].map(|suffix| beside(path, suffix)) {
        remove(&file, &mut discarded)?;
    }
    drop(at_work);
    remove(&beside(path, ".lock"), &mut discarded)?;
    Ok(discarded)
}

/// All tables and views of ours go in one transaction.
async fn on_a_server(project: &Project, unverified: bool) -> Result<Discarded, Error> {
    let staging = &project.settings().staging;
    // What is about to go needs nothing new.
    let options = StoreOptions { functions: Vec::new(), ..staging.options(Existing::Open, Versions::Known)? };
    let store = match Store::open(options).await {
        Ok(store) => store,
        Err(staging_store::Error::Missing { .. }) => {
            return Err(Error::NoStaging { staging: staging.to_string() });
        }
        Err(error) => return Err(in_staging(format!("opening {staging}"))(error)),
    };
    let discarded = match AtWork::begin(staging, Company::Alone).await {
        Ok(at_work) => {
            let discarded = drop_ours(project, &store, unverified).await;
            at_work.end().await;
            discarded
        }
        Err(error) => Err(error),
    };
    store.close().await.map_err(in_staging("closing it"))?;
    discarded
}

async fn drop_ours(project: &Project, store: &Store, unverified: bool) -> Result<Discarded, Error> {
    let staging = &project.settings().staging;
    let state = status::of(project, Some(store.clone())).await?;
    let why = why_keep(&state);
    if let Some(why) = why.clone().filter(|_| !unverified) {
        return Err(Error::StillNeeded { staging: staging.to_string(), why });
    }
    Ok(Discarded {
        files: Vec::new(),
        tables: store.discard().await.map_err(in_staging("dropping its tables"))?,
        bytes: 0,
        staged: state.tables.iter().map(|table| table.staged).sum(),
        arrived: state.tables.iter().map(|table| table.arrived).sum(),
        verified: why.is_none(),
    })
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove(file: &Path, discarded: &mut Discarded) -> Result<(), Error> {
    let Ok(about) = std::fs::metadata(file) else { return Ok(()) };
    std::fs::remove_file(file).map_err(|source| Error::File {
        path: file.to_owned(),
        doing: "removed",
        source,
    })?;
    discarded.bytes += about.len();
    discarded.files.push(file.to_owned());
    Ok(())
}
