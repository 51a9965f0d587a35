//! One application user at work: its client, its pace, and the queue of those who want to send.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dataverse_client::{Client, ServiceLimits};
use dataverse_wire::fault::ServiceCode;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::pace::{Admission, Facet, Left, Pace, Standing, Ticket};

/// Refusals noted at once; more of them belong to the same storm.
const STORM: u64 = 20;

/// One application user at work.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) client: Client,
    pub(crate) user: Uuid,
    state: Arc<Mutex<State>>,
    /// Whoever is first asks the pace; the others stand behind.
    queue: tokio::sync::Mutex<()>,
    freed: Notify,
    /// Requests that are this user's to send, waiting ones included.
    assigned: Arc<AtomicUsize>,
}

/// How a user stands.
#[derive(Debug)]
pub(crate) struct State {
    pace: Pace,
    /// Throttled answers that were noted.
    throttled: u64,
    /// What was told last: throttled answers, and the number in flight.
    told: (u64, usize),
}

impl State {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, throttled: 0, told: (0, 0) }
    }
}

/// That a request is a user's to send.
#[derive(Debug)]
pub(crate) struct Turn(Arc<AtomicUsize>);

/// The right to have one request in flight.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    lane: &'a Lane,
    ticket: Option<Ticket>,
    started: Stamp,
}

/// When the latest attempt of a request began: a throttled one waits before it is repeated.
#[derive(Debug, Clone)]
pub(crate) struct Stamp(Arc<Mutex<Instant>>);

/// How a request fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fared {
    /// It was executed, or refused for its content.
    Well { rows: usize },
    /// A timeout, a lost answer, a service that could not.
    Badly,
    /// It never left.
    Unsent,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct News {
    /// Throttled answers so far, if there are more than before.
    pub(crate) throttled: Option<u64>,
    /// Requests that may be in flight, if it is another number than before.
    pub(crate) in_flight: Option<usize>,
}

impl Lane {
    /// Takes up the work of a user where `state` left it; what the client was told before counts no more.
    pub(crate) fn new(client: Client, user: Uuid, state: Arc<Mutex<State>>) -> Self {
        {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.throttled = client.limits().throttled;
            state.told = (state.throttled, state.pace.standing(now()).most_in_flight);
        }
        Self {
            client,
            user,
            state,
            queue: tokio::sync::Mutex::new(()),
            freed: Notify::new(),
            assigned: Arc::default(),
        }
    }

    /// About so many requests of this user are to come.
    pub(crate) fn expect(&self, requests: f64) {
        self.state().pace.expect(requests);
    }

    /// Waits until the next request of this user may go.
    pub(crate) async fn acquire(&self) -> Permit<'_> {
        let _first = self.queue.lock().await;
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            let admission = {
                let mut state = self.state();
                self.look(&mut state);
                state.pace.admit(now())
            };
            match admission {
                Admission::Now(ticket) => {
                    let started = Stamp(Arc::new(Mutex::new(now())));
                    return Permit { lane: self, ticket: Some(ticket), started };
                }
                Admission::At(at) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(at.into()) => {}
                        () = freed => {}
                    }
                }
                Admission::Later => freed.await,
            }
        }
    }

    /// What changed since it was asked last.
    pub(crate) fn news(&self) -> News {
        let mut state = self.state();
        self.look(&mut state);
        let is = (state.throttled, state.pace.standing(now()).most_in_flight);
        let was = std::mem::replace(&mut state.told, is);
        News { throttled: (is.0 > was.0).then_some(is.0), in_flight: (is.1 != was.1).then_some(is.1) }
    }

    /// Requests that this user can keep in flight as it stands.
    pub(crate) fn strength(&self) -> f64 {
        let mut state = self.state();
        self.look(&mut state);
        state.pace.strength(now())
    }

    /// How much more could be given to this user, in requests; below zero when it has too many.
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    pub(crate) fn room(&self) -> f64 {
        self.strength() - self.assigned.load(Ordering::Relaxed) as f64
    }

    /// Gives this user a request.
    pub(crate) fn turn(&self) -> Arc<Turn> {
        self.assigned.fetch_add(1, Ordering::Relaxed);
        Arc::new(Turn(Arc::clone(&self.assigned)))
    }

    /// How the user stands.
    pub(crate) fn standing(&self) -> Standing {
        self.state().pace.standing(now())
    }

    /// Throttled answers so far.
    pub(crate) fn throttled(&self) -> u64 {
        self.client.limits().throttled
    }

    /// Takes over what the client was told; it bears throttling by itself, and nobody else is to run into it.
    fn look(&self, state: &mut State) {
        let limits = self.client.limits();
        let wait = limits.paused_for.unwrap_or_default();
        let more = limits.throttled.saturating_sub(state.throttled);
        state.throttled = limits.throttled;
        for _ in 0..more.min(STORM) {
            state.pace.throttled(now(), facet(&limits), wait);
        }
        if more == 0 && !wait.is_zero() {
            state.pace.pause(now() + wait);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// To be set anew before each attempt.
    pub(crate) fn stamp(&self) -> Stamp {
        self.started.clone()
    }

    /// Gives the right back.
    pub(crate) fn ended(mut self, fared: Fared) {
        self.give_back(fared);
    }

    fn give_back(&mut self, fared: Fared) {
        let Some(ticket) = self.ticket.take() else { return };
        let now = now();
        {
            let mut state = self.lane.state();
            self.lane.look(&mut state);
            match fared {
                Fared::Well { rows } => {
                    let limits = self.lane.client.limits();
                    let left = Left { requests: limits.requests_left, execution: limits.execution_left };
                    let elapsed = now.saturating_duration_since(self.started.get());
                    state.pace.ended(ticket, now, rows, elapsed, left);
                }
                Fared::Badly => {
                    let elapsed = now.saturating_duration_since(self.started.get());
                    state.pace.ended(ticket, now, 0, elapsed, Left::default());
                    state.pace.trouble(now);
                }
                Fared::Unsent => state.pace.unsent(ticket, now),
            }
        }
        self.lane.freed.notify_one();
    }
}

impl Drop for Permit<'_> {
    /// A dropped request may be executed all the same; what it takes is not known.
    fn drop(&mut self) {
        self.give_back(Fared::Unsent);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Stamp {
    /// An attempt begins.
    pub(crate) fn set(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now();
    }

    pub(crate) fn get(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since the latest attempt began.
    pub(crate) fn elapsed(&self) -> Duration {
        now().saturating_duration_since(self.get())
    }
}

fn facet(limits: &ServiceLimits) -> Facet {
    match limits.throttled_by {
        Some(ServiceCode::THROTTLED_REQUESTS) => Facet::Requests,
        Some(ServiceCode::THROTTLED_TIME) => Facet::Execution,
        Some(ServiceCode::THROTTLED_CONCURRENCY | ServiceCode::WORKERS_LIMIT) => Facet::Concurrency,
        _ => Facet::Unknown,
    }
}

/// On the runtime's clock, so that tests can stop it.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
