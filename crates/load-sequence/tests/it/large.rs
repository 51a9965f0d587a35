//! Graphs far larger than any schema are ordered in little memory and on a small stack.

use load_sequence::{Error, Lookup, LookupGraph, Options, Sequence, Table, sequence};

/// A tokio worker's stack is 2 MiB; a quarter of it must do.
const STACK: usize = 512 * 1024;
const TABLES: usize = 20_000;

/// Tables that each point to the next one.
fn chain(close: impl FnOnce(Lookup) -> Option<Lookup>) -> LookupGraph {
    let name = |table: usize| format!("t{table:05}");
    let next = |table: usize| Lookup::new(name(table), "nextid", name(table + 1), 7);
    let last = Lookup::new(name(TABLES - 1), "nextid", name(0), 3);
    LookupGraph {
        tables: (0..TABLES).map(|table| Table::uncounted(name(table))).collect(),
        lookups: (0..TABLES - 1).map(next).chain(close(last)).collect(),
        ..LookupGraph::default()
    }
}

fn on_a_small_stack(graph: LookupGraph) -> Result<Sequence, Error> {
    let worker = std::thread::Builder::new().stack_size(STACK);
    worker.spawn(move || sequence(&graph, &Options::default())).unwrap().join().unwrap()
}

#[test]
fn a_chain_of_twenty_thousand_tables_has_as_many_waves() {
    let plan = on_a_small_stack(chain(|_| None)).unwrap();
    assert_eq!((plan.waves.len(), plan.cost, plan.proven), (TABLES, 0, true));
}

#[test]
fn a_ring_of_twenty_thousand_tables_is_broken_where_it_costs_least() {
    let plan = on_a_small_stack(chain(Some)).unwrap();
    assert_eq!((plan.waves.len(), plan.cost, plan.proven), (TABLES, 3, true));
}

#[test]
fn a_ring_of_required_lookups_is_named_whatever_its_length() {
    let mut graph = chain(Some);
    for lookup in &mut graph.lookups {
        lookup.required = true;
    }
    let Err(Error::RequiredCycle(cycles)) = on_a_small_stack(graph) else { panic!("no order exists") };
    assert_eq!(cycles.iter().map(|cycle| cycle.steps.len()).collect::<Vec<_>>(), [TABLES]);
}
