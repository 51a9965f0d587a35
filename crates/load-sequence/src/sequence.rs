//! The way from a graph to its plan.

use std::time::{Duration, Instant};

use crate::assign::{self, Assignment};
use crate::compare::{self, StrategyCost};
use crate::cut::Effort;
use crate::error::Error;
use crate::explain::{self, Reason};
use crate::indexed::Indexed;
use crate::model::LookupGraph;
use crate::options::Options;
use crate::order;
use crate::plan::{AssociationStep, LevelColumn, SecondWrites, Sequence, StateStep, Strategy};
use crate::row_waves;
use crate::waves;

/// Finds the order that needs the fewest second writes.
///
/// Every lookup written at insert points to an earlier wave, or to its own table (level by level). A required or create-only
/// lookup is never deferred. When the time of [`Options::proof_time`] is over, the plan is the best one found and says how far from the
/// cheapest it can be at most. Another strategy's plan has the same bound, and every plan has the prices of all strategies beside it.
///
/// # Errors
///
/// [`Error::RequiredCycle`] when lookups that cannot wait close a cycle, [`Error::BreaksRequired`] when the order asked for would leave such a
/// lookup empty, [`Error::InvalidGraph`] when the graph contradicts itself.
pub fn sequence(graph: &LookupGraph, options: &Options) -> Result<Sequence, Error> {
    let graph = Indexed::new(graph)?;
    let effort = Effort { deadline: deadline(options), most_arcs: options.proof_size };
    // Every order is told against the cheapest one, so that one is always found.
    let chosen = row_waves::weigh(&graph, options, effort)?;
    let forced = assign::forced(&graph);
    let order = order::by_lookup_count(&graph);
    let by_count = order::deferred_by(&graph, &order, &forced);
    let first_back_edges = order::first_back_edges(&graph, &forced);
    let strategies = compare::prices(&graph, &chosen.assignment, &by_count, &first_back_edges);
    let mut plan = match options.strategy {
        Strategy::Cheapest => {
            let reason = if chosen.assignment.gap == 0 { Reason::Cheapest } else { Reason::BestFound };
            let mut plan = assemble(&graph, &chosen.node, chosen.assignment, reason);
            plan.row_waves = chosen.groups;
            plan
        }
        Strategy::LookupCount => {
            refuse_broken(&graph, &by_count, "lookup-count", &strategies)?;
            let mut plan = priced(&graph, by_count, &chosen.assignment);
            plan.waves = order.iter().map(|&table| vec![graph.name(table).to_owned()]).collect();
            plan.associations =
                associations(&graph, |table| order.iter().position(|&it| it == table).unwrap_or(0));
            plan.explanations = explain::order(&graph, &order, &plan.deferred);
            plan
        }
        Strategy::FirstBackEdge => {
            refuse_broken(&graph, &first_back_edges, "first-back-edge", &strategies)?;
            priced(&graph, first_back_edges, &chosen.assignment)
        }
    };
    plan.strategy = options.strategy;
    plan.strategies = strategies;
    Ok(plan)
}

/// The end of the proof time; a time beyond what the clock can say is a day.
fn deadline(options: &Options) -> Instant {
    let now = Instant::now();
    now.checked_add(options.proof_time).unwrap_or(now + Duration::from_hours(24))
}

fn refuse_broken(
    graph: &Indexed<'_>,
    deferred: &[bool],
    strategy: &'static str,
    strategies: &[StrategyCost],
) -> Result<(), Error> {
    let lookups = compare::impossible(graph, deferred);
    if lookups.is_empty() {
        return Ok(());
    }
    Err(Error::BreaksRequired { strategy, lookups, strategies: strategies.to_vec() })
}

/// The plan of an order that was asked for, with the bound that the cheapest one proves.
fn priced(graph: &Indexed<'_>, deferred: Vec<bool>, cheapest: &Assignment) -> Sequence {
    let total = |deferred: &[bool]| graph.second_writes(deferred).values().sum::<u64>();
    let bound = total(&cheapest.deferred).saturating_sub(cheapest.gap);
    let gap = total(&deferred).saturating_sub(bound);
    let node: Vec<usize> = (0..graph.tables.len()).collect();
    assemble(graph, &node, Assignment { deferred, components: Vec::new(), gap }, Reason::FirstBackEdge)
}

fn assemble(graph: &Indexed<'_>, node: &[usize], assignment: Assignment, reason: Reason) -> Sequence {
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
        row_waves: Vec::new(),
        second_writes: second_writes
            .iter()
            .map(|(table, &rows)| SecondWrites { table: named(table), rows })
            .collect(),
        cost,
        proven: gap == 0,
        bound: cost - gap,
        strategy: Strategy::Cheapest,
        strategies: Vec::new(),
        components,
        ignored: graph.ignored.clone(),
        explanations: explain::waves(graph, node, &wave, &deferred, reason),
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
