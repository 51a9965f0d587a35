//! The stage: a service with a network before it, a staging database, and processes that die and are followed by others.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use batch_loader::{Error, Options, Report};
use dataverse_client::Client;
use dataverse_emulator::{Emulator, Limits, Options as EmulatorOptions, Settings};
use staging_store::contract::ScratchStaging;
use staging_store::{Store, StoreOptions};
use tokio::runtime::Runtime;

use super::acts::{Act, Workshop};
use super::checks::{Tally, problems, tally};
use super::script::{Point, Script};
use super::staging::{Beginning, Staging};
use super::wire::{CEILING, Wire};
use crate::world::{client_at, is_flipped};

/// How an act is made.
pub(super) type Make = for<'a> fn(&'a Workshop<'a>) -> futures::future::BoxFuture<'a, Act>;

/// Seconds after which a run hangs, those apart in which the whole machine stood still.
const WATCHDOG: u32 = 120;

/// An act ready to be played any number of times.
pub(super) struct Scene {
    pub(super) act: Act,
    pub(super) emulator: Emulator,
    /// Straight to the emulator.
    pub(super) client: Client,
    /// Application users by their ids.
    pub(super) users: HashMap<String, String>,
    wire: Wire,
    staging: Staging,
    beginning: Beginning,
    /// The service as it was prepared.
    folder: tempfile::TempDir,
    played: AtomicUsize,
    /// Service and network live here; loaders die on runtimes of their own. Dropped last.
    service: Runtime,
}

/// What came of a play.
#[derive(Debug)]
pub(super) struct Played {
    /// The points that were met, in words.
    pub(super) met: Vec<String>,
    /// Of each operation of the store and each request of the first process, whether it writes.
    pub(super) seen: (Vec<bool>, Vec<bool>),
    /// Promises that were broken.
    pub(super) problems: Vec<String>,
    /// Processes until everything was done.
    pub(super) processes: usize,
}

enum End {
    Died,
    Stopped(Error),
    Done(Report),
    Hung,
}

impl Scene {
    pub(super) fn new(make: Make) -> Self {
        let service =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let staging = service.block_on(Staging::new());
        let (emulator, client, users, wire, act, beginning) = service.block_on(async {
            let settings = if is_flipped() { Settings::flipped() } else { Settings::default() };
            // What is read in the end is read by another client, which does not know how far to wait.
            let settings = Settings { elastic_lag_seconds: 0, ..settings };
            let options =
                EmulatorOptions { limits: Limits::unlimited(), settings, ..EmulatorOptions::default() };
            let emulator = Emulator::start(options).await.unwrap();
            let client = crate::world::client(&emulator, "user-1");
            let store = Store::open(staging.prepared()).await.unwrap();
            let options = options_of(0);
            let shop = Workshop { store: &store, client: &client, emulator: &emulator, options: &options };
            let act = make(&shop).await;
            store.close().await.unwrap();
            let beginning = staging.keep().await;
            emulator.save(&folder.path().join("begin.emulator")).unwrap();
            let wire = Wire::before(emulator.address()).await;
            let mut users = HashMap::new();
            for user in ["user-1", "user-2"] {
                let id = crate::world::client(&emulator, user).who_am_i().await.unwrap().user_id;
                users.insert(id.to_string(), user.to_owned());
            }
            (emulator, client, users, wire, act, beginning)
        });
        let played = AtomicUsize::new(0);
        Self { act, emulator, client, users, wire, staging, beginning, folder, played, service }
    }

