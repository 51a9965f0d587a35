//! One run at a time: steps rebuild tables of the staging database that a second run would be reading.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Error;

/// Held while a run is at work on a staging database. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct AtWork {
    _held: File,
}

impl AtWork {
    /// Begins to work, unless another run does.
    pub(crate) async fn begin(staging: &Path) -> Result<Self, Error> {
        // Who only asks holds the lock for a moment.
        const TRIES: u32 = 5;
        let path = beside(staging);
        let failed = |source| Error::File { path: path.clone(), doing: "locked", source };
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _held: file }),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(100)).await,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        Err(Error::AtWork { path: staging.to_owned() })
    }

    /// Whether a run is at work.
    pub(crate) fn is_held(staging: &Path) -> bool {
        let Ok(file) = File::open(beside(staging)) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}

/// A file of its own: on some systems a lock keeps others from reading, and `status` reads beside a run.
fn beside(staging: &Path) -> PathBuf {
    let mut name = staging.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_run_is_refused_until_the_first_one_ends() {
        let folder = tempfile::tempdir().unwrap();
        let staging = folder.path().join("staging.db");
        assert!(!AtWork::is_held(&staging));
        let first = AtWork::begin(&staging).await.unwrap();
        assert!(AtWork::is_held(&staging));
        let refused = AtWork::begin(&staging).await.unwrap_err();
        assert!(matches!(refused, Error::AtWork { .. }), "{refused}");
        drop(first);
        assert!(!AtWork::is_held(&staging));
        AtWork::begin(&staging).await.unwrap();
    }
}
