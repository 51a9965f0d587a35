//! The cost of a cut that changes arc by arc.

use super::instance::Instance;

/// What is cut, and its cost, kept up with each change.
#[derive(Debug, Clone)]
pub(crate) struct Tally<'i> {
    instance: &'i Instance,
    is_cut: Vec<bool>,
    /// The cut arcs, and where in this list each of them is.
    cut: Vec<usize>,
    place: Vec<usize>,
    /// Per group of shared rows how many of its arcs are cut.
    cut_of_group: Vec<usize>,
    rows: u64,
    tie: u64,
}

impl<'i> Tally<'i> {
    pub(crate) fn of(instance: &'i Instance, cut: &[bool]) -> Self {
        let arcs = instance.arcs.len();
        let mut tally = Self {
            instance,
            is_cut: vec![false; arcs],
            cut: Vec::new(),
            place: vec![0; arcs],
            cut_of_group: vec![0; instance.shared.len()],
            rows: 0,
            tie: 0,
        };
        for (arc, &is_cut) in cut.iter().enumerate() {
            tally.set(arc, is_cut);
        }
        tally
    }

    /// Distinct rows written twice, then lookups that wait.
    pub(crate) fn cost(&self) -> (u64, u64) {
        (self.rows, self.tie)
    }

    /// The arcs that are cut, in no order.
    pub(crate) fn cut(&self) -> &[usize] {
        &self.cut
    }

    /// For each arc whether it is cut.
    pub(crate) fn into_flags(self) -> Vec<bool> {
        self.is_cut
    }

    /// Cuts an arc or puts it back.
    pub(crate) fn set(&mut self, arc: usize, is_cut: bool) {
        if self.is_cut[arc] == is_cut {
            return;
        }
        self.is_cut[arc] = is_cut;
        let price = self.instance.arcs[arc].price.unwrap_or(0);
        let tie = u64::from(self.instance.arcs[arc].tie);
        if is_cut {
            self.place[arc] = self.cut.len();
            self.cut.push(arc);
            self.rows += price;
            self.tie += tie;
        } else {
            let place = self.place[arc];
            self.cut.swap_remove(place);
            if let Some(&moved) = self.cut.get(place) {
                self.place[moved] = place;
            }
            self.rows -= price;
            self.tie -= tie;
        }
        for &group in &self.instance.groups_of[arc] {
            let rows = self.instance.shared[group].rows;
            let cut = &mut self.cut_of_group[group];
            if is_cut {
                self.rows += if *cut == 0 { rows } else { 0 };
                *cut += 1;
            } else {
                *cut -= 1;
                self.rows -= if *cut == 0 { rows } else { 0 };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cut::drawn;

    proptest! {
        #[test]
        fn the_cost_is_that_of_the_cut_after_any_changes(
            instance in drawn::instance(),
            changes in prop::collection::vec((0..40_usize, any::<bool>()), 0..60),
        ) {
            let mut cut = vec![false; instance.arcs.len()];
            let mut tally = Tally::of(&instance, &cut);
            for (arc, is_cut) in changes.into_iter().filter(|(arc, _)| *arc < instance.arcs.len()) {
                cut[arc] = is_cut;
                tally.set(arc, is_cut);
                prop_assert_eq!(tally.cost(), (instance.cost(&cut), instance.tie(&cut)));
            }
            let mut listed = tally.cut().to_vec();
            listed.sort_unstable();
            let expected: Vec<usize> = (0..cut.len()).filter(|&arc| cut[arc]).collect();
            prop_assert_eq!(listed, expected);
            prop_assert_eq!(tally.into_flags(), cut);
        }
    }
}
