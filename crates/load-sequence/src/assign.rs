//! Which lookups wait: from the whole graph to its components and back.

use std::collections::BTreeMap;

use crate::cut::{self, Arc, Effort, Instance, Shared};
use crate::error::{Cycle, Error};
use crate::indexed::Indexed;
use crate::plan::Component;

/// What waits, and what is known about the price.
#[derive(Debug, Clone)]
pub(crate) struct Assignment {
    /// Per lookup whether it is written by an update.
    pub(crate) deferred: Vec<bool>,
    pub(crate) components: Vec<Component>,
    /// Rows by which the plan may be dearer than the cheapest one.
    pub(crate) gap: u64,
}

/// Lookups that wait whatever the order: rows on row-level cycles, and ordinary tables that point to those kept for the end.
pub(crate) fn forced(graph: &Indexed<'_>) -> Vec<bool> {
    let waits = |it: &crate::indexed::Arrow<'_>| {
        if it.table == it.target {
            it.lookup.rows_on_cycles > 0
        } else {
            !graph.last[it.table] && graph.last[it.target]
        }
    };
    graph.lookups.iter().map(waits).collect()
}

/// Chooses what waits so that the fewest rows are written twice. `node` tells which tables are loaded as one.
pub(crate) fn cheapest(graph: &Indexed<'_>, node: &[usize], effort: Effort) -> Result<Assignment, Error> {
    let mut deferred = forced(graph);
    let parts = components(graph, node, &deferred);
    refuse_required_cycles(graph, &parts, &deferred)?;
    let mut components = Vec::new();
    let mut gap = 0;
    for part in &parts {
        let cut = cut::cheapest(&part.instance, effort);
        let waiting: Vec<usize> = part
            .lookups
            .iter()
            .zip(&cut.arcs)
            .filter(|(_, cut)| **cut)
            .flat_map(|(lookups, _)| lookups.iter().copied())
            .collect();
        for &lookup in &waiting {
            deferred[lookup] = true;
        }
        gap += cut.cost - cut.bound;
        components.push(Component {
            tables: part.tables.iter().map(|&table| graph.name(table).to_owned()).collect(),
            lookups: part.lookups.iter().map(Vec::len).sum(),
            deferred: waiting.len(),
            cost: cut.cost,
            bound: cut.bound,
            proven: cut.cost == cut.bound,
        });
    }
    components.sort_by(|a, b| b.tables.len().cmp(&a.tables.len()).then_with(|| a.tables.cmp(&b.tables)));
    Ok(Assignment { deferred, components, gap })
}

/// Two tables (as nodes) and the lookups from the one to the other.
type Between = ((usize, usize), Vec<usize>);

/// One strongly connected part, with the lookups behind each arc.
struct Part {
    tables: Vec<usize>,
    instance: Instance,
    lookups: Vec<Vec<usize>>,
}

fn components(graph: &Indexed<'_>, node: &[usize], gone: &[bool]) -> Vec<Part> {
    let nodes = node.iter().max().map_or(0, |highest| highest + 1);
    let mut between: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for (i, arrow) in graph.lookups.iter().enumerate() {
        let (tail, head) = (node[arrow.table], node[arrow.target]);
        if tail != head && !gone[i] {
            between.entry((tail, head)).or_default().push(i);
        }
    }
    let arc = |&(tail, head): &(usize, usize)| Arc { tail, head, price: Some(0), tie: 1 };
    let whole = Instance::new(nodes, between.keys().map(arc).collect(), Vec::new());
    let component = whole.components_without(&vec![false; between.len()]);

    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (node, &component) in component.iter().enumerate() {
        members.entry(component).or_default().push(node);
    }
    members.retain(|_, nodes| nodes.len() > 1);
    let mut tables: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (table, &node) in node.iter().enumerate() {
        tables.entry(component[node]).or_default().push(table);
    }
    let mut arcs: BTreeMap<usize, Vec<Between>> = BTreeMap::new();
    for (ends, lookups) in between {
        if component[ends.0] == component[ends.1] {
            arcs.entry(component[ends.0]).or_default().push((ends, lookups));
        }
    }
    let mut parts: Vec<Part> = members
        .into_iter()
        .map(|(component, nodes)| {
            let tables = tables.remove(&component).unwrap_or_default();
            let arcs = arcs.remove(&component).unwrap_or_default();
            part(graph, &nodes, tables, arcs, gone)
        })
        .collect();
    parts.sort_by(|a, b| a.tables.cmp(&b.tables));
    parts
}

