//! An order of tables that takes in one arc after another, as long as none closes a cycle (after Pearce and Kelly).

use super::instance::Instance;
use super::line::Line;

/// Targets before the tables that point to them, over all arcs taken in.
#[derive(Debug)]
pub(crate) struct Topology {
    line: Line,
    later: Search,
    earlier: Search,
}

impl Topology {
    /// An order behind the arcs that are not cut, which form no cycle.
    pub(crate) fn of(instance: &Instance, cut: &[bool]) -> Self {
        let mut open: Vec<usize> =
            instance.out.iter().map(|arcs| arcs.iter().filter(|&&arc| !cut[arc]).count()).collect();
        let mut order: Vec<usize> = (0..instance.nodes).filter(|&node| open[node] == 0).collect();
        let mut next = 0;
        while let Some(&head) = order.get(next) {
            next += 1;
            for &arc in instance.into[head].iter().filter(|&&arc| !cut[arc]) {
                let tail = instance.arcs[arc].tail;
                open[tail] -= 1;
                if open[tail] == 0 {
                    order.push(tail);
                }
            }
        }
        Self {
            line: Line::of(&order),
            later: Search::new(Side::Later, instance.nodes),
            earlier: Search::new(Side::Earlier, instance.nodes),
        }
    }

    /// The tables, the first to load first.
    pub(crate) fn order(&self) -> Vec<usize> {
        self.line.order()
    }

    /// Arcs looked at so far.
    pub(crate) fn spent(&self) -> usize {
        self.later.total + self.later.spent + self.earlier.total + self.earlier.spent
    }

    /// Takes in one more arc beside those not cut; `false` and no change where it would close a cycle.
    pub(crate) fn take(&mut self, instance: &Instance, cut: &[bool], arc: usize) -> bool {
        let (tail, head) = (instance.arcs[arc].tail, instance.arcs[arc].head);
        if self.line.is_earlier(head, tail) {
            return true;
        }
        // Only what stands between the two can be in the way.
        let between = Between { instance, cut, line: &self.line, first: tail, last: head };
        self.later.start(tail);
        self.earlier.start(head);
        // From both ends, on the side that has cost less so far: the search that ends first proves that no way leads through.
        while self.later.is_open() && self.earlier.is_open() {
            let has_met = if self.later.spent <= self.earlier.spent {
                self.later.step(&between, &self.earlier)
            } else {
                self.earlier.step(&between, &self.later)
            };
            if has_met {
                return false;
            }
        }
        // All that must come later goes behind the target, or all that must come earlier before the table.
        let (moving, place) = if self.later.is_open() {
            (&mut self.earlier.found, self.line.before(tail))
        } else {
            (&mut self.later.found, head)
        };
        self.line.sort(moving);
        self.line.put_all_after(moving, place);
        true
    }
}

/// The part of the order in which a search goes on.
struct Between<'a> {
    instance: &'a Instance,
    cut: &'a [bool],
    line: &'a Line,
    first: usize,
    last: usize,
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Later,
    Earlier,
}

/// The tables found from one end of an arc.
#[derive(Debug)]
struct Search {
    side: Side,
    is_found: Vec<bool>,
    found: Vec<usize>,
    /// How many of `found` have been looked behind.
    done: usize,
    /// Arcs looked at in this search, and in all before it.
    spent: usize,
    total: usize,
}

impl Search {
    fn new(side: Side, nodes: usize) -> Self {
        Self { side, is_found: vec![false; nodes], found: Vec::new(), done: 0, spent: 0, total: 0 }
    }

    fn start(&mut self, node: usize) {
        for node in self.found.drain(..) {
            self.is_found[node] = false;
        }
        self.total += self.spent;
        (self.done, self.spent) = (0, 0);
        self.find(node);
    }

    fn find(&mut self, node: usize) {
        if !std::mem::replace(&mut self.is_found[node], true) {
            self.found.push(node);
        }
    }

    fn is_open(&self) -> bool {
        self.done < self.found.len()
    }

    /// Looks behind one table; `true` when the other search was there already.
    fn step(&mut self, between: &Between<'_>, other: &Self) -> bool {
        let node = self.found[self.done];
        self.done += 1;
        let Between { instance, cut, line, first, last } = between;
        let arcs = match self.side {
            Side::Later => &instance.into[node],
            Side::Earlier => &instance.out[node],
        };
        self.spent += 1 + arcs.len();
        for &arc in arcs.iter().filter(|&&arc| !cut[arc]) {
            let next = match self.side {
                Side::Later => instance.arcs[arc].tail,
                Side::Earlier => instance.arcs[arc].head,
            };
            if other.is_found[next] {
                return true;
            }
            if !line.is_earlier(next, *first) && !line.is_earlier(*last, next) {
                self.find(next);
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cut::drawn;

    proptest! {
        #[test]
        fn an_arc_is_taken_unless_it_closes_a_cycle(instance in drawn::instance()) {
            let mut cut = vec![true; instance.arcs.len()];
            let mut topology = Topology::of(&instance, &cut);
            for arc in 0..instance.arcs.len() {
                cut[arc] = false;
                let closes_none = drawn::is_free_of_cycles(&instance, &cut);
                cut[arc] = true;
                prop_assert_eq!(topology.take(&instance, &cut, arc), closes_none);
                cut[arc] = !closes_none;
                let order = topology.order();
                let place = |node: usize| order.iter().position(|&it| it == node);
                for (it, _) in instance.arcs.iter().zip(&cut).filter(|(_, cut)| !**cut) {
                    prop_assert!(place(it.head) < place(it.tail));
                }
            }
        }
    }
}
