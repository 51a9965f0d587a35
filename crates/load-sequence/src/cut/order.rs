//! A good order without proof: greedy from both ends, then each table moved to its best place, then shaken and moved again.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use super::instance::Instance;
use super::prune::prune;

/// How many arcs the shaking may look at, over all rounds; keeps it a fraction of a second.
const SHAKE_WORK: usize = 6_000_000;
/// More rounds than this hardly improve any graph at hand.
const SHAKE_ROUNDS: usize = 1_000;
/// Fewer rounds than this gain next to nothing on a graph that large.
const FEWEST_ROUNDS: usize = 10;
/// Passes over all tables; each pass lowers the cost, and most gains come with the first few.
const SIFT_PASSES: usize = 40;
/// Arcs that all passes together look at; at least some passes are made.
const SIFT_WORK: usize = 1_000_000;

/// The cut of a greedy order, each table moved to its best place.
pub(crate) fn good_cut(instance: &Instance) -> Vec<bool> {
    let mut line = Line::of(instance, &greedy(instance, &instance.weights));
    line.sift(instance, &instance.weights);
    prune(instance, line.cut(instance))
}

/// Moves tables of the order behind a cut to their best places.
pub(crate) fn sifted(instance: &Instance, cut: &[bool]) -> Vec<bool> {
    let mut line = Line::of(instance, &order_behind(instance, cut));
    line.sift(instance, &instance.weights);
    prune(instance, line.cut(instance))
}

/// Shakes the order behind a cut again and again and keeps what is better.
pub(crate) fn shaken(instance: &Instance, start: &[bool]) -> Vec<bool> {
    let rounds = (SHAKE_WORK / (instance.arcs.len() * 8).max(1)).min(SHAKE_ROUNDS);
    if rounds < FEWEST_ROUNDS {
        return start.to_vec();
    }
    let mut best_line = Line::of(instance, &order_behind(instance, start));
    best_line.sift(instance, &instance.weights);
    let mut best = best_line.cut(instance);
    let mut best_cost = weigh(instance, &best);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..rounds {
        let mut line = best_line.clone();
        line.shake(instance, &mut random);
        line.sift(instance, &instance.weights);
        let cut = line.cut(instance);
        let cost = weigh(instance, &cut);
        if cost <= best_cost {
            (best, best_cost, best_line) = (cut, cost, line);
        }
    }
    prune(instance, best)
}

/// An order in which only the arcs of the cut (which leaves no cycle) point to later tables.
fn order_behind(instance: &Instance, cut: &[bool]) -> Vec<usize> {
    let mut open: Vec<usize> =
        instance.out.iter().map(|arcs| arcs.iter().filter(|&&arc| !cut[arc]).count()).collect();
    let mut ready: VecDeque<usize> = (0..instance.nodes).filter(|&node| open[node] == 0).collect();
    let mut order = Vec::with_capacity(instance.nodes);
    while let Some(head) = ready.pop_front() {
        order.push(head);
        for &arc in instance.into[head].iter().filter(|&&arc| !cut[arc]) {
            let tail = instance.arcs[arc].tail;
            open[tail] -= 1;
            if open[tail] == 0 {
                ready.push_back(tail);
            }
        }
    }
    order
}

/// A cut that keeps to a wish where it can: the wished arcs cost nothing, and what is missing is found greedily.
pub(crate) fn completed(instance: &Instance, wish: &[bool]) -> Vec<bool> {
    let weights: Vec<f64> =
        instance.weights.iter().zip(wish).map(|(w, wish)| if *wish { 0.0 } else { *w }).collect();
    let mut line = Line::of(instance, &greedy(instance, &weights));
    line.sift(instance, &weights);
    line.sift(instance, &instance.weights);
    prune(instance, line.cut(instance))
}

fn weigh(instance: &Instance, cut: &[bool]) -> (u64, u64) {
    (instance.cost(cut), instance.tie(cut))
}

