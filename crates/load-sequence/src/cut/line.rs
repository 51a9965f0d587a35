//! An order in which one table can be moved without renumbering the others.

use std::collections::VecDeque;

use super::instance::Instance;

/// Between neighbours, so that many tables fit in before all must be renumbered.
const GAP: u64 = 1 << 40;

/// Tables in a line, the first to load first.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Ascending along the line, with gaps.
    label: Vec<u64>,
    /// Neighbours along the line; the node count stands for both ends.
    before: Vec<usize>,
    after: Vec<usize>,
}

impl Line {
    pub(crate) fn of(order: &[usize]) -> Self {
        let n = order.len();
        let mut line = Self { label: vec![0; n + 1], before: vec![n; n + 1], after: vec![n; n + 1] };
        line.link(order, n);
        line.renumber();
        line
    }

    /// The arcs whose target comes later.
    pub(crate) fn cut(&self, instance: &Instance) -> Vec<bool> {
        instance.arcs.iter().map(|arc| self.is_earlier(arc.tail, arc.head)).collect()
    }

    /// Whether one table comes before another.
    pub(crate) fn is_earlier(&self, one: usize, other: usize) -> bool {
        self.label[one] < self.label[other]
    }

    /// The table before this one; the node count where it is the first.
    pub(crate) fn before(&self, node: usize) -> usize {
        self.before[node]
    }

    /// The tables, the first to load first.
    pub(crate) fn order(&self) -> Vec<usize> {
        let first = self.after[self.end()];
        std::iter::successors(Some(first), |&node| Some(self.after[node])).take(self.end()).collect()
    }

    /// Sorts tables as they stand.
    pub(crate) fn sort(&self, nodes: &mut [usize]) {
        nodes.sort_unstable_by_key(|&node| self.label[node]);
    }

    fn end(&self) -> usize {
        self.label.len() - 1
    }

    fn renumber(&mut self) {
        let (mut node, mut label) = (self.after[self.end()], GAP);
        while node != self.end() {
            self.label[node] = label;
            label += GAP;
            node = self.after[node];
        }
    }

    /// Joins these tables, in this order, to `place` and to what follows it, which is returned.
    fn link(&mut self, nodes: &[usize], place: usize) -> usize {
        let next = self.after[place];
        let mut previous = place;
        for &node in nodes {
            self.after[previous] = node;
            self.before[node] = previous;
            previous = node;
        }
        self.after[previous] = next;
        self.before[next] = previous;
        next
    }

    /// Takes `node` out and puts it right after `place` (the end marker: to the front).
    pub(crate) fn put_after(&mut self, node: usize, place: usize) {
        self.put_all_after(&[node], place);
    }

    /// Takes these tables out and puts them, in this order, right after `place`, which is none of them.
    pub(crate) fn put_all_after(&mut self, nodes: &[usize], place: usize) {
        for &node in nodes {
            let (before, after) = (self.before[node], self.after[node]);
            self.after[before] = after;
            self.before[after] = before;
        }
        let next = self.link(nodes, place);
        let parts = nodes.len() as u64 + 1;
        let low = if place == self.end() { 0 } else { self.label[place] };
        let high = if next == self.end() { low + parts * GAP } else { self.label[next] };
        let step = (high - low) / parts;
        if step == 0 || high > u64::MAX / 2 {
            self.renumber();
            return;
        }
        for (&node, number) in nodes.iter().zip(1..) {
            self.label[node] = low + step * number;
        }
    }

    /// Whether unbreakable arcs allow `node` right after `place`.
    pub(crate) fn may_follow(&self, instance: &Instance, node: usize, place: usize) -> bool {
        let hard = |&&arc: &&usize| instance.arcs[arc].price.is_none();
        let here = if place == self.end() { 0 } else { self.label[place] };
        let targets = instance.out[node].iter().filter(hard);
        let sources = instance.into[node].iter().filter(hard);
        targets.map(|&arc| self.label[instance.arcs[arc].head]).all(|label| label <= here)
            && sources.map(|&arc| self.label[instance.arcs[arc].tail]).all(|label| label > here)
    }

    /// Moves tables to their best places until none gains or about `work` arcs were looked at.
    pub(crate) fn sift(&mut self, instance: &Instance, weights: &[f64], work: usize) {
        let mut around = Vec::new();
        let mut waiting = Waiting::of(instance.nodes);
        (0..instance.nodes).for_each(|node| waiting.push(node));
        let mut spent = 0;
        while let Some(node) = waiting.pop().filter(|_| spent < work) {
            spent += instance.out[node].len() + instance.into[node].len();
            if let Some(place) = self.better_place(instance, weights, node, &mut around) {
                self.put_after(node, place);
                waiting.push_neighbours(instance, node);
            }
        }
    }

