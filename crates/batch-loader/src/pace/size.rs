//! How many rows of a table go into a request: where rows per second of what the service allows are most.

use std::time::Duration;

use super::options::BatchOptions;

/// Steps of the search.
const STEP: f64 = 1.5;
/// A larger request is worth it if rows get cheaper by this much.
const WORTH: f64 = 0.03;
/// Answers by which a size is judged.
const ENOUGH: u32 = 12;
/// Periods between two attempts.
const REST: u32 = 10;
/// Half of what is remembered of errors is of the last so many rows.
const MEMORY: f64 = 2_000.0;
/// What a request costs beside its rows, and a row by itself, in rows of a bulk request, until it was measured.
const USUAL_OVERHEAD: f64 = 20.0;
const USUAL_SINGLY: f64 = 4.0;

/// The next request of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sized {
    pub(crate) rows: usize,
    /// So many rows are bad that a bulk request would hardly ever go through: each row by itself.
    pub(crate) singly: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Resting { periods: u32, next_up: bool },
    Trying { from: f64, cost: f64 },
}

/// The search for one table. Pure.
#[derive(Debug)]
pub(crate) struct BatchSize {
    options: BatchOptions,
    /// Requests shorter than this are limited by their number, not by their time.
    floor: Duration,
    is_pinned: bool,
    rows: f64,
    most: f64,
    phase: Phase,
    answers: u32,
    /// Seconds of this period, and rows.
    seconds: f64,
    written: f64,
    /// Remembered rows, and bad ones among them.
    seen: f64,
    bad: f64,
    /// Seconds of a row in a bulk request that went well, and of one that went by itself.
    bulk_row: Option<f64>,
    single_row: Option<f64>,
}

