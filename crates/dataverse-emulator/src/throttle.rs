//! Service protection: three limits per user and web server, in a sliding window.
//!
//! Source: `MicrosoftDocs`, developer/data-platform/api-limits and send-parallel-requests.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::latency::TableLatency;

/// The limits, and how fast time passes for them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Whether requests are counted at all (default yes).
    pub enabled: bool,
    /// Requests per window (default 6,000).
    pub requests: usize,
    /// Milliseconds of execution per window (default 1,200,000).
    pub execution_ms: u64,
    /// Requests in flight (default 52).
    pub concurrent: usize,
    /// Length of the window in seconds (default 300).
    pub window_seconds: u64,
    /// Simulated web servers; each counts for itself (default 1).
    pub servers: usize,
    /// How requests find their server (default by connection).
    pub routing: Routing,
    /// The recommended degree of parallelism, told in `x-ms-dop-hint` (default 4).
    pub dop_hint: u32,
    /// How many times faster than real the emulated time passes (default 1).
    pub time_scale: f64,
    /// Smallest `Retry-After` in real seconds (default 1).
    pub least_retry_after: u64,
    /// Execution time that each request takes, in emulated milliseconds (default 0).
    pub latency_ms: f64,
    /// Execution time that each written row adds, in emulated milliseconds (default 0).
    pub latency_per_row_ms: f64,
    /// What single tables cost instead, by logical name.
    pub latency_by_table: BTreeMap<String, TableLatency>,
}

/// How requests find one of the simulated web servers. What the service does without its cookie is not documented.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Routing {
    /// A connection stays with its server; connections go round.
    #[default]
    Connections,
    /// Each request goes to any server, at random.
    Requests,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            enabled: true,
            requests: 6_000,
            execution_ms: 1_200_000,
            concurrent: 52,
            window_seconds: 300,
            servers: 1,
            routing: Routing::Connections,
            dop_hint: 4,
            time_scale: 1.0,
            least_retry_after: 1,
            latency_ms: 0.0,
            latency_per_row_ms: 0.0,
            latency_by_table: BTreeMap::new(),
        }
    }
}

impl Limits {
    /// No limit at all: for tests of something else.
    pub fn unlimited() -> Self {
        Self { enabled: false, ..Self::default() }
    }
}

/// Which limit a request ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Facet {
    Requests,
    ExecutionTime,
    Concurrency,
}

/// A refusal: which limit, and the emulated time after which to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) facet: Facet,
    pub(crate) retry_after: Duration,
}

/// What is left after a request was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) requests_left: usize,
    pub(crate) execution_left: Duration,
}

#[derive(Debug, Default)]
struct Usage {
    /// When each request of the window came, and what it took once it was finished.
    finished: VecDeque<(Duration, Duration)>,
    started: VecDeque<Duration>,
    spent: Duration,
    in_flight: usize,
    knocks: u32,
}

impl Usage {
    fn forget_before(&mut self, horizon: Duration) {
        while self.started.front().is_some_and(|at| *at < horizon) {
            self.started.pop_front();
        }
        while let Some((at, cost)) = self.finished.front().copied() {
            if at >= horizon {
                break;
            }
            self.spent = self.spent.saturating_sub(cost);
            self.finished.pop_front();
        }
    }
}

/// Counts requests per (user, server).
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    limits: Limits,
    usage: HashMap<(u32, usize), Usage>,
}

