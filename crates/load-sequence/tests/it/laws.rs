//! Laws on small graphs, with brute force as the judge.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use load_sequence::{
    Combination, Error, Filled, Lookup, LookupGraph, Options, Sequence, Table, Writable, sequence,
};
use proptest::prelude::*;

use crate::planted;

/// Checks a plan from outside: it covers all tables once and every lookup that does not wait points to an earlier wave.
pub(crate) fn is_loadable(graph: &LookupGraph, plan: &Sequence) {
    let mut wave = HashMap::new();
    for (number, tables) in plan.waves.iter().enumerate() {
        for table in tables {
            assert!(wave.insert(table.as_str(), number).is_none(), "{table} is in two waves");
        }
    }
    assert_eq!(wave.len(), graph.tables.len());
    let waits: BTreeSet<_> = plan.deferred.iter().map(|it| (&it.table, &it.column, &it.target)).collect();
    for lookup in active(graph).filter(|it| !it.is_self_reference()) {
        if waits.contains(&(&lookup.table, &lookup.column, &lookup.target)) {
            assert!(lookup.is_deferrable(), "{lookup:?} cannot wait");
        } else {
            assert!(
                wave[lookup.target.as_str()] < wave[lookup.table.as_str()],
                "{lookup:?} points to a later wave"
            );
        }
    }
}

/// Checks that each deferred lookup, were it written at insert, would close a cycle.
pub(crate) fn defers_nothing_without_need(graph: &LookupGraph, plan: &Sequence) {
    let waits: BTreeSet<_> = plan.deferred.iter().map(|it| (&it.table, &it.column, &it.target)).collect();
    let mut targets: HashMap<&str, Vec<&str>> = HashMap::new();
    for it in active(graph).filter(|it| !waits.contains(&(&it.table, &it.column, &it.target))) {
        targets.entry(&it.table).or_default().push(&it.target);
    }
    for deferred in plan.deferred.iter().filter(|it| it.table != it.target) {
        let mut seen = BTreeSet::from([deferred.target.as_str()]);
        let mut open = vec![deferred.target.as_str()];
        while let Some(table) = open.pop() {
            open.extend(targets.get(table).into_iter().flatten().copied().filter(|next| seen.insert(next)));
        }
        assert!(seen.contains(deferred.table.as_str()), "{deferred:?} waits without need");
    }
}

fn active(graph: &LookupGraph) -> impl Iterator<Item = &Lookup> {
    let known: BTreeSet<&str> = graph.tables.iter().map(|table| table.name.as_str()).collect();
    graph.lookups.iter().filter(move |it| {
        known.contains(it.target.as_str()) && !graph.ignore.iter().any(|rule| rule.covers(it))
    })
}

/// The least distinct rows over all orders of the tables, and of those the fewest waiting lookups; `None` when no order keeps what cannot wait.
fn brute_force(graph: &LookupGraph) -> Option<(u64, u64)> {
    let names: Vec<&str> = graph.tables.iter().map(|table| table.name.as_str()).collect();
    let position: HashMap<&str, usize> = names.iter().enumerate().map(|(i, name)| (*name, i)).collect();
    let mut order: Vec<usize> = (0..names.len()).collect();
    let mut best: Option<(u64, u64)> = None;
    permute(&mut order, 0, &mut |order| {
        let mut place = vec![0; order.len()];
        for (i, &table) in order.iter().enumerate() {
            place[table] = i;
        }
        let waiting: Vec<&Lookup> = graph
            .lookups
            .iter()
            .filter(|it| place[position[it.target.as_str()]] > place[position[it.table.as_str()]])
            .collect();
        if waiting.iter().all(|it| it.is_deferrable()) {
            let tie = waiting.iter().map(|it| if it.parental { 2 } else { 1 }).sum();
            let cost = (distinct_rows(graph, &waiting), tie);
            best = Some(best.map_or(cost, |best| best.min(cost)));
        }
    });
    best
}

fn permute(order: &mut Vec<usize>, from: usize, visit: &mut impl FnMut(&[usize])) {
    if from == order.len() {
        visit(order);
    }
    for i in from..order.len() {
        order.swap(from, i);
        permute(order, from + 1, visit);
        order.swap(from, i);
    }
}

