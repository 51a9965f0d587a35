//! The proof: an integer programme over "is this arc cut", whose constraints (each cycle is cut somewhere) are added as they are found.

use std::collections::BTreeSet;
use std::time::Instant;

use microlp::{
    ComparisonOp, OptimizationDirection, Problem, SolutionStatus, SolveOptions, SolveOutcome, Variable,
};

use super::Cut;
use super::cycles::{light_cycles, short_cycles};
use super::instance::{Instance, TIE_SHARE, real};
use super::order::completed;
use super::prune::prune;

/// Arcs that a search for cycles may look at.
const SEARCH_WORK: usize = 10_000_000;
/// The same for the fast search of a fractional round.
const ROUND_WORK: usize = 10_000_000;

/// The same before the first round; enough for a cycle through every lookup of a graph with some hundred of them.
const FIRST_WORK: usize = 300_000;

/// Improves `best` until its bound meets its cost or the time is over. `packed` are cycles that are known already.
pub(crate) fn prove(instance: &Instance, best: &mut Cut, packed: Vec<Vec<usize>>, deadline: Instant) {
    let mut pool: BTreeSet<Vec<usize>> = packed.into_iter().collect();
    pool.extend(short_cycles(instance, &vec![false; instance.arcs.len()], FIRST_WORK));
    tighten(instance, best, &mut pool, deadline);
    loop {
        let Some(answer) = solve(instance, &pool, Kind::Integer, &best.arcs, deadline) else { return };
        best.bound = best.bound.max(whole_rows(answer.bound));
        let missing = short_cycles(instance, &answer.cut(), SEARCH_WORK);
        if missing.is_empty() {
            best.improve(instance, prune(instance, answer.cut()));
        } else {
            best.improve(instance, completed(instance, &answer.cut()));
        }
        best.bound = best.bound.min(best.cost);
        // When nothing is missing, the optimum of the pool is the optimum of the whole.
        if missing.is_empty() || !answer.optimal {
            return;
        }
        pool.extend(missing);
    }
}

/// Adds cycles that the fractional optimum violates, until it violates none: the integer rounds then need few or no further cycles.
fn tighten(instance: &Instance, best: &mut Cut, pool: &mut BTreeSet<Vec<usize>>, deadline: Instant) {
    loop {
        let Some(answer) = solve(instance, pool, Kind::Fractional, &best.arcs, deadline) else { return };
        if !answer.optimal {
            return;
        }
        best.bound = best.bound.max(whole_rows(answer.bound)).min(best.cost);
        // Cycles that remain after rounding are found fast; only when these are exhausted are the slower searches worth it.
        let known = pool.len();
        pool.extend(short_cycles(instance, &answer.cut(), ROUND_WORK));
        if pool.len() == known {
            pool.extend(light_cycles(instance, &answer.values, SEARCH_WORK));
        }
        if pool.len() == known {
            return;
        }
    }
}

/// Rows that the objective's lower bound stands for. All ties together weigh less than `TIE_SHARE`, and the solver's rounding
/// stays far below the rest: both are taken off before rounding up.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bound is not negative and counts of rows stay below 2^53"
)]
fn whole_rows(bound: f64) -> u64 {
    let rounding = 1e-4 + bound.abs() * 1e-11;
    (bound - TIE_SHARE - rounding).ceil().max(0.0) as u64
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Fractional,
}

struct Answer {
    values: Vec<f64>,
    bound: f64,
    optimal: bool,
}

impl Answer {
    fn cut(&self) -> Vec<bool> {
        self.values.iter().map(|value| *value > 0.5).collect()
    }
}

/// The cheapest way to cut every cycle of the pool. `None` when the time is over without any answer or the solver gives up.
fn solve(
    instance: &Instance,
    pool: &BTreeSet<Vec<usize>>,
    kind: Kind,
    start: &[bool],
    deadline: Instant,
) -> Option<Answer> {
    let mut used = vec![false; instance.arcs.len()];
    for &arc in pool.iter().flatten() {
        used[arc] = instance.arcs[arc].price.is_some();
    }
    let mut problem = Problem::new(OptimizationDirection::Minimize);
    let mut variable = |cost: f64| match kind {
        Kind::Integer => problem.add_binary_var(cost),
        Kind::Fractional => problem.add_var(cost, (0.0, 1.0)),
    };
    let ties: f64 = instance.arcs.iter().map(|arc| f64::from(arc.tie)).sum::<f64>().max(1.0);
    let cuts: Vec<Option<Variable>> = instance
        .arcs
        .iter()
        .zip(&used)
        .map(|(arc, used)| match arc.price {
            Some(price) if *used => Some(variable(real(price) + f64::from(arc.tie) * TIE_SHARE / ties)),
            _ => None,
        })
        .collect();
    let mut hints: Vec<(Variable, f64)> = Vec::new();
    let mut hint = |variable: Variable, is_cut: bool| hints.push((variable, f64::from(u8::from(is_cut))));
    for (variable, is_cut) in cuts.iter().zip(start) {
        if let Some(variable) = variable {
            hint(*variable, *is_cut);
        }
    }
    let mut paid = Vec::new();
    for group in &instance.shared {
        let members: Vec<Variable> = group.arcs.iter().filter_map(|&arc| cuts[arc]).collect();
        if !members.is_empty() {
            let once = variable(real(group.rows));
            hint(once, group.arcs.iter().any(|&arc| start[arc]));
            paid.push((once, members));
        }
    }
    for (once, members) in paid {
        for member in members {
            problem.add_constraint([(once, 1.0), (member, -1.0)], ComparisonOp::Ge, 0.0);
        }
    }
    for cycle in pool {
        let members: Vec<(Variable, f64)> =
            cycle.iter().filter_map(|&arc| cuts[arc].map(|cut| (cut, 1.0))).collect();
        problem.add_constraint(members, ComparisonOp::Ge, 1.0);
    }
    let mut options = SolveOptions::default();
    options.time_limit = Some(deadline.checked_duration_since(Instant::now())?);
    options.int_tol = 1e-9;
    if kind == Kind::Integer {
        options.warm_start = Some(hints);
    }
    match problem.solve_with(options).ok()? {
        SolveOutcome::Solution(solution) => Some(Answer {
            values: cuts.iter().map(|cut| cut.map_or(0.0, |cut| solution.var_value(cut))).collect(),
            bound: solution.stats().best_bound.unwrap_or(0.0),
            optimal: solution.status() == SolutionStatus::Optimal,
        }),
        SolveOutcome::Interrupted(_) => None,
    }
}