/// Orders tables: what points to nothing unplaced goes first, what nothing points to goes last, and in between the table whose
/// placing defers least for what it lets others have. Unbreakable arcs are kept.
fn greedy(instance: &Instance, weights: &[f64]) -> Vec<usize> {
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

/// An order in which one table can be moved without renumbering the others.
#[derive(Debug, Clone)]
struct Line {
    /// Ascending along the line, with gaps.
    label: Vec<u64>,
    /// Neighbours along the line; the node count stands for both ends.
    before: Vec<usize>,
    after: Vec<usize>,
}

const GAP: u64 = 1 << 40;

impl Line {
    fn of(instance: &Instance, order: &[usize]) -> Self {
        let n = instance.nodes;
        let mut line = Self { label: vec![0; n + 1], before: vec![n; n + 1], after: vec![n; n + 1] };
        let mut previous = n;
        for &node in order {
            line.after[previous] = node;
            line.before[node] = previous;
            previous = node;
        }
        line.after[previous] = n;
        line.before[n] = previous;
        line.renumber();
        line
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

    /// Takes `node` out and puts it right after `place` (the end marker: to the front).
    fn put_after(&mut self, node: usize, place: usize) {
        let (before, after) = (self.before[node], self.after[node]);
        self.after[before] = after;
        self.before[after] = before;
        let next = self.after[place];
        self.after[place] = node;
        self.before[node] = place;
        self.after[node] = next;
        self.before[next] = node;
        let low = if place == self.end() { 0 } else { self.label[place] };
        let high = if next == self.end() { low + 2 * GAP } else { self.label[next] };
        if high - low < 2 || low > u64::MAX / 2 {
            self.renumber();
        } else {
            self.label[node] = low + (high - low) / 2;
        }
    }

    /// Moves tables to their best places until none gains.
    fn sift(&mut self, instance: &Instance, weights: &[f64]) {
        let mut around: Vec<(u64, usize, f64)> = Vec::new();
        let passes = (SIFT_WORK / instance.arcs.len().max(1)).clamp(8, SIFT_PASSES);
        for _ in 0..passes {
            let mut moved = false;
            for node in 0..instance.nodes {
                moved |= self.sift_one(instance, weights, node, &mut around);
            }
            if !moved {
                break;
            }
        }
    }

    /// Sweeps over the neighbours of a table from the front: passing a target saves its lookup, passing a table that points here costs.
    fn sift_one(
        &mut self,
        instance: &Instance,
        weights: &[f64],
        node: usize,
        around: &mut Vec<(u64, usize, f64)>,
    ) -> bool {
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
        match best {
            Some((least, place)) if least < current - 1e-9 * (1.0 + current) => {
                self.put_after(node, place);
                true
            }
            _ => false,
        }
    }

    /// Puts a few tables somewhere else, where unbreakable arcs allow it.
    fn shake(&mut self, instance: &Instance, random: &mut Random) {
        let n = instance.nodes;
        let moves = (n / 12).clamp(2, 12);
        for _ in 0..moves {
            let (node, place) = (random.below(n), random.below(n));
            if node == place {
                continue;
            }
            let hard = |&&arc: &&usize| instance.arcs[arc].price.is_none();
            let lowest =
                instance.out[node].iter().filter(hard).map(|&arc| self.label[instance.arcs[arc].head]).max();
            let highest =
                instance.into[node].iter().filter(hard).map(|&arc| self.label[instance.arcs[arc].tail]).min();
            let label = self.label[place];
            if lowest.is_none_or(|lowest| label >= lowest) && highest.is_none_or(|highest| label < highest) {
                self.put_after(node, place);
            }
        }
    }

    /// The arcs whose target comes later.
    fn cut(&self, instance: &Instance) -> Vec<bool> {
        instance.arcs.iter().map(|arc| self.label[arc.head] > self.label[arc.tail]).collect()
    }
}

/// Xorshift: the same numbers every time, so that the same graph gets the same plan.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (limit.max(1) as u64)).unwrap_or(0)
    }
}
