//! A lower bound without a solver: cycles packed into the rows that their arcs have.

use super::cycles::Search;
use super::instance::Instance;

/// How many arcs may be looked at; the bound is valid whenever the search stops.
const WORK: usize = 8_000_000;

/// No cut costs less: each packed cycle must be cut somewhere, and no row pays for two of them.
pub(crate) fn bound(instance: &Instance) -> u64 {
    let mut left = capacities(instance);
    let mut search = Search::new(instance.nodes);
    let (mut bound, mut spent) = (0, 0);
    for through in 0..instance.arcs.len() {
        while left[through] != Some(0) {
            let Some(cycle) = search.shortest(instance, through, |arc| left[arc] != Some(0), &mut spent)
            else {
                break;
            };
            let Some(least) = cycle.iter().filter_map(|&arc| left[arc]).min() else { break };
            bound += least;
            for arc in cycle {
                left[arc] = left[arc].map(|rows| rows - least);
            }
            if spent > WORK {
                return bound;
            }
        }
        if spent > WORK {
            break;
        }
    }
    bound
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
