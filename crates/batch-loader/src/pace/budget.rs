//! One limit that counts over a window, requests or seconds of execution, over all web servers.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Slices of a window in which usage is kept.
const SLICES: u32 = 600;
/// Answers before what they say is believed.
const ENOUGH: u32 = 20;
/// How much of what was said before weighs against the next answer.
const KEPT: f64 = 1.0 - 1.0 / 200.0;
/// How much faster than the limit an empty window is filled, and how soon that ends.
const CATCH_UP: f64 = 0.2;
const GAIN: f64 = 5.0;
/// Usage at a refusal that shows a limit, as a share of what is documented.
const LEAST_GUESS: f64 = 0.1;

/// What was used of a limit, how much of it there is, and when the next use is due.
#[derive(Debug)]
pub(crate) struct Budget {
    window: Duration,
    documented: f64,
    /// Usage by slice, oldest first.
    slices: VecDeque<(Instant, f64)>,
    used: f64,
    /// The most that one server has said to be left: its whole limit, unless somebody else uses the same user.
    top: f64,
    /// Our usage at each answer, and how much of the limit was gone on the server that answered; newest weigh most.
    ours: f64,
    gone: f64,
    answers: u32,
    /// What fits into a window over all servers, as far as known.
    capacity: Option<f64>,
    /// Capacity was seen when the service refused, not told.
    is_guess: bool,
    credit: f64,
    refilled: Instant,
}

impl Budget {
    /// `documented` is what a window holds on one server, as far as documents say.
    pub(crate) fn new(window: Duration, documented: f64, now: Instant) -> Self {
        Self {
            window,
            documented,
            slices: VecDeque::new(),
            used: 0.0,
            top: 0.0,
            ours: 0.0,
            gone: 0.0,
            answers: 0,
            capacity: None,
            is_guess: false,
            credit: 0.0,
            refilled: now,
        }
    }

    /// What we used within the window.
    pub(crate) fn used(&mut self, now: Instant) -> f64 {
        let age = self.window + self.window / SLICES;
        while self.slices.front().is_some_and(|(at, _)| *at + age <= now) {
            if let Some((_, amount)) = self.slices.pop_front() {
                self.used -= amount;
            }
        }
        if self.slices.is_empty() {
            self.used = 0.0;
        }
        self.used
    }

    /// Notes a use; a negative one takes back what did not count.
    pub(crate) fn book(&mut self, now: Instant, amount: f64) {
        self.used += amount;
        match self.slices.back_mut() {
            Some((at, sum)) if now < *at + self.window / SLICES => *sum += amount,
            _ => self.slices.push_back((now, amount)),
        }
    }

    /// Changes what is owed before the next use.
    pub(crate) fn charge(&mut self, amount: f64) {
        self.credit -= amount;
    }

    /// A server said that so much is left there, at a moment when our usage was `ours`. With requests routed at random,
    /// the servers' usage is ours divided by their number, on average: so much fits into all of them.
    pub(crate) fn told(&mut self, ours: f64, left: f64) {
        self.top = self.top.max(left);
        self.ours = self.ours * KEPT + ours;
        self.gone = self.gone * KEPT + (self.top - left);
        self.answers = self.answers.saturating_add(1);
        if self.answers >= ENOUGH && self.gone > 0.0 {
            self.capacity = Some(self.top * self.ours / self.gone);
            self.is_guess = false;
        } else {
            (self.capacity, self.is_guess) = (None, false);
        }
    }

    /// The service refused: so much and no more fits, unless it tells us itself. If we had hardly used anything, the
    /// limit was used up by others, and there is nothing to learn from it.
    pub(crate) fn refused(&mut self, now: Instant) {
        let used = self.used(now);
        if self.answers == 0 && used >= self.documented * LEAST_GUESS {
            self.capacity = Some(used);
            self.is_guess = true;
        }
    }

    pub(crate) fn capacity(&self) -> Option<f64> {
        self.capacity
    }

    /// Whether the capacity is only what fitted when the service refused.
    pub(crate) fn is_guess(&self) -> bool {
        self.is_guess
    }

    /// Use per second that can be kept up; none where no limit is known.
    pub(crate) fn rate(&self, aim: f64) -> Option<f64> {
        self.capacity.map(|capacity| capacity * aim / self.window.as_secs_f64())
    }

