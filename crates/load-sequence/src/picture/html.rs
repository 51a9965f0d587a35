//! One page with the picture and the plan's tables, complete in itself.

use std::fmt::Write as _;

use super::{count, escaped, headline, rows, svg};
use crate::model::LookupGraph;
use crate::plan::Sequence;

const STYLE: &str = "\
body{font:14px/1.45 Helvetica,Arial,sans-serif;margin:24px;color:#1f2933}h1{font-size:20px}h2{font-size:16px;margin-top:28px}\
.picture{overflow:auto;border:1px solid #e4e7eb;max-height:85vh}table{border-collapse:collapse}\
td,th{padding:3px 14px 3px 0;text-align:left;vertical-align:top;border-bottom:1px solid #eef1f4}td.n,th.n{text-align:right}";

/// Pointing at a table lights up its lookups; nothing else needs a script.
const SCRIPT: &str = "\
const svg=document.querySelector('svg');for(const g of svg.querySelectorAll('[data-n]')){\
const mine=()=>svg.querySelectorAll('.n'+g.dataset.n);\
g.addEventListener('mouseenter',()=>{svg.classList.add('on');mine().forEach(e=>e.classList.add('lit'))});\
g.addEventListener('mouseleave',()=>{svg.classList.remove('on');mine().forEach(e=>e.classList.remove('lit'))})}";

/// Writes the plan as one HTML page that needs nothing else: the picture, in which pointing at a table lights up its lookups, and all decisions.
pub fn html(graph: &LookupGraph, plan: &Sequence) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Load sequence</title><style>{STYLE}</style></head>\n\
         <body><h1>Load sequence</h1><p>{}</p>\n<div class=\"picture\">{}</div>\n",
        escaped(&headline(plan)),
        svg(graph, plan)
    );
    let deferred = plan
        .deferred
        .iter()
        .map(|it| [it.table.clone(), it.column.clone(), it.target.clone(), rows(it.rows)]);
    section(&mut out, "Lookups that wait", ["Table", "Column", "Target", "Second writes"], deferred);
    let waves = plan.waves.iter().enumerate().map(|(number, tables)| {
        [(number + 1).to_string(), tables.join(", "), String::new(), count(tables.len() as u64)]
    });
    section(&mut out, "Waves", ["Wave", "Tables", "", "Count"], waves);
    let levels =
        plan.levels.iter().map(|it| [it.table.clone(), it.column.clone(), String::new(), String::new()]);
    section(&mut out, "Loaded level by level", ["Table", "Column", "", ""], levels);
    let components = plan.components.iter().map(|it| {
        let proof = if it.proven { "proven".to_owned() } else { format!("at least {}", count(it.bound)) };
        [
            it.tables.join(", "),
            format!("{} of {} lookups wait", it.deferred, it.lookups),
            proof,
            rows(it.cost),
        ]
    });
    section(
        &mut out,
        "Tables that point at each other",
        ["Tables", "Lookups", "Proof", "Second writes"],
        components,
    );
    let why = plan
        .explanations
        .iter()
        .map(|it| [it.table.clone(), it.column.clone().unwrap_or_default(), it.text.clone(), String::new()]);
    section(&mut out, "Why", ["Table", "Column", "Decision", ""], why);
    let _ = write!(out, "<script>{SCRIPT}</script>\n</body></html>\n");
    out
}

fn section(out: &mut String, title: &str, heads: [&str; 4], lines: impl Iterator<Item = [String; 4]>) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return;
    }
    let class = |i: usize| if i == 3 { " class=\"n\"" } else { "" };
    let _ = write!(out, "<h2>{title}</h2>\n<table><tr>");
    for (i, head) in heads.iter().enumerate() {
        let _ = write!(out, "<th{}>{head}</th>", class(i));
    }
    out.push_str("</tr>\n");
    for line in lines {
        out.push_str("<tr>");
        for (i, cell) in line.iter().enumerate() {
            let _ = write!(out, "<td{}>{}</td>", class(i), escaped(cell));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table>\n");
}
