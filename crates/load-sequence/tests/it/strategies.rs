//! Other people's orders, beside the cheapest.

use load_sequence::{Error, Lookup, Options, Strategy, sequence};

use crate::cases::{accounts_and_contacts, graph, plan};

#[test]
fn the_order_by_lookup_count_puts_a_child_before_its_parent_and_says_what_that_costs() {
    // The order has one lookup and the customer two: by count, orders come first.
    let graph = graph(
        &[("region", 5), ("owner", 5), ("customer", 100), ("order", 1_000)],
        vec![
            Lookup::new("order", "customer", "customer", 1_000),
            Lookup::new("customer", "region", "region", 100),
            Lookup::new("customer", "owner", "owner", 100),
        ],
    );
    assert_eq!(plan(&graph).cost, 0);
    let guide = sequence(&graph, &Options { strategy: Strategy::LookupCount, ..Options::default() }).unwrap();
    assert_eq!(guide.waves, [["owner"], ["region"], ["order"], ["customer"]]);
    assert_eq!((guide.cost, guide.bound, guide.proven), (1_000, 0, false));
    assert!(guide.headline().ends_with("another order may need none"), "{}", guide.headline());
    let costs: Vec<u64> = guide.strategies.iter().map(|it| it.cost).collect();
    assert_eq!(costs, [0, 1_000, 0]);

    let mut required = graph;
    required.lookups[0].required = true;
    let error =
        sequence(&required, &Options { strategy: Strategy::LookupCount, ..Options::default() }).unwrap_err();
    insta::assert_snapshot!(error, @"lookup-count order cannot be loaded, since it leaves empty what must be there at insert: order.customer -> customer (required)");
    assert!(error.advice().contains("cheapest order"));
    let Error::BreaksRequired { strategies, .. } = error else { panic!() };
    assert_eq!((strategies[0].cost, strategies[1].impossible.len()), (0, 1));
}

#[test]
fn deferring_the_first_back_edge_depends_on_names_and_costs_more() {
    let graph = accounts_and_contacts();
    let first =
        sequence(&graph, &Options { strategy: Strategy::FirstBackEdge, ..Options::default() }).unwrap();
    // Its bound is what the cheapest order proves.
    assert_eq!((first.cost, first.bound, first.proven), (9_000, 1_500, false));
    assert!(first.headline().ends_with("9,000 rows written twice, at least 1,500 in any order"));
}

#[test]
fn an_order_that_happens_to_be_the_cheapest_is_said_to_be() {
    let mut graph = accounts_and_contacts();
    graph.lookups[0].rows = 9_001;
    for strategy in [Strategy::Cheapest, Strategy::FirstBackEdge] {
        let plan = sequence(&graph, &Options { strategy, ..Options::default() }).unwrap();
        assert_eq!((plan.strategy, plan.cost, plan.bound, plan.proven), (strategy, 9_000, 9_000, true));
        assert!(plan.headline().ends_with("the fewest possible"), "{}", plan.headline());
    }
}

#[test]
fn every_plan_has_the_prices_of_all_strategies() {
    let graph = accounts_and_contacts();
    let all = [Strategy::Cheapest, Strategy::LookupCount, Strategy::FirstBackEdge];
    let plans = all.map(|strategy| sequence(&graph, &Options { strategy, ..Options::default() }).unwrap());
    for plan in &plans {
        assert_eq!(plan.strategies, plans[0].strategies);
        let own = plan.strategies.iter().find(|it| it.strategy == plan.strategy).unwrap();
        assert_eq!((own.cost, own.deferred), (plan.cost, plan.deferred.len()));
    }
}

#[test]
fn a_cycle_of_required_lookups_is_told_whatever_the_strategy() {
    let lookups = vec![Lookup::new("a", "x", "b", 1).required(), Lookup::new("b", "y", "a", 1).required()];
    let graph = graph(&[("a", 1), ("b", 1)], lookups);
    for strategy in [Strategy::LookupCount, Strategy::FirstBackEdge] {
        let error = sequence(&graph, &Options { strategy, ..Options::default() }).unwrap_err();
        assert!(error.advice().contains("placeholder row"), "{error}");
    }
}
