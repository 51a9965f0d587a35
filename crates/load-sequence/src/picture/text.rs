//! Pictures as text: for Graphviz, and for Markdown pages that draw Mermaid.

use std::fmt::Write as _;

use super::layout::label;
use super::{Drawing, Node, headline, rows};
use crate::model::LookupGraph;
use crate::plan::Sequence;

/// Writes the plan in Graphviz' language.
pub fn dot(graph: &LookupGraph, plan: &Sequence) -> String {
    let drawing = Drawing::of(graph, plan);
    let mut out = format!(
        "digraph sequence {{\n  rankdir=RL;\n  label={};\n  node [shape=box, style=rounded, fontname=\"Helvetica\", fontsize=10];\n  \
         edge [color=\"#9fb3c8\", fontname=\"Helvetica\", fontsize=9];\n",
        quoted(&headline(plan))
    );
    // Writing to a string cannot fail.
    for (number, nodes) in drawing.waves.iter().enumerate() {
        let _ = writeln!(out, "  subgraph wave_{} {{\n    rank=same;", number + 1);
        for &node in nodes {
            let _ = writeln!(
                out,
                "    {} [label={}];",
                quoted(drawing.nodes[node].name),
                quoted(&text_of(&drawing.nodes[node]))
            );
        }
        out.push_str("  }\n");
    }
    for line in &drawing.kept {
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

/// Writes the plan as a Mermaid flowchart.
pub fn mermaid(graph: &LookupGraph, plan: &Sequence) -> String {
    let drawing = Drawing::of(graph, plan);
    let mut out = "flowchart RL\n".to_owned();
    for (number, nodes) in drawing.waves.iter().enumerate() {
        let _ = writeln!(out, "  subgraph w{0}[\"Wave {0}\"]", number + 1);
        for &node in nodes {
            let _ = writeln!(out, "    t{node}[\"{}\"]", entity(&text_of(&drawing.nodes[node])));
        }
        out.push_str("  end\n");
    }
    for line in &drawing.kept {
        let _ = writeln!(out, "  t{} --> t{}", line.tail, line.head);
    }
    for line in &drawing.waiting {
        let text = entity(&format!("{}: {}", line.columns.join(", "), rows(line.rows)));
        let _ = writeln!(out, "  t{} -. \"{text}\" .-> t{}", line.tail, line.head);
    }
    if !drawing.waiting.is_empty() {
        let first = drawing.kept.len();
        let numbers: Vec<String> =
            (first..first + drawing.waiting.len()).map(|line| line.to_string()).collect();
        let _ = writeln!(
            out,
            "  linkStyle {} stroke:#c8102e,stroke-dasharray:6 4,color:#a00d24",
            numbers.join(",")
        );
    }
    out
}

fn text_of(node: &Node<'_>) -> String {
    label(node.name, node.rows, node.levels)
}

/// A quoted string of Graphviz.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r'], " "))
}

/// Mermaid writes what would end a quoted text as entities.
fn entity(text: &str) -> String {
    text.replace('#', "#35;")
        .replace('"', "#quot;")
        .replace('<', "#lt;")
        .replace('>', "#gt;")
        .replace(['\n', '\r'], " ")
}
