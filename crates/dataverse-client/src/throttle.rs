//! The wait that all callers of a client share, and what the service says about its limits.

use std::sync::Mutex;
use std::time::Duration;

use dataverse_wire::fault::ServiceCode;
use http::HeaderMap;
use jiff::Timestamp;
use tokio::time::Instant;

/// What the service last said about its limits (reference §5.1). Numbers are of one web server of many.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct ServiceLimits {
    /// Requests left in the window.
    pub requests_left: Option<u32>,
    /// Execution time left in the window.
    pub execution_left: Option<Duration>,
    /// Recommended degree of parallelism.
    pub dop_hint: Option<u32>,
    /// Answers so far that were throttled.
    pub throttled: u64,
    /// Which limit the latest of them named.
    pub throttled_by: Option<ServiceCode>,
    /// Deadlocks so far, most of them repeated with success.
    pub deadlocks: u64,
    /// How much longer all calls of this client wait.
    pub paused_for: Option<Duration>,
}

/// Shared by all clones of a client: the limits are per application user, so one 429 stops everybody.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    state: Mutex<State>,
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    until: Option<Instant>,
    limits: ServiceLimits,
}

impl Throttle {
    /// Waits until nobody has been told to wait. The wait may be prolonged meanwhile.
    pub(crate) async fn wait(&self) {
        loop {
            match self.state().until.filter(|until| *until > Instant::now()) {
                Some(until) => tokio::time::sleep_until(until).await,
                None => return,
            }
        }
    }

    /// Everybody waits at least this long from now on, because of this limit.
    pub(crate) fn pause(&self, wait: Duration, limit: ServiceCode) {
        let until = Instant::now() + wait;
        self.update(|state| {
            state.until = Some(state.until.map_or(until, |present| present.max(until)));
            state.limits.throttled += 1;
            state.limits.throttled_by = Some(limit);
        });
    }

    /// Notes that a request was the victim of a deadlock.
    pub(crate) fn note_deadlock(&self) {
        self.update(|state| state.limits.deadlocks += 1);
    }

    /// Notes what the headers of an answer say.
    pub(crate) fn note(&self, headers: &HeaderMap) {
        let number = |name: &str| number_of(headers, name);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts are small and checked"
        )]
        let count = |name: &str| number(name).filter(|n| (0.0..1e9).contains(n)).map(|n| n as u32);
        let requests_left = count("x-ms-ratelimit-burst-remaining-xrm-requests");
        let execution_left = number("x-ms-ratelimit-time-remaining-xrm-requests")
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let dop_hint = count("x-ms-dop-hint");
        if requests_left.is_some() || execution_left.is_some() || dop_hint.is_some() {
            self.update(|state| {
                state.limits.requests_left = requests_left.or(state.limits.requests_left);
                state.limits.execution_left = execution_left.or(state.limits.execution_left);
                state.limits.dop_hint = dop_hint.or(state.limits.dop_hint);
            });
        }
    }

    pub(crate) fn limits(&self) -> ServiceLimits {
        let state = self.state();
        let paused_for = state.until.map(|until| until.saturating_duration_since(Instant::now()));
        ServiceLimits { paused_for: paused_for.filter(|left| !left.is_zero()), ..state.limits }
    }

    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

/// A number with or without thousands separators: the format is not documented (reference §5.1).
fn number_of(headers: &HeaderMap, name: &str) -> Option<f64> {
    let text = headers.get(name)?.to_str().ok()?;
    text.replace(',', "").trim().parse().ok().filter(|n: &f64| n.is_finite())
}

/// The wait that `Retry-After` names: seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
        for (text, wait) in [
            ("7", Some(Duration::from_secs(7))),
            (" 0.5 ", Some(Duration::from_millis(500))),
            ("Sat, 21 Nov 2026 00:00:30 GMT", Some(Duration::from_secs(30))),
            ("Fri, 20 Nov 2026 00:00:30 GMT", Some(Duration::ZERO)),
            ("-1", None),
            ("soon", None),
            ("NaN", None),
        ] {
            assert_eq!(retry_after(&headers(&[("retry-after", text)]), now), wait, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everybody_and_is_never_shortened() {
        let throttle = Throttle::default();
        throttle.pause(Duration::from_secs(10), ServiceCode::THROTTLED_TIME);
        throttle.pause(Duration::from_secs(1), ServiceCode::THROTTLED_REQUESTS);
        let start = Instant::now();
        futures::future::join_all((0..5).map(|_| throttle.wait())).await;
        assert!(start.elapsed() >= Duration::from_secs(10));
        assert_eq!(throttle.limits().throttled, 2);
        assert_eq!(throttle.limits().throttled_by, Some(ServiceCode::THROTTLED_REQUESTS));
        assert_eq!(throttle.limits().paused_for, None);
    }

    #[test]
    fn budgets_are_read_leniently_and_kept() {
        let throttle = Throttle::default();
        throttle.note(&headers(&[
            ("x-ms-ratelimit-burst-remaining-xrm-requests", "5,999"),
            ("x-ms-ratelimit-time-remaining-xrm-requests", "1,199.90"),
            ("x-ms-dop-hint", "4"),
        ]));
        throttle.note(&headers(&[("x-ms-dop-hint", "many")]));
        let limits = throttle.limits();
        assert_eq!((limits.requests_left, limits.dop_hint), (Some(5999), Some(4)));
        assert_eq!(limits.execution_left, Some(Duration::from_secs_f64(1199.9)));
    }
}
