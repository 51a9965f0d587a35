//! Pictures of a plan, drawn without external programs: waves from left to right, waiting lookups dashed in red.

mod html;
mod layout;
mod svg;
mod text;

use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use html::html;
pub use svg::svg;
pub use text::{dot, mermaid};

use crate::counted::{count, rows};
use crate::headline::headline;
use crate::model::{Lookup, LookupGraph};
use crate::plan::Sequence;

/// Up to this many lines between tables are drawn; beyond it only those that decide a table's wave, so that the picture stays readable.
const MOST_LINES: usize = 220;

/// What is to be drawn, in any format.
struct Drawing<'a> {
    nodes: Vec<Node<'a>>,
    /// Per wave its nodes, as in the plan.
    waves: Vec<Vec<usize>>,
    /// Lookups written at insert.
    kept: Vec<Line<'a>>,
    /// Lookups that wait.
    waiting: Vec<Line<'a>>,
    /// Lines that are left out for readability.
    left_out: usize,
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
        let waits: BTreeSet<(&str, &str, &str)> = plan
            .deferred
            .iter()
            .map(|it| (it.table.as_str(), it.column.as_str(), it.target.as_str()))
            .collect();
        let ignored: BTreeSet<(&str, &str, &str)> = plan
            .ignored
            .iter()
            .map(|it| (it.table.as_str(), it.column.as_str(), it.target.as_str()))
            .collect();
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
            let line = lines.entry((tail, head)).or_insert(Line { tail, head, columns: Vec::new(), rows: 0 });
            line.columns.push(&lookup.column);
            line.rows += if tail == head { lookup.rows_on_cycles } else { lookup.rows };
        }
        let mut kept: Vec<Line<'a>> = kept.into_values().collect();
        let all = kept.len();
        if all > MOST_LINES {
            let mut decided = BTreeSet::new();
            kept.retain(|line| {
                nodes[line.head].wave + 1 == nodes[line.tail].wave && decided.insert(line.tail)
            });
        }
        let left_out = all - kept.len();
        Self { nodes, waves, kept, waiting: waiting.into_values().collect(), left_out }
    }
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