impl Throttle {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, usage: HashMap::new() }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Lets a request in at emulated time `now`, or says which limit it broke.
    pub(crate) fn admit(&mut self, user: u32, server: usize, now: Duration) -> Result<Budget, Refusal> {
        let limits = &self.limits;
        let usage = self.usage.entry((user, server)).or_default();
        if !limits.enabled {
            usage.in_flight += 1;
            return Ok(Budget {
                requests_left: limits.requests,
                execution_left: Duration::from_millis(limits.execution_ms),
            });
        }
        let window = Duration::from_secs(limits.window_seconds);
        usage.forget_before(now.saturating_sub(window));
        let allowance = Duration::from_millis(limits.execution_ms);
        let broken = if usage.in_flight >= limits.concurrent {
            Some((Facet::Concurrency, Duration::from_secs(1)))
        } else if usage.started.len() >= limits.requests {
            let oldest = usage.started.front().copied().unwrap_or(now);
            Some((Facet::Requests, (oldest + window).saturating_sub(now)))
        } else if usage.spent >= allowance {
            let oldest = usage.finished.front().map_or(now, |(at, _)| *at);
            Some((Facet::ExecutionTime, (oldest + window).saturating_sub(now)))
        } else {
            None
        };
        if let Some((facet, wait)) = broken {
            // Who keeps knocking waits longer, up to a whole window.
            usage.knocks = usage.knocks.saturating_add(1);
            let penalty = Duration::from_secs(u64::from(usage.knocks.saturating_sub(1)));
            return Err(Refusal {
                facet,
                retry_after: (wait + penalty).min(window.max(Duration::from_secs(1))),
            });
        }
        usage.knocks = 0;
        usage.in_flight += 1;
        usage.started.push_back(now);
        Ok(Budget {
            requests_left: limits.requests - usage.started.len(),
            execution_left: allowance.saturating_sub(usage.spent),
        })
    }

    /// Books a finished request that took `cost` of emulated execution time.
    pub(crate) fn finish(&mut self, user: u32, server: usize, now: Duration, cost: Duration) {
        let usage = self.usage.entry((user, server)).or_default();
        usage.in_flight = usage.in_flight.saturating_sub(1);
        if self.limits.enabled {
            usage.spent += cost;
            usage.finished.push_back((now, cost));
        }
    }

    /// Takes new latencies, if nothing else is new: the windows go on.
    pub(crate) fn takes_speed(&mut self, limits: &Limits) -> bool {
        let Limits { latency_ms, latency_per_row_ms, latency_by_table, .. } = self.limits.clone();
        let is_speed =
            Limits { latency_ms, latency_per_row_ms, latency_by_table, ..limits.clone() } == self.limits;
        if is_speed {
            self.limits = limits.clone();
        }
        is_speed
    }

    /// Takes new limits; what is in flight stays counted, the windows start anew.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        for usage in self.usage.values_mut() {
            *usage = Usage { in_flight: usage.in_flight, ..Usage::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn requests_are_refused_above_the_burst_limit_until_the_window_slides() {
        let mut throttle = Throttle::new(Limits { requests: 2, ..Limits::default() });
        for at in [0, 10] {
            assert!(throttle.admit(1, 0, seconds(at)).is_ok());
            throttle.finish(1, 0, seconds(at), Duration::ZERO);
        }
        let refusal = throttle.admit(1, 0, seconds(20)).unwrap_err();
        assert_eq!(refusal, Refusal { facet: Facet::Requests, retry_after: seconds(280) });
        assert!(throttle.admit(2, 0, seconds(20)).is_ok(), "another user has a budget of its own");
        assert!(throttle.admit(1, 1, seconds(20)).is_ok(), "another server counts for itself");
        assert!(throttle.admit(1, 0, seconds(301)).is_ok());
    }

    #[test]
    fn execution_time_may_be_overshot_once_and_then_refuses() {
        let mut throttle = Throttle::new(Limits { execution_ms: 1_000, ..Limits::default() });
        throttle.admit(1, 0, seconds(0)).unwrap();
        throttle.finish(1, 0, seconds(2), seconds(2));
        assert_eq!(throttle.admit(1, 0, seconds(3)).unwrap_err().facet, Facet::ExecutionTime);
        assert!(throttle.admit(1, 0, seconds(303)).is_ok());
    }

    #[test]
    fn a_change_of_speed_leaves_the_windows_as_they_are() {
        let slow = |requests| Limits { requests, latency_ms: 50.0, ..Limits::default() };
        let mut throttle = Throttle::new(Limits { requests: 1, ..Limits::default() });
        throttle.admit(1, 0, seconds(0)).unwrap();
        throttle.finish(1, 0, seconds(0), Duration::ZERO);
        assert!(throttle.takes_speed(&slow(1)));
        assert!(throttle.admit(1, 0, seconds(1)).is_err());
        assert!(!throttle.takes_speed(&slow(2)));
    }

    #[test]
    fn concurrency_is_refused_at_once_and_knocking_lengthens_the_wait() {
        let mut throttle = Throttle::new(Limits { concurrent: 1, ..Limits::default() });
        throttle.admit(1, 0, seconds(0)).unwrap();
        let first = throttle.admit(1, 0, seconds(0)).unwrap_err();
        let second = throttle.admit(1, 0, seconds(0)).unwrap_err();
        assert_eq!(first.facet, Facet::Concurrency);
        assert!(second.retry_after > first.retry_after);
        throttle.finish(1, 0, seconds(1), Duration::ZERO);
        assert!(throttle.admit(1, 0, seconds(1)).is_ok());
    }
}
