//! Where everything goes: a block per wave, tables in columns inside it, room between columns for the lines.

use super::kept::{self, Way};
use super::measure;
use super::order::ordered;
use super::waiting::{self, Lane, Trunk};
use super::{Drawing, label, pair_label};

pub(super) const BOX_HEIGHT: f64 = 20.0;
/// A box and the gap below it, through which lines run.
pub(super) const ROW: f64 = 28.0;
/// A wave's own head, of two lines.
pub(super) const HEAD: f64 = 42.0;
const MARGIN: f64 = 20.0;
/// Between waves, where most lines run.
const WAVE_GAP: f64 = 46.0;
/// Between columns of one wave.
const COLUMN_GAP: f64 = 28.0;
/// Between a wave's side and its boxes.
pub(super) const PADDING: f64 = 8.0;
/// A wave's head needs as much.
const NARROWEST: f64 = 82.0;
/// A picture is at least as wide, for its title and legend.
const NARROWEST_PICTURE: f64 = 760.0;

pub(super) struct Layout<'d> {
    /// Per table its box.
    pub(super) boxes: Vec<Rectangle>,
    /// Per N:N table its box.
    pub(super) pairs: Vec<Rectangle>,
    pub(super) waves: Vec<Rectangle>,
    pub(super) ways: Vec<Way<'d>>,
    pub(super) trunks: Vec<Trunk>,
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

impl Rectangle {
    pub(super) fn middle(&self) -> f64 {
        self.y + self.height / 2.0
    }

    pub(super) fn right(&self) -> f64 {
        self.x + self.width
    }
}

/// Tables and N:N tables in columns and rows, which run through all waves.
#[derive(Default)]
pub(super) struct Grid {
    /// Per table.
    pub(super) column: Vec<usize>,
    pub(super) row: Vec<usize>,
    pair_column: Vec<usize>,
    pair_row: Vec<usize>,
    /// Per column its wave.
    wave: Vec<usize>,
    pub(super) rows: usize,
}

impl Grid {
    fn of(drawing: &Drawing<'_>) -> Self {
        let most = rows_per_column(drawing.nodes.len() + drawing.pairs.len(), drawing.waves.len());
        let mut grid = Self {
            column: vec![0; drawing.nodes.len()],
            row: vec![0; drawing.nodes.len()],
            pair_column: vec![0; drawing.pairs.len()],
            pair_row: vec![0; drawing.pairs.len()],
            ..Self::default()
        };
        for (wave, nodes) in ordered(drawing).iter().enumerate() {
            let first = grid.wave.len();
            let pairs: Vec<usize> =
                (0..drawing.pairs.len()).filter(|&pair| drawing.pairs[pair].wave == wave).collect();
            let columns = nodes.len().div_ceil(most).max(pairs.len().div_ceil(most)).max(1);
            // Columns of equal height look calmer than full ones and a rest.
            let height = nodes.len().div_ceil(columns).max(1);
            for (i, &node) in nodes.iter().enumerate() {
                (grid.column[node], grid.row[node]) = (first + i / height, i % height);
            }
            let mut rows = height;
            if !pairs.is_empty() {
                let more = pairs.len().div_ceil(columns);
                for (i, &pair) in pairs.iter().enumerate() {
                    (grid.pair_column[pair], grid.pair_row[pair]) = (first + i / more, height + i % more);
                }
                rows += more;
            }
            grid.rows = grid.rows.max(rows);
            grid.wave.extend(std::iter::repeat_n(wave, columns));
        }
        grid
    }

    fn columns(&self) -> usize {
        self.wave.len()
    }
}

/// Columns with their places; the gap `g` is left of column `g`.
pub(super) struct Columns {
    x: Vec<f64>,
    width: Vec<f64>,
}

