//! The ways of lookups written at insert. None runs behind a table: from column to neighbouring column directly, else through the
//! gap between two rows, which all lookups to a table share.

use std::collections::BTreeMap;

use super::layout::{BOX_HEIGHT, Columns, Grid, ROW, Rectangle};
use super::{Drawing, Line};

/// Places for lines in the gap between two rows, measured from its middle.
const PLACES: [f64; 3] = [0.0, -2.4, 2.4];
/// From a column to where a line has reached its height between the rows.
const BEND: f64 = 20.0;

/// One line with its path.
pub(super) struct Way<'d> {
    pub(super) line: &'d Line<'d>,
    pub(super) path: String,
}

pub(super) fn ways<'d>(
    drawing: &'d Drawing<'_>,
    grid: &Grid,
    columns: &Columns,
    boxes: &[Rectangle],
) -> Vec<Way<'d>> {
    let shown = drawing.shown();
    let heights = heights(&shown, grid, columns, boxes);
    let way = |line: &'d Line<'_>| {
        let (tail, head) = (&boxes[line.tail], &boxes[line.head]);
        let path = match spans(line, grid, columns) {
            Some((from, to)) => {
                let y = heights.get(&line.head).copied().unwrap_or_else(|| head.middle());
                through(tail, head, from, to, y)
            }
            None if grid.column[line.tail] == grid.column[line.head] => around(tail, head),
            None => direct(tail, head),
        };
        Way { line, path }
    };
    shown.into_iter().map(way).collect()
}

/// Where a line's level part begins at its table and ends at its target, if it needs one.
fn spans(line: &Line<'_>, grid: &Grid, columns: &Columns) -> Option<(f64, f64)> {
    let (tail, head) = (grid.column[line.tail], grid.column[line.head]);
    if tail == head || tail == head + 1 {
        return None;
    }
    let bend = |gap: usize| {
        let (left, right) = columns.gap(gap);
        BEND.min((right - left) / 2.0)
    };
    let arrives = columns.gap(head + 1).0 + bend(head + 1);
    let leaves =
        if tail > head { columns.gap(tail).1 - bend(tail) } else { columns.gap(tail + 1).0 + bend(tail + 1) };
    Some((leaves, arrives))
}

/// Per target a height between rows that no other target's lines use over the same columns, while there are any left.
fn heights(shown: &[&Line<'_>], grid: &Grid, columns: &Columns, boxes: &[Rectangle]) -> BTreeMap<usize, f64> {
    let mut spanned: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    for line in shown {
        if let Some((from, to)) = spans(line, grid, columns) {
            let span = spanned.entry(line.head).or_insert((f64::MAX, f64::MIN));
            *span = (span.0.min(from).min(to), span.1.max(from).max(to));
        }
    }
    let mut taken: BTreeMap<(usize, usize), Vec<(f64, f64)>> = BTreeMap::new();
    let mut heights = BTreeMap::new();
    for (head, (from, to)) in spanned {
        let row = grid.row[head];
        // Below the table first, then above it.
        let choices =
            PLACES.iter().enumerate().flat_map(|(place, by)| [(row + 1, place, *by), (row, place, *by)]);
        let choices: Vec<(usize, usize, f64)> = choices.collect();
        let is_free = |&&(gap, place, _): &&(usize, usize, f64)| {
            taken
                .get(&(gap, place))
                .is_none_or(|spans| spans.iter().all(|&(left, right)| to < left || right < from))
        };
        let (gap, place, by) = choices.iter().find(is_free).copied().unwrap_or(choices[0]);
        taken.entry((gap, place)).or_default().push((from, to));
        let below = boxes[head].y + BOX_HEIGHT + (ROW - BOX_HEIGHT) / 2.0;
        heights.insert(head, if gap == row { below - ROW + by } else { below + by });
    }
    heights
}

/// From the left side of a table to the right side of the one it names, across the gap between them.
fn direct(tail: &Rectangle, head: &Rectangle) -> String {
    let (x1, y1, x2, y2) = (tail.x, tail.middle(), head.right() + 1.0, head.middle());
    let bend = (x1 - x2) / 2.0;
    format!("M{x1:.1} {y1:.1}C{:.1} {y1:.1} {:.1} {y2:.1} {x2:.1} {y2:.1}", x1 - bend, x2 + bend)
}

/// Into the gap between two rows, along it, and to the right side of the table it names.
fn through(tail: &Rectangle, head: &Rectangle, from: f64, to: f64, y: f64) -> String {
    let x1 = if from < tail.x { tail.x } else { tail.right() };
    let (y1, x2, y2) = (tail.middle(), head.right() + 1.0, head.middle());
    let (out, back) = (f64::midpoint(x1, from), f64::midpoint(x2, to));
    format!(
        "M{x1:.1} {y1:.1}C{out:.1} {y1:.1} {out:.1} {y:.1} {from:.1} {y:.1}H{to:.1}\
         C{back:.1} {y:.1} {back:.1} {y2:.1} {x2:.1} {y2:.1}"
    )
}

/// Between tables of one column, beside it.
fn around(tail: &Rectangle, head: &Rectangle) -> String {
    let (x1, y1, x2, y2) = (tail.right(), tail.middle() + 3.0, head.right() + 1.0, head.middle());
    let out = x1.max(x2) + BEND;
    format!("M{x1:.1} {y1:.1}C{out:.1} {y1:.1} {out:.1} {y2:.1} {x2:.1} {y2:.1}")
}
