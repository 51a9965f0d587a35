//! The graphs of real organisations.

use load_sequence::{LookupGraph, Options, Sequence, sequence};

use crate::laws::{defers_nothing_without_need, is_loadable};
use crate::schema::{one_row_each, organisation, standard};

#[track_caller]
fn proven(graph: &LookupGraph, largest: usize) -> Sequence {
    let plan = sequence(graph, &Options::default()).unwrap();
    is_loadable(graph, &plan);
    defers_nothing_without_need(graph, &plan);
    assert_eq!(plan.components[0].tables.len(), largest);
    assert!(plan.proven);
    plan
}

/// Rows written twice: the cheapest order, the guide's, and deferring the first back edge.
fn prices(plan: &Sequence) -> Vec<u64> {
    plan.strategies.iter().map(|it| it.cost).collect()
}

#[test]
fn the_standard_tables_are_sequenced_and_proven() {
    // These figures are in docs/sequencing.md.
    let plan = proven(&standard(), 56);
    assert_eq!(plan.cost, 52_066);
    assert_eq!(prices(&plan), [52_066, 5_542_915, 955_174]);
}

#[test]
fn a_whole_organisation_is_sequenced_and_proven() {
    let plan = proven(&organisation(), 525);
    assert_eq!(plan.cost, 644_684);
    assert_eq!(prices(&plan), [644_684, 46_412_569, 15_825_565]);
}

#[test]
fn the_fewest_waiting_lookups_of_the_standard_tables_are_known() {
    let plan = proven(&one_row_each(standard()), 56);
    assert_eq!(plan.cost, 11);
}

#[test]
fn the_fewest_waiting_lookups_of_an_organisation_are_known() {
    let plan = proven(&one_row_each(organisation()), 525);
    assert_eq!(plan.cost, 52);
}
