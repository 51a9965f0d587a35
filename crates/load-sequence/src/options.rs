//! How hard to look, and what for.

use std::time::Duration;

use crate::plan::Strategy;

/// How to look for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Which order to take.
    pub strategy: Strategy,
    /// How long to try to prove that no order is cheaper; after that, the best order found comes with its proven bound.
    pub proof_time: Duration,
    /// Components with more pairs of tables that point at each other than this are not proven but approximated, with a bound: a proof
    /// of larger ones takes seconds where it succeeds, and much longer where the lookups have no structure.
    pub proof_size: usize,
    /// Whether row waves that save requests are adopted or only proposed.
    pub row_waves: RowWavesChoice,
    /// Rows per request, for weighing row waves against second writes.
    pub rows_per_request: u64,
}

impl Default for Options {
    /// The cheapest order, ten seconds for the proof of components of up to 20,000 pairs of tables, row waves proposed, 100 rows per request.
    fn default() -> Self {
        Self {
            strategy: Strategy::Cheapest,
            proof_time: Duration::from_secs(10),
            proof_size: 20_000,
            row_waves: RowWavesChoice::Propose,
            rows_per_request: 100,
        }
    }
}

/// What to do with row waves that save requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RowWavesChoice {
    /// Say so in the plan; defer as usual.
    #[default]
    Propose,
    /// Load these tables in row waves and defer nothing among them.
    Adopt,
}
