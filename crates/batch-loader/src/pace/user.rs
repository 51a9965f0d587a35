//! The pace of one application user: when its next request may go.

use std::time::{Duration, Instant};

use super::budget::Budget;
use super::climb::Climb;
use super::options::PaceOptions;

/// What a window holds on one server, as far as documents say: requests, and seconds of execution in five minutes.
const REQUESTS: f64 = 6_000.0;
const EXECUTION: f64 = 1_200.0;
/// A refusal lowers the aim by this much, and so many answers without one restore it: with a service that refuses one in
/// 250 it stays where it is.
const LOWERED: f64 = 0.004;
const RESTORED: f64 = LOWERED / 250.0;
/// The aim is never lowered below this.
const LEAST_AIM: f64 = 0.9;
/// How far beyond a limit that was only met, not told, the search goes.
const BEYOND: f64 = 1.5;
/// How much the latest request says about how long the next takes.
const NEWEST: f64 = 0.1;

/// Which limit a refusal named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Facet {
    Requests,
    Execution,
    Concurrency,
    /// It did not say.
    Unknown,
}

/// What the server that answered has left for this user.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Left {
    pub(crate) requests: Option<u32>,
    pub(crate) execution: Option<Duration>,
}

/// When the next request may go.
#[derive(Debug)]
pub(crate) enum Admission {
    Now(Ticket),
    /// Ask again then, or when one ends.
    At(Instant),
    /// Ask again when one ends.
    Later,
}

/// A request that was let go. Give it back to [`Pace::ended`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub(crate) struct Ticket {
    /// What we had used when it went, itself included.
    requests: f64,
    execution: f64,
    estimate: f64,
}

/// How a user stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Standing {
    pub(crate) in_flight: usize,
    pub(crate) most_in_flight: usize,
    /// What a window holds over all servers, as far as known.
    pub(crate) requests: Option<f64>,
    pub(crate) execution: Option<f64>,
    pub(crate) aim: f64,
    pub(crate) paused_for: Duration,
}

/// The pace of one application user. Pure: it is told the time.
#[derive(Debug)]
pub(crate) struct Pace {
    options: PaceOptions,
    climb: Climb,
    requests: Budget,
    execution: Budget,
    aim: f64,
    in_flight: usize,
    /// Seconds that a request takes.
    typical: Option<f64>,
    /// Requests that are still to come, as far as known.
    expected: f64,
    paused_until: Option<Instant>,
}

impl Pace {
    /// `start` requests at once, or always so many where `is_pinned`; never more than `most`.
    pub(crate) fn new(options: PaceOptions, start: u32, is_pinned: bool, most: u32, now: Instant) -> Self {
        let period = options.window / 300;
        let scale = options.window.as_secs_f64() / 300.0;
        Self {
            options,
            climb: Climb::new(f64::from(start), f64::from(most.max(start)), is_pinned, period, now),
            requests: Budget::new(options.window, REQUESTS, now),
            execution: Budget::new(options.window, EXECUTION * scale, now),
            aim: options.aim,
            in_flight: 0,
            typical: None,
            expected: f64::INFINITY,
            paused_until: None,
        }
    }

    /// About so many requests are to come, and no more: what fits into one window need not be spread over it.
    pub(crate) fn expect(&mut self, requests: f64) {
        self.expected = requests;
    }

    /// Whether all that is to come fits into what is left of the window.
    fn fits(&mut self, now: Instant) -> bool {
        let seconds = self.expected * self.typical.unwrap_or_default();
        self.requests.fits(now, self.expected, self.aim) && self.execution.fits(now, seconds, self.aim)
    }

