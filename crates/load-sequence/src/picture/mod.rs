//! Pictures of a plan, drawn without external programs: waves from left to right, waiting lookups dashed in red.

mod dot;
mod html;
mod kept;
mod layout;
mod legend;
mod list;
mod measure;
mod mermaid;
mod order;
mod page;
mod svg;
mod waiting;

use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use dot::dot;
pub use html::html;
pub use mermaid::mermaid;
pub use svg::svg;

use crate::counted::{count, counted, rows};
use crate::headline::headline;
use crate::model::{Lookup, LookupGraph};
use crate::plan::Sequence;

/// Up to this many lines between tables are drawn; beyond it only those that decide a table's wave, so that the picture stays readable.
const MOST_LINES: usize = 220;
/// Longer names are cut in boxes and labels; the whole name is in the tooltip.
const LONGEST_NAME: usize = 34;

/// What is to be drawn, in any format.
struct Drawing<'a> {
    nodes: Vec<Node<'a>>,
    /// Per wave its nodes, as in the plan.
    waves: Vec<Vec<usize>>,
    /// Lookups written at insert.
    kept: Vec<Line<'a>>,
    /// Lookups that wait.
    waiting: Vec<Line<'a>>,
    /// N:N tables.
    pairs: Vec<Pair<'a>>,
}

struct Node<'a> {
    name: &'a str,
    rows: Option<u64>,
    wave: usize,
    /// Its rows are loaded level by level.
    levels: bool,
    special: bool,
}

/// All lookups of one kind from one table to another.
struct Line<'a> {
    tail: usize,
    head: usize,
    columns: Vec<&'a str>,
    rows: u64,
    /// It is the one that decides the wave of its table.
    decides: bool,
}

/// An N:N table, loaded when its wave is done.
struct Pair<'a> {
    name: &'a str,
    first: &'a str,
    second: &'a str,
    /// The ends that are drawn.
    ends: Vec<usize>,
    wave: usize,
    rows: u64,
}

impl<'a> Drawing<'a> {
    fn of(graph: &'a LookupGraph, plan: &'a Sequence) -> Self {
        let rows: HashMap<&str, Option<u64>> =
            graph.tables.iter().map(|table| (table.name.as_str(), table.rows)).collect();
        let levels: BTreeSet<&str> = plan.levels.iter().map(|it| it.table.as_str()).collect();
        let special: BTreeSet<&str> = plan.special.iter().map(String::as_str).collect();
        let mut nodes = Vec::new();
        let mut waves = Vec::new();
        for (wave, tables) in plan.waves.iter().enumerate() {
            waves.push((nodes.len()..nodes.len() + tables.len()).collect());
            nodes.extend(tables.iter().map(|name| Node {
                name,
                rows: rows.get(name.as_str()).copied().flatten(),
                wave,
                levels: levels.contains(name.as_str()),
                special: special.contains(name.as_str()),
            }));
        }
        let number: HashMap<&str, usize> = nodes.iter().enumerate().map(|(i, node)| (node.name, i)).collect();
        let (kept, waiting) = lines(graph, plan, &nodes, &number);
        let pair = |it: &'a crate::plan::AssociationStep| Pair {
            name: &it.table,
            first: &it.first,
            second: &it.second,
            ends: [&it.first, &it.second]
                .iter()
                .filter_map(|end| number.get(end.as_str()).copied())
                .collect(),
            wave: it.after_wave,
            rows: it.rows,
        };
        Self { nodes, waves, kept, waiting, pairs: plan.associations.iter().map(pair).collect() }
    }

    /// The lookups written at insert that a picture shows.
    fn shown(&self) -> Vec<&Line<'a>> {
        let all = self.kept.len() <= MOST_LINES;
        self.kept.iter().filter(|line| all || line.decides).collect()
    }

    /// Per table those it points to, waiting or not.
    fn heads(&self) -> Vec<Vec<usize>> {
        let mut heads = vec![Vec::new(); self.nodes.len()];
        for line in self.kept.iter().chain(&self.waiting).filter(|line| line.tail != line.head) {
            heads[line.tail].push(line.head);
        }
        for heads in &mut heads {
            heads.sort_unstable();
            heads.dedup();
        }
        heads
    }
}

/// Lookups written at insert and those that wait, those of one kind between the same tables in one line.
fn lines<'a>(
    graph: &'a LookupGraph,
    plan: &'a Sequence,
    nodes: &[Node<'a>],
    number: &HashMap<&str, usize>,
) -> (Vec<Line<'a>>, Vec<Line<'a>>) {
    let waits: BTreeSet<(&str, &str, &str)> =
        plan.deferred.iter().map(|it| (it.table.as_str(), it.column.as_str(), it.target.as_str())).collect();
    let ignored: BTreeSet<(&str, &str, &str)> =
        plan.ignored.iter().map(|it| (it.table.as_str(), it.column.as_str(), it.target.as_str())).collect();
    let mut kept: BTreeMap<(usize, usize), Line<'a>> = BTreeMap::new();
    let mut waiting: BTreeMap<(usize, usize), Line<'a>> = BTreeMap::new();
    let mut lookups: Vec<&Lookup> = graph.lookups.iter().collect();
    lookups.sort_by_key(|it| (&it.table, &it.column, &it.target));
    for lookup in lookups {
        let key = (lookup.table.as_str(), lookup.column.as_str(), lookup.target.as_str());
        let (Some(&tail), Some(&head)) = (number.get(key.0), number.get(key.2)) else { continue };
        let is_waiting = waits.contains(&key);
        if ignored.contains(&key) || (tail == head && !is_waiting) {
            continue;
        }
        let lines = if is_waiting { &mut waiting } else { &mut kept };
        let line = lines.entry((tail, head)).or_insert(Line {
            tail,
            head,
            columns: Vec::new(),
            rows: 0,
            decides: false,
        });
        line.columns.push(&lookup.column);
        line.rows += if tail == head { lookup.rows_on_cycles } else { lookup.rows };
    }
    let mut kept: Vec<Line<'a>> = kept.into_values().collect();
    let mut decided = BTreeSet::new();
    for line in &mut kept {
        line.decides = nodes[line.head].wave + 1 == nodes[line.tail].wave && decided.insert(line.tail);
    }
    (kept, waiting.into_values().collect())
}

/// What is written into a table's box.
fn label(node: &Node<'_>) -> String {
    let mut text = measure::shortened(node.name, LONGEST_NAME);
    if node.levels {
        text.push_str(" ↻");
    }
    if let Some(rows) = node.rows {
        text.push_str(" · ");
        text.push_str(&count(rows));
    }
    text
}

/// What is written into the box of an N:N table.
fn pair_label(pair: &Pair<'_>) -> String {
    format!("{} · {}", measure::shortened(pair.name, LONGEST_NAME), count(pair.rows))
}

/// "1 table", "12 tables".
fn tables(number: usize) -> String {
    counted(number as u64, "table", "tables")
}

/// Text for XML and HTML, in elements and quoted attributes.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // XML has no form for these.
            control if control.is_control() => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}
