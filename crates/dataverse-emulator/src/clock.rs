//! The emulator's time: real, or running faster than real for rehearsals.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Time as the emulated organisation sees it. Ten seconds pass in one when the scale is 10.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    origin: Instant,
    origin_stamp: Timestamp,
    scale: f64,
}

impl Clock {
    /// A clock that starts now; `scale` emulated seconds pass in each real one.
    pub(crate) fn starting_now(scale: f64) -> Self {
        let scale = if scale.is_finite() && scale > 0.0 { scale } else { 1.0 };
        Self { origin: Instant::now(), origin_stamp: Timestamp::now(), scale }
    }

    /// Emulated time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.origin.elapsed().mul_f64(self.scale)
    }

    /// Whole seconds since 1970: what `createdon` keeps.
    pub(crate) fn now_seconds(&self) -> i64 {
        let elapsed = i64::try_from(self.elapsed().as_secs()).unwrap_or(i64::MAX);
        self.origin_stamp.as_second().saturating_add(elapsed)
    }

    /// How long an emulated duration takes in the real world.
    pub(crate) fn to_real(&self, emulated: Duration) -> Duration {
        emulated.div_f64(self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scaled_clock_runs_ahead_of_the_real_one() {
        let clock = Clock::starting_now(1_000_000.0);
        let before = clock.elapsed();
        while clock.origin.elapsed() < Duration::from_millis(1) {
            std::hint::spin_loop();
        }
        assert!(clock.elapsed() > before + Duration::from_secs(100));
        assert_eq!(clock.to_real(Duration::from_secs(1_000_000)), Duration::from_secs(1));
    }
}
