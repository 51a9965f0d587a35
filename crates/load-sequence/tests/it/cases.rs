//! Cases that people meet, each kept as a test.

use std::time::Duration;

use load_sequence::{
    Association, Binding, Combination, Error, Ignore, IgnoreReason, Lookup, LookupGraph, Options, RowLevels,
    RowWavesChoice, Sequence, Table, sequence,
};

pub(crate) fn graph(tables: &[(&str, u64)], lookups: Vec<Lookup>) -> LookupGraph {
    LookupGraph {
        tables: tables.iter().map(|(name, rows)| Table::new(*name, *rows)).collect(),
        lookups,
        ..LookupGraph::default()
    }
}

#[track_caller]
pub(crate) fn plan(graph: &LookupGraph) -> Sequence {
    sequence(graph, &Options::default()).unwrap()
}

fn waiting(plan: &Sequence) -> Vec<(&str, &str, &str, u64)> {
    plan.deferred
        .iter()
        .map(|it| (it.table.as_str(), it.column.as_str(), it.target.as_str(), it.rows))
        .collect()
}

/// Accounts name a primary contact, contacts their account.
pub(crate) fn accounts_and_contacts() -> LookupGraph {
    graph(
        &[("account", 2_000), ("contact", 10_000)],
        vec![
            Lookup::new("account", "primarycontactid", "contact", 1_500),
            Lookup::new("contact", "parentcustomerid", "account", 9_000).parental(),
        ],
    )
}

#[test]
fn the_lookup_with_fewer_rows_waits() {
    let plan = plan(&accounts_and_contacts());
    assert_eq!(plan.waves, [["account"], ["contact"]]);
    assert_eq!(waiting(&plan), [("account", "primarycontactid", "contact", 1_500)]);
    assert_eq!((plan.cost, plan.bound, plan.proven), (1_500, 1_500, true));
}

#[test]
fn a_cycle_of_lookups_that_only_forms_require_can_be_broken() {
    // The platform accepts rows without them, so callers do not mark them as required.
    let plan = plan(&graph(
        &[("quote", 10), ("opportunity", 10)],
        vec![
            Lookup::new("quote", "opportunityid", "opportunity", 7),
            Lookup::new("opportunity", "mainquoteid", "quote", 5),
        ],
    ));
    assert_eq!(waiting(&plan), [("opportunity", "mainquoteid", "quote", 5)]);
}

#[test]
fn a_create_only_lookup_never_waits_however_many_rows_the_other_one_fills() {
    let plan = plan(&graph(
        &[("a", 10), ("b", 10)],
        vec![Lookup::new("a", "to_b", "b", 1).create_only(), Lookup::new("b", "to_a", "a", 1_000_000)],
    ));
    assert_eq!(waiting(&plan), [("b", "to_a", "a", 1_000_000)]);
    assert_eq!(plan.waves, [["b"], ["a"]]);
}

#[test]
fn a_cycle_of_lookups_that_cannot_wait_is_named_table_by_table_and_column_by_column() {
    let error = sequence(
        &graph(
            &[("a", 1), ("b", 1), ("c", 1), ("d", 1)],
            vec![
                Lookup::new("a", "x", "b", 1).required(),
                Lookup::new("b", "y", "c", 1).create_only(),
                Lookup::new("c", "z", "a", 1).required().create_only(),
                Lookup::new("c", "optional", "d", 1),
                Lookup::new("d", "optional", "c", 1),
            ],
        ),
        &Options::default(),
    )
    .unwrap_err();
    insta::assert_snapshot!(error, @"no table can be loaded first, since lookups that cannot wait form a cycle: a.x -> b (required), b.y -> c (create-only), c.z -> a (required, create-only)");
    assert!(error.advice().contains("placeholder row"));
    let Error::RequiredCycle(cycles) = error else { panic!() };
    assert_eq!(cycles[0].steps[1].why, Binding::CreateOnly);
}

#[test]
fn two_lookups_deferred_from_one_row_cost_one_update() {
    let lookups = vec![
        Lookup::new("order", "customer", "customer", 60),
        Lookup::new("order", "payer", "payer", 60),
        Lookup::new("customer", "last_order", "order", 70),
        Lookup::new("payer", "last_order", "order", 45),
    ];
    let mut graph = graph(&[("order", 100), ("customer", 70), ("payer", 45)], lookups);
    // Summed up, it looks cheapest to let the orders' customer and the payers' last order wait.
    let summed = plan(&graph);
    assert_eq!(summed.cost, 105);
    // It is the same 60 orders that have both filled.
    graph.combinations = vec![Combination::new("order", &[("customer", "customer"), ("payer", "payer")], 60)];
    let distinct = plan(&graph);
    assert_eq!(distinct.cost, 60);
    assert_eq!(distinct.deferred.len(), 2);
    assert_eq!(distinct.second_writes[0].rows, 60);
    assert!(distinct.proven);
}

