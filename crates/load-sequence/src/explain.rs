//! Each decision in one sentence.

use std::collections::VecDeque;

use crate::counted::{count, counted, rows};
use crate::indexed::{Arrow, Indexed};
use crate::plan::{Deferred, Explanation};

/// How many lookups may be looked at to name the cycles that deferred ones would close; beyond it the sentence does without.
const SEARCH_WORK: usize = 400_000;

/// What a self-reference that must be there at insert asks for.
const NO_FIRST_ROW: &str = "each row names another one of its own table that is loaded before it, so that no row can be the first: \
     point the top rows to a placeholder row that is there already, or let the column be empty while loading";

/// Why a plan defers what it defers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No order is cheaper.
    Cheapest,
    /// The best order found.
    BestFound,
    /// Whichever closed a cycle first.
    FirstBackEdge,
}

/// Why each table is in its wave and each deferred lookup waits.
pub(crate) fn waves(
    graph: &Indexed<'_>,
    node: &[usize],
    wave: &[usize],
    deferred: &[bool],
    reason: Reason,
) -> Vec<Explanation> {
    let kept = Kept::of(graph, deferred);
    let mut sentences: Vec<Explanation> =
        (0..graph.tables.len()).map(|table| about_table(graph, &kept, node, wave, table)).collect();
    let mut spent = 0;
    for (arrow, _) in graph.lookups.iter().zip(deferred).filter(|(_, deferred)| **deferred) {
        sentences.push(about_lookup(graph, &kept, arrow, reason, &mut spent));
    }
    sentences.extend(without_first_row(graph));
    sentences
}

/// Why each table has its place in an order that was asked for.
pub(crate) fn order(graph: &Indexed<'_>, order: &[usize], deferred: &[Deferred]) -> Vec<Explanation> {
    let place = |(i, &table): (usize, &usize)| Explanation {
        table: graph.name(table).to_owned(),
        column: None,
        target: None,
        text: format!(
            "number {} in the order of ascending lookup columns{}",
            count(i as u64 + 1),
            not_at_the_end(graph, table)
        ),
    };
    let waits = |it: &Deferred| Explanation {
        table: it.table.clone(),
        column: Some(it.column.clone()),
        target: Some(it.target.clone()),
        text: if it.table == it.target {
            on_row_cycles(it.rows)
        } else {
            format!("waits, since {} comes later in this order; {}", it.target, second_writes(it.rows))
        },
    };
    let sentences = order.iter().enumerate().map(place).chain(deferred.iter().map(waits));
    sentences.chain(without_first_row(graph)).collect()
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
    let mut text = if let Some(arrow) = decides {
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
    text.push_str(&not_at_the_end(graph, table));
    Explanation { table: graph.name(table).to_owned(), column: None, target: None, text }
}

/// Why a table that was to come at the very end does not.
fn not_at_the_end(graph: &Indexed<'_>, table: usize) -> String {
    match &graph.needed_by[table] {
        Some(arrow) => {
            format!("; not kept for the very end, since it is needed at insert by {}", arrow.as_step())
        }
        None => String::new(),
    }
}

fn about_lookup(
    graph: &Indexed<'_>,
    kept: &Kept<'_>,
    arrow: &Arrow<'_>,
    reason: Reason,
    spent: &mut usize,
) -> Explanation {
    let rows = second_writes(arrow.rows());
    let text = if arrow.table == arrow.target {
        on_row_cycles(arrow.rows())
    } else if graph.last[arrow.target] && !graph.last[arrow.table] {
        format!("waits, since {} is kept for the very end; {rows}", arrow.lookup.target)
    } else {
        match kept.path(arrow.target, arrow.table, spent) {
            Some(path) => {
                let steps: Vec<String> = path
                    .iter()
                    .map(|it| format!("{}.{} -> {}", it.lookup.table, it.lookup.column, it.lookup.target))
                    .collect();
                let choice = why_this_one(arrow, &path, reason);
                format!("waits, since it would close a cycle with {}; {choice}; {rows}", steps.join(", "))
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

/// Why this lookup waits and not another one of the cycle.
fn why_this_one(arrow: &Arrow<'_>, others: &[Arrow<'_>], reason: Reason) -> String {
    if reason == Reason::FirstBackEdge {
        return "it was the first to close one".to_owned();
    }
    let mut may_wait = others.iter().filter(|it| it.lookup.is_deferrable());
    let all_may = others.iter().all(|it| it.lookup.is_deferrable());
    let Some(fewest) = may_wait.by_ref().map(Arrow::rows).min() else {
        return match others {
            [_] => "the other one cannot wait".to_owned(),
            _ => "the others cannot wait".to_owned(),
        };
    };
    let own = arrow.rows();
    if fewest < own {
        return match reason {
            Reason::Cheapest => "another one of it fills fewer rows, but no order as a whole is cheaper",
            _ => "another one of it fills fewer rows, but no order found is cheaper as a whole",
        }
        .to_owned();
    }
    let fewest = count(fewest);
    let it = rows(own);
    match others {
        [_] => format!("it fills {it}, the other one {fewest}"),
        _ if all_may => format!("it fills {it}, each of the others {fewest} or more"),
        _ => format!("it fills {it}, each of the others {fewest} or more or cannot wait"),
    }
}

fn on_row_cycles(rows: u64) -> String {
    format!("is loaded level by level; rows that sit on a cycle of rows wait; {}", second_writes(rows))
}

/// Self-references that leave no row without a parent.
fn without_first_row(graph: &Indexed<'_>) -> impl Iterator<Item = Explanation> {
    let bound = graph.lookups.iter().filter(|it| it.table == it.target && it.lookup.required);
    bound.map(|it| Explanation {
        table: it.lookup.table.clone(),
        column: Some(it.lookup.column.clone()),
        target: Some(it.lookup.target.clone()),
        text: format!("is loaded level by level, but is required: {NO_FIRST_ROW}"),
    })
}

fn second_writes(number: u64) -> String {
    format!("{} written twice", counted(number, "row is", "rows are"))
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