impl Columns {
    /// Where a gap begins and ends.
    pub(super) fn gap(&self, gap: usize) -> (f64, f64) {
        let left = if gap == 0 { 0.0 } else { self.x[gap - 1] + self.width[gap - 1] };
        let right = self.x.get(gap).copied().unwrap_or(left + WAVE_GAP);
        (left, right)
    }
}

/// `top` is where the picture's own head ends.
pub(super) fn arrange<'d>(drawing: &'d Drawing<'_>, head: impl Fn(f64) -> f64) -> Layout<'d> {
    let grid = Grid::of(drawing);
    let mut trunks = waiting::trunks(drawing, &grid);
    let columns = columns(drawing, &grid, &trunks);
    waiting::place(&mut trunks, &columns);
    let mut lanes = waiting::lanes(drawing, &grid, &trunks);
    waiting::join(&mut trunks, &lanes, drawing);
    let heights = waiting::stack(&mut lanes, &trunks);
    let (_, end) = columns.gap(columns.x.len());
    let width = lanes.iter().map(Lane::right).fold(end, f64::max) + MARGIN;
    let width = width.max(NARROWEST_PICTURE);
    let top = head(width) + heights;
    for lane in &mut lanes {
        lane.y += top;
    }
    let y = |row: usize| top + HEAD + real(row) * ROW;
    let place = |column: usize, row: usize| Rectangle {
        x: columns.x[column],
        y: y(row),
        width: columns.width[column],
        height: BOX_HEIGHT,
    };
    let boxes: Vec<Rectangle> = grid.column.iter().zip(&grid.row).map(|(&c, &r)| place(c, r)).collect();
    let pairs = grid.pair_column.iter().zip(&grid.pair_row).map(|(&c, &r)| place(c, r)).collect();
    let bottom = y(grid.rows.max(1)) + 4.0;
    let waves = (0..drawing.waves.len()).map(|wave| {
        let mine = || (0..grid.columns()).filter(|&column| grid.wave[column] == wave);
        let left = mine().map(|column| columns.x[column]).fold(f64::MAX, f64::min) - PADDING;
        let right =
            mine().map(|column| columns.x[column] + columns.width[column]).fold(0.0, f64::max) + PADDING;
        Rectangle { x: left, y: top, width: right - left, height: bottom - top }
    });
    let waves = waves.collect();
    for trunk in &mut trunks {
        trunk.top = trunk.lanes.iter().map(|&lane| lanes[lane].y).fold(f64::MAX, f64::min);
    }
    let ways = kept::ways(drawing, &grid, &columns, &boxes);
    Layout { boxes, pairs, waves, ways, trunks, lanes, width, height: bottom }
}

fn columns(drawing: &Drawing<'_>, grid: &Grid, trunks: &[Trunk]) -> Columns {
    let mut width = vec![NARROWEST; grid.columns()];
    let tables = grid.column.iter().zip(drawing.nodes.iter().map(label));
    let pairs = grid.pair_column.iter().zip(drawing.pairs.iter().map(pair_label));
    for (&column, text) in tables.chain(pairs) {
        width[column] = width[column].max(measure::width(&text) + 16.0);
    }
    let mut x = Vec::new();
    let mut at = MARGIN;
    for (column, width) in width.iter().enumerate() {
        let starts_wave = column == 0 || grid.wave[column] != grid.wave[column - 1];
        let gap = match (column, starts_wave) {
            (0, _) => PADDING,
            (_, true) => WAVE_GAP,
            (_, false) => COLUMN_GAP,
        };
        at += gap + waiting::room(trunks, column);
        x.push(at);
        at += width;
    }
    Columns { x, width }
}

/// As many as make the whole about as wide as a screen is.
fn rows_per_column(total: usize, waves: usize) -> usize {
    let mut most = 30;
    while most * most < total * 3 + waves * 6 {
        most += 1;
    }
    most
}

/// A position as a coordinate.
#[expect(clippy::cast_precision_loss, reason = "pictures have fewer than 2^53 parts")]
pub(super) fn real(number: usize) -> f64 {
    number as f64
}
