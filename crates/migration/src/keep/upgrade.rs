//! A staging database of an earlier version of this toolkit.

use serde::Serialize;
use staging_store::{Existing, Store, Versions};

use crate::error::in_staging;
use crate::lock::{AtWork, Company};
use crate::staging::Staging;
use crate::{Error, Project};

/// A staging database that has this program's version now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Upgraded {
    /// The staging database.
    pub staging: String,
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
        format!("{} was upgraded from version {} to {}: {changes}", self.staging, self.from, self.to)
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
    let staging = &project.settings().staging;
    if staging.open_any_version().await?.is_none() {
        return Err(Error::NoStaging { staging: staging.to_string() });
    }
    upgrade_alone(staging).await
}

async fn upgrade_alone(staging: &Staging) -> Result<Option<Upgraded>, Error> {
    // Who works on it believes in its tables.
    let at_work = AtWork::begin(staging, Company::Alone).await?;
    let Some(store) = staging.open(Existing::Open, Versions::Known).await? else { return Ok(None) };
    let upgraded = store.upgrade().await.map_err(in_staging(format!("upgrading {staging}")));
    store.close().await.map_err(in_staging("closing it"))?;
    at_work.end().await;
    let upgraded = upgraded?;
    Ok(upgraded.map(|done| Upgraded {
        staging: staging.to_string(),
        from: done.from,
        to: done.to,
        changes: done.changes,
    }))
}

/// Opens a staging database for work, upgraded where it has to be; `told` hears of that.
/// `None` when it is not there, and is not to be made.
pub(crate) async fn open_for_work(
    staging: &Staging,
    existing: Existing,
    told: impl FnOnce(String),
) -> Result<Option<Store>, Error> {
    match staging.open(existing, Versions::Current).await {
        Err(Error::Staging { source, .. }) if source.is_older_version() => {
            if let Some(upgraded) = upgrade_alone(staging).await? {
                told(upgraded.sentence());
            }
            staging.open(existing, Versions::Current).await
        }
        opened => opened,
    }
}