#[test]
fn combinations_that_contradict_the_lookups_are_refused() {
    let mut graph = accounts_and_contacts();
    graph.combinations = vec![Combination::new("contact", &[("parentcustomerid", "account")], 8_000)];
    insta::assert_snapshot!(
        sequence(&graph, &Options::default()).unwrap_err(),
        @"the lookup graph cannot be used: the combinations fill contact.parentcustomerid -> account in 8,000 rows, the lookup itself says 9,000"
    );
}

#[test]
fn a_self_reference_is_loaded_level_by_level_and_costs_nothing() {
    let plan = plan(&graph(
        &[("account", 100)],
        vec![Lookup::new("account", "parentaccountid", "account", 80).required()],
    ));
    assert_eq!(
        (plan.levels[0].table.as_str(), plan.levels[0].column.as_str()),
        ("account", "parentaccountid")
    );
    assert_eq!((plan.deferred.len(), plan.cost, plan.waves.len()), (0, 0, 1));
}

#[test]
fn only_rows_on_a_cycle_of_rows_of_a_self_reference_wait() {
    let lookup = Lookup::new("account", "parentaccountid", "account", 80).with_rows_on_cycles(4);
    let plan = plan(&graph(&[("account", 100)], vec![lookup.clone()]));
    assert_eq!(waiting(&plan), [("account", "parentaccountid", "account", 4)]);
    assert_eq!((plan.levels.len(), plan.cost, plan.bound), (1, 4, 4));

    let error =
        sequence(&graph(&[("account", 100)], vec![lookup.required()]), &Options::default()).unwrap_err();
    assert!(matches!(error, Error::RequiredCycle(cycles) if cycles[0].steps.len() == 1));
}

#[test]
fn a_multi_table_lookup_waits_only_for_the_target_that_closes_the_cycle() {
    let plan = plan(&graph(
        &[("account", 10), ("contact", 10), ("lead", 10)],
        vec![
            Lookup::new("contact", "parentcustomerid", "account", 9),
            Lookup::new("account", "primarycontactid", "contact", 12),
            Lookup::new("contact", "parentcustomerid", "lead", 8),
        ],
    ));
    assert_eq!(waiting(&plan), [("contact", "parentcustomerid", "account", 9)]);
    assert_eq!(plan.waves, vec![vec!["lead"], vec!["contact"], vec!["account"]]);
}

#[test]
fn among_equally_cheap_orders_the_parental_lookup_is_kept() {
    let lookups = vec![Lookup::new("a", "x", "b", 5).parental(), Lookup::new("b", "y", "a", 5)];
    assert_eq!(waiting(&plan(&graph(&[("a", 5), ("b", 5)], lookups))), [("b", "y", "a", 5)]);
    let lookups = vec![Lookup::new("a", "x", "b", 5), Lookup::new("b", "y", "a", 5).parental()];
    assert_eq!(waiting(&plan(&graph(&[("a", 5), ("b", 5)], lookups))), [("a", "x", "b", 5)]);
}

#[test]
fn ignored_lookups_and_those_that_leave_the_migration_are_listed() {
    let mut graph = accounts_and_contacts();
    graph.lookups.push(Lookup::new("account", "createdby", "systemuser", 2_000));
    graph.ignore = vec![Ignore::lookup("account", "primarycontactid")];
    let plan = plan(&graph);
    assert_eq!(plan.cost, 0);
    let reasons: Vec<_> = plan.ignored.iter().map(|it| (it.column.as_str(), it.reason)).collect();
    assert_eq!(
        reasons,
        [("createdby", IgnoreReason::OutsideMigration), ("primarycontactid", IgnoreReason::Asked)]
    );
}

#[test]
fn associations_follow_both_ends_and_states_come_last() {
    let mut graph = accounts_and_contacts();
    graph.tables[0].inactive_rows = 30;
    graph.tables.push(Table::new("close", 5).at_the_end());
    graph.lookups.push(Lookup::new("close", "regardingobjectid", "account", 5).required());
    graph.lookups.push(Lookup::new("contact", "lastclose", "close", 2));
    graph.associations = vec![Association {
        table: "account_contact".into(),
        first: "account".into(),
        second: "contact".into(),
        rows: 9,
    }];
    let plan = plan(&graph);
    assert_eq!(plan.waves, [["account"], ["contact"], ["close"]]);
    assert_eq!(plan.special, ["close"]);
    assert_eq!(plan.associations[0].after_wave, 1);
    assert_eq!((plan.states_last[0].table.as_str(), plan.states_last[0].rows), ("account", 30));
    assert!(waiting(&plan).contains(&("contact", "lastclose", "close", 2)));
    assert_eq!(plan.cost, 1_502);
}

