//! Breaking the cycles of one component at the least cost: a weighted minimum feedback arc set.
//!
//! A good order first (greedy, then moving tables one by one and shaking), with a bound from packed cycles, then an integer
//! programme whose cycle constraints are added as they are found.

mod cycles;
mod exact;
mod greedy;
mod instance;
mod line;
mod order;
mod packing;
mod prune;
mod tally;
mod topology;

use std::time::Instant;

pub(crate) use instance::{Arc, Instance, Shared, components};
use prune::Pruned;

/// How much effort a proof is worth.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// No proof goes on after this.
    pub(crate) deadline: Instant,
    /// Instances with more arcs get none.
    pub(crate) most_arcs: usize,
}

/// What to cut, and how good that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    /// For each arc whether it is cut.
    pub(crate) arcs: Vec<bool>,
    /// An order of the nodes behind it.
    order: Vec<usize>,
    /// Distinct rows of the cut arcs.
    pub(crate) cost: u64,
    /// No cut is cheaper.
    pub(crate) bound: u64,
}

impl Cut {
    fn of(instance: &Instance, Pruned { cut, order, .. }: Pruned) -> Self {
        Self { cost: instance.cost(&cut), arcs: cut, order, bound: 0 }
    }

    /// Replaces this cut by a better one: cheaper, or equally cheap with fewer lookups waiting.
    fn improve(&mut self, instance: &Instance, Pruned { cut, order, .. }: Pruned) {
        let cost = instance.cost(&cut);
        if (cost, instance.tie(&cut)) < (self.cost, instance.tie(&self.arcs)) {
            *self = Self { arcs: cut, order, cost, bound: self.bound };
        }
    }
}

/// How often the shaking before a proof looks at each arc: what it finds spares the proof time.
const FIRST_SHAKE: usize = 400;
/// The same where there is no proof.
const ONLY_SHAKE: usize = 10_000;
/// Arcs that both look at in the largest graphs: as much as reading the graph costs.
const SHAKE_AT_MOST: usize = 4_000_000;
/// Arcs that the shaking looks at where a proof was tried and not found: about a second.
const LAST_SHAKE: usize = 50_000_000;

/// The cheapest cut of a strongly connected instance whose unbreakable arcs form no cycle.
pub(crate) fn cheapest(instance: &Instance, effort: Effort) -> Cut {
    let mut best = Cut::of(instance, order::good_cut(instance));
    let packing = packing::pack(instance);
    if let Some(cut) = packing.cut {
        best.improve(instance, order::sifted(instance, &prune::prune(instance, cut)));
    }
    best.bound = packing.bound.min(best.cost);
    let provable = instance.arcs.len() <= effort.most_arcs && Instant::now() < effort.deadline;
    let looks = if provable { FIRST_SHAKE } else { ONLY_SHAKE };
    shake(instance, &mut best, (looks * instance.arcs.len()).min(SHAKE_AT_MOST));
    if provable {
        // Even where the cost is proven: of equally cheap cuts the one with fewer lookups is wanted.
        exact::prove(instance, &mut best, packing.cycles, effort.deadline);
        shake(instance, &mut best, LAST_SHAKE);
    }
    best
}

/// Tries to improve on a cut that is not known to be the cheapest.
fn shake(instance: &Instance, best: &mut Cut, work: usize) {
    if best.bound < best.cost {
        best.improve(instance, order::shaken(instance, best, work));
    }
}

/// Graphs for the laws of this folder's parts.
#[cfg(test)]
mod drawn {
    use proptest::prelude::*;

    use super::{Arc, Instance, Shared};

    /// Up to nine tables with arcs between them, some of one table sharing rows.
    pub(super) fn instance() -> impl Strategy<Value = Instance> {
        let arcs = prop::collection::vec((0..9_usize, 0..9_usize, 0..50_u64, 1..3_u32), 1..40);
        let groups = prop::collection::vec((prop::collection::vec(0..40_usize, 2..4), 1..9_u64), 0..4);
        (arcs, groups).prop_map(|(mut arcs, groups)| {
            arcs.retain(|(tail, head, ..)| tail != head);
            arcs.sort_unstable();
            arcs.dedup_by_key(|(tail, head, ..)| (*tail, *head));
            let arc = |(tail, head, price, tie)| Arc { tail, head, price: Some(price), tie };
            let arcs: Vec<Arc> = arcs.into_iter().map(arc).collect();
            let shared = groups.into_iter().filter_map(|(mut members, rows)| {
                members.retain(|&member| member < arcs.len());
                members.sort_unstable();
                members.dedup();
                (members.len() > 1).then_some(Shared { arcs: members, rows })
            });
            let shared = shared.collect();
            Instance::new(9, arcs, shared)
        })
    }

    /// Whether what is not cut forms no cycle.
    pub(super) fn is_free_of_cycles(instance: &Instance, cut: &[bool]) -> bool {
        let mut component = instance.components_without(cut);
        component.sort_unstable();
        component.dedup();
        component.len() == instance.nodes
    }
}
