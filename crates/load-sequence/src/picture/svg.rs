//! A picture for browsers and documents.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::layout::{self, Layout, Rectangle};
use super::legend::Legend;
use super::list::List;
use super::waiting::{Lane, Trunk};
use super::{Drawing, Line, count, escaped, headline, label, measure, pair_label, rows, tables};
use crate::model::LookupGraph;
use crate::plan::Sequence;

/// Tooltips name so many lookups or tables at most.
const MOST_IN_TITLE: usize = 5;

const STYLE: &str = "\
text{font-family:Helvetica,Arial,'Liberation Sans',sans-serif;font-size:11px;fill:#1f2933}\
.title{font-size:15px;font-weight:bold}.note{fill:#5b6770}.head{font-weight:bold;fill:#3e4c59}\
.wave{fill:#f5f7fa;stroke:#e4e7eb}.table rect{fill:#fff;stroke:#829ab1}.table.special rect{fill:#fff7e0;stroke:#c99a2e}\
.table.waits rect{stroke:#c8102e}.pair rect{fill:#fff;stroke:#829ab1;stroke-dasharray:2 2}\
.kept{fill:none;stroke:#9fb3c8;stroke-width:1;stroke-opacity:.7}\
.waiting{fill:none;stroke:#c8102e;stroke-width:1.4;stroke-dasharray:6 4}.waiting.many{stroke-width:2.6}.joint{fill:#c8102e}\
.number,.rows{fill:#a00d24;font-weight:bold}.halo{font-weight:bold;fill:#fff;stroke:#fff;stroke-width:4px;stroke-linejoin:round}\
.on .kept,.on .waiting,.on .joint{opacity:.1}.on .rows{opacity:.2}.on .table,.on .pair{opacity:.45}\
.on .kept.lit{stroke:#243b53;stroke-width:1.6}.on .lit{opacity:1}.on .kept.lit{stroke-opacity:1}.on .legend *{opacity:1}\
.table.near rect,.pair.near rect{fill:#e6f0fa}.table.here rect{fill:#cfe2f6;stroke-width:2}";

/// Draws the plan as SVG: waves from left to right, lookups written at insert as grey lines, waiting ones dashed in red with their rows.
///
/// With many tables only the lookups that decide a table's wave are drawn besides those that wait; the picture says so.
pub fn svg(graph: &LookupGraph, plan: &Sequence) -> String {
    drawn(&Drawing::of(graph, plan), plan)
}

pub(super) fn drawn(drawing: &Drawing<'_>, plan: &Sequence) -> String {
    let title = headline(plan);
    let layout = layout::arrange(drawing, |width| Legend::of(drawing, width).bottom);
    let legend = Legend::of(drawing, layout.width);
    let list = List::of(drawing, &layout, plan);
    let (width, height) = (layout.width.max(list.right), list.bottom + 16.0);
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\">\n\
         <style>{STYLE}</style>\n<defs>{}{}</defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        arrow("grey", "#9fb3c8"),
        arrow("red", "#c8102e"),
    );
    let _ = writeln!(out, "<text class=\"title\" x=\"12\" y=\"24\">{}</text>", escaped(&title));
    legend.write(&mut out);
    waves_out(&mut out, drawing, &layout);
    for way in &layout.ways {
        let line = way.line;
        let _ = writeln!(
            out,
            "<path class=\"kept n{} n{}\" d=\"{}\" marker-end=\"url(#grey)\"><title>{}</title></path>",
            line.tail,
            line.head,
            way.path,
            escaped(&told(line, drawing))
        );
    }
    tables_out(&mut out, drawing, &layout);
    waiting_out(&mut out, drawing, &layout);
    list.write(&mut out);
    out.push_str("</svg>\n");
    out
}

fn arrow(name: &str, colour: &str) -> String {
    format!(
        "<marker id=\"{name}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerUnits=\"userSpaceOnUse\" markerWidth=\"8\" markerHeight=\"8\" \
         orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" fill=\"{colour}\"/></marker>"
    )
}

/// "contact.parentcustomerid → account: 9,000 rows"
fn told(line: &Line<'_>, drawing: &Drawing<'_>) -> String {
    let (tail, head) = (drawing.nodes[line.tail].name, drawing.nodes[line.head].name);
    format!("{tail}.{} → {head}: {}", line.columns.join(", "), rows(line.rows))
}

fn waves_out(out: &mut String, drawing: &Drawing<'_>, layout: &Layout<'_>) {
    for (number, (wave, nodes)) in layout.waves.iter().zip(&drawing.waves).enumerate() {
        let Rectangle { x, y, width, height } = *wave;
        let _ = writeln!(
            out,
            "<rect class=\"wave\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"6\"/>\
             <text class=\"head\" x=\"{:.1}\" y=\"{:.1}\">Wave {}</text><text class=\"note\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            x + layout::PADDING,
            y + 16.0,
            number + 1,
            x + layout::PADDING,
            y + 30.0,
            tables(nodes.len()),
        );
    }
}