impl BatchSize {
    /// Starts with `rows`, or keeps them where they are pinned. `window` is the service's.
    pub(crate) fn new(rows: usize, is_pinned: bool, options: BatchOptions, window: Duration) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "rows of one request")]
        let rows = rows.max(1) as f64;
        Self {
            options,
            // 6,000 requests and 1,200 seconds a window: below a fifth of a second, requests run out first.
            floor: window / 1_500,
            is_pinned: is_pinned || !options.adapts,
            rows,
            most: f64::from(options.most_rows).max(1.0),
            phase: Phase::Resting { periods: 1, next_up: true },
            answers: 0,
            seconds: 0.0,
            written: 0.0,
            seen: 0.0,
            bad: 0.0,
            bulk_row: None,
            single_row: None,
        }
    }

    /// The next request.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and what the service takes"
    )]
    pub(crate) fn next(&self) -> Sized {
        let found = self.rows.round().max(1.0);
        if self.is_pinned {
            return Sized { rows: found as usize, singly: false };
        }
        let share = self.bad_share();
        if share <= 0.0 {
            return Sized { rows: found as usize, singly: false };
        }
        let (mut best, mut least) = (found, self.cost(found, share));
        let mut rows = found;
        while rows > 1.0 {
            rows = (rows / STEP).floor().max(1.0);
            let cost = self.cost(rows, share);
            if cost < least {
                (best, least) = (rows, cost);
            }
        }
        let by_itself = (self.overhead() / found) + self.singly();
        if by_itself < least {
            Sized { rows: found as usize, singly: true }
        } else {
            Sized { rows: best as usize, singly: false }
        }
    }

    /// A bulk request of so many rows went through. Answers whether the size changes.
    pub(crate) fn went_through(&mut self, rows: usize, elapsed: Duration) -> bool {
        let before = self.next();
        #[expect(clippy::cast_precision_loss, reason = "rows of one request")]
        let rows = rows as f64;
        self.remember(rows, 0.0);
        blend(&mut self.bulk_row, elapsed.as_secs_f64() / rows.max(1.0));
        // Requests of another size were cut before the latest decision, or are the rest of a chunk.
        let is_current = (self.rows * 0.8..=self.rows * 1.25).contains(&rows);
        if elapsed > self.options.ceiling && is_current {
            // One that stood still says nothing about the next: at most half, and the next answer decides further.
            let fits = rows * self.options.ceiling.as_secs_f64() / elapsed.as_secs_f64() * 0.8;
            self.shrink(fits.max(rows / 2.0));
        } else if is_current {
            self.answers += 1;
            self.seconds += elapsed.max(self.floor).as_secs_f64();
            self.written += rows;
            if self.answers >= ENOUGH {
                self.judge();
            }
        }
        self.next() != before
    }

    /// Rows went one by one in a request, so many well and so many not. Answers whether the size changes.
    pub(crate) fn went_singly(&mut self, good: usize, bad: usize, elapsed: Duration) -> bool {
        let before = self.next();
        #[expect(clippy::cast_precision_loss, reason = "rows of one request")]
        let (good, bad) = (good as f64, bad as f64);
        self.remember(good + bad, bad);
        if good + bad >= 5.0 {
            blend(&mut self.single_row, elapsed.as_secs_f64() / (good + bad));
        }
        self.next() != before
    }

    /// A request of so many rows was too large or took too long.
    pub(crate) fn too_large(&mut self, rows: usize) -> bool {
        let before = self.next();
        #[expect(clippy::cast_precision_loss, reason = "rows of one request")]
        let half = rows as f64 / 2.0;
        self.most = self.most.min(half).max(1.0);
        self.shrink(half);
        self.next() != before
    }

    /// Share of bad rows among the latest.
    pub(crate) fn bad_share(&self) -> f64 {
        if self.seen < 1.0 { 0.0 } else { self.bad / self.seen }
    }

    fn remember(&mut self, rows: f64, bad: f64) {
        let kept = 0.5_f64.powf(rows / MEMORY);
        self.seen = self.seen * kept + rows;
        self.bad = self.bad * kept + bad;
        if self.bad < 0.01 {
            self.bad = 0.0;
        }
    }

    fn shrink(&mut self, rows: f64) {
        if !self.is_pinned && rows < self.rows {
            self.rows = rows.max(1.0);
            self.phase = Phase::Resting { periods: 2, next_up: true };
            self.restart();
        }
    }

    fn judge(&mut self) {
        let cost = self.seconds / self.written.max(1.0);
        let took = self.seconds / f64::from(self.answers.max(1));
        self.restart();
        // What was too large once may have been too slow for another reason.
        self.most = (self.most * 1.02).min(f64::from(self.options.most_rows));
        if self.is_pinned {
            return;
        }
        let may_grow = self.rows < self.most && took <= 0.7 * self.options.ceiling.as_secs_f64();
        match self.phase {
            Phase::Resting { periods, next_up } if periods > 1 => {
                self.phase = Phase::Resting { periods: periods - 1, next_up };
            }
            Phase::Resting { next_up: true, .. } if may_grow => self.try_size(self.rows * STEP, cost),
            Phase::Resting { next_up: true, .. } => {
                self.phase = Phase::Resting { periods: REST, next_up: false };
            }
            Phase::Resting { .. } if self.rows > 1.0 => self.try_size(self.rows / STEP, cost),
            Phase::Resting { .. } => self.phase = Phase::Resting { periods: REST, next_up: true },
            Phase::Trying { from, cost: before } => {
                let is_up = self.rows > from;
                let is_better =
                    if is_up { cost <= before * (1.0 - WORTH) } else { cost <= before * (1.0 - WORTH / 2.0) };
                if !is_better {
                    self.rows = from;
                    self.phase = Phase::Resting { periods: REST, next_up: !is_up };
                } else if is_up && may_grow {
                    self.try_size(self.rows * STEP, cost);
                } else if !is_up && cost < before * (1.0 - WORTH) {
                    self.try_size(self.rows / STEP, cost);
                } else {
                    self.phase = Phase::Resting { periods: REST, next_up: is_up };
                }
            }
        }
    }

    fn try_size(&mut self, rows: f64, cost: f64) {
        let from = self.rows;
        self.rows = rows.clamp(1.0, self.most);
        self.phase = Phase::Trying { from, cost };
    }

    fn restart(&mut self) {
        (self.answers, self.seconds, self.written) = (0, 0.0, 0.0);
    }

    /// What a row costs in requests of so many when such a share is bad, in rows of a bulk request: a request with a bad
    /// row is executed in vain, and then row by row.
    fn cost(&self, rows: f64, share: f64) -> f64 {
        let fails = 1.0 - (1.0 - share).powf(rows);
        let overhead = self.overhead() / rows;
        overhead + 1.0 + fails * (overhead + self.singly())
    }

    fn overhead(&self) -> f64 {
        let floor = self.floor.as_secs_f64();
        self.bulk_row
            .filter(|row| *row > 0.0)
            .map_or(USUAL_OVERHEAD, |row| (floor / row).clamp(USUAL_OVERHEAD / 2.0, 50.0))
    }

    fn singly(&self) -> f64 {
        match (self.single_row, self.bulk_row) {
            (Some(single), Some(bulk)) if bulk > 0.0 => (single / bulk).clamp(1.0, 20.0),
            _ => USUAL_SINGLY,
        }
    }
}

