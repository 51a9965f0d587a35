//! Other people's orders, for comparison and for those who insist.

use std::collections::BTreeSet;

use crate::indexed::Indexed;

/// Tables by ascending number of lookup columns, as guides recommend; tables kept for the end come last.
pub(crate) fn by_lookup_count(graph: &Indexed<'_>) -> Vec<usize> {
    let mut columns: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); graph.tables.len()];
    for arrow in &graph.lookups {
        columns[arrow.table].insert(&arrow.lookup.column);
    }
    let mut order: Vec<usize> = (0..graph.tables.len()).collect();
    order.sort_by_key(|&table| (graph.last[table], columns[table].len(), table));
    order
}

/// What waits when tables are loaded in this order: every lookup whose target comes later.
pub(crate) fn deferred_by(graph: &Indexed<'_>, order: &[usize], forced: &[bool]) -> Vec<bool> {
    let mut position = vec![0; order.len()];
    for (i, &table) in order.iter().enumerate() {
        position[table] = i;
    }
    let too_late = |it: &crate::indexed::Arrow<'_>| position[it.target] > position[it.table];
    graph.lookups.iter().zip(forced).map(|(it, forced)| *forced || too_late(it)).collect()
}

/// What waits when tables are visited by name and whichever lookup closes a cycle first is deferred.
pub(crate) fn first_back_edges(graph: &Indexed<'_>, forced: &[bool]) -> Vec<bool> {
    #[derive(Clone, Copy, PartialEq)]
    enum Visit {
        Not,
        Open,
        Done,
    }
    let mut of_table: Vec<Vec<usize>> = vec![Vec::new(); graph.tables.len()];
    for (i, arrow) in graph.lookups.iter().enumerate().filter(|(i, it)| !forced[*i] && it.table != it.target)
    {
        of_table[arrow.table].push(i);
    }
    let mut deferred = forced.to_vec();
    let mut visit = vec![Visit::Not; graph.tables.len()];
    for start in 0..graph.tables.len() {
        if visit[start] != Visit::Not {
            continue;
        }
        let mut path = vec![(start, 0)];
        visit[start] = Visit::Open;
        while let Some((table, next)) = path.pop() {
            let Some(&lookup) = of_table[table].get(next) else {
                visit[table] = Visit::Done;
                continue;
            };
            path.push((table, next + 1));
            let target = graph.lookups[lookup].target;
            match visit[target] {
                Visit::Open => deferred[lookup] = true,
                Visit::Not => {
                    visit[target] = Visit::Open;
                    path.push((target, 0));
                }
                Visit::Done => {}
            }
        }
    }
    deferred
}
