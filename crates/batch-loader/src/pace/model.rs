//! The pace against a model of the service on a virtual clock: users, servers, routing at random, three limits.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Admission, Facet, Left, Pace, PaceOptions, Ticket};

const WINDOW: f64 = 300.0;
const REQUESTS: usize = 6_000;
const EXECUTION: f64 = 1_200.0;
const AT_ONCE: usize = 52;
const ROWS: usize = 100;

/// What one server knows of one user.
#[derive(Default)]
struct Usage {
    started: VecDeque<f64>,
    finished: VecDeque<(f64, f64)>,
    spent: f64,
    in_flight: usize,
    knocks: f64,
}

impl Usage {
    /// Lets a request in, or says which limit it met and for how long to wait.
    fn admit(&mut self, now: f64) -> Result<Left, (Facet, f64)> {
        while self.started.front().is_some_and(|at| *at < now - WINDOW) {
            self.started.pop_front();
        }
        while let Some((_, cost)) = self.finished.front().filter(|(at, _)| *at < now - WINDOW) {
            self.spent -= cost;
            self.finished.pop_front();
        }
        let met = if self.in_flight >= AT_ONCE {
            Some((Facet::Concurrency, 1.0))
        } else if self.started.len() >= REQUESTS {
            Some((Facet::Requests, self.started[0] + WINDOW - now))
        } else if self.spent >= EXECUTION {
            Some((Facet::Execution, self.finished[0].0 + WINDOW - now))
        } else {
            None
        };
        if let Some((facet, wait)) = met {
            self.knocks += 1.0;
            return Err((facet, (wait + self.knocks - 1.0).clamp(1.0, WINDOW).ceil()));
        }
        self.knocks = 0.0;
        self.in_flight += 1;
        self.started.push_back(now);
        Ok(Left {
            requests: Some(u32::try_from(REQUESTS - self.started.len()).unwrap()),
            execution: Some(Duration::from_secs_f64((EXECUTION - self.spent).max(0.0))),
        })
    }

    fn finish(&mut self, now: f64, cost: f64) {
        self.in_flight -= 1;
        self.spent += cost;
        self.finished.push_back((now, cost));
    }
}

/// A run of the model.
#[derive(Debug, Clone)]
struct Run {
    users: usize,
    servers: usize,
    /// Seconds that a request takes, from when on.
    speeds: Vec<(f64, f64)>,
    seconds: f64,
    seed: u64,
    tells: bool,
}

/// When requests were answered, and when they were refused.
#[derive(Debug, Default)]
struct Outcome {
    done: Vec<f64>,
    refused: Vec<f64>,
}

impl Outcome {
    #[expect(clippy::cast_precision_loss, reason = "counts")]
    fn rows_per_second(&self, from: f64, to: f64) -> f64 {
        (self.done.iter().filter(|at| (from..to).contains(*at)).count() * ROWS) as f64 / (to - from)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts")]
    fn refused_share(&self, from: f64) -> f64 {
        let count = |times: &[f64]| times.iter().filter(|at| **at >= from).count() as f64;
        count(&self.refused) / (count(&self.refused) + count(&self.done)).max(1.0)
    }
}

struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next()).unwrap() % bound
    }

    /// Between 0.8 and 1.2.
    fn jitter(&mut self) -> f64 {
        0.8 + 0.4 * f64::from(u32::try_from(self.next() % 10_000).unwrap()) / 10_000.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Happens {
    Ask,
    Answer { server: usize, ticket: Ticket, took: f64, left: Left },
    Refuse { ticket: Ticket, facet: Facet, wait: f64 },
}

impl Run {
    fn speed(&self, now: f64) -> f64 {
        self.speeds.iter().rev().find(|(from, _)| *from <= now).map_or(self.speeds[0].1, |(_, took)| *took)
    }

    /// What the limits allow at a request time of `took`, in rows per second.
    #[expect(clippy::cast_precision_loss, reason = "counts")]
    fn allowed(&self, took: f64) -> f64 {
        let per_server = (REQUESTS as f64 / WINDOW).min(EXECUTION / WINDOW / took).min(AT_ONCE as f64 / took);
        self.users as f64 * self.servers as f64 * ROWS as f64 * per_server
    }

    fn go(&self) -> Outcome {
        let start = Instant::now();
        let at = |now: f64| start + Duration::from_secs_f64(now);
        let mut noise = Noise(self.seed);
        let mut outcome = Outcome::default();
        for _user in 0..self.users {
            let mut pace = Pace::new(PaceOptions::default(), 4, false, 500, start);
            let mut usage: Vec<Usage> = (0..self.servers).map(|_| Usage::default()).collect();
            // In the order of microseconds; the number finds what happens.
            let mut queue = BinaryHeap::from([Reverse((0_u64, 0_usize))]);
            let mut happenings = vec![Happens::Ask];
            let mut asks_at = 0_u64;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "minutes in microseconds"
            )]
            let micros = |now: f64| (now * 1e6).ceil() as u64;
            while let Some(Reverse((micro, number))) = queue.pop() {
                #[expect(clippy::cast_precision_loss, reason = "minutes in microseconds")]
                let now = micro as f64 / 1e6;
                if now > self.seconds {
                    break;
                }
                match happenings[number] {
                    Happens::Ask if micro < asks_at => continue,
                    Happens::Ask => {}
                    Happens::Answer { server, ticket, took, left } => {
                        usage[server].finish(now, took);
                        let left = if self.tells { left } else { Left::default() };
                        pace.ended(ticket, at(now), ROWS, Duration::from_secs_f64(took), left);
                        outcome.done.push(now);
                    }
                    Happens::Refuse { ticket, facet, wait } => {
                        pace.unsent(ticket, at(now));
                        pace.throttled(at(now), facet, Duration::from_secs_f64(wait));
                        outcome.refused.push(now);
                    }
                }
                loop {
                    match pace.admit(at(now)) {
                        Admission::Now(ticket) => {
                            let server = noise.below(self.servers);
                            let (then, happens) = match usage[server].admit(now) {
                                Ok(left) => {
                                    let took = self.speed(now) * noise.jitter();
                                    (now + took, Happens::Answer { server, ticket, took, left })
                                }
                                Err((facet, wait)) => (now + 0.02, Happens::Refuse { ticket, facet, wait }),
                            };
                            queue.push(Reverse((micros(then), happenings.len())));
                            happenings.push(happens);
                        }
                        Admission::At(then) => {
                            asks_at = micros((then - start).as_secs_f64()).max(micro + 1);
                            queue.push(Reverse((asks_at, 0)));
                            break;
                        }
                        Admission::Later => break,
                    }
                }
            }
        }
        outcome
    }
}

