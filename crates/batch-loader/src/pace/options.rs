//! What may be said about pace and batch size; both find their way without.

use std::time::Duration;

/// How an application user's pace is found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PaceOptions {
    /// Whether requests are spread over the service's window, so that it need not refuse any (default yes). Without it,
    /// only the number of requests at once is watched, and a throttled user waits as long as it is told.
    pub plans_budget: bool,
    /// The window in which the service counts requests and execution time (default 5 minutes). Shorter only against an
    /// emulator whose time runs faster.
    pub window: Duration,
    /// The share of what is allowed that is aimed at, at most (default 0.985). Refusals lower it, calm restores it.
    pub aim: f64,
}

impl Default for PaceOptions {
    fn default() -> Self {
        Self { plans_budget: true, window: Duration::from_mins(5), aim: 0.985 }
    }
}

/// How many rows go into a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchOptions {
    /// Whether sizes follow what is measured (default yes); otherwise each table keeps its own.
    pub adapts: bool,
    /// The longest that a request should take (default 10 seconds).
    pub ceiling: Duration,
    /// The most rows (default 1,000, which is what the service takes).
    pub most_rows: u32,
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self { adapts: true, ceiling: Duration::from_secs(10), most_rows: 1_000 }
    }
}
