//! Who may work on a staging database at the same time: steps that rebuild its tables work alone, processes that load take
//! turns by their leases and work together.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use staging_store::{Existing, LockMode, SessionLock, Versions};

use crate::error::in_staging;
use crate::staging::Staging;
use crate::{Error, Step};

/// Held while a run is at work on a staging database. The system, or the server, lets go of it when the process ends,
/// however it ends.
#[derive(Debug)]
pub(crate) struct AtWork {
    company: Company,
    staging: Staging,
    held: Option<Held>,
}

/// The lock itself: beside a file, or on the server that all machines share.
#[derive(Debug)]
enum Held {
    File(#[expect(dead_code, reason = "kept until it is dropped")] File),
    Session(SessionLock),
}

/// With whom a step can work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Company {
    /// With nobody: it rebuilds what others would be reading.
    Alone,
    /// With others that load as well.
    Together,
}

impl Company {
    /// What a step needs.
    pub(crate) fn of(step: Step) -> Self {
        match step {
            Step::Load | Step::Settle => Self::Together,
            Step::Prepare | Step::Extract | Step::Transform | Step::Sequence | Step::Verify => Self::Alone,
        }
    }
}

/// Who only asks holds the lock for a moment.
const TRIES: u32 = 5;
/// Who loaded together with us is about to end as well.
const PATIENT_TRIES: u32 = 100;

impl AtWork {
    /// Begins to work, unless another run does with which this cannot work.
    pub(crate) async fn begin(staging: &Staging, company: Company) -> Result<Self, Error> {
        let held = Some(lock(staging, company, TRIES).await?);
        Ok(Self { company, staging: staging.clone(), held })
    }

    /// Goes on with a step that may need other company.
    pub(crate) async fn change_to(&mut self, company: Company) -> Result<(), Error> {
        if self.company != company {
            // One lock at a time: a process would wait for itself.
            self.let_go().await;
            self.held = Some(lock(&self.staging, company, PATIENT_TRIES).await?);
            self.company = company;
        }
        Ok(())
    }

    /// Ends to work: whoever comes next finds nobody.
    pub(crate) async fn end(mut self) {
        self.let_go().await;
    }

    async fn let_go(&mut self) {
        if let Some(Held::Session(lock)) = self.held.take() {
            lock.release().await;
        }
    }

    /// Whether a run is at work.
    pub(crate) async fn is_held(staging: &Staging) -> Result<bool, Error> {
        match staging {
            Staging::Sqlite { path, .. } => {
                let Ok(file) = File::open(beside(path)) else { return Ok(false) };
                Ok(matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
            }
            Staging::SqlServer { .. } => match on_server(staging, Company::Alone).await? {
                Some(Held::Session(ours)) => {
                    ours.release().await;
                    Ok(false)
                }
                Some(Held::File(_)) => Ok(false),
                None => Ok(true),
            },
        }
    }
}

async fn lock(staging: &Staging, company: Company, tries: u32) -> Result<Held, Error> {
    for _ in 0..tries {
        let held = match staging {
            Staging::Sqlite { path, .. } => in_file(path, company)?,
            Staging::SqlServer { .. } => on_server(staging, company).await?,
        };
        match held {
            Some(held) => return Ok(held),
            None => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    Err(Error::AtWork { staging: staging.to_string() })
}

fn in_file(staging: &Path, company: Company) -> Result<Option<Held>, Error> {
    let path = beside(staging);
    let failed = |source| Error::File { path: path.clone(), doing: "locked", source };
    let file = File::options().create(true).truncate(false).read(true).write(true).open(&path);
    let file = file.map_err(failed)?;
    let locked = match company {
        Company::Alone => file.try_lock(),
        Company::Together => file.try_lock_shared(),
    };
    match locked {
        Ok(()) => Ok(Some(Held::File(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

async fn on_server(staging: &Staging, company: Company) -> Result<Option<Held>, Error> {
    let mode = match company {
        Company::Alone => LockMode::Exclusive,
        Company::Together => LockMode::Shared,
    };
    let options = staging.options(Existing::Open, Versions::Known)?;
    let lock = SessionLock::take(&options, RESOURCE, mode).await;
    Ok(lock.map_err(in_staging(format!("asking who works on {staging}")))?.map(Held::Session))
}

/// The name of the lock on a server, one in each database.
const RESOURCE: &str = "dataverse-migration-run";

/// A file of its own: on some systems a lock keeps others from reading, and `status` reads beside a run.
fn beside(staging: &Path) -> PathBuf {
    let mut name = staging.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

#[cfg(test)]
mod tests {
    use staging_store::contract::ScratchStaging;

    use super::*;

    /// The lock is beside a file, or in the database of a server.
    async fn staging() -> (ScratchStaging, Staging) {
        let scratch = ScratchStaging::new().await.unwrap();
        let staging = match scratch.connection() {
            Some(connection) => {
                let mut staging = Staging::on_sql_server(None);
                staging.connect_by(connection.into());
                staging
            }
            None => Staging::sqlite(scratch.options().path),
        };
        (scratch, staging)
    }

    #[tokio::test]
    async fn a_second_run_is_refused_until_the_first_one_ends() {
        let (_scratch, staging) = staging().await;
        assert!(!AtWork::is_held(&staging).await.unwrap());
        let first = AtWork::begin(&staging, Company::Alone).await.unwrap();
        assert!(AtWork::is_held(&staging).await.unwrap());
        for company in [Company::Alone, Company::Together] {
            let refused = AtWork::begin(&staging, company).await.unwrap_err();
            assert!(matches!(refused, Error::AtWork { .. }), "{refused}");
        }
        first.end().await;
        assert!(!AtWork::is_held(&staging).await.unwrap());
        AtWork::begin(&staging, Company::Alone).await.unwrap();
    }

    #[tokio::test]
    async fn those_who_load_work_together_and_nobody_rebuilds_beside_them() {
        let (_scratch, staging) = staging().await;
        let mut first = AtWork::begin(&staging, Company::Alone).await.unwrap();
        first.change_to(Company::Together).await.unwrap();
        let second = AtWork::begin(&staging, Company::Together).await.unwrap();
        assert!(AtWork::is_held(&staging).await.unwrap());
        let refused = AtWork::begin(&staging, Company::Alone).await.unwrap_err();
        assert!(matches!(refused, Error::AtWork { .. }), "{refused}");
        second.end().await;
        first.change_to(Company::Alone).await.unwrap();
    }
}