fn blend(kept: &mut Option<f64>, new: f64) {
    *kept = Some(kept.map_or(new, |kept| kept * 0.9 + new * 0.1));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOW: Duration = Duration::from_mins(5);

    fn size(rows: usize) -> BatchSize {
        BatchSize::new(rows, false, BatchOptions::default(), WINDOW)
    }

    /// So many requests of a service that takes `overhead` and `row` seconds and one row in `bad_every` badly.
    fn run(size: &mut BatchSize, requests: usize, overhead: f64, row: f64, bad_every: Option<usize>) {
        let mut sent = 0;
        for _ in 0..requests {
            let next = size.next();
            #[expect(clippy::cast_precision_loss, reason = "rows of one request")]
            let took = |cost: f64| Duration::from_secs_f64(overhead + next.rows as f64 * cost);
            let bad = bad_every.map_or(0, |every| (sent + next.rows) / every - sent / every);
            sent += next.rows;
            if bad == 0 && !next.singly {
                size.went_through(next.rows, took(row));
            } else {
                size.went_singly(next.rows - bad, bad, took(4.0 * row));
            }
        }
    }

    #[test]
    fn it_grows_while_rows_get_cheaper_and_stays_under_the_ceiling() {
        let mut long = size(10);
        run(&mut long, 2_000, 0.5, 0.01, None);
        assert!((300..=800).contains(&long.next().rows), "{:?}", long.next());
        let mut slow = size(10);
        run(&mut slow, 2_000, 5.0, 0.05, None);
        assert!((40..=100).contains(&slow.next().rows), "10 seconds hold 100 rows: {:?}", slow.next());
    }

    #[test]
    fn a_table_that_becomes_slow_gets_smaller_requests_at_once() {
        let mut table = size(250);
        table.went_through(250, Duration::from_secs(40));
        assert_eq!(table.next().rows, 125);
        table.went_through(250, Duration::from_secs(40));
        assert_eq!(table.next().rows, 125, "it was cut before");
        table.went_through(125, Duration::from_secs(20));
        table.went_through(63, Duration::from_secs(20));
        assert!(table.next().rows <= 32, "{:?}", table.next());
        assert!(table.too_large(32));
        assert!(table.next().rows <= 16);
    }

    #[test]
    fn bad_rows_make_requests_smaller_and_good_ones_larger_again() {
        let mut table = size(250);
        run(&mut table, 100, 0.1, 0.005, None);
        assert!(table.next().rows >= 200);
        run(&mut table, 100, 0.1, 0.005, Some(100));
        let among_bad = table.next();
        assert!((5..=50).contains(&among_bad.rows) && !among_bad.singly, "{among_bad:?}");
        run(&mut table, 2_000, 0.1, 0.005, None);
        assert!(table.next().rows >= 200, "{:?}", table.next());
        run(&mut table, 100, 0.1, 0.005, Some(3));
        assert!(table.next().singly, "{:?}", table.next());
    }

    proptest! {
        #[test]
        fn whatever_happens_the_size_is_one_the_service_takes(steps in prop::collection::vec((0_u8..3, 0_u64..60_000, 0_usize..50), 1..200), start in 1_usize..2_000) {
            let mut free = BatchSize::new(start.min(1_000), false, BatchOptions::default(), WINDOW);
            let mut pinned = BatchSize::new(start, true, BatchOptions::default(), WINDOW);
            for (step, millis, bad) in steps {
                for table in [&mut free, &mut pinned] {
                    let rows = table.next().rows;
                    let took = Duration::from_millis(millis);
                    match step {
                        0 => table.went_through(rows, took),
                        1 => table.went_singly(rows.saturating_sub(bad), bad, took),
                        _ => table.too_large(rows),
                    };
                }
                prop_assert!((1..=1_000).contains(&free.next().rows));
                prop_assert_eq!(pinned.next(), Sized { rows: start, singly: false });
            }
        }
    }
}