fn tables_out(out: &mut String, drawing: &Drawing<'_>, layout: &Layout<'_>) {
    let waits: BTreeSet<usize> = drawing.waiting.iter().map(|line| line.tail).collect();
    let heads = drawing.heads();
    for (i, (node, place)) in drawing.nodes.iter().zip(&layout.boxes).enumerate() {
        let class = match (node.special, waits.contains(&i)) {
            (true, true) => "table special waits",
            (true, false) => "table special",
            (false, true) => "table waits",
            (false, false) => "table",
        };
        let names: Vec<&str> = heads[i].iter().map(|&head| drawing.nodes[head].name).collect();
        let mut title = format!("{}, wave {}", node.name, node.wave + 1);
        if let Some(number) = node.rows {
            let _ = write!(title, ", {}", rows(number));
        }
        if !names.is_empty() {
            let _ = write!(title, "; points to {}", some(&names));
        }
        let id = format!("id=\"t{i}\"");
        box_out(out, (class, &id), &title, place, &label(node), 4);
    }
    for (pair, place) in drawing.pairs.iter().zip(&layout.pairs) {
        let mut class = "pair".to_owned();
        for end in &pair.ends {
            let _ = write!(class, " n{end}");
        }
        let title = format!("{}: N:N of {} and {}, {}", pair.name, pair.first, pair.second, rows(pair.rows));
        box_out(out, (&class, ""), &title, place, &pair_label(pair), 10);
    }
}

fn box_out(
    out: &mut String,
    (class, more): (&str, &str),
    title: &str,
    place: &Rectangle,
    text: &str,
    round: u8,
) {
    let Rectangle { x, y, width, height } = *place;
    let _ = writeln!(
        out,
        "<g class=\"{class}\" {more}><title>{}</title><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
         rx=\"{round}\"/><text x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
        escaped(title),
        x + 8.0,
        y + 14.0,
        escaped(text),
    );
}

/// "a, b, c and 12 more"
fn some(names: &[&str]) -> String {
    if names.len() <= MOST_IN_TITLE {
        return names.join(", ");
    }
    let shown = MOST_IN_TITLE - 1;
    format!("{} and {} more", names[..shown].join(", "), names.len() - shown)
}

fn waiting_out(out: &mut String, drawing: &Drawing<'_>, layout: &Layout<'_>) {
    for trunk in &layout.trunks {
        let mine =
            |line: &&Line<'_>| if trunk.leaves { line.tail == trunk.node } else { line.head == trunk.node };
        let lines: Vec<&Line<'_>> = drawing.waiting.iter().filter(mine).collect();
        let marker = if trunk.leaves { "" } else { " marker-end=\"url(#red)\"" };
        path_out(out, drawing, &lines, &trunk_path(trunk, &layout.boxes[trunk.node]), marker, trunk.lookups);
    }
    for lane in &layout.lanes {
        let lines: Vec<&Line<'_>> = lane.lines.iter().map(|&line| &drawing.waiting[line]).collect();
        let path = format!("M{:.1} {:.1}H{:.1}", lane.from, lane.y, lane.to);
        path_out(out, drawing, &lines, &path, "", lane.lookups);
        joints_out(out, lane, &classes(&lines));
    }
    // Above all lines, so that none strikes through a text.
    for lane in &layout.lanes {
        let lines: Vec<&Line<'_>> = lane.lines.iter().map(|&line| &drawing.waiting[line]).collect();
        let classes = classes(&lines);
        for text in &lane.texts {
            // Two texts, since not every program knows an outline that is painted below its letters.
            for class in ["halo".to_owned(), format!("rows{classes}")] {
                let _ = writeln!(
                    out,
                    "<text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                    text.x,
                    lane.y - 4.0,
                    escaped(&text.words)
                );
            }
        }
    }
}

fn classes(lines: &[&Line<'_>]) -> String {
    let ends: BTreeSet<usize> = lines.iter().flat_map(|line| [line.tail, line.head]).collect();
    let mut classes = String::new();
    for node in ends {
        let _ = write!(classes, " n{node}");
    }
    classes
}

fn path_out(
    out: &mut String,
    drawing: &Drawing<'_>,
    lines: &[&Line<'_>],
    path: &str,
    marker: &str,
    lookups: usize,
) {
    let many = if lookups > 1 { " many" } else { "" };
    let mut title: Vec<String> = lines.iter().take(MOST_IN_TITLE).map(|line| told(line, drawing)).collect();
    if lines.len() > MOST_IN_TITLE {
        title.push(format!("and {} more", count((lines.len() - MOST_IN_TITLE) as u64)));
    }
    let title: Vec<String> = title.iter().map(|line| escaped(&measure::shortened(line, 160))).collect();
    let _ = writeln!(
        out,
        "<path class=\"waiting{many}{}\" d=\"{path}\"{marker}><title>{}</title></path>",
        classes(lines),
        title.join("\n")
    );
}

fn joints_out(out: &mut String, lane: &Lane, classes: &str) {
    let radius = if lane.lookups > 1 { 3.0 } else { 2.4 };
    for x in &lane.joints {
        let _ = write!(
            out,
            "<circle class=\"joint{classes}\" cx=\"{x:.1}\" cy=\"{:.1}\" r=\"{radius}\"/>",
            lane.y
        );
    }
    out.push('\n');
}

/// Out of the table and up, or down and into it, with a round corner.
fn trunk_path(trunk: &Trunk, table: &Rectangle) -> String {
    let (x, y, top) = (trunk.x, table.middle(), trunk.top);
    if trunk.leaves {
        format!("M{:.1} {y:.1}H{:.1}Q{x:.1} {y:.1} {x:.1} {:.1}V{top:.1}", table.right(), x - 4.0, y - 4.0)
    } else {
        format!("M{x:.1} {top:.1}V{:.1}Q{x:.1} {y:.1} {:.1} {y:.1}H{:.1}", y - 4.0, x + 4.0, table.x - 1.0)
    }
}
