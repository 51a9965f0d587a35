//! What finding an order costs, and what orders cost. Prints the tables of `docs/benchmarks-sequencing.md`:
//! `cargo bench -p load-sequence`.
#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at once")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use load_sequence::{Lookup, LookupGraph, Options, Table, sequence};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use planted::{Random, name};

#[path = "../tests/it/planted.rs"]
mod planted;
#[path = "../tests/it/schema.rs"]
mod schema;

fn main() {
    real_schemas();
    large_graphs();
    large_proof();
    dense_graphs();
    planted_graphs();
}

fn real_schemas() {
    println!(
        "\n| schema | component | time | cost | proven | lookup-count | first back edge | petgraph greedy |"
    );
    println!("|---|---:|---:|---:|---|---:|---:|---:|");
    let schemas = [
        ("standard tables", schema::standard()),
        ("standard tables, one row each", schema::one_row_each(schema::standard())),
        ("organisation", schema::organisation()),
        ("organisation, one row each", schema::one_row_each(schema::organisation())),
    ];
    for (name, graph) in schemas {
        let (time, plan) = timed(&graph, Options::default().proof_time);
        let others = &plan.strategies;
        let impossible = |i: usize| match others[i].impossible.len() {
            0 => String::new(),
            n => format!(" ({n} impossible)"),
        };
        let greedy = petgraph_greedy(&graph);
        println!(
            "| {name} | {} | {} | {} | {} | {}{} | {}{} | {} ({} impossible) |",
            plan.components[0].tables.len(),
            milliseconds(time),
            plan.cost,
            plan.proven,
            others[1].cost,
            impossible(1),
            others[2].cost,
            impossible(2),
            greedy.0,
            greedy.1,
        );
    }
}

fn large_graphs() {
    println!("\n| graph | tables | lookups | largest component | time | cost | bound |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let schemas = [
        ("like a schema", like_a_schema(10_000, 100_000)),
        ("without any structure", random(10_000, 100_000, 1_000, 7)),
    ];
    for (name, graph) in schemas {
        let (time, plan) = timed(&graph, Options::default().proof_time);
        println!(
            "| {name} | {} | {} | {} | {} | {} | {} |",
            graph.tables.len(),
            graph.lookups.len(),
            plan.components.first().map_or(0, |it| it.tables.len()),
            milliseconds(time),
            plan.cost,
            plan.bound
        );
    }
}

/// What the default leaves out: the proof for a component this large.
fn large_proof() {
    let graph = like_a_schema(10_000, 100_000);
    let options =
        Options { proof_size: usize::MAX, proof_time: Duration::from_mins(1), ..Options::default() };
    let start = Instant::now();
    let plan = sequence(&graph, &options).unwrap();
    println!(
        "\n\"like a schema\" with the proof asked for: {} in {}, proven: {}",
        plan.cost,
        milliseconds(start.elapsed()),
        plan.proven
    );
}

