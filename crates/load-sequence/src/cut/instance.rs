//! The arcs of one component and what cutting them costs.

use std::collections::BTreeMap;

use petgraph::graph::{DiGraph, NodeIndex};

use super::cycles::Search;

/// All lookups from one table to another: they are cut together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arc {
    /// The table with the lookups.
    pub(crate) tail: usize,
    /// Their target, which comes first unless the arc is cut.
    pub(crate) head: usize,
    /// Rows written twice when only this arc of its table is cut, less what `Shared` counts; `None` when no price cuts it.
    pub(crate) price: Option<u64>,
    /// Decides among equally cheap cuts: lookups, counted twice where parental.
    pub(crate) tie: u32,
}

/// Rows written twice when any of these arcs (two or more, of one table) is cut, counted once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shared {
    pub(crate) arcs: Vec<usize>,
    pub(crate) rows: u64,
}

/// One component.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) nodes: usize,
    pub(crate) arcs: Vec<Arc>,
    pub(crate) shared: Vec<Shared>,
    /// Per arc the places in `shared` that count it.
    pub(crate) groups_of: Vec<Vec<usize>>,
    /// Arcs by tail.
    pub(crate) out: Vec<Vec<usize>>,
    /// Arcs by head.
    pub(crate) into: Vec<Vec<usize>>,
    /// Per arc an upper limit of its cost alone, with the tie as a fraction; what the heuristics go by. Infinite where unbreakable.
    pub(crate) weights: Vec<f64>,
}

/// How much of one row all ties together may weigh: they never outweigh a row.
pub(crate) const TIE_SHARE: f64 = 0.25;

impl Instance {
    pub(crate) fn new(nodes: usize, arcs: Vec<Arc>, shared: Vec<Shared>) -> Self {
        let mut out = vec![Vec::new(); nodes];
        let mut into = vec![Vec::new(); nodes];
        for (i, arc) in arcs.iter().enumerate() {
            out[arc.tail].push(i);
            into[arc.head].push(i);
        }
        let ties: f64 = arcs.iter().map(|arc| f64::from(arc.tie)).sum::<f64>().max(1.0);
        let mut rows: Vec<Option<u64>> = arcs.iter().map(|arc| arc.price).collect();
        let mut groups_of = vec![Vec::new(); arcs.len()];
        for (number, group) in shared.iter().enumerate() {
            for &arc in &group.arcs {
                rows[arc] = rows[arc].map(|rows| rows + group.rows);
                groups_of[arc].push(number);
            }
        }
        let weights = arcs
            .iter()
            .zip(rows)
            .map(|(arc, rows)| {
                rows.map_or(f64::INFINITY, |rows| real(rows) + f64::from(arc.tie) * TIE_SHARE / ties)
            })
            .collect();
        Self { nodes, arcs, shared, groups_of, out, into, weights }
    }

    /// Distinct rows written twice.
    pub(crate) fn cost(&self, cut: &[bool]) -> u64 {
        let alone: u64 =
            self.arcs.iter().zip(cut).filter(|(_, cut)| **cut).filter_map(|(arc, _)| arc.price).sum();
        let shared: u64 = self
            .shared
            .iter()
            .filter(|group| group.arcs.iter().any(|&arc| cut[arc]))
            .map(|group| group.rows)
            .sum();
        alone + shared
    }

    /// Lookups that wait, parental ones counted twice.
    pub(crate) fn tie(&self, cut: &[bool]) -> u64 {
        self.arcs.iter().zip(cut).filter(|(_, cut)| **cut).map(|(arc, _)| u64::from(arc.tie)).sum()
    }

    /// Per node the number of its strongly connected component when these arcs are gone.
    pub(crate) fn components_without(&self, cut: &[bool]) -> Vec<usize> {
        let kept = self.arcs.iter().zip(cut).filter(|(_, cut)| !**cut);
        components(self.nodes, kept.map(|(arc, _)| (arc.tail, arc.head)))
    }
}

/// Per node the number of its strongly connected component.
///
/// By Kosaraju's two walks: Tarjan's one walk calls itself, and a chain of tables longer than the stack would end the process.
pub(crate) fn components(nodes: usize, arcs: impl Iterator<Item = (usize, usize)>) -> Vec<usize> {
    let mut graph: DiGraph<(), ()> = DiGraph::with_capacity(nodes, arcs.size_hint().0);
    for _ in 0..nodes {
        graph.add_node(());
    }
    for (tail, head) in arcs {
        graph.add_edge(NodeIndex::new(tail), NodeIndex::new(head), ());
    }
    let mut component = vec![0; nodes];
    for (number, nodes) in petgraph::algo::kosaraju_scc(&graph).iter().enumerate() {
        for node in nodes {
            component[node.index()] = number;
        }
    }
    component
}

/// Arcs that the search for one short unbreakable cycle may look at before it takes the shortest found so far.
const CYCLE_WORK: usize = 2_000_000;

impl Instance {
    /// A shortest cycle of unbreakable arcs in each group of tables that they tie together, in walking order. In very large groups it
    /// is a short one.
    pub(crate) fn unbreakable_cycles(&self) -> Vec<Vec<usize>> {
        let breakable: Vec<bool> = self.arcs.iter().map(|arc| arc.price.is_some()).collect();
        let component = self.components_without(&breakable);
        let mut search = Search::new(self.nodes);
        let mut shortest: BTreeMap<usize, (usize, Vec<usize>)> = BTreeMap::new();
        for (i, arc) in self.arcs.iter().enumerate().filter(|(i, _)| !breakable[*i]) {
            let group = component[arc.tail];
            let known = shortest.get(&group);
            if component[arc.head] != group || known.is_some_and(|(spent, _)| *spent > CYCLE_WORK) {
                continue;
            }
            let mut spent = known.map_or(0, |(spent, _)| *spent);
            let usable = |other: usize| !breakable[other] && component[self.arcs[other].head] == group;
            let Some(cycle) = search.shortest(self, i, usable, &mut spent) else { continue };
            let best = shortest.entry(group).or_insert_with(|| (0, cycle.clone()));
            best.0 = spent;
            if cycle.len() < best.1.len() {
                best.1 = cycle;
            }
        }
        shortest.into_values().map(|(_, cycle)| self.in_walking_order(&cycle)).collect()
    }

    /// Starts with the lowest table of the cycle.
    fn in_walking_order(&self, cycle: &[usize]) -> Vec<usize> {
        let mut node = cycle.iter().map(|&arc| self.arcs[arc].tail).min().unwrap_or(0);
        let from: BTreeMap<usize, usize> = cycle.iter().map(|&arc| (self.arcs[arc].tail, arc)).collect();
        let mut walk = Vec::with_capacity(cycle.len());
        while walk.len() < cycle.len() {
            let Some(&next) = from.get(&node) else { break };
            walk.push(next);
            node = self.arcs[next].head;
        }
        walk
    }
}

/// A count as a real number; beyond 2^53 the last digits are lost, which no count of rows reaches.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of rows are limited to 10^12 and their sums stay far below 2^53 in practice"
)]
pub(crate) fn real(rows: u64) -> f64 {
    rows as f64
}
