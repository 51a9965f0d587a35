//! Finding cycles: short ones through each arc, and light ones under fractional weights.

use std::cmp::Ordering;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};

use super::instance::Instance;

/// Shortest cycles among the arcs that are not cut, one through each such arc, without repetition. Empty when nothing is left to cut.
pub(crate) fn short_cycles(instance: &Instance, cut: &[bool], work: usize) -> BTreeSet<Vec<usize>> {
    let component = instance.components_without(cut);
    let mut found = BTreeSet::new();
    let mut search = Search::new(instance.nodes);
    let mut spent = 0;
    for (i, arc) in instance.arcs.iter().enumerate() {
        if cut[i] || component[arc.tail] != component[arc.head] {
            continue;
        }
        if let Some(cycle) = search.shortest(
            instance,
            i,
            |other| !cut[other] && component[instance.arcs[other].head] == component[arc.tail],
            &mut spent,
        ) {
            found.insert(cycle);
        }
        if spent > work && !found.is_empty() {
            break;
        }
    }
    found
}

/// Breadth-first search that clears only what it touched.
#[derive(Debug)]
pub(crate) struct Search {
    entered_by: Vec<usize>,
    touched: Vec<usize>,
    queue: VecDeque<usize>,
}

const NOT_SEEN: usize = usize::MAX;

impl Search {
    pub(crate) fn new(nodes: usize) -> Self {
        Self { entered_by: vec![NOT_SEEN; nodes], touched: Vec::new(), queue: VecDeque::new() }
    }

    /// The fewest arcs that lead from the head of `through` back to its tail, with `through` itself, in ascending order.
    pub(crate) fn shortest(
        &mut self,
        instance: &Instance,
        through: usize,
        usable: impl Fn(usize) -> bool,
        spent: &mut usize,
    ) -> Option<Vec<usize>> {
        let (tail, head) = (instance.arcs[through].tail, instance.arcs[through].head);
        for node in self.touched.drain(..) {
            self.entered_by[node] = NOT_SEEN;
        }
        self.queue.clear();
        self.queue.push_back(head);
        self.entered_by[head] = through;
        self.touched.push(head);
        while let Some(node) = self.queue.pop_front() {
            for &arc in &instance.out[node] {
                *spent += 1;
                let next = instance.arcs[arc].head;
                if self.entered_by[next] != NOT_SEEN || !usable(arc) {
                    continue;
                }
                self.entered_by[next] = arc;
                self.touched.push(next);
                if next == tail {
                    let mut cycle = vec![through];
                    let mut at = tail;
                    while at != head {
                        cycle.push(self.entered_by[at]);
                        at = instance.arcs[self.entered_by[at]].tail;
                    }
                    cycle.sort_unstable();
                    return Some(cycle);
                }
                self.queue.push_back(next);
            }
        }
        None
    }
}

/// Cycles whose weights add up to less than one: constraints that a fractional solution violates.
pub(crate) fn light_cycles(instance: &Instance, weight: &[f64], work: usize) -> BTreeSet<Vec<usize>> {
    let gone: Vec<bool> = weight.iter().map(|w| *w > 1.0 - VIOLATION).collect();
    let component = instance.components_without(&gone);
    let mut found = BTreeSet::new();
    let mut spent = 0;
    let mut distance = vec![f64::INFINITY; instance.nodes];
    let mut entered_by = vec![NOT_SEEN; instance.nodes];
    for node in 0..instance.nodes {
        // One search per table: the lightest cycle through it.
        let Some(cycle) = lightest_through(
            instance,
            node,
            weight,
            &gone,
            &component,
            &mut distance,
            &mut entered_by,
            &mut spent,
        ) else {
            continue;
        };
        found.insert(cycle);
        if spent > work {
            break;
        }
    }
    found
}

const VIOLATION: f64 = 1e-4;

#[expect(
    clippy::too_many_arguments,
    reason = "the buffers are lent so that thousands of searches allocate nothing"
)]
fn lightest_through(
    instance: &Instance,
    start: usize,
    weight: &[f64],
    gone: &[bool],
    component: &[usize],
    distance: &mut [f64],
    entered_by: &mut [usize],
    spent: &mut usize,
) -> Option<Vec<usize>> {
    let mut touched = vec![start];
    let mut heap = BinaryHeap::from([Step { distance: 0.0, node: start }]);
    distance[start] = 0.0;
    let mut closing: Option<(f64, usize)> = None;
    while let Some(Step { distance: so_far, node }) = heap.pop() {
        if so_far > distance[node] || closing.is_some_and(|(least, _)| so_far >= least) {
            continue;
        }
        for &arc in &instance.out[node] {
            *spent += 1;
            let next = instance.arcs[arc].head;
            if gone[arc] || component[next] != component[start] {
                continue;
            }
            // Many arcs weigh nothing: a small toll prefers cycles with few arcs, which bind more.
            let there = so_far + weight[arc].max(0.0) + 1e-7;
            if there >= 1.0 - VIOLATION {
                continue;
            }
            if next == start {
                if closing.is_none_or(|(least, _)| there < least) {
                    closing = Some((there, arc));
                }
            } else if there < distance[next] {
                distance[next] = there;
                entered_by[next] = arc;
                touched.push(next);
                heap.push(Step { distance: there, node: next });
            }
        }
    }
    let cycle = closing.map(|(_, last)| {
        let mut cycle = vec![last];
        let mut at = instance.arcs[last].tail;
        while at != start {
            cycle.push(entered_by[at]);
            at = instance.arcs[entered_by[at]].tail;
        }
        cycle.sort_unstable();
        cycle
    });
    for node in touched {
        distance[node] = f64::INFINITY;
        entered_by[node] = NOT_SEEN;
    }
    cycle
}

#[derive(Debug, PartialEq)]
struct Step {
    distance: f64,
    node: usize,
}

impl Eq for Step {}

impl Ord for Step {
    fn cmp(&self, other: &Self) -> Ordering {
        other.distance.total_cmp(&self.distance).then(other.node.cmp(&self.node))
    }
}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
