//! A first order: greedy from both ends.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::instance::Instance;

/// Orders tables: what points to nothing unplaced goes first, what nothing points to goes last, and in between the table whose
/// placing defers least for what it lets others have. Unbreakable arcs are kept.
pub(crate) fn greedy(instance: &Instance, weights: &[f64]) -> Vec<usize> {
    let n = instance.nodes;
    let soft = |arc: usize| if weights[arc].is_finite() { weights[arc] } else { 0.0 };
    let mut owed: Vec<f64> =
        instance.out.iter().map(|arcs| arcs.iter().map(|&arc| soft(arc)).sum()).collect();
    let mut wanted: Vec<f64> =
        instance.into.iter().map(|arcs| arcs.iter().map(|&arc| soft(arc)).sum()).collect();
    let mut targets: Vec<usize> = instance.out.iter().map(Vec::len).collect();
    let mut sources: Vec<usize> = instance.into.iter().map(Vec::len).collect();
    let unbreakable =
        |arcs: &Vec<usize>| arcs.iter().filter(|&&arc| instance.arcs[arc].price.is_none()).count();
    let mut blocked: Vec<usize> = instance.out.iter().map(unbreakable).collect();

    let mut placed = vec![false; n];
    let (mut first, mut last) = (Vec::new(), Vec::new());
    let mut free: Vec<usize> = (0..n).filter(|&v| targets[v] == 0).collect();
    let mut idle: Vec<usize> = (0..n).filter(|&v| sources[v] == 0).collect();
    let mut candidates: BinaryHeap<Candidate> = (0..n)
        .filter(|&v| blocked[v] == 0)
        .map(|v| Candidate { score: wanted[v] - owed[v], node: v })
        .collect();
    loop {
        let (node, at_front) = if let Some(node) = free.pop() {
            (node, true)
        } else if let Some(node) = idle.pop() {
            (node, false)
        } else {
            match candidates.pop() {
                None => break,
                Some(Candidate { score, node }) => {
                    let stale = score.total_cmp(&(wanted[node] - owed[node])) != Ordering::Equal;
                    if placed[node] || blocked[node] > 0 || stale {
                        continue;
                    }
                    (node, true)
                }
            }
        };
        if placed[node] {
            continue;
        }
        placed[node] = true;
        if at_front {
            first.push(node);
        } else {
            last.push(node);
        }
        for &arc in &instance.into[node] {
            let tail = instance.arcs[arc].tail;
            if placed[tail] {
                continue;
            }
            targets[tail] -= 1;
            owed[tail] -= soft(arc);
            if instance.arcs[arc].price.is_none() && at_front {
                blocked[tail] -= 1;
            }
            if targets[tail] == 0 {
                free.push(tail);
            } else if blocked[tail] == 0 {
                candidates.push(Candidate { score: wanted[tail] - owed[tail], node: tail });
            }
        }
        for &arc in &instance.out[node] {
            let head = instance.arcs[arc].head;
            if placed[head] {
                continue;
            }
            sources[head] -= 1;
            wanted[head] -= soft(arc);
            if sources[head] == 0 {
                idle.push(head);
            } else if blocked[head] == 0 {
                candidates.push(Candidate { score: wanted[head] - owed[head], node: head });
            }
        }
    }
    last.reverse();
    first.extend(last);
    first
}

#[derive(Debug, PartialEq)]
struct Candidate {
    score: f64,
    node: usize,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.node.cmp(&self.node))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
