//! Pictures for Graphviz.

use std::fmt::Write as _;

use super::{Drawing, count, headline, label, pair_label, rows, tables};
use crate::model::LookupGraph;
use crate::plan::Sequence;

/// Writes the plan in Graphviz' language: a box around each wave, with its number.
pub fn dot(graph: &LookupGraph, plan: &Sequence) -> String {
    let drawing = Drawing::of(graph, plan);
    let shown = drawing.shown();
    let mut legend =
        "Arrows point to the table that a lookup names; dashed red lookups wait and are written afterwards"
            .to_owned();
    if drawing.nodes.iter().any(|node| node.levels) {
        legend.push_str("; ↻ is loaded level by level");
    }
    if !drawing.pairs.is_empty() {
        legend.push_str("; dashed boxes are N:N tables, loaded when their wave is done");
    }
    let left_out = drawing.kept.len() - shown.len();
    let mut out = String::new();
    // Writing to a string cannot fail.
    if left_out > 0 {
        let _ = writeln!(
            out,
            "// {} lookups written at insert are left out: of each table only the one that decides its wave is drawn.",
            count(left_out as u64)
        );
        let _ = write!(legend, "; {} other lookups written at insert are left out", count(left_out as u64));
    }
    let _ = write!(
        out,
        "digraph sequence {{\n  rankdir=RL;\n  label={};\n  labelloc=t;\n  labeljust=l;\n  fontname=\"Helvetica\";\n  fontsize=12;\n  \
         node [shape=box, style=rounded, fontname=\"Helvetica\", fontsize=10];\n  \
         edge [color=\"#9fb3c8\", fontname=\"Helvetica\", fontsize=9];\n",
        // Two lines, both at the left.
        format_args!("\"{}\\l{}\\l\"", inner(&headline(plan)), inner(&legend))
    );
    for (wave, nodes) in drawing.waves.iter().enumerate() {
        let head = quoted(&format!("Wave {} ({})", wave + 1, tables(nodes.len())));
        let _ = writeln!(
            out,
            "  subgraph cluster_{} {{\n    label={head};\n    labeljust=l;\n    color=\"#e4e7eb\";\n    rank=same;",
            wave + 1
        );
        for &node in nodes {
            let node = &drawing.nodes[node];
            let special = if node.special { ", color=\"#c99a2e\"" } else { "" };
            let _ = writeln!(
                out,
                "    {} [label={}, tooltip={}{special}];",
                quoted(node.name),
                quoted(&label(node)),
                quoted(node.name)
            );
        }
        for (number, pair) in drawing.pairs.iter().enumerate().filter(|(_, pair)| pair.wave == wave) {
            let text = quoted(&pair_label(pair));
            let ends = quoted(&format!("{}: N:N of {} and {}", pair.name, pair.first, pair.second));
            let _ = writeln!(
                out,
                "    \"N:N {number} of the plan\" [label={text}, tooltip={ends}, style=\"rounded,dashed\"];"
            );
        }
        out.push_str("  }\n");
    }
    // Waves stand beside each other even where no lookup runs between them.
    for pair in drawing.waves.windows(2) {
        if let ([first, ..], [second, ..]) = (&pair[0][..], &pair[1][..]) {
            let (first, second) = (quoted(drawing.nodes[*first].name), quoted(drawing.nodes[*second].name));
            let _ = writeln!(out, "  {second} -> {first} [style=invis];");
        }
    }
    for line in shown {
        let (tail, head) = (quoted(drawing.nodes[line.tail].name), quoted(drawing.nodes[line.head].name));
        let _ = writeln!(out, "  {tail} -> {head} [tooltip={}];", quoted(&line.columns.join(", ")));
    }
    for line in &drawing.waiting {
        let (tail, head) = (quoted(drawing.nodes[line.tail].name), quoted(drawing.nodes[line.head].name));
        let text = quoted(&format!("{}: {}", line.columns.join(", "), rows(line.rows)));
        let _ = writeln!(
            out,
            "  {tail} -> {head} [constraint=false, style=dashed, color=\"#c8102e\", fontcolor=\"#a00d24\", label={text}];"
        );
    }
    out.push_str("}\n");
    out
}

/// A quoted string of Graphviz.
fn quoted(text: &str) -> String {
    format!("\"{}\"", inner(text))
}

fn inner(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r'], " ")
}