fn dense_graphs() {
    println!(
        "\n| tables | lookups | optimum | time to prove | without proof | above optimum | petgraph greedy | above optimum |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (tables, lookups) in
        [(15, 100), (20, 120), (25, 200), (30, 150), (40, 200), (60, 240), (100, 300), (200, 500)]
    {
        let graph = random(tables, lookups, 100, 3);
        let (time, plan) = timed(&graph, Duration::from_mins(1));
        let (_, hasty) = timed(&graph, Duration::ZERO);
        let (greedy, _) = petgraph_greedy(&graph);
        let optimum =
            if plan.proven { plan.cost.to_string() } else { format!("{}..{}", plan.bound, plan.cost) };
        println!(
            "| {tables} | {lookups} | {optimum} | {} | {} | {} | {greedy} | {} |",
            milliseconds(time),
            hasty.cost,
            above(hasty.cost, plan.cost),
            above(greedy, plan.cost),
        );
    }
}

/// Graphs so dense that no proof ends, whose optimum is known because of how they were made.
fn planted_graphs() {
    println!(
        "\n| tables | pairs of tables | lookups | optimum | found | above optimum | time | bound | petgraph greedy | above optimum |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (tables, cycles) in [(50, 500), (100, 2_000), (200, 8_000), (300, 20_000)] {
        let (graph, optimum) = planted::graph(tables, cycles);
        let pairs: BTreeSet<(&str, &str)> =
            graph.lookups.iter().map(|it| (it.table.as_str(), it.target.as_str())).collect();
        let (time, plan) = timed(&graph, Duration::ZERO);
        let (greedy, _) = petgraph_greedy(&graph);
        println!(
            "| {tables} | {} | {} | {optimum} | {} | {} | {} | {} | {greedy} | {} |",
            pairs.len(),
            graph.lookups.len(),
            plan.cost,
            above(plan.cost, optimum),
            milliseconds(time),
            plan.bound,
            above(greedy, optimum),
        );
    }
}

/// The best of five, since other work on the machine only adds.
fn timed(graph: &LookupGraph, proof_time: Duration) -> (Duration, load_sequence::Sequence) {
    let run = || {
        let start = Instant::now();
        let plan = sequence(graph, &Options { proof_time, ..Options::default() }).unwrap();
        (start.elapsed(), plan)
    };
    (0..4).fold(run(), |best, _| {
        let next = run();
        if next.0 < best.0 { next } else { best }
    })
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

#[expect(clippy::cast_precision_loss, reason = "a percentage for reading")]
fn above(cost: u64, optimum: u64) -> String {
    format!("{:.1} %", (cost as f64 / optimum.max(1) as f64 - 1.0) * 100.0)
}

/// What petgraph's own feedback arc set costs: it knows no weights and nothing that cannot wait.
fn petgraph_greedy(graph: &LookupGraph) -> (u64, usize) {
    let position: BTreeMap<&str, usize> =
        graph.tables.iter().enumerate().map(|(i, table)| (table.name.as_str(), i)).collect();
    let mut net: DiGraph<(), &Lookup> = DiGraph::new();
    for _ in &graph.tables {
        net.add_node(());
    }
    for lookup in &graph.lookups {
        let ignored = graph.ignore.iter().any(|rule| rule.covers(lookup));
        if !ignored && !lookup.is_self_reference() {
            let end = |table: &str| NodeIndex::new(position[table]);
            net.add_edge(end(&lookup.table), end(&lookup.target), lookup);
        }
    }
    let waiting: Vec<&Lookup> =
        petgraph::algo::greedy_feedback_arc_set(&net).map(|edge| *edge.weight()).collect();
    debug_assert!(net.edge_references().all(|edge| edge.source() != edge.target()));
    let impossible = waiting.iter().filter(|it| !it.is_deferrable()).count();
    (waiting.iter().map(|it| it.rows).sum(), impossible)
}

/// Tables in layers, most lookups pointing to lower ones, a few back.
fn like_a_schema(tables: usize, lookups: usize) -> LookupGraph {
    let mut random = Random(42);
    let lookups = (0..lookups).map(|i| {
        let (a, b) = (random.below(tables), random.below(tables));
        let back = random.below(1_000) < 2;
        let (from, to) = if back { (a.min(b), a.max(b)) } else { (a.max(b), a.min(b)) };
        Lookup::new(name(from), format!("c{i}"), name(to), 1 + random.below(1_000) as u64)
    });
    LookupGraph {
        lookups: lookups.collect(),
        tables: (0..tables).map(|i| Table::uncounted(name(i))).collect(),
        ..LookupGraph::default()
    }
}

fn random(tables: usize, lookups: usize, rows: usize, seed: u64) -> LookupGraph {
    let mut random = Random(seed);
    let lookups = (0..lookups).map(|i| {
        let (from, to) = (random.below(tables), random.below(tables));
        Lookup::new(name(from), format!("c{i}"), name(to), 1 + random.below(rows) as u64)
    });
    LookupGraph {
        lookups: lookups.collect(),
        tables: (0..tables).map(|i| Table::uncounted(name(i))).collect(),
        ..LookupGraph::default()
    }
}
