//! What the emulator has seen: for tests, dashboards and `GET /emulator/stats`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::throttle::Facet;

/// Counts since the start or the last reset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Requests read, throttled ones included.
    pub requests: u64,
    /// Requests by kind: `create`, `CreateMultiple`, `query`, `$batch` and so on.
    pub by_kind: BTreeMap<String, u64>,
    /// Answers by kind of request and HTTP status, lost ones included.
    pub outcomes: BTreeMap<String, BTreeMap<u16, u64>>,
    /// Answers by HTTP status, lost ones included.
    pub by_status: BTreeMap<u16, u64>,
    /// Rows by table's logical name; tables without rows are left out.
    pub rows: BTreeMap<String, u64>,
    /// 429 answers by limit: `requests`, `execution_time`, `concurrency`.
    pub throttled: BTreeMap<String, u64>,
    /// Most requests in flight at once.
    pub peak_concurrency: u64,
    /// Requests in flight now.
    pub in_flight: u64,
    /// Writes refused because a primary or alternate key was already there.
    pub duplicates_refused: u64,
    /// Faults raised by the plan, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Writes that faults have hit, by kind of fault and kind of write: each operation of a `$batch` counts, and messages
    /// have their own name (`WinOpportunity`).
    pub struck: BTreeMap<String, BTreeMap<String, u64>>,
}

/// The counters behind [`Stats`]; rows are counted where they live.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    stats: Stats,
}

impl Counters {
    pub(crate) fn arrived(&mut self) {
        self.stats.requests += 1;
        self.stats.in_flight += 1;
        self.stats.peak_concurrency = self.stats.peak_concurrency.max(self.stats.in_flight);
    }

    pub(crate) fn answered(&mut self, kind: &'static str, status: u16) {
        self.stats.in_flight = self.stats.in_flight.saturating_sub(1);
        bump(&mut self.stats.by_kind, kind);
        *self.stats.by_status.entry(status).or_default() += 1;
        match self.stats.outcomes.get_mut(kind) {
            Some(statuses) => *statuses.entry(status).or_default() += 1,
            None => {
                self.stats.outcomes.insert(kind.to_owned(), BTreeMap::from([(status, 1)]));
            }
        }
    }

    /// Ends without an answer.
    pub(crate) fn unanswered(&mut self, kind: &'static str) {
        self.stats.in_flight = self.stats.in_flight.saturating_sub(1);
        bump(&mut self.stats.by_kind, kind);
    }

    pub(crate) fn throttled(&mut self, facet: Facet) {
        let name = match facet {
            Facet::Requests => "requests",
            Facet::ExecutionTime => "execution_time",
            Facet::Concurrency => "concurrency",
        };
        bump(&mut self.stats.throttled, name);
    }

    pub(crate) fn faulted(&mut self, kind: &str) {
        bump(&mut self.stats.faults, kind);
    }

    pub(crate) fn struck(&mut self, fault: &str, writes: &[String]) {
        let counts = self.stats.struck.entry(fault.to_owned()).or_default();
        for write in writes {
            bump(counts, write);
        }
    }

    pub(crate) fn duplicate_refused(&mut self) {
        self.stats.duplicates_refused += 1;
    }

    pub(crate) fn snapshot(&self) -> Stats {
        self.stats.clone()
    }

    pub(crate) fn reset(&mut self) {
        self.stats = Stats { in_flight: self.stats.in_flight, ..Stats::default() };
    }
}

fn bump(counts: &mut BTreeMap<String, u64>, key: &str) {
    match counts.get_mut(key) {
        Some(count) => *count += 1,
        None => {
            counts.insert(key.to_owned(), 1);
        }
    }
}
