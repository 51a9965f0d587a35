//! Breaking the cycles of one component at the least cost: a weighted minimum feedback arc set.
//!
//! A good order first (greedy, then moving tables one by one), then a bound from packed cycles, then an integer programme
//! whose cycle constraints are added as they are found.

mod cycles;
mod exact;
mod instance;
mod order;
mod packing;
mod prune;

use std::time::Instant;

pub(crate) use instance::{Arc, Instance, Shared};

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
    /// Distinct rows of the cut arcs.
    pub(crate) cost: u64,
    /// No cut is cheaper.
    pub(crate) bound: u64,
}

impl Cut {
    fn of(instance: &Instance, arcs: Vec<bool>) -> Self {
        let cost = instance.cost(&arcs);
        Self { arcs, cost, bound: 0 }
    }

    /// Replaces this cut by a better one: cheaper, or equally cheap with fewer lookups waiting.
    fn improve(&mut self, instance: &Instance, arcs: Vec<bool>) {
        let cost = instance.cost(&arcs);
        if (cost, instance.tie(&arcs)) < (self.cost, instance.tie(&self.arcs)) {
            self.arcs = arcs;
            self.cost = cost;
        }
    }
}

/// The cheapest cut of a strongly connected instance whose unbreakable arcs form no cycle.
pub(crate) fn cheapest(instance: &Instance, effort: Effort) -> Cut {
    let mut best = Cut::of(instance, order::good_cut(instance));
    let packing = packing::pack(instance);
    if let Some(cut) = packing.cut {
        let pruned = prune::prune(instance, cut);
        best.improve(instance, order::sifted(instance, &pruned));
    }
    best.bound = packing.bound.min(best.cost);
    if instance.arcs.len() <= effort.most_arcs {
        exact::prove(instance, &mut best, packing.cycles, effort.deadline);
    }
    if best.bound < best.cost {
        let arcs = order::shaken(instance, &best.arcs);
        best.improve(instance, arcs);
    }
    best
}
