//! Reads the edge lists of `fixtures/sequence`.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use load_sequence::{Ignore, Lookup, LookupGraph, Table};

/// What no migration without users takes along: who created, changed and owns a row, and its currency.
pub(crate) const NOT_MIGRATED: [&str; 9] = [
    "createdby",
    "createdonbehalfby",
    "modifiedby",
    "modifiedonbehalfby",
    "ownerid",
    "owningbusinessunit",
    "owningteam",
    "owninguser",
    "transactioncurrencyid",
];

/// The lookups of the standard tables.
pub(crate) fn standard() -> LookupGraph {
    graph(&String::from_utf8(bytes("standard.csv")).unwrap())
}

/// The lookups of a whole organisation.
pub(crate) fn organisation() -> LookupGraph {
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes("organisation.csv.gz").as_slice()).read_to_string(&mut text).unwrap();
    graph(&text)
}

/// The same schema with every lookup filled in one row: the cost is the number of lookups that wait.
pub(crate) fn one_row_each(mut graph: LookupGraph) -> LookupGraph {
    for lookup in &mut graph.lookups {
        lookup.rows = 1;
    }
    graph
}

fn bytes(file: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/sequence").join(file)).unwrap()
}

fn graph(text: &str) -> LookupGraph {
    let mut tables = BTreeSet::new();
    let mut lookups = Vec::new();
    for line in text.lines().skip(1) {
        let [table, column, target, required, rows] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        tables.extend([table, target]);
        let lookup = Lookup::new(table, column, target, rows.parse().unwrap());
        lookups.push(if required == "true" { lookup.required() } else { lookup });
    }
    LookupGraph {
        tables: tables.into_iter().map(Table::uncounted).collect(),
        lookups,
        ignore: NOT_MIGRATED.map(Ignore::column).to_vec(),
        ..LookupGraph::default()
    }
}