fn distinct_rows(graph: &LookupGraph, waiting: &[&Lookup]) -> u64 {
    let mut rows = 0;
    let combined: BTreeSet<&str> = graph.combinations.iter().map(|it| it.table.as_str()).collect();
    for lookup in waiting.iter().filter(|it| !combined.contains(it.table.as_str())) {
        rows += lookup.rows;
    }
    for combination in &graph.combinations {
        let waits = |filled: &Filled| {
            waiting.iter().any(|it| {
                it.table == combination.table && it.column == filled.column && it.target == filled.target
            })
        };
        if combination.filled.iter().any(waits) {
            rows += combination.rows;
        }
    }
    rows
}

#[derive(Debug, Clone)]
struct Drawn {
    from: usize,
    to: usize,
    rows: u64,
    bound: bool,
    parental: bool,
}

fn drawn(tables: usize, lookups: usize, rows: u64) -> impl Strategy<Value = Vec<Drawn>> {
    let one = (0..tables, 0..tables, 0..=rows, prop::bool::weighted(0.08), prop::bool::weighted(0.2))
        .prop_map(|(from, to, rows, bound, parental)| Drawn { from, to, rows, bound, parental });
    prop::collection::vec(one, 0..lookups)
}

fn graph_of(tables: usize, drawn: &[Drawn]) -> LookupGraph {
    let name = |table: usize| format!("t{table}");
    let lookups = drawn.iter().enumerate().map(|(i, it)| {
        let mut lookup = Lookup::new(name(it.from), format!("c{i}"), name(it.to), it.rows);
        lookup.required = it.bound;
        lookup.parental = it.parental;
        lookup
    });
    LookupGraph {
        lookups: lookups.collect(),
        tables: (0..tables).map(|table| Table::new(name(table), 1_000)).collect(),
        ..LookupGraph::default()
    }
}

/// Gives each table combinations: `masks` says which of its lookups are filled together; the lookups' rows follow from them.
fn with_combinations(mut graph: LookupGraph, masks: &[(usize, u32, u64)]) -> LookupGraph {
    let mut filled: BTreeMap<(String, String), u64> = BTreeMap::new();
    for (table, mask, rows) in masks {
        let table = format!("t{}", table % graph.tables.len());
        let own = graph.lookups.iter().filter(|it| it.table == table && !it.is_self_reference());
        let chosen: Vec<&Lookup> =
            own.enumerate().filter(|(i, _)| mask >> (i % 32) & 1 == 1).map(|(_, it)| it).collect();
        for lookup in &chosen {
            *filled.entry((lookup.table.clone(), lookup.column.clone())).or_default() += rows;
        }
        let pairs: Vec<(&str, &str)> =
            chosen.iter().map(|it| (it.column.as_str(), it.target.as_str())).collect();
        graph.combinations.push(Combination::new(table, &pairs, *rows));
    }
    let combined: BTreeSet<String> = graph.combinations.iter().map(|it| it.table.clone()).collect();
    for lookup in
        graph.lookups.iter_mut().filter(|it| combined.contains(&it.table) && !it.is_self_reference())
    {
        lookup.rows = filled.get(&(lookup.table.clone(), lookup.column.clone())).copied().unwrap_or(0);
    }
    graph
}

