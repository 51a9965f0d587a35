//! Where everything goes: a block per wave, tables in columns inside it, neighbours near each other.

use std::collections::HashMap;

use super::{Drawing, Line, count, rows};

pub(super) const BOX_HEIGHT: f64 = 20.0;
const ROW: f64 = 26.0;
/// Below the title and the legend.
const TOP: f64 = 58.0;
/// A wave's own head.
const HEAD: f64 = 26.0;
/// A waiting lookup runs above the waves in a lane of its own, with its text.
const LANE: f64 = 16.0;
/// With more waiting lines than this, lanes are shared: a hundred of them would leave no room for the tables.
const MOST_LANES: usize = 24;
/// From a table's side to where its waiting lookups go up or come down.
const TURN: f64 = 9.0;
const MARGIN: f64 = 20.0;
/// Between waves, where most lines run.
const WAVE_GAP: f64 = 66.0;
/// Between columns of one wave.
const COLUMN_GAP: f64 = 24.0;
/// Average width of a letter of the font in use.
const LETTER: f64 = 6.1;
/// A wave's head needs as much.
const NARROWEST: f64 = 78.0;
/// Longer names are cut; the whole name is in the tooltip.
const LONGEST_NAME: usize = 34;
/// Sweeps that order tables by the middle of their neighbours.
const SWEEPS: usize = 6;

pub(super) struct Layout {
    pub(super) boxes: Vec<Rectangle>,
    pub(super) waves: Vec<Rectangle>,
    /// Per waiting line, in the same order, the lane that it takes.
    pub(super) lane_of: Vec<usize>,
    pub(super) lanes: Vec<Lane>,
    pub(super) width: f64,
    pub(super) height: f64,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rectangle {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// The way of a waiting lookup: up beside its table, along at `y`, down beside its target.
#[derive(Debug, Clone, Default)]
pub(super) struct Lane {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) y: f64,
    /// What is written along it.
    pub(super) text: String,
}

impl Rectangle {
    pub(super) fn middle(&self) -> f64 {
        self.y + self.height / 2.0
    }

    pub(super) fn right(&self) -> f64 {
        self.x + self.width
    }
}

/// What is written into a table's box.
pub(super) fn label(name: &str, rows: Option<u64>, levels: bool) -> String {
    let mut text: String = if name.chars().count() > LONGEST_NAME {
        name.chars().take(LONGEST_NAME - 1).chain(['…']).collect()
    } else {
        name.to_owned()
    };
    if levels {
        text.push_str(" ↻");
    }
    if let Some(rows) = rows {
        text.push_str(" · ");
        text.push_str(&count(rows));
    }
    text
}

pub(super) fn arrange(drawing: &Drawing<'_>) -> Layout {
    let total = drawing.nodes.len();
    let tallest = drawing.waves.iter().map(Vec::len).max().unwrap_or(0);
    let most = rows_per_column(total, drawing.waves.len()).min(tallest.max(1));
    let order = ordered(drawing, most);
    let mut boxes = vec![Rectangle::default(); total];
    let mut waves = Vec::new();
    let mut x = MARGIN;
    for nodes in &order {
        let left = x;
        let columns = nodes.len().div_ceil(most).max(1);
        // Columns of equal height look calmer than full ones and a rest.
        let height = nodes.len().div_ceil(columns).max(1);
        for column in nodes.chunks(height) {
            let letters = |&node: &usize| {
                let node = &drawing.nodes[node];
                label(node.name, node.rows, node.levels).chars().count()
            };
            let width = real(column.iter().map(letters).max().unwrap_or(0)) * LETTER + 16.0;
            let width = width.max(NARROWEST);
            for (row, &node) in column.iter().enumerate() {
                boxes[node] = Rectangle { x, y: real(row) * ROW, width, height: BOX_HEIGHT };
            }
            x += width + COLUMN_GAP;
        }
        x -= COLUMN_GAP;
        waves.push(Rectangle { x: left - 8.0, y: 0.0, width: x - left + 16.0, height: 0.0 });
        x += WAVE_GAP;
    }
    let (lane_of, mut lanes) = lanes(drawing, &boxes);
    let used = stacked(&mut lanes);
    let top = TOP + real(used) * LANE + 8.0;
    for lane in &mut lanes {
        lane.y = top - 4.0 - lane.y * LANE;
    }
    for place in &mut boxes {
        place.y += top + HEAD;
    }
    let bottom = boxes.iter().map(|it| it.y + it.height).fold(top + HEAD, f64::max) + 10.0;
    for wave in &mut waves {
        (wave.y, wave.height) = (top, bottom - top);
    }
    let texts = lanes.iter().map(|lane| lane.from.min(lane.to) + text_width(&lane.text));
    let width = texts.fold(x - WAVE_GAP, f64::max) + MARGIN;
    Layout { boxes, waves, lane_of, lanes, width: width.max(720.0), height: bottom }
}

/// The lanes of waiting lines. Up to [`MOST_LANES`] lines have one each; of more, those that run between the same columns of
/// tables share one.
fn lanes(drawing: &Drawing<'_>, boxes: &[Rectangle]) -> (Vec<usize>, Vec<Lane>) {
    let way = |line: &Line<'_>| (boxes[line.tail].right() + TURN, boxes[line.head].x - TURN);
    let shares = drawing.waiting.len() > MOST_LANES;
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut lane_of = Vec::new();
    let mut known: HashMap<(u64, u64), usize> = HashMap::new();
    for (i, line) in drawing.waiting.iter().enumerate() {
        let column = (boxes[line.tail].x.to_bits(), boxes[line.head].x.to_bits());
        let lane = if shares { *known.entry(column).or_insert(groups.len()) } else { groups.len() };
        if lane == groups.len() {
            groups.push(Vec::new());
        }
        groups[lane].push(i);
        lane_of.push(lane);
    }
    let lanes = groups.iter().map(|group| {
        let lines: Vec<&Line<'_>> = group.iter().map(|&line| &drawing.waiting[line]).collect();
        let (from, to) = lines.first().map_or((0.0, 0.0), |line| way(line));
        Lane { from, to, y: 0.0, text: lane_text(drawing, &lines) }
    });
    (lane_of, lanes.collect())
}

/// "contact.parentcustomerid · 3 rows"; where a lane is shared "5 tables.regardingobjectid → 2 tables · 91 rows".
fn lane_text(drawing: &Drawing<'_>, lines: &[&Line<'_>]) -> String {
    let named = |mut names: Vec<&str>, things: &str| {
        names.sort_unstable();
        names.dedup();
        match names[..] {
            [name] => name.to_owned(),
            [name, _] if things == "columns" => format!("{name} and 1 more"),
            _ => format!("{} {things}", names.len()),
        }
    };
    let total = rows(lines.iter().map(|line| line.rows).sum());
    let columns = named(lines.iter().flat_map(|line| line.columns.iter().copied()).collect(), "columns");
    let tails = named(lines.iter().map(|line| drawing.nodes[line.tail].name).collect(), "tables");
    if lines.len() == 1 {
        return format!("{tails}.{columns} · {total}");
    }
    let heads = named(lines.iter().map(|line| drawing.nodes[line.head].name).collect(), "tables");
    format!("{tails}.{columns} → {heads} · {total}")
}

