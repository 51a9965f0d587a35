//! What every part of a load works with.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dataverse_client::Client;
use staging_schema::Pass;
use staging_store::Store;
use tokio_util::sync::CancellationToken;

use crate::event::{Event, Observer};
use crate::lane::Lane;
use crate::pace::Pace;
use crate::pace_log::PaceLog;
use crate::report::TableReport;
use crate::{Error, Options, Plan, Report};

/// Shared by everything that runs for one call.
pub(crate) struct Context<'a> {
    pub(crate) store: &'a Store,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) plan: &'a Plan,
    pub(crate) options: &'a Options,
    pub(crate) observer: &'a dyn Observer,
    pub(crate) cancel: &'a CancellationToken,
    pub(crate) log: PaceLog,
    report: Mutex<Report>,
}

/// Requests in flight when nobody recommends a number.
const UNADVISED: u32 = 8;

impl<'a> Context<'a> {
    /// Asks every client who it is and how much it may do at a time.
    pub(crate) async fn open(
        store: &'a Store,
        clients: &[Client],
        plan: &'a Plan,
        options: &'a Options,
        observer: &'a dyn Observer,
        cancel: &'a CancellationToken,
    ) -> Result<Self, Error> {
        options.check()?;
        plan.check()?;
        if clients.is_empty() {
            return Err(Error::Settings { complaint: "there is no application user to load with" });
        }
        let mut lanes: Vec<Lane> = Vec::with_capacity(clients.len());
        for client in clients {
            let who = client.who_am_i().await.map_err(|source| Error::Refused {
                table: "systemuser".to_owned(),
                doing: "asking who we are",
                source,
            })?;
            let advised = options.in_flight.or(who.dop_hint).unwrap_or(UNADVISED);
            let start = advised.clamp(1, options.max_in_flight);
            let now = tokio::time::Instant::now().into_std();
            let state = options.memory.of(who.user_id, || {
                Pace::new(options.pace, start, options.in_flight.is_some(), options.max_in_flight, now)
            });
            lanes.push(Lane::new(client.clone(), who.user_id, state));
        }
        let requests = expected_requests(store, plan).await?;
        for lane in &lanes {
            #[expect(clippy::cast_precision_loss, reason = "a handful of application users")]
            lane.expect(requests / lanes.len() as f64);
        }
        Ok(Self {
            store,
            lanes,
            plan,
            options,
            observer,
            cancel,
            log: PaceLog::default(),
            report: Mutex::default(),
        })
    }

    pub(crate) fn tell(&self, event: &Event) {
        self.observer.event(event);
    }

    /// Changes the report of one table.
    pub(crate) fn count<R>(&self, table: &str, change: impl FnOnce(&mut TableReport) -> R) -> R {
        change(self.report.lock().unwrap_or_else(PoisonError::into_inner).table(table))
    }

    pub(crate) fn into_report(self) -> Report {
        self.report.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests that may be in flight now, over all application users.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
    pub(crate) fn in_flight(&self) -> usize {
        self.lanes.iter().map(|lane| lane.strength().ceil() as usize).sum()
    }

    /// The application user with most room left, in requests.
    pub(crate) fn roomiest(&self) -> usize {
        let rooms = self.lanes.iter().map(Lane::room).enumerate();
        rooms.max_by(|(_, left), (_, right)| left.total_cmp(right)).map_or(0, |(number, _)| number)
    }

    /// Tells how the pace of an application user has changed.
    pub(crate) fn tell_news(&self, lane: &Lane) {
        let news = lane.news();
        if let Some(answers) = news.throttled {
            self.tell(&Event::Throttled { user: lane.user, answers });
        }
        if let Some(in_flight) = news.in_flight {
            tracing::info!(user = %lane.user, gauge.dataverse_requests_in_flight = in_flight, "concurrency changed");
            self.tell(&Event::Concurrency { user: lane.user, in_flight });
        }
    }

    /// Waits, unless the load is cancelled first.
    pub(crate) async fn wait(&self, time: Duration) -> Result<(), Error> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(self.cancelled()),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }

    /// The error that ends a cancelled load.
    pub(crate) fn cancelled(&self) -> Error {
        Error::Cancelled { grace: self.options.grace }
    }

    /// Ends here when the load is cancelled.
    pub(crate) fn go_on(&self) -> Result<(), Error> {
        if self.cancel.is_cancelled() { Err(self.cancelled()) } else { Ok(()) }
    }
}

/// How many requests the staged rows need at most, about: each once, at the size of its table's profile, and half of it
/// again for what is refused and isolated.
async fn expected_requests(store: &Store, plan: &Plan) -> Result<f64, Error> {
    const AGAIN: f64 = 1.5;
    let mut requests = 0.0;
    for table in plan.tables() {
        let failed = staging(table.name(), "counting rows");
        let all = store.slices(&table.staged.name(), u64::MAX).await.map_err(failed)?;
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        for rows in all {
            requests += (rows.end() - rows.start() + 1) as f64 / table.rows_per_request() as f64 + 1.0;
        }
    }
    Ok(requests * AGAIN)
}

/// Gives an error of the staging database its place.
pub(crate) fn staging(table: &str, doing: &'static str) -> impl Fn(staging_store::Error) -> Error {
    let table = table.to_owned();
    move |source| Error::Staging { table: table.clone(), doing, source }
}

/// What outcomes of a pass count as.
pub(crate) fn count_success(report: &mut TableReport, pass: Pass, kind: staging_schema::SuccessKind) {
    use staging_schema::SuccessKind::{Adopted, Changed, Created};
    match (pass, kind) {
        (Pass::Insert, Created) => report.loaded += 1,
        (Pass::Insert, Adopted) => report.adopted += 1,
        (_, Created | Adopted | Changed) => report.updated += 1,
    }
}