    /// Lets a request go, or says when to ask again.
    pub(crate) fn admit(&mut self, now: Instant) -> Admission {
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Admission::At(until);
        }
        if self.options.plans_budget {
            let due = self.requests.due(now, self.aim).max(self.execution.due(now, self.aim));
            if let Some(due) = due.filter(|_| !self.fits(now)) {
                return Admission::At(due);
            }
        }
        if self.in_flight >= self.climb.in_flight() {
            self.climb.bound(self.in_flight);
            return Admission::Later;
        }
        self.in_flight += 1;
        self.expected = (self.expected - 1.0).max(0.0);
        let estimate = self.typical.unwrap_or_default();
        self.requests.book(now, 1.0);
        self.requests.charge(1.0);
        self.execution.charge(estimate);
        Admission::Now(Ticket {
            requests: self.requests.used(now),
            execution: self.execution.used(now),
            estimate,
        })
    }

    /// A request was answered, with so many rows, after so long on the wire.
    pub(crate) fn ended(&mut self, ticket: Ticket, now: Instant, rows: usize, elapsed: Duration, left: Left) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let took = elapsed.as_secs_f64();
        self.execution.charge(took - ticket.estimate);
        self.execution.book(now, took);
        self.typical = Some(self.typical.map_or(took, |typical| typical + (took - typical) * NEWEST));
        if let Some(left) = left.requests {
            self.requests.told(ticket.requests, f64::from(left));
        }
        if let Some(left) = left.execution {
            self.execution.told(ticket.execution, left.as_secs_f64());
        }
        let is_guess = self.requests.is_guess() || self.execution.is_guess();
        let most = if is_guess { BEYOND } else { self.options.aim };
        self.aim = (self.aim + RESTORED).min(most);
        self.climb.answered(now, rows, elapsed);
    }

    /// A request ended without having been executed.
    pub(crate) fn unsent(&mut self, ticket: Ticket, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.expected += 1.0;
        self.requests.book(now, -1.0);
        self.requests.charge(-1.0);
        self.execution.charge(-ticket.estimate);
    }

    /// The service refused a request, and this user waits.
    pub(crate) fn throttled(&mut self, now: Instant, facet: Facet, wait: Duration) {
        self.pause(now + wait);
        match facet {
            Facet::Concurrency => return self.climb.met_limit(now, self.in_flight),
            Facet::Requests => self.requests.refused(now),
            Facet::Execution => self.execution.refused(now),
            Facet::Unknown => {}
        }
        self.aim = (self.aim - LOWERED).max(LEAST_AIM);
    }

    /// A timeout, a lost answer, a service that cannot: send less.
    pub(crate) fn trouble(&mut self, now: Instant) {
        self.climb.trouble(now);
    }

    /// Nothing goes before then.
    pub(crate) fn pause(&mut self, until: Instant) {
        self.paused_until = Some(self.paused_until.map_or(until, |present| present.max(until)));
    }

    /// Requests that this user can keep in flight as it stands: none while it is paused.
    pub(crate) fn strength(&mut self, now: Instant) -> f64 {
        if self.paused_until.is_some_and(|until| until > now) {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let most = self.climb.in_flight() as f64;
        if !self.options.plans_budget || self.fits(now) {
            return most;
        }
        let by_requests = self.requests.rate(self.aim).zip(self.typical).map(|(rate, took)| rate * took);
        let by_execution = self.execution.rate(self.aim);
        by_requests.into_iter().chain(by_execution).fold(most, f64::min)
    }

    /// How the user stands.
    pub(crate) fn standing(&self, now: Instant) -> Standing {
        Standing {
            in_flight: self.in_flight,
            most_in_flight: self.climb.in_flight(),
            requests: self.requests.capacity(),
            execution: self.execution.capacity(),
            aim: self.aim,
            paused_for: self
                .paused_until
                .map_or(Duration::ZERO, |until| until.saturating_duration_since(now)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(now: Instant) -> Pace {
        Pace::new(PaceOptions::default(), 4, false, 50, now)
    }

    #[test]
    fn it_starts_with_the_hint_and_waits_for_an_answer() {
        let now = Instant::now();
        let mut pace = pace(now);
        for _ in 0..4 {
            assert!(matches!(pace.admit(now), Admission::Now(_)));
        }
        assert!(matches!(pace.admit(now), Admission::Later));
    }

    #[test]
    fn retry_after_stops_everything_of_this_user_and_of_nobody_else() {
        let now = Instant::now();
        let (mut paused, mut other) = (pace(now), pace(now));
        let wait = Duration::from_secs(30);
        paused.throttled(now, Facet::Execution, wait);
        paused.throttled(now, Facet::Execution, Duration::from_secs(1));
        assert!(matches!(paused.admit(now), Admission::At(until) if until == now + wait));
        assert!(paused.strength(now) < 1.0 && other.strength(now) > 3.0);
        assert!(matches!(other.admit(now), Admission::Now(_)));
        assert!(matches!(paused.admit(now + wait), Admission::Now(_)));
    }

    /// Requests that go before one is told to wait, of 1,000 in five seconds.
    fn let_go(expected: Option<f64>) -> u32 {
        let start = Instant::now();
        let mut pace = pace(start);
        if let Some(expected) = expected {
            pace.expect(expected);
        }
        for n in 0..1_000_u32 {
            let now = start + Duration::from_millis(u64::from(n) * 5);
            let Admission::Now(ticket) = pace.admit(now) else { return n };
            let left = Left { requests: Some(6_000 - n - 1), execution: Some(Duration::from_mins(20)) };
            pace.ended(ticket, now, 100, Duration::from_millis(4), left);
        }
        1_000
    }

    #[test]
    fn what_fits_into_a_window_is_not_spread_over_it() {
        assert_eq!(let_go(Some(1_500.0)), 1_000);
        assert!(let_go(None) < 200, "of a load without known end, each second has its share");
        assert!(let_go(Some(20_000.0)) < 200, "of a long load as well");
    }

    #[test]
    fn what_was_not_sent_is_not_counted() {
        let now = Instant::now();
        let mut pace = pace(now);
        let Admission::Now(ticket) = pace.admit(now) else { panic!("nothing is in the way") };
        pace.unsent(ticket, now);
        assert_eq!((pace.standing(now).in_flight, pace.requests.used(now)), (0, 0.0));
    }
}
