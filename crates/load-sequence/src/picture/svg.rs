//! A picture for browsers and documents.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::layout::{self, Lane, Layout, Rectangle, real};
use super::{Drawing, Line, count, escaped, headline, rows};
use crate::model::LookupGraph;
use crate::plan::Sequence;

/// Space for one line of the list below the waves.
const LIST_LINE: f64 = 16.0;
/// More waiting lookups than this are not listed below the picture; the HTML page and the JSON list all.
const LONGEST_LIST: usize = 60;

const STYLE: &str = "\
text{font-family:Helvetica,Arial,'Liberation Sans',sans-serif;font-size:11px;fill:#1f2933}\
.title{font-size:15px;font-weight:bold}.note{fill:#5b6770}.head{font-weight:bold;fill:#3e4c59}\
.wave{fill:#f5f7fa;stroke:#e4e7eb}.table rect{fill:#fff;stroke:#829ab1}.table.special rect{fill:#fff7e0;stroke:#c99a2e}\
.table.waits rect{stroke:#c8102e}.kept{fill:none;stroke:#9fb3c8;stroke-width:1;stroke-opacity:.55}\
.waiting{fill:none;stroke:#c8102e;stroke-width:1.5;stroke-dasharray:6 4}\
.rows{fill:#a00d24;font-weight:bold;font-size:10px;paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}\
.on .kept,.on .waiting{stroke-opacity:.08}.on .rows{opacity:.15}.on .kept.lit{stroke:#243b53;stroke-opacity:1;stroke-width:1.6}\
.on .waiting.lit{stroke-opacity:1;stroke-width:2}.on .rows.lit{opacity:1}";

/// Draws the plan as SVG: waves from left to right, lookups written at insert as grey lines, waiting ones dashed in red with their rows.
///
/// With many tables only the lookups that decide a table's wave are drawn besides those that wait; the picture says so.
pub fn svg(graph: &LookupGraph, plan: &Sequence) -> String {
    let drawing = Drawing::of(graph, plan);
    let layout = layout::arrange(&drawing);
    let listed = plan.deferred.len().min(LONGEST_LIST);
    let list_height =
        if listed == 0 { 0.0 } else { real(listed.div_ceil(columns(&layout))) * LIST_LINE + 44.0 };
    let (width, height) = (layout.width, layout.height + list_height + 12.0);
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\">\n\
         <style>{STYLE}</style>\n<defs>{}{}</defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        arrow("grey", "#9fb3c8"),
        arrow("red", "#c8102e"),
    );
    let _ = writeln!(out, "<text class=\"title\" x=\"12\" y=\"24\">{}</text>", escaped(&headline(plan)));
    let _ = writeln!(out, "<text class=\"note\" x=\"12\" y=\"42\">{}</text>", escaped(&legend(&drawing)));
    for (number, (wave, tables)) in layout.waves.iter().zip(&plan.waves).enumerate() {
        let Rectangle { x, y, width, height } = *wave;
        let _ = writeln!(
            out,
            "<rect class=\"wave\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"6\"/>\
             <text class=\"head\" x=\"{:.1}\" y=\"{:.1}\">Wave {} · {}</text>",
            x + 8.0,
            y + 16.0,
            number + 1,
            count(tables.len() as u64),
        );
    }
    for line in &drawing.kept {
        let path = kept_path(&layout.boxes[line.tail], &layout.boxes[line.head]);
        line_out(&mut out, "kept", "grey", &path, line, &drawing);
    }
    tables_out(&mut out, &drawing, &layout);
    waiting_out(&mut out, &drawing, &layout);
    if listed > 0 {
        list_out(&mut out, plan, &layout);
    }
    out.push_str("</svg>\n");
    out
}

fn arrow(name: &str, colour: &str) -> String {
    format!(
        "<marker id=\"{name}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"6\" markerHeight=\"6\" orient=\"auto\">\
         <path d=\"M0 0 8 4 0 8z\" fill=\"{colour}\"/></marker>"
    )
}

fn legend(drawing: &Drawing<'_>) -> String {
    let mut text =
        "Arrows point to the table that a lookup names; dashed red lookups wait and are written afterwards"
            .to_owned();
    if drawing.nodes.iter().any(|node| node.levels) {
        text.push_str("; ↻ is loaded level by level");
    }
    if drawing.left_out > 0 {
        let _ = write!(
            text,
            "; of the others only one per table is drawn, the one that decides its wave ({} more between tables)",
            count(drawing.left_out as u64)
        );
    }
    text
}

/// From the left side of a table to the right side of the one it names.
fn kept_path(tail: &Rectangle, head: &Rectangle) -> String {
    let (x1, y1, x2, y2) = (tail.x, tail.middle(), head.right() + 1.0, head.middle());
    if x1 <= x2 {
        return around(tail, head);
    }
    let bend = ((x1 - x2) / 2.0).clamp(20.0, 160.0);
    format!("M{x1:.1} {y1:.1}C{:.1} {y1:.1} {:.1} {y2:.1} {x2:.1} {y2:.1}", x1 - bend, x2 + bend)
}

