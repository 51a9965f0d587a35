//! Copies of the staging database every so often, while rows are loaded.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use staging_schema::backup::Earlier;
use staging_store::Store;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::backup::{Backup, on_a_server, take};
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
    /// The folder; that of the staging database when nothing is said. On SQL Server one of the server's.
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
    /// Begins; a folder of ours must be there.
    pub(crate) fn start(
        store: Store,
        staging: &Staging,
        backups: Backups,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, Error> {
        let place = match staging.path() {
            Some(database) => {
                let beside = database.parent().filter(|folder| !folder.as_os_str().is_empty());
                let folder = backups.folder.or_else(|| beside.map(Path::to_owned));
                let folder = folder.unwrap_or_else(|| PathBuf::from("."));
                if !folder.is_dir() {
                    return Err(Error::NoFolder { path: folder });
                }
                Place::Folder { store, staging: staging.clone(), database: database.to_owned(), folder }
            }
            // Only the server sees its folders.
            None => Place::Server { staging: staging.clone(), folder: backups.folder, taken: 0 },
        };
        let stop = CancellationToken::new();
        let work = Work { place, keep: backups.keep.max(1), observer };
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
    place: Place,
    keep: usize,
    observer: Arc<dyn Observer>,
}

/// Where copies go.
enum Place {
    /// Files of ours, new ones each time.
    Folder { store: Store, staging: Staging, database: PathBuf, folder: PathBuf },
    /// Files of a server's, which nobody else can remove: so many, written in turn.
    Server { staging: Staging, folder: Option<PathBuf>, taken: usize },
}

impl Work {
    async fn until(mut self, stop: CancellationToken, every: Duration) {
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

    async fn once(&mut self) {
        let taken = match &mut self.place {
            Place::Folder { store, staging, database, folder } => {
                let taken = whole(store, staging, database, folder).await;
                if taken.is_ok() {
                    forget_older(database, folder, self.keep);
                }
                taken
            }
            Place::Server { staging, folder, taken } => {
                let number = *taken % self.keep + 1;
                let copied = on_a_server(staging, Earlier::Replace, |database| {
                    server_file(folder.as_deref(), database, number)
                });
                let copied = copied.await;
                // One that failed is tried again, so that the others stay.
                *taken += usize::from(copied.is_ok());
                copied
            }
        };
        let message = match taken {
            Ok(backup) => {
                format!(
                    "backup {}: {} rows staged, {} of them in Dataverse",
                    backup.path.display(),
                    backup.staged,
                    backup.arrived
                )
            }
            // The load is worth more than its backup.
            Err(error) => format!("no backup was taken, the load goes on: {}", error.with_causes()),
        };
        self.observer.event(&Event::Notice { step: Step::Load, table: None, message });
    }
}

/// A copy has its name once it is whole and was read again.
async fn whole(store: &Store, staging: &Staging, database: &Path, folder: &Path) -> Result<Backup, Error> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let to = folder.join(format!("{}{:020}", prefix(database), since.as_millis()));
    let part = to.with_extension("part");
    let taken = take(store, staging, &part).await?;
    match std::fs::rename(&part, &to) {
        Ok(()) => Ok(Backup { path: to, ..taken }),
        Err(source) => Err(Error::File { path: to, doing: "written", source }),
    }
}

fn prefix(database: &Path) -> String {
    let name = database.file_name().unwrap_or_default().to_string_lossy();
    format!("{name}.auto-")
}

/// Removes all but the latest copies that were taken in this way.
fn forget_older(database: &Path, folder: &Path, keep: usize) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let prefix = prefix(database);
    let is_ours = |name: &str| {
        name.strip_prefix(&prefix)
            .is_some_and(|time| time.len() == 20 && time.bytes().all(|b| b.is_ascii_digit()))
    };
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_ours(name))
        .collect();
    names.sort_unstable();
    for name in names.iter().take(names.len().saturating_sub(keep)) {
        // One that somebody holds open is removed the next time.
        let _ = std::fs::remove_file(folder.join(name));
    }
}

/// A file of the server's, in its folder for backups where no other is named. Its system may be another than ours.
fn server_file(folder: Option<&Path>, database: &str, number: usize) -> PathBuf {
    let name = format!("{database}.auto-{number}.bak");
    let Some(folder) = folder else { return name.into() };
    let folder = folder.to_string_lossy();
    let between = match folder.chars().last() {
        Some('/' | '\\') | None => "",
        Some(_) if folder.contains('\\') => "\\",
        Some(_) => "/",
    };
    format!("{folder}{between}{name}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_server_are_named_as_its_system_does() {
        let file = |folder: Option<&str>| {
            server_file(folder.map(Path::new), "crm", 2).to_string_lossy().into_owned()
        };
        assert_eq!(file(None), "crm.auto-2.bak");
        assert_eq!(file(Some("D:\\backup")), "D:\\backup\\crm.auto-2.bak");
        assert_eq!(file(Some("/var/opt/mssql/data/")), "/var/opt/mssql/data/crm.auto-2.bak");
        assert_eq!(file(Some("/var/backup")), "/var/backup/crm.auto-2.bak");
    }

    #[test]
    fn intervals_are_whole_numbers_with_a_unit() {
        let seconds = |text: &str| text.parse::<Interval>().map(|interval| interval.duration().as_secs());
        assert_eq!((seconds("30s"), seconds("15m"), seconds("2h")), (Ok(30), Ok(900), Ok(7200)));
        for wrong in ["", "15", "m", "0m", "-5m", "1.5h", "5 m", "3d", "99999999999999999999h"] {
            assert!(seconds(wrong).unwrap_err().contains("write 30s, 15m or 2h"), "{wrong}");
        }
    }
}
