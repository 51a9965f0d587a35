//! Where everything goes: a block per wave, tables in columns inside it, neighbours near each other.

use super::{Drawing, count};

pub(super) const BOX_HEIGHT: f64 = 20.0;
const ROW: f64 = 26.0;
const TOP: f64 = 86.0;
const MARGIN: f64 = 20.0;
/// Between waves, where most lines run.
const WAVE_GAP: f64 = 96.0;
/// Between columns of one wave.
const COLUMN_GAP: f64 = 18.0;
/// Average width of a letter of the font in use.
const LETTER: f64 = 6.1;
/// Longer names are cut; the whole name is in the tooltip.
const LONGEST_NAME: usize = 34;
/// Sweeps that order tables by the middle of their neighbours.
const SWEEPS: usize = 6;

pub(super) struct Layout {
    pub(super) boxes: Vec<Rectangle>,
    pub(super) waves: Vec<Rectangle>,
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
    let rows = rows_per_column(total, drawing.waves.len()).min(tallest.max(1));
    let order = ordered(drawing, rows);
    let mut boxes = vec![Rectangle::default(); total];
    let mut waves = Vec::new();
    let mut x = MARGIN;
    for nodes in &order {
        let left = x;
        let columns = nodes.len().div_ceil(rows).max(1);
        // Columns of equal height look calmer than full ones and a rest.
        let height = nodes.len().div_ceil(columns).max(1);
        for column in nodes.chunks(height) {
            let letters = |&node: &usize| {
                let node = &drawing.nodes[node];
                label(node.name, node.rows, node.levels).chars().count()
            };
            let width = real(column.iter().map(letters).max().unwrap_or(0)) * LETTER + 16.0;
            for (row, &node) in column.iter().enumerate() {
                boxes[node] = Rectangle { x, y: TOP + real(row) * ROW, width, height: BOX_HEIGHT };
            }
            x += width + COLUMN_GAP;
        }
        x -= COLUMN_GAP;
        waves.push(Rectangle { x: left - 8.0, y: TOP - 26.0, width: x - left + 16.0, height: 0.0 });
        x += WAVE_GAP;
    }
    let bottom = boxes.iter().map(|it| it.y + it.height).fold(TOP, f64::max) + 10.0;
    for wave in &mut waves {
        wave.height = bottom - wave.y;
    }
    Layout { boxes, waves, width: (x - WAVE_GAP + MARGIN + 40.0).max(640.0), height: bottom }
}

/// As many as make the whole about as wide as a screen is.
fn rows_per_column(total: usize, waves: usize) -> usize {
    let mut rows = 8;
    while rows * rows < total * 4 + waves * 6 {
        rows += 1;
    }
    rows
}

/// Tables of each wave, ordered so that lines are short: by the average height of their neighbours, back and forth.
fn ordered(drawing: &Drawing<'_>, rows: usize) -> Vec<Vec<usize>> {
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
        let columns = nodes.len().div_ceil(rows).max(1);
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
