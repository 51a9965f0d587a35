//! Which lookups wait: from the whole graph to its components and back.

use std::collections::{BTreeMap, HashMap};

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

/// One strongly connected part, with the lookups behind each arc.
struct Part {
    tables: Vec<usize>,
    instance: Instance,
    lookups: Vec<Vec<usize>>,
}

fn components(graph: &Indexed<'_>, node: &[usize], gone: &[bool]) -> Vec<Part> {
    let nodes = node.iter().max().map_or(0, |highest| highest + 1);
    let mut lookups: Vec<(usize, usize, usize)> = (graph.lookups.iter().enumerate())
        .map(|(i, arrow)| (node[arrow.table], node[arrow.target], i))
        .filter(|&(tail, head, i)| tail != head && !gone[i])
        .collect();
    lookups.sort_unstable();
    let component = cut::components(nodes, lookups.iter().map(|&(tail, head, _)| (tail, head)));

    let mut sizes = vec![0_usize; nodes];
    for &component in &component {
        sizes[component] += 1;
    }
    let mut parts: BTreeMap<usize, Between> = BTreeMap::new();
    let mut place = vec![0; nodes];
    for (node, &component) in component.iter().enumerate().filter(|(_, component)| sizes[**component] > 1) {
        let part = parts.entry(component).or_default();
        place[node] = part.nodes;
        part.nodes += 1;
    }
    for (table, &node) in node.iter().enumerate() {
        if let Some(part) = parts.get_mut(&component[node]) {
            part.tables.push(table);
        }
    }
    for pair in lookups.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let (tail, head, _) = pair[0];
        if let Some(part) = parts.get_mut(&component[tail]).filter(|_| component[tail] == component[head]) {
            part.ends.push((place[tail], place[head]));
            part.lookups.push(pair.iter().map(|&(_, _, lookup)| lookup).collect());
        }
    }
    let mut parts: Vec<Part> = parts.into_values().map(|between| part(graph, between, gone)).collect();
    parts.sort_by(|a, b| a.tables.cmp(&b.tables));
    parts
}

/// The lookups of a component, gathered by the two tables (as nodes of it) between which they run.
#[derive(Default)]
struct Between {
    nodes: usize,
    tables: Vec<usize>,
    ends: Vec<(usize, usize)>,
    lookups: Vec<Vec<usize>>,
}

fn part(graph: &Indexed<'_>, between: Between, gone: &[bool]) -> Part {
    let Between { nodes, tables, ends, lookups } = between;
    let mut arcs: Vec<Arc> = (ends.iter().zip(&lookups))
        .map(|(&(tail, head), lookups)| {
            let all = || lookups.iter().map(|&lookup| &graph.lookups[lookup]);
            let counted_alone = all()
                .filter(|it| graph.combinations[it.table].is_none())
                .map(crate::indexed::Arrow::rows)
                .sum();
            Arc {
                tail,
                head,
                price: all().all(|it| it.lookup.is_deferrable()).then_some(counted_alone),
                tie: all().map(|it| if it.lookup.parental { 2 } else { 1 }).sum(),
            }
        })
        .collect();
    let arc_of: HashMap<usize, usize> = (lookups.iter().enumerate())
        .flat_map(|(arc, lookups)| lookups.iter().map(move |&lookup| (lookup, arc)))
        .filter(|(lookup, _)| graph.combinations[graph.lookups[*lookup].table].is_some())
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
    Part { tables, instance: Instance::new(nodes, arcs, shared), lookups }
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
