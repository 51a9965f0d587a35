//! What other orders would cost.

use serde::{Deserialize, Serialize};

use crate::assign::Assignment;
use crate::error::CycleStep;
use crate::indexed::{Arrow, Indexed};
use crate::plan::Strategy;

/// The price of one way to order tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyCost {
    /// Which way.
    pub strategy: Strategy,
    /// Distinct rows written twice.
    pub cost: u64,
    /// How many lookups wait.
    pub deferred: usize,
    /// Rows of self-references, which come on top where they are not loaded level by level but written twice, as is usual with this order.
    pub self_reference_rows: u64,
    /// Lookups left empty although they must be there at insert: with any of these the order cannot be loaded at all.
    pub impossible: Vec<CycleStep>,
}

/// Prices all strategies, the cheapest order (which is found already) first.
pub(crate) fn prices(
    graph: &Indexed<'_>,
    cheapest: &Assignment,
    by_count: &[bool],
    first_back_edges: &[bool],
) -> Vec<StrategyCost> {
    let self_references = graph.lookups.iter().filter(|it| it.table == it.target);
    let self_reference_rows: u64 = self_references.map(|it| it.lookup.rows - it.lookup.rows_on_cycles).sum();
    let price = |strategy, deferred: &[bool], self_reference_rows| StrategyCost {
        strategy,
        cost: graph.second_writes(deferred).values().sum(),
        deferred: deferred.iter().filter(|deferred| **deferred).count(),
        self_reference_rows,
        impossible: impossible(graph, deferred),
    };
    vec![
        price(Strategy::Cheapest, &cheapest.deferred, 0),
        price(Strategy::LookupCount, by_count, self_reference_rows),
        price(Strategy::FirstBackEdge, first_back_edges, self_reference_rows),
    ]
}

/// Lookups that would be left empty although they must be there at insert.
pub(crate) fn impossible(graph: &Indexed<'_>, deferred: &[bool]) -> Vec<CycleStep> {
    let waiting = graph.lookups.iter().zip(deferred).filter(|(_, deferred)| **deferred);
    waiting.map(|(it, _)| it).filter(|it| !it.lookup.is_deferrable()).map(Arrow::as_step).collect()
}
