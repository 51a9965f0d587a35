//! How many requests of one application user are in flight.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests in a row that must go well before one more is let through.
const CALM: u32 = 20;
/// Trouble that comes so soon after a cut belongs to the same cause.
const SAME_CAUSE: Duration = Duration::from_secs(1);

/// Halves on trouble, grows by one after a calm stretch, never above where it started. Pure.
#[derive(Debug)]
struct Controller {
    top: usize,
    current: usize,
    calm: u32,
    cut: Option<Instant>,
}

impl Controller {
    /// Notes an answer; returns the new number when it changes.
    fn note(&mut self, went_well: bool, now: Instant) -> Option<usize> {
        let before = self.current;
        if went_well {
            self.calm += 1;
            if self.calm >= CALM && self.current < self.top {
                self.calm = 0;
                self.current += 1;
            }
        } else {
            self.calm = 0;
            if self.cut.is_none_or(|cut| now.saturating_duration_since(cut) >= SAME_CAUSE) {
                self.cut = Some(now);
                self.current = (self.current / 2).max(1);
            }
        }
        (self.current != before).then_some(self.current)
    }
}

/// Lets so many requests through at a time.
#[derive(Debug)]
pub(crate) struct Limiter {
    semaphore: Arc<Semaphore>,
    state: Mutex<(Controller, usize)>,
}

/// The right to have one request in flight.
#[derive(Debug)]
pub(crate) struct Permit {
    limiter: Arc<Limiter>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Limiter {
    pub(crate) fn new(in_flight: usize) -> Arc<Self> {
        let controller = Controller { top: in_flight, current: in_flight, calm: 0, cut: None };
        Arc::new(Self { semaphore: Arc::new(Semaphore::new(in_flight)), state: Mutex::new((controller, 0)) })
    }

    /// Waits for room.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Permit {
        let permit = Arc::clone(&self.semaphore).acquire_owned().await.ok();
        Permit { limiter: Arc::clone(self), permit }
    }

    /// Requests that may be in flight now.
    pub(crate) fn in_flight(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0.current
    }

    /// Notes an answer; returns the new number when it changes.
    pub(crate) fn note(&self, went_well: bool) -> Option<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (controller, owed) = &mut *state;
        let before = controller.current;
        let now = controller.note(went_well, Instant::now())?;
        if now > before {
            if *owed > 0 {
                *owed -= 1;
            } else {
                self.semaphore.add_permits(1);
            }
        } else {
            let wanted = before - now;
            *owed += wanted - self.semaphore.forget_permits(wanted);
        }
        Some(now)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.limiter.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Permits that were out when the number was lowered are taken from circulation on their return.
        if state.1 > 0
            && let Some(permit) = self.permit.take()
        {
            state.1 -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_halves_and_calm_restores_one_at_a_time() {
        let mut controller = Controller { top: 8, current: 8, calm: 0, cut: None };
        let start = Instant::now();
        assert_eq!(controller.note(false, start), Some(4));
        assert_eq!(controller.note(false, start), None, "one cause is one cut");
        assert_eq!(controller.note(false, start + SAME_CAUSE), Some(2));
        for _ in 1..CALM {
            assert_eq!(controller.note(true, start), None);
        }
        assert_eq!(controller.note(true, start), Some(3));
    }

    #[tokio::test]
    async fn requests_out_when_the_number_falls_do_not_come_back_as_room() {
        let limiter = Limiter::new(4);
        let mut out: Vec<Permit> = Vec::new();
        for _ in 0..4 {
            out.push(limiter.acquire().await);
        }
        assert_eq!(limiter.note(false), Some(2));
        out.truncate(2);
        assert_eq!(limiter.semaphore.available_permits(), 0, "two are still out");
        out.clear();
        assert_eq!(limiter.semaphore.available_permits(), 2);
    }
}
