//! The safety limit on the share of errors.

use std::sync::{Mutex, PoisonError};

use staging_schema::Pass;

use crate::Error;
use crate::options::ErrorLimit;

/// Counts the outcomes of one pass of one table.
#[derive(Debug)]
pub(crate) struct Limit {
    limit: ErrorLimit,
    /// Outcomes, and errors among them.
    counts: Mutex<(u64, u64)>,
}

impl Limit {
    pub(crate) fn new(limit: ErrorLimit) -> Self {
        Self { limit, counts: Mutex::new((0, 0)) }
    }

    /// Notes outcomes; answers with the error that stops the load when there are too many errors.
    pub(crate) fn note(&self, table: &str, pass: Pass, succeeded: u64, failed: u64) -> Option<Error> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.0 += succeeded + failed;
        counts.1 += failed;
        let (rows, errors) = *counts;
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
        let share = errors as f64 / rows.max(1) as f64;
        let is_too_high = failed > 0 && rows >= self.limit.after_rows && share > self.limit.share;
        is_too_high.then(|| Error::TooManyErrors { table: table.to_owned(), pass, errors, rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_bad_rows_at_the_start_do_not_stop_a_table_but_a_bad_half_does() {
        let limit = Limit::new(ErrorLimit { after_rows: 100, share: 0.4 });
        assert!(limit.note("account", Pass::Insert, 0, 50).is_none());
        assert!(limit.note("account", Pass::Insert, 100, 0).is_none());
        assert!(limit.note("account", Pass::Insert, 0, 60).is_some());
    }
}