    /// Plays the act from its beginning, one process after another: each meets its points, and a last one none. Ends with
    /// the first process that says that everything is done.
    pub(super) fn play(&self, processes: &[Vec<Point>]) -> Played {
        let number = self.played.fetch_add(1, Ordering::Relaxed);
        let place = self.service.block_on(self.staging.begin(&self.beginning, number));
        self.emulator.restore(&self.folder.path().join("begin.emulator")).unwrap();
        let ledger = self.service.block_on(Store::open(place.clone())).unwrap();
        let mut played =
            Played { met: Vec::new(), seen: (Vec::new(), Vec::new()), problems: Vec::new(), processes: 0 };
        let none = Vec::new();
        for (number, points) in processes.iter().chain([&none]).enumerate() {
            let script = Script::new(points.clone());
            self.wire.follow(&script, Some(ledger.clone()));
            let before = self.tally(&ledger);
            let end = self.process(&place, &script, number);
            played.processes = number + 1;
            played.met.extend(script.met());
            if number == 0 {
                played.seen = script.seen();
            }
            match end {
                End::Done(report) => {
                    self.service.block_on(self.wire.idle());
                    let after = self.tally(&ledger);
                    played
                        .problems
                        .extend(self.service.block_on(problems(self, &ledger, &report, &before, &after)));
                    break;
                }
                End::Hung => {
                    played.problems.push("it hangs".to_owned());
                    break;
                }
                End::Stopped(error) if points.is_empty() => {
                    let causes =
                        std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
                    let causes: Vec<String> = causes.map(ToString::to_string).collect();
                    played.problems.push(format!("the last process stopped: {error}: {}", causes.join(": ")));
                    break;
                }
                End::Died | End::Stopped(_) => self.time_passes(&ledger, points),
            }
        }
        played.problems.extend(self.wire.broken());
        self.wire.follow(&Arc::default(), None);
        self.service.block_on(ledger.close()).unwrap();
        self.staging.end(number);
        played
    }

    /// One process, on a runtime of its own: when it dies, nothing of it runs any more.
    fn process(&self, place: &StoreOptions, script: &Arc<Script>, number: usize) -> End {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let address = format!("http://{}", self.wire.address);
        let options = options_of(number + 1);
        let end = runtime.block_on(async {
            let store = Store::open(place.clone()).await.unwrap();
            let (watched, client) = (store.with_faults(script.hook()), client_at(&address, "user-1"));
            let end = tokio::select! {
                biased;
                () = script.died() => if script.hangs() { End::Hung } else { End::Died },
                done = Box::pin(self.act.run.go(&watched, &client, &self.act.plan, &options, &script.cancel)) => match done {
                    Ok(report) => End::Done(report),
                    Err(error) => End::Stopped(error),
                },
                () = watchdog() => End::Hung,
            };
            drop(watched);
            // Commits that were handed over before the death are as durable as any.
            store.close().await.unwrap();
            end
        });
        runtime.shutdown_background();
        end
    }

    /// The next process comes when the leases of the last have ended. When what it asked for is still on its way, it comes
    /// at once, and it is the quiet time that must hold.
    fn time_passes(&self, ledger: &Store, points: &[Point]) {
        use super::script::Trouble::{DieLate, FailLate};
        let is_late = points.iter().any(|point| matches!(point.trouble, DieLate | FailLate));
        let mut sql =
            vec!["UPDATE target_Chunk SET LeaseUntil = '2000-01-01T00:00:00.000Z' WHERE State = 'leased'"];
        self.service.block_on(async {
            if !is_late {
                self.wire.idle().await;
                sql.push(
                    "UPDATE target_Request SET SentAt = '2000-01-01T00:00:00.000Z' WHERE State = 'sent'",
                );
            }
            for sql in sql {
                ledger.execute(&ScratchStaging::statement(sql)).await.unwrap();
            }
        });
    }

    fn tally(&self, ledger: &Store) -> Tally {
        self.service.block_on(tally(self, ledger))
    }
}

async fn watchdog() {
    for _ in 0..WATCHDOG {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Leases that no machine is too slow for, since nobody waits for them to end; a quiet time above the service's ceiling.
fn options_of(process: usize) -> Options {
    Options {
        worker: format!("process-{process}"),
        chunk_rows: 4,
        lease: Duration::from_mins(1),
        request_timeout: Duration::from_secs(20),
        quiet_time: CEILING + Duration::from_millis(20),
        grace: Duration::from_secs(20),
        back_off: Duration::from_millis(1),
        attempts: 3,
        in_flight: Some(2),
        ..Options::default()
    }
}
