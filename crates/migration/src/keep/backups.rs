//! Copies of the staging database every so often, while rows are loaded.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use staging_store::Store;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::backup::take;
use crate::event::Observer;
use crate::staging::Staging;
use crate::{Error, Event, Step};

/// How often, such as `15m`: a whole number of seconds (`s`), minutes (`m`) or hours (`h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval(Duration);

impl Interval {
    /// Its length.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no interval: write 30s, 15m or 2h");
        let unit = text.chars().last().ok_or_else(wrong)?;
        let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
        let seconds = match unit {
            's' => Some(number),
            'm' => number.checked_mul(60),
            'h' => number.checked_mul(3600),
            _ => None,
        };
        seconds
            .filter(|seconds| *seconds > 0)
            .map(|seconds| Self(Duration::from_secs(seconds)))
            .ok_or_else(wrong)
    }
}

/// Copies that are taken while rows are loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backups {
    /// How often.
    pub every: Interval,
    /// The folder; that of the staging database when nothing is said.
    pub folder: Option<PathBuf>,
    /// How many are kept, the latest ones.
    pub keep: usize,
}

/// Takes copies until it is told to end.
pub(crate) struct Keeper {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Keeper {
    /// Begins; the folder must be there.
    pub(crate) fn start(
        store: Store,
        staging: &Staging,
        backups: Backups,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, Error> {
        let Some(database) = staging.path().map(Path::to_owned) else {
            let instead = "let the server take its own, by BACKUP DATABASE … WITH CHECKSUM on a schedule";
            return Err(Error::NotOnSqlServer { what: "a backup every so often", instead });
        };
        let beside = database.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder =
            backups.folder.or_else(|| beside.map(Path::to_owned)).unwrap_or_else(|| PathBuf::from("."));
        if !folder.is_dir() {
            return Err(Error::NoFolder { path: folder });
        }
        let stop = CancellationToken::new();
        let work = Work { store, database, folder, keep: backups.keep.max(1), observer };
        let task = tokio::spawn(work.until(stop.clone(), backups.every.0));
        Ok(Self { stop, task })
    }

    /// Ends it; a copy that was begun is finished.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        // It tells of its failures by itself.
        let _ = self.task.await;
    }
}

struct Work {
    store: Store,
    database: PathBuf,
    folder: PathBuf,
    keep: usize,
    observer: Arc<dyn Observer>,
}

impl Work {
    async fn until(self, stop: CancellationToken, every: Duration) {
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
        // A copy that takes longer than the interval does not make the next ones come at once.
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => self.once().await,
            }
        }
    }

    /// A copy has its name once it is whole and was read again.
    async fn once(&self) {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let to = self.folder.join(format!("{}{:020}", self.prefix(), since.as_millis()));
        let part = to.with_extension("part");
        let taken = match take(&self.store, &part).await {
            Ok(taken) => match std::fs::rename(&part, &to) {
                Ok(()) => Ok(taken),
                Err(source) => Err(Error::File { path: to.clone(), doing: "written", source }),
            },
            Err(error) => Err(error),
        };
        let message = match taken {
            Ok(backup) => {
                self.forget_older();
                format!(
                    "backup {}: {} rows staged, {} of them in Dataverse",
                    to.display(),
                    backup.staged,
                    backup.arrived
                )
            }
            // The load is worth more than its backup.
            Err(error) => format!("no backup was taken, the load goes on: {}", error.with_causes()),
        };
        self.observer.event(&Event::Notice { step: Step::Load, table: None, message });
    }

    fn prefix(&self) -> String {
        let name = self.database.file_name().unwrap_or_default().to_string_lossy();
        format!("{name}.auto-")
    }

    /// Removes all but the latest copies that were taken in this way.
    fn forget_older(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        let prefix = self.prefix();
        let is_ours = |name: &str| {
            name.strip_prefix(&prefix)
                .is_some_and(|time| time.len() == 20 && time.bytes().all(|b| b.is_ascii_digit()))
        };
        let mut names: Vec<_> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| is_ours(name))
            .collect();
        names.sort_unstable();
        for name in names.iter().take(names.len().saturating_sub(self.keep)) {
            // One that somebody holds open is removed the next time.
            let _ = std::fs::remove_file(self.folder.join(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_whole_numbers_with_a_unit() {
        let seconds = |text: &str| text.parse::<Interval>().map(|interval| interval.duration().as_secs());
        assert_eq!((seconds("30s"), seconds("15m"), seconds("2h")), (Ok(30), Ok(900), Ok(7200)));
        for wrong in ["", "15", "m", "0m", "-5m", "1.5h", "5 m", "3d", "99999999999999999999h"] {
            assert!(seconds(wrong).unwrap_err().contains("write 30s, 15m or 2h"), "{wrong}");
        }
    }
}
