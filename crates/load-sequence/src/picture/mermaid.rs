//! Pictures for Markdown pages that draw Mermaid.

use std::cmp::Reverse;
use std::fmt::Write as _;

use super::{Drawing, Line, count, headline, label, measure, pair_label, rows, tables};
use crate::model::LookupGraph;
use crate::plan::Sequence;

/// Mermaid draws no diagram with more links, and none with a longer text; a page cannot raise either limit.
const MOST_LINKS: usize = 500;
const LONGEST_TEXT: usize = 50_000;
/// Kept free for the comments.
const COMMENTS: usize = 900;

/// Writes the plan as a Mermaid flowchart, waves from left to right, within what Mermaid draws: 500 links and 50,000 characters.
///
/// Of larger plans the waiting lookups with the most rows are drawn first, then the lookups that decide a table's wave; a comment says what is left out.
pub fn mermaid(graph: &LookupGraph, plan: &Sequence) -> String {
    let drawing = Drawing::of(graph, plan);
    let groups = groups(&drawing);
    let mut chain = String::new();
    // Writing to a string cannot fail.
    for wave in 1..drawing.waves.len() {
        let _ = writeln!(chain, "  w{} ~~~ w{wave}", wave + 1);
    }
    // The tables are all there, even where Mermaid's settings have to be raised for them.
    let used = groups.len() + chain.len() + COMMENTS;
    let mut room = Room {
        links: MOST_LINKS.saturating_sub(drawing.waves.len()),
        // Who has to raise the setting for the tables gets their links as well.
        letters: LONGEST_TEXT.checked_sub(used).unwrap_or(usize::MAX),
    };
    let mut waiting: Vec<&Line<'_>> = drawing.waiting.iter().collect();
    waiting.sort_by_key(|line| (Reverse(line.rows), line.tail, line.head));
    let waiting: Vec<String> = waiting
        .into_iter()
        .map(|line| waiting_link(&drawing, line))
        .take_while(|link| room.takes(link.len() + 4))
        .collect();
    let mut kept = drawing.shown();
    kept.sort_by_key(|line| (!line.decides, line.tail, line.head));
    let kept: Vec<String> = kept
        .into_iter()
        .map(|line| format!("  t{} --> t{}\n", line.tail, line.head))
        .take_while(|link| room.takes(link.len()))
        .collect();
    let mut out = "flowchart RL\n".to_owned();
    let _ = writeln!(out, "  %% {}", headline(plan).replace(['\n', '\r'], " "));
    out.push_str(
        "  %% Arrows point to the table that a lookup names. Dashed red lookups wait and are written afterwards;\n  \
         %% they have no arrow, since with one they would decide where the waves are: their texts name both ends.\n",
    );
    if used > LONGEST_TEXT {
        let _ = writeln!(
            out,
            "  %% The tables alone need more than Mermaid's {} characters: raise its maxTextSize to draw this.",
            count(LONGEST_TEXT as u64)
        );
    }
    left_out(
        &mut out,
        "with lookups that wait, those with the most rows",
        waiting.len(),
        drawing.waiting.len(),
    );
    left_out(
        &mut out,
        "with lookups written at insert, those that decide a wave",
        kept.len(),
        drawing.kept.len(),
    );
    out.push_str(&groups);
    out.push_str(&chain);
    for link in kept.iter().chain(&waiting) {
        out.push_str(link);
    }
    if !waiting.is_empty() {
        let first = kept.len() + drawing.waves.len().saturating_sub(1);
        let numbers: Vec<String> = (first..first + waiting.len()).map(|line| line.to_string()).collect();
        let _ = writeln!(
            out,
            "  linkStyle {} stroke:#c8102e,stroke-dasharray:6 4,color:#a00d24",
            numbers.join(",")
        );
    }
    out
}

/// What is left of Mermaid's limits.
struct Room {
    links: usize,
    letters: usize,
}

impl Room {
    fn takes(&mut self, letters: usize) -> bool {
        let fits = self.links > 0 && self.letters >= letters;
        if fits {
            self.links -= 1;
            self.letters -= letters;
        }
        fits
    }
}

fn groups(drawing: &Drawing<'_>) -> String {
    let mut out = String::new();
    for (wave, nodes) in drawing.waves.iter().enumerate() {
        let _ = writeln!(out, "  subgraph w{0}[\"Wave {0}: {1}\"]", wave + 1, tables(nodes.len()));
        for &node in nodes {
            let _ = writeln!(out, "    t{node}[\"{}\"]", entity(&label(&drawing.nodes[node])));
        }
        for (number, pair) in drawing.pairs.iter().enumerate().filter(|(_, pair)| pair.wave == wave) {
            let text = format!("then N:N {}", pair_label(pair));
            let _ = writeln!(out, "    n{number}([\"{}\"])", entity(&text));
        }
        out.push_str("  end\n");
    }
    out
}

/// Drawn from the later wave to the earlier one, as the arrows are, so that it agrees with the order of the waves.
fn waiting_link(drawing: &Drawing<'_>, line: &Line<'_>) -> String {
    let name = |node: usize| measure::shortened(drawing.nodes[node].name, super::LONGEST_NAME);
    let text = format!(
        "{}.{} → {}: {}",
        name(line.tail),
        measure::shortened(&line.columns.join(", "), 60),
        name(line.head),
        rows(line.rows)
    );
    let (mut from, mut to) = (line.head, line.tail);
    if drawing.nodes[from].wave < drawing.nodes[to].wave {
        (from, to) = (to, from);
    }
    format!("  t{from} -. \"{}\" .- t{to}\n", entity(&text))
}

fn left_out(out: &mut String, what: &str, drawn: usize, of: usize) {
    if drawn < of {
        let _ = writeln!(
            out,
            "  %% Of {} pairs of tables {what} are drawn; {} are left out, since Mermaid draws {MOST_LINKS} links at most and few can be read.",
            count(of as u64),
            count((of - drawn) as u64)
        );
    }
}

/// Mermaid writes what would end a quoted text as entities.
fn entity(text: &str) -> String {
    text.replace('#', "#35;")
        .replace('"', "#quot;")
        .replace('<', "#lt;")
        .replace('>', "#gt;")
        .replace('`', "#96;")
        .replace(['\n', '\r'], " ")
}
