//! The way from a graph to its plan.

use std::time::{Duration, Instant};

use crate::assign::{self, Assignment};
use crate::cut::Effort;
use crate::error::Error;
use crate::explain;
use crate::indexed::Indexed;
use crate::model::LookupGraph;
use crate::options::Options;
use crate::order;
use crate::plan::{AssociationStep, LevelColumn, RowWaves, SecondWrites, Sequence, StateStep, Strategy};
use crate::row_waves;
use crate::waves;

/// Finds the order that needs the fewest second writes.
///
/// Every lookup written at insert points to an earlier wave, or to its own table (level by level). A required or create-only
/// lookup is never deferred. When the time of [`Options::proof_time`] is over, the plan is the best one found and says how far from the
/// cheapest it can be at most.
///
/// # Errors
///
/// [`Error::RequiredCycle`] when lookups that cannot wait close a cycle, [`Error::BreaksRequired`] when the order asked for would leave such a
/// lookup empty, [`Error::InvalidGraph`] when the graph contradicts itself.
pub fn sequence(graph: &LookupGraph, options: &Options) -> Result<Sequence, Error> {
    let graph = Indexed::new(graph)?;
    match options.strategy {
        Strategy::Cheapest => {
            let effort = Effort { deadline: deadline(options), most_arcs: options.proof_size };
            let chosen = row_waves::weigh(&graph, options, effort)?;
            Ok(assemble(&graph, options, &chosen.node, chosen.assignment, chosen.groups))
        }
        Strategy::LookupCount => {
            let order = order::by_lookup_count(&graph);
            let deferred = order::deferred_by(&graph, &order, &assign::forced(&graph));
            refuse_broken(&graph, &deferred, "lookup-count")?;
            let mut plan = unproven(&graph, options, deferred);
            plan.waves = order.iter().map(|&table| vec![graph.name(table).to_owned()]).collect();
            plan.associations =
                associations(&graph, |table| order.iter().position(|&it| it == table).unwrap_or(0));
            plan.explanations = explain::order(&graph, &order, &plan.deferred);
            Ok(plan)
        }
        Strategy::FirstBackEdge => {
            let deferred = order::first_back_edges(&graph, &assign::forced(&graph));
            refuse_broken(&graph, &deferred, "first-back-edge")?;
            Ok(unproven(&graph, options, deferred))
        }
    }
}

/// The end of the proof time; a time beyond what the clock can say is a day.
fn deadline(options: &Options) -> Instant {
    let now = Instant::now();
    now.checked_add(options.proof_time).unwrap_or(now + Duration::from_hours(24))
}

fn refuse_broken(graph: &Indexed<'_>, deferred: &[bool], strategy: &'static str) -> Result<(), Error> {
    let broken =
        graph.lookups.iter().zip(deferred).filter(|(it, deferred)| **deferred && !it.lookup.is_deferrable());
    let lookups: Vec<_> = broken.map(|(it, _)| it.as_step()).collect();
    if lookups.is_empty() { Ok(()) } else { Err(Error::BreaksRequired { strategy, lookups }) }
}

/// A plan that nobody claims to be the cheapest; its bound is what must be written twice in any order.
fn unproven(graph: &Indexed<'_>, options: &Options, deferred: Vec<bool>) -> Sequence {
    let total = |deferred: &[bool]| graph.second_writes(deferred).values().sum::<u64>();
    let gap = total(&deferred) - total(&assign::forced(graph));
    let node: Vec<usize> = (0..graph.tables.len()).collect();
    assemble(graph, options, &node, Assignment { deferred, components: Vec::new(), gap }, Vec::new())
}

fn assemble(
    graph: &Indexed<'_>,
    options: &Options,
    node: &[usize],
    assignment: Assignment,
    row_waves: Vec<RowWaves>,
) -> Sequence {
    let Assignment { deferred, components, gap } = assignment;
    let wave = waves::earliest(graph, node, &deferred);
    let mut waves: Vec<Vec<String>> = vec![Vec::new(); wave.iter().max().map_or(0, |highest| highest + 1)];
    for (table, &wave) in wave.iter().enumerate() {
        waves[wave].push(graph.name(table).to_owned());
    }
    let waiting = graph.lookups.iter().zip(&deferred).filter(|(_, deferred)| **deferred);
    let self_references = graph.lookups.iter().filter(|it| it.table == it.target);
    let second_writes = graph.second_writes(&deferred);
    let cost: u64 = second_writes.values().sum();
    let named = |table: &usize| graph.name(*table).to_owned();
    let inactive = graph.tables.iter().filter(|table| table.inactive_rows > 0);
    Sequence {
        waves,
        deferred: waiting.map(|(it, _)| it.as_deferred()).collect(),
        levels: self_references
            .map(|it| LevelColumn { table: it.lookup.table.clone(), column: it.lookup.column.clone() })
            .collect(),
        associations: associations(graph, |table| wave[table]),
        states_last: inactive
            .map(|it| StateStep { table: it.name.clone(), rows: it.inactive_rows })
            .collect(),
        special: (0..graph.tables.len())
            .filter(|&table| graph.last[table])
            .map(|table| named(&table))
            .collect(),
        row_waves,
        second_writes: second_writes
            .iter()
            .map(|(table, &rows)| SecondWrites { table: named(table), rows })
            .collect(),
        cost,
        proven: gap == 0,
        bound: cost - gap,
        strategy: options.strategy,
        components,
        ignored: graph.ignored.clone(),
        explanations: explain::waves(graph, node, &wave, &deferred),
    }
}

fn associations(graph: &Indexed<'_>, wave_of: impl Fn(usize) -> usize) -> Vec<AssociationStep> {
    let position =
        |name: &str| graph.tables.binary_search_by(|table| table.name.as_str().cmp(name)).map_or(0, &wave_of);
    let step = |it: &&crate::model::Association| AssociationStep {
        table: it.table.clone(),
        first: it.first.clone(),
        second: it.second.clone(),
        after_wave: position(&it.first).max(position(&it.second)),
        rows: it.rows,
    };
    graph.associations.iter().map(step).collect()
}