    /// Whether so much more fits into what is left of the window; so it does where no limit is known.
    pub(crate) fn fits(&mut self, now: Instant, more: f64, aim: f64) -> bool {
        let used = self.used(now);
        self.capacity.is_none_or(|capacity| used + more <= aim * capacity)
    }

    /// When the next use is due; none if it is due now.
    pub(crate) fn due(&mut self, now: Instant, aim: f64) -> Option<Instant> {
        let since = now.saturating_duration_since(self.refilled).as_secs_f64();
        self.refilled = now;
        let used = self.used(now);
        let (Some(capacity), Some(rate)) = (self.capacity, self.rate(aim)) else {
            self.credit = 0.0;
            return None;
        };
        if capacity <= 0.0 || rate <= 0.0 {
            return None;
        }
        let pace = rate * (1.0 + (GAIN * (aim - used / capacity)).clamp(0.0, CATCH_UP));
        // Two seconds of a real window may be caught up at once, five be owed.
        let second = self.window.as_secs_f64() / 300.0;
        self.credit =
            (self.credit + pace * since).clamp(-5.0 * second * pace - 1.0, (2.0 * second * pace).max(1.0));
        if used > 0.0 && used >= aim * capacity {
            let oldest = self.slices.front().map_or(now, |(at, _)| *at);
            return Some((oldest + self.window + self.window / SLICES).max(now + Duration::from_millis(1)));
        }
        if self.credit < 0.0 {
            let wait = Duration::from_secs_f64((-self.credit / pace).clamp(1e-6, 60.0));
            return Some(now + wait);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOW: Duration = Duration::from_mins(5);

    #[test]
    fn the_number_of_servers_shows_in_what_they_say_is_left() {
        let start = Instant::now();
        let mut budget = Budget::new(WINDOW, 100.0, start);
        for n in 0..100_u32 {
            let ours = f64::from(n + 1);
            budget.book(start, 1.0);
            budget.told(ours, 6_000.0 - (ours / 3.0).ceil());
        }
        let capacity = budget.capacity().unwrap();
        assert!((17_000.0..19_500.0).contains(&capacity), "{capacity} of 18,000");
    }

    #[test]
    fn a_service_that_counts_nothing_sets_no_pace() {
        let start = Instant::now();
        let mut budget = Budget::new(WINDOW, 100.0, start);
        for _ in 0..1_000 {
            budget.book(start, 1.0);
            budget.charge(1.0);
            budget.told(500.0, 6_000.0);
            assert_eq!(budget.due(start, 0.985), None);
        }
    }

    #[test]
    fn a_refusal_shows_the_limit_where_nobody_tells() {
        let start = Instant::now();
        let mut budget = Budget::new(WINDOW, 100.0, start);
        budget.book(start, 5.0);
        budget.refused(start);
        assert_eq!(budget.capacity(), None, "others must have used it up");
        budget.book(start, 45.0);
        budget.refused(start);
        assert_eq!(budget.capacity(), Some(50.0));
        let due = budget.due(start, 1.0).unwrap();
        assert!(due >= start + WINDOW, "nothing until the window has passed");
        assert_eq!(budget.due(due, 1.0), None);
    }

    proptest! {
        /// Whenever it is obeyed, no window holds more than was aimed at and one use that was let in last.
        #[test]
        fn no_window_holds_more_than_the_aim(costs in prop::collection::vec(0.01_f64..3.0, 1..400), capacity in 20.0_f64..200.0) {
            let start = Instant::now();
            let mut budget = Budget::new(WINDOW, 100.0, start);
            budget.capacity = Some(capacity);
            let (mut now, mut uses) = (start, Vec::new());
            for cost in costs {
                while let Some(due) = budget.due(now, 0.95) {
                    prop_assert!(due > now);
                    now = due;
                }
                budget.book(now, cost);
                budget.charge(cost);
                uses.push((now, cost));
                let within: f64 = uses.iter().filter(|(at, _)| *at + WINDOW > now).map(|(_, cost)| cost).sum();
                prop_assert!(within <= 0.95 * capacity + 3.0);
            }
        }
    }
}
