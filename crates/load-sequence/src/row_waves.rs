//! Tables that point at each other while their rows do not: loading them together, row wave by row wave, against deferring.

use crate::assign::{self, Assignment};
use crate::cut::Effort;
use crate::error::Error;
use crate::indexed::Indexed;
use crate::model::RowLevels;
use crate::options::{Options, RowWavesChoice};
use crate::plan::{Deferred, RowWaves};

/// The plan with those groups that are loaded in row waves.
pub(crate) struct Chosen {
    /// Per table a number; tables loaded together share it.
    pub(crate) node: Vec<usize>,
    pub(crate) assignment: Assignment,
    pub(crate) groups: Vec<RowWaves>,
}

/// Compares, group by group, the requests of second writes with the requests that row waves add.
pub(crate) fn weigh(graph: &Indexed<'_>, options: &Options, effort: Effort) -> Result<Chosen, Error> {
    let adopting = options.row_waves == RowWavesChoice::Adopt;
    let mut adopted = vec![false; graph.row_levels.len()];
    let mut assignment = match assign::cheapest(graph, &nodes(graph, &adopted), effort) {
        // Without row waves there is no plan at all: adopt every group that does not overlap another one.
        Err(Error::RequiredCycle(_)) if adopting && !adopted.is_empty() => {
            for group in 0..adopted.len() {
                adopted[group] = !overlaps(graph, &adopted, group);
            }
            assign::cheapest(graph, &nodes(graph, &adopted), effort)?
        }
        found => found?,
    };
    let per_request = options.rows_per_request.max(1);
    let mut groups = Vec::new();
    for (group, (_, levels)) in graph.row_levels.iter().enumerate() {
        let requests_added = added(levels, per_request);
        let proposal = |spares: Vec<Deferred>, requests_saved: u64, adopted: bool| RowWaves {
            tables: levels.tables.clone(),
            levels: levels.levels.len(),
            spares,
            requests_saved,
            requests_added,
            worthwhile: adopted || requests_saved > requests_added,
            adopted,
        };
        if adopted[group] {
            groups.push(proposal(Vec::new(), 0, true));
            continue;
        }
        if overlaps(graph, &adopted, group) {
            groups.push(proposal(Vec::new(), 0, false));
            continue;
        }
        let mut with = adopted.clone();
        with[group] = true;
        let Ok(other) = assign::cheapest(graph, &nodes(graph, &with), effort) else {
            groups.push(proposal(Vec::new(), 0, false));
            continue;
        };
        let saved =
            requests(graph, &assignment, per_request).saturating_sub(requests(graph, &other, per_request));
        let both = assignment.deferred.iter().zip(&other.deferred).zip(&graph.lookups);
        let spares =
            both.filter(|((now, then), _)| **now && !**then).map(|(_, it)| it.as_deferred()).collect();
        adopted[group] = adopting && saved > requests_added;
        groups.push(proposal(spares, saved, adopted[group]));
        if adopted[group] {
            assignment = other;
        }
    }
    // Where nothing is saved there is nothing to weigh.
    groups.retain(|group: &RowWaves| group.adopted || group.requests_saved > 0);
    Ok(Chosen { node: nodes(graph, &adopted), assignment, groups })
}

fn overlaps(graph: &Indexed<'_>, adopted: &[bool], group: usize) -> bool {
    let members = &graph.row_levels[group].0;
    let others = graph.row_levels.iter().zip(adopted).filter(|(_, adopted)| **adopted);
    others.flat_map(|((tables, _), _)| tables).any(|table| members.contains(table))
}

/// Tables of adopted groups share a number.
fn nodes(graph: &Indexed<'_>, adopted: &[bool]) -> Vec<usize> {
    let mut representative: Vec<usize> = (0..graph.tables.len()).collect();
    for ((members, _), _) in graph.row_levels.iter().zip(adopted).filter(|(_, adopted)| **adopted) {
        let first = members.iter().copied().min().unwrap_or(0);
        for &table in members {
            representative[table] = first;
        }
    }
    let mut number = vec![usize::MAX; graph.tables.len()];
    let mut next = 0;
    for table in 0..representative.len() {
        let first = representative[table];
        if number[first] == usize::MAX {
            number[first] = next;
            next += 1;
        }
        number[table] = number[first];
    }
    number
}

/// Requests of second writes: each table's distinct rows in full requests.
fn requests(graph: &Indexed<'_>, assignment: &Assignment, per_request: u64) -> u64 {
    graph.second_writes(&assignment.deferred).values().map(|rows| rows.div_ceil(per_request)).sum()
}

/// Requests that come on top because every level ends with a request that is not full.
fn added(levels: &RowLevels, per_request: u64) -> u64 {
    let by_level: u64 = levels.levels.iter().flatten().map(|rows| rows.div_ceil(per_request)).sum();
    let at_once: u64 = (0..levels.tables.len())
        .map(|table| levels.levels.iter().map(|level| level[table]).sum::<u64>().div_ceil(per_request))
        .sum();
    by_level.saturating_sub(at_once)
}