    /// Where a table defers less than where it stands. Sweeps over its neighbours from the front: passing a target saves its lookup,
    /// passing a table that points here costs.
    pub(crate) fn better_place(
        &self,
        instance: &Instance,
        weights: &[f64],
        node: usize,
        around: &mut Vec<(u64, usize, f64)>,
    ) -> Option<usize> {
        around.clear();
        let (mut lowest, mut highest) = (0, u64::MAX);
        let mut cost = 0.0;
        for &arc in &instance.out[node] {
            let head = instance.arcs[arc].head;
            if weights[arc].is_finite() {
                cost += weights[arc];
                around.push((self.label[head], head, -weights[arc]));
            } else {
                lowest = lowest.max(self.label[head]);
                around.push((self.label[head], head, 0.0));
            }
        }
        for &arc in &instance.into[node] {
            let tail = instance.arcs[arc].tail;
            if weights[arc].is_finite() {
                around.push((self.label[tail], tail, weights[arc]));
            } else {
                highest = highest.min(self.label[tail]);
            }
        }
        around.sort_unstable_by_key(|entry| entry.0);
        let here = self.label[node];
        let mut current = cost;
        let mut best: Option<(f64, usize)> = (lowest == 0).then_some((cost, self.end()));
        for (i, &(label, neighbour, change)) in around.iter().enumerate() {
            cost += change;
            if around.get(i + 1).is_some_and(|next| next.0 == label) {
                continue; // Both point at each other: passing this table does both.
            }
            if label < here {
                current = cost;
            }
            let allowed = label >= lowest && label < highest;
            if allowed && best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, neighbour));
            }
        }
        best.filter(|(least, _)| *least < current - 1e-9 * (1.0 + current)).map(|(_, place)| place)
    }
}

/// Tables to look at, each at most once at a time, first come first served.
#[derive(Debug)]
pub(crate) struct Waiting {
    queue: VecDeque<usize>,
    is_waiting: Vec<bool>,
}

impl Waiting {
    pub(crate) fn of(nodes: usize) -> Self {
        Self { queue: VecDeque::new(), is_waiting: vec![false; nodes] }
    }

    pub(crate) fn push(&mut self, node: usize) {
        if !std::mem::replace(&mut self.is_waiting[node], true) {
            self.queue.push_back(node);
        }
    }

    /// Whatever points to a table and whatever it points to.
    pub(crate) fn push_neighbours(&mut self, instance: &Instance, node: usize) {
        instance.out[node].iter().for_each(|&arc| self.push(instance.arcs[arc].head));
        instance.into[node].iter().for_each(|&arc| self.push(instance.arcs[arc].tail));
    }

    pub(crate) fn pop(&mut self) -> Option<usize> {
        let node = self.queue.pop_front()?;
        self.is_waiting[node] = false;
        Some(node)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn checked(line: &Line) -> Vec<usize> {
        let order = line.order();
        assert!(order.windows(2).all(|pair| line.is_earlier(pair[0], pair[1])), "labels follow the line");
        order
    }

    #[test]
    fn a_place_takes_any_number_of_tables() {
        let mut line = Line::of(&(0..500).collect::<Vec<_>>());
        for node in (2..500).rev() {
            line.put_after(node, 0);
        }
        let order = checked(&line);
        assert_eq!((order[..3].to_vec(), order[499]), (vec![0, 2, 3], 1));
    }

    proptest! {
        #[test]
        fn tables_stand_where_they_were_put(moves in prop::collection::vec((prop::collection::vec(0..12_usize, 1..4), 0..13_usize), 0..80)) {
            let mut expected: Vec<usize> = (0..12).collect();
            let mut line = Line::of(&expected);
            for (mut nodes, place) in moves {
                nodes.sort_unstable();
                nodes.dedup();
                if nodes.contains(&place) {
                    continue;
                }
                line.put_all_after(&nodes, place);
                expected.retain(|node| !nodes.contains(node));
                let at = expected.iter().position(|&node| node == place).map_or(0, |at| at + 1);
                expected.splice(at..at, nodes);
                prop_assert_eq!(&checked(&line), &expected);
            }
        }
    }
}
