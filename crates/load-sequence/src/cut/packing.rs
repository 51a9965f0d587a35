//! A lower bound without a solver: cycles packed into the rows that their arcs have.

use super::cycles::Search;
use super::instance::Instance;

/// How many arcs may be looked at; the bound is valid whenever the search stops.
const WORK: usize = 6_000_000;

/// What packing cycles yields.
#[derive(Debug)]
pub(crate) struct Packing {
    /// No cut costs less: each packed cycle must be cut somewhere, and no row pays for two of them.
    pub(crate) bound: u64,
    /// The arcs whose rows are used up: they cut every cycle. `None` when the search stopped early.
    pub(crate) cut: Option<Vec<bool>>,
    /// The packed cycles.
    pub(crate) cycles: Vec<Vec<usize>>,
}

/// Packs short cycles until none is left or the work is done.
pub(crate) fn pack(instance: &Instance) -> Packing {
    let mut left = capacities(instance);
    let mut search = Search::new(instance.nodes);
    let (mut bound, mut spent) = (0_u64, 0_usize);
    let mut cycles = Vec::new();
    let mut component: Vec<usize> = Vec::new();
    let mut stale = usize::MAX;
    for through in 0..instance.arcs.len() {
        while left[through] != Some(0) {
            // What has fallen apart need not be searched: worth a look whenever the searches have cost as much as looking.
            if spent.saturating_sub(stale) > 10 * instance.arcs.len() || stale == usize::MAX {
                let gone: Vec<bool> = left.iter().map(|rows| *rows == Some(0)).collect();
                component = instance.components_without(&gone);
                stale = spent;
            }
            let here = component[instance.arcs[through].tail];
            if component[instance.arcs[through].head] != here {
                break;
            }
            let usable = |arc: usize| left[arc] != Some(0) && component[instance.arcs[arc].head] == here;
            let Some(cycle) = search.shortest(instance, through, usable, &mut spent) else { break };
            let Some(least) = cycle.iter().filter_map(|&arc| left[arc]).min() else { break };
            bound += least;
            for &arc in &cycle {
                left[arc] = left[arc].map(|rows| rows - least);
            }
            cycles.push(cycle);
            if spent > WORK {
                return Packing { bound, cut: None, cycles };
            }
        }
    }
    Packing { bound, cut: Some(left.into_iter().map(|rows| rows == Some(0)).collect()), cycles }
}

/// Each arc's own rows, and of shared rows an equal part, so that none is counted twice.
fn capacities(instance: &Instance) -> Vec<Option<u64>> {
    let mut left: Vec<Option<u64>> = instance.arcs.iter().map(|arc| arc.price).collect();
    for group in &instance.shared {
        let part = group.rows / group.arcs.len().max(1) as u64;
        for &arc in &group.arcs {
            left[arc] = left[arc].map(|rows| rows + part);
        }
    }
    left
}
