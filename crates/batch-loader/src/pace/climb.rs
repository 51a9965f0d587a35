//! How many requests at once: up while rows per second grow, down when they only wait longer, halved on trouble.

use std::time::{Duration, Instant};

/// A first climb is in steps of half as many again.
const STRIDE: f64 = 1.5;
/// Later ones, and steps down, are smaller.
const STEP: f64 = 1.15;
const STEP_DOWN: f64 = 0.75;
/// More requests are worth it if they bring at least this share of what they should.
const WORTH: f64 = 0.3;
/// Requests that take so much longer than they used to are looked into.
const SLOWER: f64 = 1.5;
/// Answers by which a step is judged, at least.
const ENOUGH: u32 = 8;
/// Periods between two attempts to climb.
const REST: u32 = 8;

/// What a period showed.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seen {
    rows_per_second: f64,
    seconds_per_row: f64,
}

/// Where the climb is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// Up in strides until it does not pay.
    Rising { before: Option<(f64, Seen)> },
    /// A number was found; the next attempt comes after so many periods.
    Resting { periods: u32 },
    /// One step up or down, to be judged.
    Trying { from: f64, before: Seen },
}

/// A search for the number of requests at once. Pure.
#[derive(Debug)]
pub(crate) struct Climb {
    current: f64,
    least: f64,
    most: f64,
    is_pinned: bool,
    /// A period lasts at least this long.
    period: Duration,
    phase: Phase,
    /// How requests fare when they do not wait for each other.
    usual: Option<f64>,
    since: Instant,
    answers: u32,
    rows: f64,
    busy: f64,
    /// Work was waiting for nothing but this number.
    was_bound: bool,
    peak: usize,
    cut: Option<Instant>,
}

impl Climb {
    pub(crate) fn new(start: f64, most: f64, is_pinned: bool, period: Duration, now: Instant) -> Self {
        Self {
            current: start.clamp(1.0, most.max(1.0)),
            least: 1.0,
            most: most.max(1.0),
            is_pinned,
            period,
            phase: Phase::Rising { before: None },
            usual: None,
            since: now,
            answers: 0,
            rows: 0.0,
            busy: 0.0,
            was_bound: false,
            peak: 0,
            cut: None,
        }
    }

    /// Requests that may be in flight.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and a small number"
    )]
    pub(crate) fn in_flight(&self) -> usize {
        self.current.round() as usize
    }

    /// Somebody waits because so many are in flight.
    pub(crate) fn bound(&mut self, in_flight: usize) {
        self.was_bound = true;
        self.peak = self.peak.max(in_flight);
    }

    /// An answer came: rows written, and how long it took.
    pub(crate) fn answered(&mut self, now: Instant, rows: usize, elapsed: Duration) {
        self.answers += 1;
        #[expect(clippy::cast_precision_loss, reason = "rows of one request")]
        let rows = rows as f64;
        self.rows += rows;
        self.busy += elapsed.as_secs_f64();
        let passed = now.saturating_duration_since(self.since);
        let is_enough = f64::from(self.answers) >= f64::from(ENOUGH).max(2.0 * self.current);
        if passed < self.period || !is_enough {
            return;
        }
        let seen = Seen {
            rows_per_second: self.rows / passed.as_secs_f64(),
            seconds_per_row: self.busy / self.rows.max(1.0),
        };
        let was_bound = self.was_bound;
        self.restart(now);
        if !self.is_pinned {
            self.judge(seen, was_bound);
        }
    }

    /// Throttled for concurrency, a timeout, a lost answer: half as many. What comes right after belongs to the same cause.
    pub(crate) fn trouble(&mut self, now: Instant) {
        let is_new = self.cut.is_none_or(|cut| now.saturating_duration_since(cut) >= self.period);
        if is_new && !self.is_pinned {
            self.cut = Some(now);
            self.set(self.current / 2.0);
            self.phase = Phase::Resting { periods: REST };
            self.restart(now);
        }
    }

    /// The service's limit on requests at once was met with so many in flight.
    pub(crate) fn met_limit(&mut self, now: Instant, in_flight: usize) {
        let is_new = self.cut.is_none_or(|cut| now.saturating_duration_since(cut) >= self.period);
        if is_new && !self.is_pinned {
            self.cut = Some(now);
            #[expect(clippy::cast_precision_loss, reason = "a small number")]
            let met = in_flight as f64;
            self.set(self.current.min(met) * 0.8);
            self.phase = Phase::Resting { periods: 4 * REST };
            self.restart(now);
        }
    }

    fn judge(&mut self, seen: Seen, was_bound: bool) {
        match self.phase {
            Phase::Rising { .. } | Phase::Resting { .. } if !was_bound => {
                // Something else sets the pace; how long requests take is learnt all the same.
                self.usual = Some(seen.seconds_per_row);
                self.phase = Phase::Resting { periods: 1 };
            }
            Phase::Rising { before: Some((from, before)) }
                if !is_worth(self.current / from, &before, &seen) =>
            {
                self.set(from);
                self.usual = Some(before.seconds_per_row);
                self.phase = Phase::Resting { periods: REST };
            }
            Phase::Rising { .. } => {
                self.usual = Some(self.usual.unwrap_or(seen.seconds_per_row).min(seen.seconds_per_row));
                self.phase = Phase::Rising { before: Some((self.current, seen)) };
                self.set(self.current * STRIDE);
            }
            Phase::Resting { periods } => {
                let usual = *self.usual.get_or_insert(seen.seconds_per_row);
                if seen.seconds_per_row > usual * SLOWER && self.current > self.least {
                    // Do they wait for each other? Fewer of them tell.
                    self.phase = Phase::Trying { from: self.current, before: seen };
                    self.set(self.current * STEP_DOWN);
                } else if periods <= 1 && self.current < self.most {
                    self.phase = Phase::Trying { from: self.current, before: seen };
                    self.set((self.current * STEP).max(self.current + 1.0));
                } else {
                    self.usual = Some(usual.min(seen.seconds_per_row) * 0.9 + seen.seconds_per_row * 0.1);
                    self.phase = Phase::Resting { periods: periods.saturating_sub(1).max(1) };
                }
            }
            Phase::Trying { from, before } if self.current > from => {
                if was_bound && is_worth(self.current / from, &before, &seen) {
                    self.phase = Phase::Trying { from: self.current, before: seen };
                    self.set((self.current * STEP).max(self.current + 1.0));
                } else {
                    if was_bound {
                        self.set(from);
                    }
                    self.phase = Phase::Resting { periods: REST };
                }
            }
            Phase::Trying { from, before } => {
                let is_as_fast =
                    seen.rows_per_second >= before.rows_per_second * (1.0 - (1.0 - STEP_DOWN) * WORTH);
                if is_as_fast && self.current > self.least {
                    // They did wait for each other.
                    self.phase = if seen.seconds_per_row > self.usual.unwrap_or(0.0) * SLOWER {
                        let from = self.current;
                        self.set(self.current * STEP_DOWN);
                        Phase::Trying { from, before: seen }
                    } else {
                        Phase::Resting { periods: REST }
                    };
                } else {
                    // The service is slower by itself.
                    self.set(from);
                    self.usual = Some(before.seconds_per_row);
                    self.phase = Phase::Resting { periods: 1 };
                }
            }
        }
    }

    fn set(&mut self, number: f64) {
        self.current = number.clamp(self.least, self.most);
    }

    fn restart(&mut self, now: Instant) {
        self.since = now;
        (self.answers, self.rows, self.busy, self.was_bound, self.peak) = (0, 0.0, 0.0, false, 0);
    }
}

