//! The waiting lookups below the picture, those with the most rows first.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::Write as _;

use super::layout::{Layout, real};
use super::{Drawing, count, escaped, measure, rows};
use crate::plan::{Deferred, Sequence};

const LINE: f64 = 16.0;
/// More waiting lookups than this are not listed; the HTML page and the JSON list all.
const LONGEST: usize = 240;
/// The block stands at the left and is hardly wider than a screen.
const WIDEST: f64 = 2200.0;
const LONGEST_NAME: usize = 44;
/// With up to this many entries one column is enough.
const ONE_COLUMN: usize = 12;

pub(super) struct List<'a> {
    entries: Vec<Entry<'a>>,
    left_out: Vec<&'a Deferred>,
    columns: usize,
    column: f64,
    top: f64,
    pub(super) bottom: f64,
    pub(super) right: f64,
}

struct Entry<'a> {
    /// The number of its line in the picture.
    number: usize,
    lookup: &'a Deferred,
    text: String,
}

impl<'a> List<'a> {
    pub(super) fn of(drawing: &Drawing<'_>, layout: &Layout<'_>, plan: &'a Sequence) -> Self {
        let mut numbers: HashMap<(&str, &str), usize> = HashMap::new();
        for lane in &layout.lanes {
            for &line in &lane.lines {
                let line = &drawing.waiting[line];
                numbers.insert((drawing.nodes[line.tail].name, drawing.nodes[line.head].name), lane.number);
            }
        }
        let mut sorted = by_rows(plan);
        let left_out = sorted.split_off(sorted.len().min(LONGEST));
        let name = |text: &str| measure::shortened(text, LONGEST_NAME);
        let entry = |lookup: &'a Deferred| Entry {
            number: numbers
                .get(&(lookup.table.as_str(), lookup.target.as_str()))
                .copied()
                .unwrap_or_default(),
            text: format!("{}.{} → {}", name(&lookup.table), name(&lookup.column), name(&lookup.target)),
            lookup,
        };
        let entries: Vec<Entry<'a>> = sorted.into_iter().map(entry).collect();
        let widest =
            entries.iter().map(|it| measure::width(&it.text) + measure::bold_width(&rows(it.lookup.rows)));
        let column = widest.fold(0.0, f64::max) + 64.0;
        let columns = if entries.len() <= ONE_COLUMN { 1 } else { fitting(column).min(entries.len()) };
        let top = layout.height + 30.0;
        let bottom = if entries.is_empty() {
            layout.height
        } else {
            top + 6.0 + real(entries.len().div_ceil(columns)) * LINE
        };
        let right = if entries.is_empty() { 0.0 } else { 12.0 + real(columns) * column };
        Self { entries, left_out, columns, column, top, bottom, right }
    }

    pub(super) fn write(&self, out: &mut String) {
        if self.entries.is_empty() {
            return;
        }
        let mut head = "Lookups that wait, by rows written twice".to_owned();
        // Writing to a string cannot fail.
        if !self.left_out.is_empty() {
            let more: u64 = self.left_out.iter().map(|it| it.rows).sum();
            let _ = write!(
                head,
                "; {} more with together {} are in the HTML page and in the JSON plan",
                count(self.left_out.len() as u64),
                rows(more)
            );
        }
        let _ = writeln!(out, "<text class=\"head\" x=\"12\" y=\"{:.1}\">{head}</text>", self.top);
        let high = self.entries.len().div_ceil(self.columns);
        for (i, Entry { number, lookup, text }) in self.entries.iter().enumerate() {
            let x = 12.0 + real(i / high) * self.column;
            let y = self.top + 20.0 + real(i % high) * LINE;
            let full = format!("{}.{} → {}", lookup.table, lookup.column, lookup.target);
            let title =
                if full == *text { String::new() } else { format!("<title>{}</title>", escaped(&full)) };
            let _ = writeln!(
                out,
                "<text class=\"entry\" x=\"{x:.1}\" y=\"{y:.1}\">{title}<tspan class=\"number\">#{number}</tspan> \
                 <tspan x=\"{:.1}\">{}</tspan> <tspan class=\"number\">{}</tspan></text>",
                x + 28.0,
                escaped(text),
                rows(lookup.rows)
            );
        }
    }
}

/// Waiting lookups, those with the most rows first.
pub(super) fn by_rows(plan: &Sequence) -> Vec<&Deferred> {
    let mut sorted: Vec<&Deferred> = plan.deferred.iter().collect();
    sorted.sort_by_key(|it| (Reverse(it.rows), *it));
    sorted
}

fn fitting(column: f64) -> usize {
    let mut columns = 1;
    while real(columns + 1) * column <= WIDEST {
        columns += 1;
    }
    columns
}