fn text_width(text: &str) -> f64 {
    real(text.chars().count()) * LETTER
}

/// Short ways lie lowest; ways that do not overlap share a height. The heights count from below; how many there are is answered.
fn stacked(lanes: &mut [Lane]) -> usize {
    let span = |lane: &Lane| {
        let left = lane.from.min(lane.to);
        (left - 6.0, lane.from.max(lane.to).max(left + text_width(&lane.text)) + 10.0)
    };
    let mut order: Vec<usize> = (0..lanes.len()).collect();
    let length = |lane: &Lane| (lane.to - lane.from).abs();
    order.sort_by(|&a, &b| length(&lanes[a]).total_cmp(&length(&lanes[b])).then(a.cmp(&b)));
    let mut taken: Vec<Vec<(f64, f64)>> = Vec::new();
    for lane in order {
        let (left, right) = span(&lanes[lane]);
        let is_free = |height: &Vec<(f64, f64)>| height.iter().all(|&(from, to)| right < from || to < left);
        let height = taken.iter().position(is_free).unwrap_or(taken.len());
        if height == taken.len() {
            taken.push(Vec::new());
        }
        taken[height].push((left, right));
        lanes[lane].y = real(height);
    }
    taken.len()
}

/// As many as make the whole about as wide as a screen is.
fn rows_per_column(total: usize, waves: usize) -> usize {
    let mut most = 30;
    while most * most < total * 3 + waves * 6 {
        most += 1;
    }
    most
}

/// Tables of each wave, ordered so that lines are short: by the average height of their neighbours, back and forth.
fn ordered(drawing: &Drawing<'_>, most: usize) -> Vec<Vec<usize>> {
    let mut neighbours: Vec<Vec<usize>> = vec![Vec::new(); drawing.nodes.len()];
    for line in drawing.kept.iter().chain(&drawing.waiting).filter(|line| line.tail != line.head) {
        neighbours[line.tail].push(line.head);
        neighbours[line.head].push(line.tail);
    }
    let mut order = drawing.waves.clone();
    for nodes in &mut order {
        // What has no line goes below what has.
        nodes.sort_by_key(|&node| neighbours[node].is_empty());
    }
    let mut height = vec![0.0; drawing.nodes.len()];
    let place = |nodes: &[usize], height: &mut Vec<f64>| {
        let columns = nodes.len().div_ceil(most).max(1);
        let tall = nodes.len().div_ceil(columns).max(1);
        for (i, &node) in nodes.iter().enumerate() {
            height[node] = real(i % tall) / real(tall.max(1)) + real(i / tall) * 1e-3;
        }
    };
    for nodes in &order {
        place(nodes, &mut height);
    }
    for sweep in 0..SWEEPS {
        for step in 0..order.len() {
            let wave = if sweep % 2 == 0 { step } else { order.len() - 1 - step };
            let middle = |node: usize| {
                let near = &neighbours[node];
                near.iter().map(|&other| height[other]).sum::<f64>() / real(near.len().max(1))
            };
            let mut nodes = order[wave].clone();
            nodes.sort_by(|&a, &b| {
                let (lonely_a, lonely_b) = (neighbours[a].is_empty(), neighbours[b].is_empty());
                lonely_a.cmp(&lonely_b).then(middle(a).total_cmp(&middle(b))).then(a.cmp(&b))
            });
            place(&nodes, &mut height);
            order[wave] = nodes;
        }
    }
    order
}

/// A position as a coordinate.
#[expect(clippy::cast_precision_loss, reason = "pictures have fewer than 2^53 parts")]
pub(super) fn real(number: usize) -> f64 {
    number as f64
}
