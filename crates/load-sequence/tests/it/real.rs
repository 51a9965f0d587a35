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

#[test]
fn the_standard_tables_are_sequenced_and_proven() {
    proven(&standard(), 56);
}

#[test]
fn a_whole_organisation_is_sequenced_and_proven() {
    proven(&organisation(), 525);
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