fn part(
    graph: &Indexed<'_>,
    nodes: &[usize],
    tables: Vec<usize>,
    between: Vec<Between>,
    gone: &[bool],
) -> Part {
    let local: BTreeMap<usize, usize> =
        nodes.iter().enumerate().map(|(local, &node)| (node, local)).collect();
    let arc_of: BTreeMap<usize, usize> = between
        .iter()
        .enumerate()
        .flat_map(|(arc, (_, lookups))| lookups.iter().map(move |&lookup| (lookup, arc)))
        .collect();
    let mut arcs: Vec<Arc> = between
        .iter()
        .map(|((tail, head), lookups)| {
            let all = || lookups.iter().map(|&lookup| &graph.lookups[lookup]);
            let counted_alone = all()
                .filter(|it| graph.combinations[it.table].is_none())
                .map(crate::indexed::Arrow::rows)
                .sum();
            Arc {
                tail: local[tail],
                head: local[head],
                price: all().all(|it| it.lookup.is_deferrable()).then_some(counted_alone),
                tie: all().map(|it| if it.lookup.parental { 2 } else { 1 }).sum(),
            }
        })
        .collect();
    let mut shared: BTreeMap<Vec<usize>, u64> = BTreeMap::new();
    for combinations in tables.iter().filter_map(|&table| graph.combinations[table].as_ref()) {
        for (rows, filled) in combinations {
            if filled.iter().any(|&lookup| gone[lookup]) {
                continue; // These rows are written twice in any case.
            }
            let mut touched: Vec<usize> =
                filled.iter().filter_map(|lookup| arc_of.get(lookup).copied()).collect();
            touched.sort_unstable();
            touched.dedup();
            touched.retain(|&arc| arcs[arc].price.is_some());
            match touched[..] {
                [] => {}
                [arc] => arcs[arc].price = arcs[arc].price.map(|price| price + rows),
                _ => *shared.entry(touched).or_insert(0) += rows,
            }
        }
    }
    let shared =
        shared.into_iter().filter(|(_, rows)| *rows > 0).map(|(arcs, rows)| Shared { arcs, rows }).collect();
    let lookups = between.into_iter().map(|(_, lookups)| lookups).collect();
    Part { tables, instance: Instance::new(nodes.len(), arcs, shared), lookups }
}

/// Names every cycle that cannot be broken, one for each group of tables that need each other.
fn refuse_required_cycles(graph: &Indexed<'_>, parts: &[Part], deferred: &[bool]) -> Result<(), Error> {
    let mut cycles = Vec::new();
    for (i, arrow) in graph.lookups.iter().enumerate() {
        if arrow.table == arrow.target && deferred[i] && !arrow.lookup.is_deferrable() {
            cycles.push(Cycle { steps: vec![arrow.as_step()] });
        }
    }
    for part in parts {
        for cycle in part.instance.unbreakable_cycles() {
            // The arc's first lookup that cannot wait stands for it.
            let step = |arc: usize| {
                let bound = part.lookups[arc]
                    .iter()
                    .map(|&lookup| &graph.lookups[lookup])
                    .find(|it| !it.lookup.is_deferrable());
                bound.map(crate::indexed::Arrow::as_step)
            };
            cycles.push(Cycle { steps: cycle.into_iter().filter_map(step).collect() });
        }
    }
    if cycles.is_empty() { Ok(()) } else { Err(Error::RequiredCycle(cycles)) }
}
