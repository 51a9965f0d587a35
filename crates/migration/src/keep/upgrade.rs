//! A staging database of an earlier version of this toolkit.

use std::path::{Path, PathBuf};

use serde::Serialize;
use staging_store::{Existing, Store, StoreOptions, Versions};

use crate::error::in_staging;
use crate::lock::{AtWork, Company};
use crate::{Error, Project};

/// A staging database that has this program's version now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Upgraded {
    /// The staging database.
    pub path: PathBuf,
    /// The version that it had.
    pub from: i64,
    /// The version that it has.
    pub to: i64,
    /// What changed, a sentence each.
    pub changes: Vec<String>,
}

impl Upgraded {
    /// One sentence.
    pub fn sentence(&self) -> String {
        let changes = if self.changes.is_empty() {
            "nothing else had to change".to_owned()
        } else {
            self.changes.join(", ")
        };
        format!("{} was upgraded from version {} to {}: {changes}", self.path.display(), self.from, self.to)
    }
}

/// Upgrades the staging database of a project to the version of this program; `None` when it has it already.
///
/// Everything happens in one transaction: stopped half-way, the database is as before. What people and runs wrote is kept.
///
/// # Errors
/// There is none, a run is at work on it, it is of a later version, or its tables are not those of its version; then nothing
/// was changed.
pub async fn upgrade(project: &Project) -> Result<Option<Upgraded>, Error> {
    let path = &project.settings().staging.path;
    if !path.exists() {
        return Err(Error::NoStaging { path: path.clone() });
    }
    upgrade_file(path).await
}

async fn upgrade_file(path: &Path) -> Result<Option<Upgraded>, Error> {
    // Who works on it believes in its tables.
    let _at_work = AtWork::begin(path, Company::Alone).await?;
    let options =
        StoreOptions { versions: Versions::Known, existing: Existing::Open, ..StoreOptions::sqlite(path) };
    let store = Store::open(options).await.map_err(in_staging(format!("opening {}", path.display())))?;
    let upgraded = store.upgrade().await.map_err(in_staging(format!("upgrading {}", path.display())));
    store.close().await.map_err(in_staging("closing it"))?;
    let upgraded = upgraded?;
    Ok(upgraded.map(|done| Upgraded {
        path: path.to_owned(),
        from: done.from,
        to: done.to,
        changes: done.changes,
    }))
}

/// Opens a staging database for work, upgraded where it has to be; `told` hears of that.
pub(crate) async fn open_for_work(options: StoreOptions, told: impl FnOnce(String)) -> Result<Store, Error> {
    let path = options.path.clone();
    let opening = || in_staging(format!("opening {}", path.display()));
    match Store::open(options.clone()).await {
        Err(error) if error.is_older_version() => {
            if let Some(upgraded) = upgrade_file(&path).await? {
                told(upgraded.sentence());
            }
            Store::open(options).await.map_err(opening())
        }
        opened => opened.map_err(opening()),
    }
}