#[test]
fn a_special_table_that_others_need_at_insert_is_loaded_before_them() {
    let mut graph = accounts_and_contacts();
    graph.tables.push(Table::new("close", 5).at_the_end());
    graph.lookups.push(Lookup::new("contact", "needs", "close", 2).required());
    let plan = plan(&graph);
    assert!(plan.special.is_empty());
    assert_eq!(plan.waves, [vec!["account", "close"], vec!["contact"]]);
    let told = plan.explanations.iter().find(|it| it.table == "close").unwrap();
    assert_eq!(
        told.text,
        "wave 1: nothing has to be loaded before it; not kept for the very end, since it is needed at insert by contact.needs -> close (required)"
    );
}

fn with_row_levels(levels: Vec<Vec<u64>>) -> LookupGraph {
    let mut graph = accounts_and_contacts();
    graph.row_levels = vec![RowLevels { tables: vec!["account".into(), "contact".into()], levels }];
    graph
}

#[test]
fn row_waves_are_proposed_when_they_save_more_requests_than_they_cost() {
    let few = with_row_levels(vec![vec![500, 1_000], vec![1_000, 9_000], vec![500, 0]]);
    let proposal = &plan(&few).row_waves[0];
    assert_eq!((proposal.requests_saved, proposal.requests_added, proposal.worthwhile), (15, 0, true));
    assert!(!proposal.adopted);
    assert_eq!(proposal.spares[0].column, "primarycontactid");

    let many = with_row_levels((0..100).map(|_| vec![20, 100]).collect());
    let proposal = &plan(&many).row_waves[0];
    assert_eq!((proposal.requests_saved, proposal.requests_added, proposal.worthwhile), (15, 80, false));
}

#[test]
fn adopted_row_waves_defer_nothing_and_share_a_wave() {
    let graph = with_row_levels(vec![vec![500, 1_000], vec![1_000, 9_000], vec![500, 0]]);
    let adopt = Options { row_waves: RowWavesChoice::Adopt, ..Options::default() };
    let plan = sequence(&graph, &adopt).unwrap();
    assert_eq!(plan.waves, [["account", "contact"]]);
    assert_eq!((plan.cost, plan.deferred.len(), plan.row_waves[0].adopted), (0, 0, true));
}

#[test]
fn row_waves_that_spare_nothing_are_not_proposed() {
    let mut graph = with_row_levels(vec![vec![500, 1_000], vec![1_500, 9_000]]);
    assert_eq!(plan(&graph).row_waves.len(), 1);
    graph.ignore = vec![Ignore::lookup("account", "primarycontactid")];
    assert_eq!(plan(&graph).row_waves, []);
}

#[test]
fn row_waves_load_what_no_order_of_tables_can() {
    let mut graph = with_row_levels(vec![vec![500, 1_000], vec![1_500, 9_000]]);
    for lookup in &mut graph.lookups {
        lookup.required = true;
    }
    assert!(matches!(sequence(&graph, &Options::default()), Err(Error::RequiredCycle(_))));
    let adopt = Options { row_waves: RowWavesChoice::Adopt, ..Options::default() };
    assert_eq!(sequence(&graph, &adopt).unwrap().waves, [["account", "contact"]]);
}

#[test]
fn every_problem_of_a_graph_is_named_at_once() {
    let mut graph = accounts_and_contacts();
    graph.tables.push(Table::new("account", 1));
    graph.lookups.push(Lookup::new("account", "primarycontactid", "contact", 1));
    graph.lookups.push(Lookup::new("lead", "x", "contact", 1));
    graph.associations =
        vec![Association { table: "n".into(), first: "nobody".into(), second: "account".into(), rows: 0 }];
    let Err(Error::InvalidGraph(problems)) = sequence(&graph, &Options::default()) else { panic!() };
    insta::assert_snapshot!(problems.join("\n"), @"
    table account is listed twice
    lookup account.primarycontactid -> contact is listed twice
    lookup lead.x -> contact belongs to a table that is not listed
    N:N table n has an end nobody that is not listed
    ");
}

#[test]
fn an_empty_graph_has_an_empty_plan() {
    let plan = plan(&LookupGraph::default());
    assert!(plan.waves.is_empty() && plan.proven);
    let endless = Options { proof_time: Duration::MAX, ..Options::default() };
    assert!(sequence(&LookupGraph::default(), &endless).is_ok());
}

#[test]
fn the_plan_survives_serialisation() {
    let plan = plan(&accounts_and_contacts());
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Sequence>(&text).unwrap(), plan);
    // A plan that was kept before it had the prices of all strategies.
    let mut older: serde_json::Value = serde_json::from_str(&text).unwrap();
    older.as_object_mut().unwrap().remove("strategies");
    assert_eq!(serde_json::from_value::<Sequence>(older).unwrap().cost, plan.cost);
}
