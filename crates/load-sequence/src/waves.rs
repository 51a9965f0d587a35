//! From "what waits" to waves: each table as early as the lookups that do not wait allow.

use crate::indexed::Indexed;

/// Per table the number of its wave. Tables of one `node` share a wave; those kept for the end come after all others.
pub(crate) fn earliest(graph: &Indexed<'_>, node: &[usize], deferred: &[bool]) -> Vec<usize> {
    let nodes = node.iter().max().map_or(0, |highest| highest + 1);
    let mut last = vec![false; nodes];
    for (table, &node) in node.iter().enumerate() {
        last[node] |= graph.last[table];
    }
    let mut pointing_here: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    let mut missing = vec![0_usize; nodes];
    for (arrow, _) in graph.lookups.iter().zip(deferred).filter(|(_, deferred)| !**deferred) {
        let (tail, head) = (node[arrow.table], node[arrow.target]);
        if tail != head {
            pointing_here[head].push(tail);
            missing[tail] += 1;
        }
    }
    let mut wave = vec![0; nodes];
    let mut ready: Vec<usize> = (0..nodes).filter(|&node| missing[node] == 0).collect();
    while let Some(head) = ready.pop() {
        for &tail in &pointing_here[head] {
            // What is kept for the end has waves of its own, counted below.
            let step = if last[tail] && !last[head] { 0 } else { wave[head] + 1 };
            wave[tail] = wave[tail].max(step);
            missing[tail] -= 1;
            if missing[tail] == 0 {
                ready.push(tail);
            }
        }
    }
    let ordinary = (0..nodes).filter(|&node| !last[node]).map(|node| wave[node] + 1).max().unwrap_or(0);
    node.iter().map(|&node| if last[node] { ordinary + wave[node] } else { wave[node] }).collect()
}
