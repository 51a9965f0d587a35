//! Taking back what was cut without need.

use super::instance::Instance;
use super::topology::Topology;

/// A cut without anything that is not needed, and an order of the tables behind it.
pub(crate) struct Pruned {
    pub(crate) cut: Vec<bool>,
    pub(crate) order: Vec<usize>,
    /// Arcs looked at.
    pub(crate) spent: usize,
}

/// Puts arcs back, dearest first, as long as that closes no cycle. The rest must be free of cycles.
pub(crate) fn prune(instance: &Instance, mut cut: Vec<bool>) -> Pruned {
    let mut topology = Topology::of(instance, &cut);
    let waypoints = Waypoints::of(instance, &cut, &topology.order());
    let mut candidates: Vec<usize> =
        (0..cut.len()).filter(|&arc| cut[arc] && !waypoints.close(instance, arc)).collect();
    candidates.sort_by(|&a, &b| instance.weights[b].total_cmp(&instance.weights[a]).then(a.cmp(&b)));
    for arc in candidates {
        if topology.take(instance, &cut, arc) {
            cut[arc] = false;
        }
    }
    Pruned { cut, order: topology.order(), spent: topology.spent() + 2 * instance.arcs.len() }
}

/// Words of 64 tables each that ways are tried through.
const WORDS: usize = 8;

/// Some tables, evenly spread over the order, and for each table which of them it reaches and which reach it.
///
/// Where tables have many lookups nearly every way passes one of them, and no search is needed to know that an arc closes a cycle.
struct Waypoints {
    reaches: Vec<[u64; WORDS]>,
    reached_by: Vec<[u64; WORDS]>,
}

impl Waypoints {
    fn of(instance: &Instance, cut: &[bool], order: &[usize]) -> Self {
        let mut reaches = vec![[0; WORDS]; instance.nodes];
        for number in 0..(64 * WORDS).min(order.len()) {
            let node = order[number * order.len() / (64 * WORDS).min(order.len())];
            reaches[node][number / 64] |= 1 << (number % 64);
        }
        let mut reached_by = reaches.clone();
        for &node in order {
            for &arc in instance.out[node].iter().filter(|&&arc| !cut[arc]) {
                let from = reaches[instance.arcs[arc].head];
                reaches[node].iter_mut().zip(from).for_each(|(bits, from)| *bits |= from);
            }
        }
        for &node in order.iter().rev() {
            for &arc in instance.into[node].iter().filter(|&&arc| !cut[arc]) {
                let from = reached_by[instance.arcs[arc].tail];
                reached_by[node].iter_mut().zip(from).for_each(|(bits, from)| *bits |= from);
            }
        }
        Self { reaches, reached_by }
    }

    /// Whether a way from the arc's head back to its tail is known.
    fn close(&self, instance: &Instance, arc: usize) -> bool {
        let (tail, head) = (instance.arcs[arc].tail, instance.arcs[arc].head);
        self.reaches[head].iter().zip(self.reached_by[tail]).any(|(there, back)| there & back != 0)
    }
}
