//! What other orders would cost.

use serde::{Deserialize, Serialize};

use crate::assign;
use crate::error::{CycleStep, Error};
use crate::indexed::Indexed;
use crate::model::LookupGraph;
use crate::options::Options;
use crate::order;
use crate::plan::Strategy;
use crate::sequence::sequence;

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

/// Prices all strategies on one graph, the cheapest first.
///
/// # Errors
///
/// As [`sequence`].
pub fn compare(graph: &LookupGraph, options: &Options) -> Result<Vec<StrategyCost>, Error> {
    let cheapest = sequence(graph, &Options { strategy: Strategy::Cheapest, ..options.clone() })?;
    let graph = Indexed::new(graph)?;
    let forced = assign::forced(&graph);
    let by_count = order::deferred_by(&graph, &order::by_lookup_count(&graph), &forced);
    let first_back_edge = order::first_back_edges(&graph, &forced);
    let self_references = graph.lookups.iter().filter(|it| it.table == it.target);
    let self_reference_rows: u64 = self_references.map(|it| it.lookup.rows - it.lookup.rows_on_cycles).sum();
    let price = |strategy, deferred: &[bool]| {
        let waiting =
            || graph.lookups.iter().zip(deferred).filter(|(_, deferred)| **deferred).map(|(it, _)| it);
        StrategyCost {
            strategy,
            cost: graph.second_writes(deferred).values().sum(),
            deferred: waiting().count(),
            self_reference_rows,
            impossible: waiting()
                .filter(|it| !it.lookup.is_deferrable())
                .map(crate::indexed::Arrow::as_step)
                .collect(),
        }
    };
    let best = StrategyCost {
        strategy: Strategy::Cheapest,
        cost: cheapest.cost,
        deferred: cheapest.deferred.len(),
        self_reference_rows: 0,
        impossible: Vec::new(),
    };
    Ok(vec![best, price(Strategy::LookupCount, &by_count), price(Strategy::FirstBackEdge, &first_back_edge)])
}
