//! Each decision in one sentence.

use std::collections::VecDeque;

use crate::indexed::{Arrow, Indexed};
use crate::plan::{Deferred, Explanation};

/// How many lookups may be looked at to name the cycles that deferred ones would close; beyond it the sentence does without.
const SEARCH_WORK: usize = 400_000;

/// Why each table is in its wave and each deferred lookup waits.
pub(crate) fn waves(
    graph: &Indexed<'_>,
    node: &[usize],
    wave: &[usize],
    deferred: &[bool],
) -> Vec<Explanation> {
    let kept = Kept::of(graph, deferred);
    let mut sentences: Vec<Explanation> =
        (0..graph.tables.len()).map(|table| about_table(graph, &kept, node, wave, table)).collect();
    let mut spent = 0;
    for (arrow, _) in graph.lookups.iter().zip(deferred).filter(|(_, deferred)| **deferred) {
        sentences.push(about_lookup(graph, &kept, arrow, &mut spent));
    }
    sentences
}

/// Why each table has its place in an order that was asked for.
pub(crate) fn order(graph: &Indexed<'_>, order: &[usize], deferred: &[Deferred]) -> Vec<Explanation> {
    let place = |(i, &table): (usize, &usize)| Explanation {
        table: graph.name(table).to_owned(),
        column: None,
        target: None,
        text: format!("number {} in the order of ascending lookup columns", i + 1),
    };
    let waits = |it: &Deferred| Explanation {
        table: it.table.clone(),
        column: Some(it.column.clone()),
        target: Some(it.target.clone()),
        text: format!("waits, since {} comes later in this order; {}", it.target, second_writes(it.rows)),
    };
    order.iter().enumerate().map(place).chain(deferred.iter().map(waits)).collect()
}

fn about_table(
    graph: &Indexed<'_>,
    kept: &Kept<'_>,
    node: &[usize],
    wave: &[usize],
    table: usize,
) -> Explanation {
    let number = wave[table] + 1;
    let decides = kept.of_table[table]
        .iter()
        .find(|it| wave[it.target] + 1 == wave[table] && node[it.target] != node[table]);
    let text = if let Some(arrow) = decides {
        format!(
            "wave {number}: {} points to {}, loaded in wave {}",
            arrow.lookup.column,
            arrow.lookup.target,
            number - 1
        )
    } else if graph.last[table] {
        format!("wave {number}: kept for the very end")
    } else if wave[table] == 0 {
        format!("wave {number}: nothing has to be loaded before it")
    } else {
        format!("wave {number}: loaded together with tables that have to wait")
    };
    Explanation { table: graph.name(table).to_owned(), column: None, target: None, text }
}

fn about_lookup(graph: &Indexed<'_>, kept: &Kept<'_>, arrow: &Arrow<'_>, spent: &mut usize) -> Explanation {
    let rows = second_writes(arrow.rows());
    let text = if arrow.table == arrow.target {
        format!("is loaded level by level; rows that sit on a cycle of rows wait; {rows}")
    } else if graph.last[arrow.target] && !graph.last[arrow.table] {
        format!("waits, since {} is kept for the very end; {rows}", arrow.lookup.target)
    } else {
        match kept.path(arrow.target, arrow.table, spent) {
            Some(path) => {
                let steps: Vec<String> = path
                    .iter()
                    .map(|it| format!("{}.{} -> {}", it.lookup.table, it.lookup.column, it.lookup.target))
                    .collect();
                format!("waits, since it would close a cycle with {}; {rows}", steps.join(", "))
            }
            None => format!("waits, since it would close a cycle; {rows}"),
        }
    };
    Explanation {
        table: arrow.lookup.table.clone(),
        column: Some(arrow.lookup.column.clone()),
        target: Some(arrow.lookup.target.clone()),
        text,
    }
}

fn second_writes(rows: u64) -> String {
    match rows {
        1 => "1 row is written twice".to_owned(),
        rows => format!("{rows} rows are written twice"),
    }
}

/// The lookups written at insert, by table.
struct Kept<'a> {
    of_table: Vec<Vec<Arrow<'a>>>,
}

impl<'a> Kept<'a> {
    fn of(graph: &Indexed<'a>, deferred: &[bool]) -> Self {
        let mut of_table = vec![Vec::new(); graph.tables.len()];
        for (arrow, _) in graph.lookups.iter().zip(deferred).filter(|(_, deferred)| !**deferred) {
            of_table[arrow.table].push(*arrow);
        }
        Self { of_table }
    }

    /// The shortest way from one table to another along lookups written at insert.
    fn path(&self, from: usize, to: usize, spent: &mut usize) -> Option<Vec<Arrow<'a>>> {
        if *spent > SEARCH_WORK {
            return None;
        }
        let mut entered_by: Vec<Option<Arrow<'a>>> = vec![None; self.of_table.len()];
        let mut queue = VecDeque::from([from]);
        while let Some(table) = queue.pop_front() {
            for arrow in &self.of_table[table] {
                *spent += 1;
                if *spent > SEARCH_WORK {
                    return None;
                }
                if arrow.target == from || entered_by[arrow.target].is_some() {
                    continue;
                }
                entered_by[arrow.target] = Some(*arrow);
                if arrow.target == to {
                    let mut path = Vec::new();
                    let mut at = to;
                    while let Some(arrow) = entered_by[at].filter(|_| at != from) {
                        path.push(arrow);
                        at = arrow.table;
                    }
                    path.reverse();
                    return Some(path);
                }
                queue.push_back(arrow.target);
            }
        }
        None
    }
}