#[track_caller]
fn check(graph: &LookupGraph) {
    match sequence(graph, &Options::default()) {
        Ok(plan) => {
            is_loadable(graph, &plan);
            defers_nothing_without_need(graph, &plan);
            let least = brute_force(graph).expect("a plan was found where no order exists");
            let tie = plan.deferred.iter().map(|deferred| {
                let same = |it: &&Lookup| it.table == deferred.table && it.column == deferred.column;
                if graph.lookups.iter().find(same).is_some_and(|it| it.parental) { 2 } else { 1 }
            });
            assert_eq!((plan.cost, tie.sum::<u64>()), least);
            assert!(plan.proven);
            assert_eq!(plan.bound, plan.cost);
            assert_eq!(plan.second_writes.iter().map(|it| it.rows).sum::<u64>(), plan.cost);
            if graph.combinations.is_empty() {
                assert_eq!(plan.deferred.iter().map(|it| it.rows).sum::<u64>(), plan.cost);
            }
        }
        Err(Error::RequiredCycle(cycles)) => {
            assert!(brute_force(graph).is_none(), "an order exists, yet: {cycles:?}");
            for cycle in &cycles {
                for (i, step) in cycle.steps.iter().enumerate() {
                    assert_eq!(step.target, cycle.steps[(i + 1) % cycle.steps.len()].table);
                    let named =
                        graph.lookups.iter().find(|it| it.table == step.table && it.column == step.column);
                    assert!(!named.unwrap().is_deferrable());
                }
            }
        }
        Err(error) => panic!("{error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_cost_equals_brute_force(drawn in drawn(6, 24, 20)) {
        check(&graph_of(6, &drawn));
    }

    #[test]
    fn the_cost_equals_brute_force_with_millions_of_rows(drawn in drawn(5, 16, 1_000_000_000)) {
        check(&graph_of(5, &drawn));
    }

    #[test]
    fn the_cost_in_distinct_rows_equals_brute_force(
        drawn in drawn(5, 18, 5),
        masks in prop::collection::vec((0..5_usize, any::<u32>(), 0..9_u64), 1..12),
    ) {
        check(&with_combinations(graph_of(5, &drawn), &masks));
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(
        drawn in drawn(7, 30, 3),
        (tables, lookups) in (Just((0..7).collect::<Vec<usize>>()).prop_shuffle(), any::<u64>()),
    ) {
        let graph = graph_of(7, &drawn);
        let mut shuffled = graph.clone();
        shuffled.tables = tables.into_iter().map(|i| graph.tables[i].clone()).collect();
        let len = shuffled.lookups.len().max(1);
        shuffled.lookups.rotate_left(usize::try_from(lookups % len as u64).unwrap());
        shuffled.lookups.reverse();
        prop_assert_eq!(sequence(&graph, &Options::default()), sequence(&shuffled, &Options::default()));
    }

    #[test]
    fn without_time_for_a_proof_the_plan_is_loadable_and_its_bound_true(drawn in drawn(6, 30, 9)) {
        let graph = graph_of(6, &drawn);
        let hasty = Options { proof_time: Duration::ZERO, ..Options::default() };
        if let (Ok(plan), Some((least, _))) = (sequence(&graph, &hasty), brute_force(&graph)) {
            is_loadable(&graph, &plan);
            defers_nothing_without_need(&graph, &plan);
            prop_assert!(plan.bound <= least && least <= plan.cost);
            prop_assert_eq!(plan.proven, plan.bound == plan.cost);
        }
    }
}

/// Tables kept for the end, lookups that can be written on create only, multi-table lookups, and rows on cycles of rows.
fn with_everything(drawn: &[Drawn], special: &[bool]) -> LookupGraph {
    let mut graph = graph_of(special.len(), drawn);
    for (i, lookup) in graph.lookups.iter_mut().enumerate() {
        if i % 7 == 3 {
            lookup.writable = Writable::OnCreateOnly;
        }
        if i % 5 == 2 {
            // One column with several targets.
            "shared".clone_into(&mut lookup.column);
        }
        if lookup.is_self_reference() && i % 3 == 0 {
            lookup.rows_on_cycles = lookup.rows / 2;
        }
    }
    let mut seen = BTreeSet::new();
    graph.lookups.retain(|it| seen.insert((it.table.clone(), it.column.clone(), it.target.clone())));
    for (table, special) in graph.tables.iter_mut().zip(special) {
        table.special = *special;
    }
    graph
}

/// Special tables, less those that a table outside needs at insert, and so on.
fn kept_for_the_end(graph: &LookupGraph) -> BTreeSet<String> {
    let mut last: BTreeSet<String> =
        graph.tables.iter().filter(|table| table.special).map(|table| table.name.clone()).collect();
    while let Some(needed) = graph
        .lookups
        .iter()
        .find(|it| !last.contains(&it.table) && last.contains(&it.target) && !it.is_deferrable())
    {
        last.remove(&needed.target);
    }
    last
}

/// The least rows over all orders in which tables kept for the end come last.
fn brute_force_with_everything(graph: &LookupGraph) -> Option<u64> {
    let last = kept_for_the_end(graph);
    let on_cycles = graph.lookups.iter().filter(|it| it.rows_on_cycles > 0);
    if on_cycles.clone().any(|it| !it.is_deferrable()) {
        return None;
    }
    let on_cycles: u64 = on_cycles.map(|it| it.rows_on_cycles).sum();
    let names: Vec<&str> = graph.tables.iter().map(|table| table.name.as_str()).collect();
    let mut order: Vec<usize> = (0..names.len()).collect();
    let mut best: Option<u64> = None;
    permute(&mut order, 0, &mut |order| {
        let place: HashMap<&str, usize> =
            order.iter().enumerate().map(|(i, &table)| (names[table], i)).collect();
        let ends_well = names
            .iter()
            .filter(|name| !last.contains(**name))
            .all(|name| last.iter().all(|end| place[name] < place[end.as_str()]));
        let waiting =
            || graph.lookups.iter().filter(|it| place[it.target.as_str()] > place[it.table.as_str()]);
        if ends_well && waiting().all(Lookup::is_deferrable) {
            let cost = on_cycles + waiting().map(|it| it.rows).sum::<u64>();
            best = Some(best.map_or(cost, |best| best.min(cost)));
        }
    });
    best
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn tables_kept_for_the_end_come_last_at_the_least_cost(
        drawn in drawn(6, 24, 20),
        special in prop::collection::vec(prop::bool::weighted(0.25), 6),
    ) {
        let graph = with_everything(&drawn, &special);
        match sequence(&graph, &Options::default()) {
            Ok(plan) => {
                is_loadable(&graph, &plan);
                prop_assert_eq!(Some(plan.cost), brute_force_with_everything(&graph));
                prop_assert!(plan.proven);
                let last = kept_for_the_end(&graph);
                prop_assert_eq!(plan.special.iter().cloned().collect::<BTreeSet<_>>(), last.clone());
                let is_last = |wave: &Vec<String>| wave.iter().any(|table| last.contains(table));
                let end = plan.waves.iter().position(is_last).unwrap_or(plan.waves.len());
                prop_assert!(plan.waves[end..].iter().flatten().all(|table| last.contains(table)));
            }
            Err(Error::RequiredCycle(_)) => prop_assert_eq!(brute_force_with_everything(&graph), None),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn without_a_proof_dense_graphs_are_ordered_within_a_few_percent_of_the_optimum() {
    let mut state = 1_u64;
    let mut below = |limit: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    for (tables, lookups) in [(15, 90), (20, 120), (25, 150), (30, 150), (40, 200), (60, 240)] {
        let drawn: Vec<Drawn> = (0..lookups)
            .map(|_| {
                let (from, to) = (below(tables), below(tables));
                let [from, to] = [from, to].map(|table| usize::try_from(table).unwrap());
                Drawn { from, to, rows: 1 + below(100), bound: false, parental: false }
            })
            .collect();
        let graph = graph_of(usize::try_from(tables).unwrap(), &drawn);
        let optimum = sequence(&graph, &Options::default()).unwrap();
        let hasty = sequence(&graph, &Options { proof_time: Duration::ZERO, ..Options::default() }).unwrap();
        assert!(optimum.proven);
        assert!(hasty.cost * 100 <= optimum.cost * 105, "{} against {}", hasty.cost, optimum.cost);
    }
}

#[test]
fn dense_graphs_beyond_a_proof_come_within_three_percent_of_the_optimum_they_were_made_with() {
    for (tables, cycles) in [(50, 500), (100, 2_000)] {
        let (graph, optimum) = planted::graph(tables, cycles);
        let hasty = sequence(&graph, &Options { proof_time: Duration::ZERO, ..Options::default() }).unwrap();
        is_loadable(&graph, &hasty);
        defers_nothing_without_need(&graph, &hasty);
        assert!(hasty.bound <= optimum);
        assert!(
            optimum <= hasty.cost && hasty.cost * 100 <= optimum * 103,
            "{} against {optimum}",
            hasty.cost
        );
    }
}
