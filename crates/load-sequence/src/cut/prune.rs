//! Taking back what was cut without need.

use super::instance::Instance;

/// Puts arcs back, dearest first, as long as that closes no cycle. The rest must be free of cycles.
pub(crate) fn prune(instance: &Instance, mut cut: Vec<bool>) -> Vec<bool> {
    let mut candidates: Vec<usize> = (0..cut.len()).filter(|&arc| cut[arc]).collect();
    candidates.sort_by(|&a, &b| instance.weights[b].total_cmp(&instance.weights[a]).then(a.cmp(&b)));
    let mut reach = Reach::of(instance, &cut);
    for arc in candidates {
        let (tail, head) = (instance.arcs[arc].tail, instance.arcs[arc].head);
        if !reach.has(head, tail) {
            cut[arc] = false;
            reach.add(tail, head);
        }
    }
    cut
}

/// For each table the set of tables that it reaches over arcs that are kept, one bit each.
struct Reach {
    words: usize,
    bits: Vec<u64>,
}

impl Reach {
    fn of(instance: &Instance, cut: &[bool]) -> Self {
        let words = instance.nodes.div_ceil(64);
        let mut reach = Self { words, bits: vec![0; words * instance.nodes] };
        for node in 0..instance.nodes {
            reach.bits[node * words + node / 64] |= 1 << (node % 64);
        }
        // Targets before what points to them.
        let mut open: Vec<usize> =
            instance.out.iter().map(|arcs| arcs.iter().filter(|&&arc| !cut[arc]).count()).collect();
        let mut ready: Vec<usize> = (0..instance.nodes).filter(|&node| open[node] == 0).collect();
        while let Some(head) = ready.pop() {
            for &arc in instance.into[head].iter().filter(|&&arc| !cut[arc]) {
                let tail = instance.arcs[arc].tail;
                reach.merge(tail, head);
                open[tail] -= 1;
                if open[tail] == 0 {
                    ready.push(tail);
                }
            }
        }
        reach
    }

    fn has(&self, from: usize, to: usize) -> bool {
        self.bits[from * self.words + to / 64] >> (to % 64) & 1 == 1
    }

    /// `into` reaches whatever `from` reaches.
    fn merge(&mut self, into: usize, from: usize) {
        let (low, high) = (into.min(from), into.max(from));
        let (left, right) = self.bits.split_at_mut(high * self.words);
        let (low, high) = (&mut left[low * self.words..(low + 1) * self.words], &mut right[..self.words]);
        let (target, source) = if into < from { (low, high) } else { (high, low) };
        for (target, source) in target.iter_mut().zip(source) {
            *target |= *source;
        }
    }

    fn add(&mut self, tail: usize, head: usize) {
        for node in 0..self.bits.len() / self.words.max(1) {
            if node != head && self.has(node, tail) && !self.has(node, head) {
                self.merge(node, head);
            }
        }
    }
}
