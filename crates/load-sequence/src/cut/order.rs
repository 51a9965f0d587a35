//! A good order without proof: greedy from both ends, then each table moved to its best place, then shaken and moved again.

use super::Cut;
use super::greedy::greedy;
use super::instance::{Instance, real};
use super::line::{Line, Waiting};
use super::prune::{Pruned, prune};
use super::tally::Tally;

/// How often the first moves of tables look at each arc: few passes bring most of the gain.
const SIFTING: usize = 32;
/// Into how many spells a shaking is divided; each begins with the best order so far, freed of needless cuts.
const SPELLS: usize = 8;
/// How much dearer a round may make the order at the beginning of a spell, in average waiting arcs; nothing at its end.
const HEAT: f64 = 0.3;
/// The part of a spell in which nothing may become dearer.
const COLD: f64 = 0.1;
/// One round of so many puts a table anywhere; the others keep one of the lookups that wait.
const WILD: usize = 4;

/// The cut of a greedy order, each table moved to its best place.
pub(crate) fn good_cut(instance: &Instance) -> Pruned {
    settled(instance, Line::of(&greedy(instance, &instance.weights)))
}

/// Moves the tables of an order to their best places.
pub(crate) fn sifted(instance: &Instance, start: &Pruned) -> Pruned {
    settled(instance, Line::of(&start.order))
}

/// A cut that keeps to a wish where it can: the wished arcs cost nothing, and what is missing is found greedily.
pub(crate) fn completed(instance: &Instance, wish: &[bool]) -> Pruned {
    let weights: Vec<f64> =
        instance.weights.iter().zip(wish).map(|(w, wish)| if *wish { 0.0 } else { *w }).collect();
    let mut line = Line::of(&greedy(instance, &weights));
    line.sift(instance, &weights, SIFTING * instance.arcs.len());
    settled(instance, line)
}

fn settled(instance: &Instance, mut line: Line) -> Pruned {
    line.sift(instance, &instance.weights, SIFTING * instance.arcs.len());
    prune(instance, line.cut(instance))
}

/// Shakes the order behind a cut again and again, looking at about `work` arcs, and keeps what is better.
pub(crate) fn shaken(instance: &Instance, start: &Cut, work: usize) -> Pruned {
    let mut line = Line::of(&start.order);
    line.sift(instance, &instance.weights, SIFTING * instance.arcs.len());
    let mut best = prune(instance, line.cut(instance));
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut spent = best.spent;
    while spent < work {
        let mut shaker = Shaker::of(instance, Line::of(&best.order));
        shaker.spell(&mut random, (work / SPELLS).min(work - spent));
        spent += shaker.spent;
        let pruned = prune(instance, shaker.tally.into_flags());
        spent += pruned.spent;
        let cost = |cut: &[bool]| (instance.cost(cut), instance.tie(cut));
        if cost(&pruned.cut) <= cost(&best.cut) {
            best = pruned;
        }
    }
    best
}

/// Shakes a line one spot at a time. What has moved is put back where it makes the order much dearer, later where it makes it
/// dearer at all (simulated annealing).
struct Shaker<'i> {
    instance: &'i Instance,
    line: Line,
    tally: Tally<'i>,
    waiting: Waiting,
    /// Who moved in this round, and behind whom it stood before.
    moved: Vec<(usize, usize)>,
    around: Vec<(u64, usize, f64)>,
    /// Arcs looked at.
    spent: usize,
}

impl<'i> Shaker<'i> {
    fn of(instance: &'i Instance, line: Line) -> Self {
        let tally = Tally::of(instance, &line.cut(instance));
        let waiting = Waiting::of(instance.nodes);
        Self { instance, line, tally, waiting, moved: Vec::new(), around: Vec::new(), spent: 0 }
    }

    /// Rounds until about `work` arcs were looked at.
    fn spell(&mut self, random: &mut Random, work: usize) {
        let waiting = self.tally.cut().len().max(1) as u64;
        let heat = HEAT * real(self.tally.cost().0) / real(waiting);
        while self.spent < work {
            let left = 1.0 - real(self.spent as u64) / real(work as u64);
            self.round(random, if left > COLD { heat * left } else { 0.0 });
        }
    }

    fn round(&mut self, random: &mut Random, heat: f64) {
        let before = self.tally.cost();
        self.moved.clear();
        self.spent += 1;
        if random.below(WILD) == 0 {
            let (node, place) = (random.below(self.instance.nodes), random.below(self.instance.nodes));
            self.force(node, place);
        } else if !self.tally.cut().is_empty() {
            // Keeps a lookup that waits: its table goes behind the target, or the target before the table.
            let arc = &self.instance.arcs[self.tally.cut()[random.below(self.tally.cut().len())]];
            if random.below(2) == 0 {
                self.force(arc.tail, arc.head);
            } else {
                self.force(arc.head, self.line.before(arc.tail));
            }
        }
        while let Some(node) = self.waiting.pop() {
            self.spent += self.degree(node);
            if let Some(place) =
                self.line.better_place(self.instance, &self.instance.weights, node, &mut self.around)
            {
                self.put(node, place);
            }
        }
        let after = self.tally.cost();
        let is_kept = if heat > 0.0 {
            real(after.0) <= real(before.0) + heat * random.exponential()
        } else {
            after <= before
        };
        if !is_kept {
            while let Some((node, place)) = self.moved.pop() {
                self.line.put_after(node, place);
                self.count(node);
            }
        }
    }

    /// Puts a table somewhere else, good or bad, where unbreakable arcs allow it; it stays there unless its neighbours move.
    fn force(&mut self, node: usize, place: usize) {
        if node != place && self.line.may_follow(self.instance, node, place) {
            self.put(node, place);
        }
    }

    fn put(&mut self, node: usize, place: usize) {
        self.moved.push((node, self.line.before(node)));
        self.line.put_after(node, place);
        self.count(node);
        self.waiting.push_neighbours(self.instance, node);
    }

    /// Which lookups around a table wait now.
    fn count(&mut self, node: usize) {
        self.spent += self.degree(node);
        for &arc in self.instance.out[node].iter().chain(&self.instance.into[node]) {
            let it = &self.instance.arcs[arc];
            self.tally.set(arc, self.line.is_earlier(it.tail, it.head));
        }
    }

    fn degree(&self, node: usize) -> usize {
        self.instance.out[node].len() + self.instance.into[node].len()
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

    /// Mostly below one, rarely far above.
    fn exponential(&mut self) -> f64 {
        const STEPS: usize = 1 << 20;
        -(real(self.below(STEPS) as u64 + 1) / real(STEPS as u64)).ln()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cut::drawn;

    proptest! {
        #[test]
        fn shaking_leaves_no_cycle_and_makes_nothing_dearer(instance in drawn::instance()) {
            let start = Cut::of(&instance, good_cut(&instance));
            prop_assert!(drawn::is_free_of_cycles(&instance, &start.arcs));
            let mut best = start.clone();
            let shaken = shaken(&instance, &start, 5_000);
            prop_assert!(drawn::is_free_of_cycles(&instance, &shaken.cut));
            best.improve(&instance, shaken);
            prop_assert!(best.cost <= start.cost);
            prop_assert_eq!(best.cost, instance.cost(&best.arcs));
        }
    }
}