/// Whether so many times the requests brought a fair part of so many times the rows.
fn is_worth(growth: f64, before: &Seen, seen: &Seen) -> bool {
    seen.rows_per_second >= before.rows_per_second * (1.0 + (growth - 1.0) * WORTH)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A service that does `best` requests at once in `t` seconds each, and lets more of them wait for each other.
    fn run(climb: &mut Climb, now: &mut Instant, seconds: u32, best: f64, t: f64) -> f64 {
        let end = *now + SECOND * seconds;
        let mut rows = 0.0;
        while *now < end {
            let at_once = f64::from(u32::try_from(climb.in_flight()).unwrap());
            let took = t * (at_once / best).max(1.0);
            let requests = climb.in_flight();
            *now += Duration::from_secs_f64(took);
            climb.bound(requests);
            for _ in 0..requests {
                climb.answered(*now, 100, Duration::from_secs_f64(took));
                rows += 100.0;
            }
        }
        rows / f64::from(seconds)
    }

    #[test]
    fn it_finds_how_many_the_service_does_at_once_and_does_not_pile_up_more() {
        let mut now = Instant::now();
        let mut climb = Climb::new(4.0, 100.0, false, SECOND, now);
        run(&mut climb, &mut now, 60, 24.0, 0.2);
        assert!((18..=34).contains(&climb.in_flight()), "{}", climb.in_flight());
        let rate = run(&mut climb, &mut now, 60, 24.0, 0.2);
        assert!(rate > 0.9 * 24.0 / 0.2 * 100.0, "{rate}");
    }

    #[test]
    fn trouble_halves_once_for_each_cause_and_calm_climbs_again() {
        let mut now = Instant::now();
        let mut climb = Climb::new(40.0, 50.0, false, SECOND, now);
        climb.trouble(now);
        climb.trouble(now);
        assert_eq!(climb.in_flight(), 20, "one cause is one cut");
        climb.trouble(now + SECOND);
        assert_eq!(climb.in_flight(), 10);
        now += SECOND;
        run(&mut climb, &mut now, 120, 40.0, 0.2);
        assert!(climb.in_flight() >= 30, "{}", climb.in_flight());
    }

    #[test]
    fn a_service_that_is_slower_by_itself_keeps_its_requests() {
        let mut now = Instant::now();
        let mut climb = Climb::new(4.0, 16.0, false, SECOND, now);
        run(&mut climb, &mut now, 60, 16.0, 0.2);
        run(&mut climb, &mut now, 60, 16.0, 0.8);
        assert!(climb.in_flight() >= 14, "{}", climb.in_flight());
    }

    proptest! {
        #[test]
        fn a_pinned_number_never_moves_and_a_free_one_stays_in_its_bounds(steps in prop::collection::vec((0_u8..4, 1_u64..3_000), 1..300)) {
            let mut now = Instant::now();
            let mut pinned = Climb::new(7.0, 50.0, true, SECOND, now);
            let mut free = Climb::new(7.0, 50.0, false, SECOND, now);
            for (step, millis) in steps {
                now += Duration::from_millis(millis);
                for climb in [&mut pinned, &mut free] {
                    match step {
                        0 => climb.trouble(now),
                        1 => climb.met_limit(now, 5),
                        2 => climb.bound(7),
                        _ => climb.answered(now, 10, Duration::from_millis(millis)),
                    }
                }
                prop_assert_eq!(pinned.in_flight(), 7);
                prop_assert!((1..=50).contains(&free.in_flight()));
            }
        }
    }
}
