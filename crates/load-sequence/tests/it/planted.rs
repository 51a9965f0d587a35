//! Graphs beyond the reach of a proof whose optimum is known because of how they are made.

use load_sequence::{Lookup, LookupGraph, Table};

/// Cycles through a hidden order of tables: each goes up it by lookups of at least as many rows as the one by which it comes back.
/// To let those that come back wait breaks all cycles; and since no lookup is in two of them, none can be broken for less.
pub(crate) fn graph(tables: usize, cycles: usize) -> (LookupGraph, u64) {
    let mut random = Random(11);
    let mut hidden: Vec<usize> = (0..tables).collect();
    for i in (1..tables).rev() {
        hidden.swap(i, random.below(i + 1));
    }
    let mut lookups = Vec::new();
    let mut optimum = 0;
    for _ in 0..cycles {
        let mut places: Vec<usize> = (0..2 + random.below(4)).map(|_| random.below(tables)).collect();
        places.sort_unstable();
        places.dedup();
        if places.len() < 2 {
            continue;
        }
        let back = 1 + random.below(100) as u64;
        let mut lookup = |from: usize, to: usize, rows: u64| {
            let column = format!("c{}", lookups.len());
            lookups.push(Lookup::new(name(hidden[from]), column, name(hidden[to]), rows));
        };
        for step in places.windows(2) {
            lookup(step[1], step[0], back + random.below(20) as u64);
        }
        lookup(places[0], places[places.len() - 1], back);
        optimum += back;
    }
    let tables = (0..tables).map(|i| Table::uncounted(name(i))).collect();
    (LookupGraph { tables, lookups, ..LookupGraph::default() }, optimum)
}

/// Names that sort as the tables are numbered.
pub(crate) fn name(table: usize) -> String {
    format!("t{table:05}")
}

/// Splitmix: the same graphs every time.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap()
    }
}
