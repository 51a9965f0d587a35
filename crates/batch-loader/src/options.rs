//! How a load is carried out.

use std::time::Duration;

use staging_schema::Accents;
use uuid::Uuid;

use crate::{BatchOptions, Error, PaceMemory, PaceOptions};

/// Knobs of a load; every one has a default.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Name of this worker in leases and in the manifest; unique among all processes at work.
    pub worker: String,
    /// Rows that are leased and read at a time (default 5,000).
    pub chunk_rows: u32,
    /// Chunks leased at a time (default 2): one is sent while the next is read.
    pub chunks_ahead: u32,
    /// Requests in flight per application user, always so many. Without it, their number starts from what the service
    /// recommends (`x-ms-dop-hint`), else 8, and follows what is measured.
    pub in_flight: Option<u32>,
    /// The most requests in flight per application user, whatever is measured (default 50; the service's limit is 52 on
    /// each of its web servers).
    pub max_in_flight: u32,
    /// How the pace of each application user is found.
    pub pace: PaceOptions,
    /// What is known of that pace from earlier calls; a new one knows nothing.
    pub memory: PaceMemory,
    /// How many rows go into a request, for tables that do not say so themselves.
    pub batch: BatchOptions,
    /// How long a chunk belongs to this worker without a sign of life (default 5 minutes). Renewed at each third of it.
    pub lease: Duration,
    /// The longest a request may take, with an answer that is believed (default 2 minutes). At most half of `lease`,
    /// and at least what the clients wait for one answer.
    pub request_timeout: Duration,
    /// How long rows in doubt are left alone before they are looked for (default 10 minutes): longer than the service
    /// works on a request whose caller is gone.
    pub quiet_time: Duration,
    /// How long requests in flight may take after a cancellation (default 30 seconds).
    pub grace: Duration,
    /// How often a request is repeated that the service could not carry out at the moment (default 5).
    pub attempts: u32,
    /// First wait before a repetition; it doubles each time (default 1 second).
    pub back_off: Duration,
    /// When a table has so many errors that something else is wrong.
    pub error_limit: ErrorLimit,
    /// Whether rows of our number range that staging does not know are looked for (default yes).
    pub sweep: Sweep,
    /// Whether accents tell the values of alternate keys apart (default no, as in most environments).
    pub key_accents: Accents,
}

/// The safety limit: a table whose share of errors is above `share` after `after_rows` outcomes stops the load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErrorLimit {
    /// Outcomes before the limit counts (default 1,000).
    pub after_rows: u64,
    /// Share of errors among them, 0 to 1 (default 0.5); 1 switches the limit off.
    pub share: f64,
}

/// Whether a table's number range is swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// Before its load, if anything is left to load, and afterwards, if anything was loaded.
    BeforeAndAfter,
    /// Never: where reading the number range takes too long.
    Never,
}

impl Default for ErrorLimit {
    fn default() -> Self {
        Self { after_rows: 1_000, share: 0.5 }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            worker: format!("{}-{}", std::process::id(), Uuid::new_v4().simple()),
            chunk_rows: 5_000,
            chunks_ahead: 2,
            in_flight: None,
            max_in_flight: 50,
            pace: PaceOptions::default(),
            memory: PaceMemory::default(),
            batch: BatchOptions::default(),
            lease: Duration::from_mins(5),
            request_timeout: Duration::from_mins(2),
            quiet_time: Duration::from_mins(10),
            grace: Duration::from_secs(30),
            attempts: 5,
            back_off: Duration::from_secs(1),
            error_limit: ErrorLimit::default(),
            sweep: Sweep::BeforeAndAfter,
            key_accents: Accents::default(),
        }
    }
}

impl Options {
    /// Checks that the settings keep the promises: a request ends well before the lease that covers it.
    pub fn check(&self) -> Result<(), Error> {
        let complaint = if self.worker.is_empty() {
            "the worker has no name"
        } else if self.chunk_rows == 0 || self.chunks_ahead == 0 {
            "chunks need at least one row, and one chunk must be taken at a time"
        } else if self.in_flight == Some(0) || self.max_in_flight == 0 {
            "at least one request must be in flight"
        } else if self.request_timeout.is_zero() || self.request_timeout * 2 > self.lease {
            "the request timeout must be above zero and at most half of the lease"
        } else if self.pace.window.is_zero() || !(0.1..=1.0).contains(&self.pace.aim) {
            "the window must be above zero, and the aim between a tenth and the whole of what is allowed"
        } else if self.batch.ceiling.is_zero() || self.batch.most_rows == 0 {
            "a request needs time and at least one row"
        } else if !(0.0..=1.0).contains(&self.error_limit.share) {
            "the share of errors must be between 0 and 1"
        } else {
            return Ok(());
        };
        Err(Error::Settings { complaint })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_may_not_outlive_its_lease() {
        Options::default().check().unwrap();
        let short = Options { lease: Duration::from_secs(200), ..Options::default() };
        assert!(matches!(short.check(), Err(Error::Settings { .. })));
    }
}