/// Four windows, from the first request on.
fn at_the_limit(users: usize, servers: usize, took: f64, seed: u64) {
    let run = Run { users, servers, speeds: vec![(0.0, took)], seconds: 4.0 * WINDOW, seed, tells: true };
    let outcome = run.go();
    let reached = outcome.rows_per_second(0.0, run.seconds) / run.allowed(took);
    let refused = outcome.refused_share(60.0);
    assert!(reached >= 0.95, "{reached:.4} of the limit with {users} users, {servers} servers, {took} s");
    assert!(refused <= 0.01, "{refused:.4} refused with {users} users, {servers} servers, {took} s");
}

#[test]
fn one_user_reaches_what_one_server_allows() {
    for took in [0.05, 0.15, 0.25, 0.5, 1.0, 2.0] {
        at_the_limit(1, 1, took, 1);
    }
}

#[test]
fn two_and_four_users_on_several_servers_reach_twice_and_four_times_as_much() {
    for users in [1, 2, 4] {
        for servers in [2, 4] {
            for took in [0.1, 0.2, 0.4, 1.0] {
                at_the_limit(users, servers, took, 7);
            }
        }
    }
}

#[test]
fn a_change_of_speed_is_followed_within_30_seconds() {
    for (before, after) in [(0.5, 1.0), (1.0, 0.5), (0.1, 0.8), (0.8, 0.1)] {
        let speeds = vec![(0.0, before), (450.0, after)];
        let run = Run { users: 2, servers: 3, speeds, seconds: 1_200.0, seed: 3, tells: true };
        let outcome = run.go();
        let reached = outcome.rows_per_second(480.0, 540.0) / run.allowed(after);
        let later = outcome.rows_per_second(480.0, 1_200.0) / run.allowed(after);
        assert!(reached >= 0.95, "{reached:.4} of the new limit, {before} s to {after} s");
        assert!(later >= 0.95, "{later:.4} of the new limit to the end, {before} s to {after} s");
        assert!(outcome.refused_share(60.0) <= 0.01, "{:.4} refused", outcome.refused_share(60.0));
    }
}

#[test]
fn a_service_that_tells_nothing_is_found_out_by_its_refusals() {
    let run =
        Run { users: 1, servers: 2, speeds: vec![(0.0, 0.5)], seconds: 10.0 * WINDOW, seed: 5, tells: false };
    let outcome = run.go();
    let reached = outcome.rows_per_second(4.0 * WINDOW, run.seconds) / run.allowed(0.5);
    assert!(reached >= 0.85, "{reached:.4} of the limit");
    assert!(outcome.refused_share(WINDOW) <= 0.01, "{:.4} refused", outcome.refused_share(WINDOW));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn whatever_the_service_the_limit_is_reached_and_hardly_met(servers in 1_usize..6, took in 0.05_f64..1.0, seed in any::<u64>()) {
        at_the_limit(1, servers, took, seed);
    }
}