/// Up beside the table, along its lane, down beside the target, with round corners.
fn waiting_path(tail: &Rectangle, head: &Rectangle, lane: &Lane) -> String {
    let Lane { from, to, y, .. } = *lane;
    let (start, end) = (tail.middle(), head.middle());
    let turn = 5.0_f64.copysign(to - from);
    format!(
        "M{:.1} {start:.1}H{:.1}Q{from:.1} {start:.1} {from:.1} {:.1}V{:.1}Q{from:.1} {y:.1} {:.1} {y:.1}H{:.1}\
         Q{to:.1} {y:.1} {to:.1} {:.1}V{:.1}Q{to:.1} {end:.1} {:.1} {end:.1}H{:.1}",
        tail.right(),
        from - 5.0,
        start - 5.0,
        y + 5.0,
        from + turn,
        to - turn,
        y + 5.0,
        end - 5.0,
        to + 5.0,
        head.x - 1.0,
    )
}

fn around(tail: &Rectangle, head: &Rectangle) -> String {
    let (x1, y1, x2, mut y2) = (tail.right(), tail.middle(), head.right() + 1.0, head.middle());
    if (y1 - y2).abs() < 1.0 {
        y2 += 5.0;
    }
    let out = x1.max(x2) + 60.0;
    format!("M{x1:.1} {y1:.1}C{out:.1} {y1:.1} {out:.1} {y2:.1} {x2:.1} {y2:.1}")
}

fn line_out(out: &mut String, class: &str, marker: &str, path: &str, line: &Line<'_>, drawing: &Drawing<'_>) {
    let (tail, head) = (drawing.nodes[line.tail].name, drawing.nodes[line.head].name);
    let _ = writeln!(
        out,
        "<path class=\"{class} n{} n{}\" d=\"{path}\" marker-end=\"url(#{marker})\"><title>{}</title></path>",
        line.tail,
        line.head,
        escaped(&format!("{tail}.{} → {head}: {}", line.columns.join(", "), rows(line.rows))),
    );
}

fn tables_out(out: &mut String, drawing: &Drawing<'_>, layout: &Layout) {
    let mut waits = vec![false; drawing.nodes.len()];
    for line in &drawing.waiting {
        waits[line.tail] = true;
    }
    for (i, (node, place)) in drawing.nodes.iter().zip(&layout.boxes).enumerate() {
        let class = match (waits[i], node.special) {
            (true, _) => "table waits",
            (false, true) => "table special",
            (false, false) => "table",
        };
        let _ = writeln!(
            out,
            "<g class=\"{class}\" data-n=\"{i}\"><title>{}</title><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"4\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
            escaped(node.name),
            place.x,
            place.y,
            place.width,
            place.height,
            place.x + 8.0,
            place.y + 14.0,
            escaped(&layout::label(node.name, node.rows, node.levels)),
        );
    }
}

/// Each in its lane, with columns and rows where the lane begins.
fn waiting_out(out: &mut String, drawing: &Drawing<'_>, layout: &Layout) {
    for (line, &lane) in drawing.waiting.iter().zip(&layout.lane_of) {
        let path = waiting_path(&layout.boxes[line.tail], &layout.boxes[line.head], &layout.lanes[lane]);
        line_out(out, "waiting", "red", &path, line, drawing);
    }
    for (number, lane) in layout.lanes.iter().enumerate() {
        let lines = drawing.waiting.iter().zip(&layout.lane_of).filter(|(_, of)| **of == number);
        let ends: BTreeSet<usize> = lines.flat_map(|(line, _)| [line.tail, line.head]).collect();
        let mut classes = String::new();
        for node in ends {
            let _ = write!(classes, " n{node}");
        }
        let _ = writeln!(
            out,
            "<text class=\"rows{classes}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            lane.from.min(lane.to) + 7.0,
            lane.y - 3.0,
            escaped(&lane.text)
        );
    }
}

/// How many columns the list of waiting lookups has.
fn columns(layout: &Layout) -> usize {
    let mut columns = 1;
    while real(columns + 1) * 460.0 < layout.width {
        columns += 1;
    }
    columns
}

fn list_out(out: &mut String, plan: &Sequence, layout: &Layout) {
    let top = layout.height + 26.0;
    let _ = writeln!(out, "<text class=\"head\" x=\"12\" y=\"{top:.1}\">Lookups that wait</text>");
    let columns = columns(layout);
    let per_column = plan.deferred.len().min(LONGEST_LIST).div_ceil(columns);
    for (i, it) in plan.deferred.iter().take(LONGEST_LIST).enumerate() {
        let x = 12.0 + real(i / per_column) * 460.0;
        let y = top + 18.0 + real(i % per_column) * LIST_LINE;
        let _ = writeln!(
            out,
            "<text x=\"{x:.1}\" y=\"{y:.1}\">{} <tspan fill=\"#a00d24\">{}</tspan></text>",
            escaped(&format!("{}.{} → {}", it.table, it.column, it.target)),
            rows(it.rows)
        );
    }
    if plan.deferred.len() > LONGEST_LIST {
        let more = plan.deferred.len() - LONGEST_LIST;
        let _ = writeln!(
            out,
            "<text class=\"note\" x=\"140\" y=\"{top:.1}\">the first {LONGEST_LIST}; {more} more are in the JSON plan</text>"
        );
    }
}
