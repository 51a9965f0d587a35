//! A lease as its holder sees it: how much is left, on clocks that also count suspended time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// A moment on two clocks. The monotonic one stands still while the machine sleeps, the other may be set; whichever has
/// moved further is believed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    monotonic: Instant,
    wall: SystemTime,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    fn elapsed(self) -> Duration {
        self.monotonic.elapsed().max(self.wall.elapsed().unwrap_or_default())
    }
}

/// The clock of one lease, shared by all requests that it covers.
#[derive(Debug)]
pub(crate) struct LeaseClock {
    length: Duration,
    /// From when it runs; none once it is lost.
    since: Mutex<Option<Moment>>,
}

impl LeaseClock {
    /// `since` is a moment before the lease was asked for.
    pub(crate) fn new(length: Duration, since: Moment) -> Self {
        Self { length, since: Mutex::new(Some(since)) }
    }

    /// What is left.
    pub(crate) fn remaining(&self) -> Duration {
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.map_or(Duration::ZERO, |since| self.length.saturating_sub(since.elapsed()))
    }

    /// It runs anew, from a moment before the renewal was asked for. A lost lease stays lost.
    pub(crate) fn renew(&self, since: Moment) {
        if let Some(running) = &mut *self.since.lock().unwrap_or_else(PoisonError::into_inner) {
            *running = since;
        }
    }

    /// Somebody else has it, or may have.
    pub(crate) fn lose(&self) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Ends when less than `margin` is left. Poll it before what it guards: after a suspension both are ready at once.
    pub(crate) async fn lost(&self, margin: Duration) {
        loop {
            let spare = self.remaining().saturating_sub(margin);
            if spare.is_zero() {
                return;
            }
            // Looked at often enough to notice a lease that was lost meanwhile.
            tokio::time::sleep(spare.min(self.length / 8).max(Duration::from_millis(1))).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lost_lease_cannot_be_renewed() {
        let clock = LeaseClock::new(Duration::from_mins(1), Moment::now());
        assert!(clock.remaining() > Duration::from_secs(50));
        clock.lose();
        clock.renew(Moment::now());
        assert_eq!(clock.remaining(), Duration::ZERO);
        clock.lost(Duration::ZERO).await;
    }

    #[test]
    fn the_clock_that_moved_further_is_believed() {
        let slept = Moment { monotonic: Instant::now(), wall: SystemTime::now() - Duration::from_mins(10) };
        assert_eq!(LeaseClock::new(Duration::from_mins(5), slept).remaining(), Duration::ZERO);
    }
}
