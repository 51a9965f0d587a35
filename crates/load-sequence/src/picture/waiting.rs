//! The ways of waiting lookups: up beside their table, along above the waves, down beside their target.
//!
//! Every upright has a place of its own between two columns of tables, and what runs together is one line: all waiting lookups of a
//! table leave by one upright, all to a table arrive by one. A dot says where a line joins; lines without a dot cross.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::layout::{Columns, Grid, real};
use super::measure;
use super::{Drawing, Line, rows};

/// A lane's height, with its text.
const LANE: f64 = 17.0;
/// With more waiting lines than this, lanes are shared: a hundred of them would leave no room for the tables.
const MOST_LANES: usize = 24;
/// Between uprights, and between them and the tables.
const STEP: f64 = 5.0;
const BESIDE: f64 = 9.0;
/// So much room at most for the uprights of one gap on one side.
const MOST_ROOM: f64 = 120.0;
/// Longer names are cut in the texts of lanes.
const LONGEST_NAME: usize = 40;

/// An upright with its way to or from a table.
pub(super) struct Trunk {
    pub(super) node: usize,
    /// Its lookups leave the table here; else they arrive.
    pub(super) leaves: bool,
    pub(super) gap: usize,
    row: usize,
    pub(super) x: f64,
    /// The height of its uppermost lane.
    pub(super) top: f64,
    pub(super) lanes: Vec<usize>,
    /// How many lookups it stands for.
    pub(super) lookups: usize,
}

/// A level way above the waves.
pub(super) struct Lane {
    /// Its lines, by their numbers in the drawing.
    pub(super) lines: Vec<usize>,
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) y: f64,
    /// By rows, the largest is 1.
    pub(super) number: usize,
    pub(super) texts: Vec<Text>,
    pub(super) lookups: usize,
    /// Where lines join or leave it.
    pub(super) joints: Vec<f64>,
}

/// What is written above a lane.
pub(super) struct Text {
    pub(super) x: f64,
    pub(super) width: f64,
    pub(super) words: String,
}

impl Lane {
    pub(super) fn right(&self) -> f64 {
        self.texts.iter().map(|text| text.x + text.width).fold(self.to, f64::max)
    }
}

/// The uprights that the lookups need, not yet placed.
pub(super) fn trunks(drawing: &Drawing<'_>, grid: &Grid) -> Vec<Trunk> {
    let mut lookups: BTreeMap<(usize, bool), usize> = BTreeMap::new();
    for line in &drawing.waiting {
        *lookups.entry((line.tail, true)).or_default() += line.columns.len();
        *lookups.entry((line.head, false)).or_default() += line.columns.len();
    }
    let trunk = |((node, leaves), lookups): ((usize, bool), usize)| Trunk {
        node,
        leaves,
        gap: grid.column[node] + usize::from(leaves),
        row: grid.row[node],
        x: 0.0,
        top: 0.0,
        lanes: Vec::new(),
        lookups,
    };
    lookups.into_iter().map(trunk).collect()
}

/// What the uprights of a gap need besides the gap's own width.
pub(super) fn room(trunks: &[Trunk], gap: usize) -> f64 {
    [true, false].iter().map(|&leaves| side(trunks, gap, leaves)).sum()
}

fn side(trunks: &[Trunk], gap: usize, leaves: bool) -> f64 {
    let number = trunks.iter().filter(|trunk| trunk.gap == gap && trunk.leaves == leaves).count();
    (real(number) * STEP).min(MOST_ROOM)
}

/// Tables further down have their upright further away, so that none crosses another's way out.
pub(super) fn place(trunks: &mut [Trunk], columns: &Columns) {
    let mut order: Vec<usize> = (0..trunks.len()).collect();
    order.sort_by_key(|&it| (trunks[it].gap, trunks[it].leaves, trunks[it].row, trunks[it].node));
    let side: Vec<(usize, bool)> = trunks.iter().map(|it| (it.gap, it.leaves)).collect();
    for group in order.chunk_by(|&a, &b| side[a] == side[b]) {
        let step = (MOST_ROOM / real(group.len())).min(STEP);
        for (i, &it) in group.iter().enumerate() {
            let (left, right) = columns.gap(trunks[it].gap);
            let away = BESIDE + real(i) * step;
            trunks[it].x = if trunks[it].leaves { left + away } else { right - away };
        }
    }
}

/// Up to [`MOST_LANES`] lines have a lane each; of more, those that run between the same columns of tables share one.
pub(super) fn lanes(drawing: &Drawing<'_>, grid: &Grid, trunks: &[Trunk]) -> Vec<Lane> {
    let shares = drawing.waiting.len() > MOST_LANES;
    let mut groups: BTreeMap<(usize, usize, usize), Vec<usize>> = BTreeMap::new();
    for (i, line) in drawing.waiting.iter().enumerate() {
        let single = if shares { 0 } else { i };
        groups.entry((grid.column[line.tail], grid.column[line.head], single)).or_default().push(i);
    }
    let x = |node: usize, leaves: bool| {
        trunks.iter().find(|it| it.node == node && it.leaves == leaves).map_or(0.0, |it| it.x)
    };
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.sort_by_key(|group| (Reverse(total(drawing, group)), group.clone()));
    let lane = |(number, lines): (usize, Vec<usize>)| {
        let ends = lines.iter().map(|&line| &drawing.waiting[line]);
        let mut joints: Vec<f64> = ends.flat_map(|line| [x(line.tail, true), x(line.head, false)]).collect();
        joints.sort_by(f64::total_cmp);
        joints.dedup();
        let (from, to) = (joints.first().copied().unwrap_or(0.0), joints.last().copied().unwrap_or(0.0));
        let rightwards = lines.first().is_none_or(|&line| {
            let line = &drawing.waiting[line];
            x(line.tail, true) <= x(line.head, false)
        });
        let lookups = lines.iter().map(|&line| drawing.waiting[line].columns.len()).sum();
        let texts = texts(drawing, &lines, number + 1, (from, to), rightwards);
        Lane { lines, from, to, y: 0.0, number: number + 1, texts, lookups, joints }
    };
    groups.into_iter().enumerate().map(lane).collect()
}

fn total(drawing: &Drawing<'_>, lines: &[usize]) -> u64 {
    lines.iter().map(|&line| drawing.waiting[line].rows).sum()
}

/// In full at the table, and once more at the target where there is room for both.
fn texts(
    drawing: &Drawing<'_>,
    lines: &[usize],
    number: usize,
    (from, to): (f64, f64),
    rightwards: bool,
) -> Vec<Text> {
    let lines: Vec<&Line<'_>> = lines.iter().map(|&line| &drawing.waiting[line]).collect();
    let (start, end) = words(drawing, &lines);
    let (start, end) = (format!("#{number}  {start}"), format!("#{number}  {end}"));
    let (wide, narrow) = (measure::bold_width(&start), measure::bold_width(&end));
    let both = to - from > wide + narrow + 40.0;
    let fits = to - from > wide + 12.0;
    let text = |words: String, width: f64, at_left: bool| Text {
        x: if at_left { from + 6.0 } else { to - 6.0 - width },
        width,
        words,
    };
    // Where it does not fit it begins at the left and runs on.
    let mut texts = vec![text(start, wide, rightwards || !fits)];
    if both {
        texts.push(text(end, narrow, !rightwards));
    }
    texts
}

/// "contact.parentcustomerid → account · 3 rows" and "from contact.parentcustomerid"; where several run together
/// "4 lookups: email and fax → lead · 91 rows" and "4 lookups from email and fax".
fn words(drawing: &Drawing<'_>, lines: &[&Line<'_>]) -> (String, String) {
    let name = |node: usize| measure::shortened(drawing.nodes[node].name, LONGEST_NAME);
    let named = |mut nodes: Vec<usize>| {
        nodes.sort_unstable();
        nodes.dedup();
        match nodes[..] {
            [one] => name(one),
            [one, two] => format!("{} and {}", name(one), name(two)),
            _ => format!("{} tables", nodes.len()),
        }
    };
    let total = rows(lines.iter().map(|line| line.rows).sum());
    let (tails, heads) = (
        named(lines.iter().map(|line| line.tail).collect()),
        named(lines.iter().map(|line| line.head).collect()),
    );
    let lookups: usize = lines.iter().map(|line| line.columns.len()).sum();
    match lines {
        [line] if lookups == 1 => {
            let column = measure::shortened(line.columns[0], LONGEST_NAME);
            (format!("{tails}.{column} → {heads} · {total}"), format!("from {tails}.{column}"))
        }
        _ => (
            format!("{lookups} lookups: {tails} → {heads} · {total}"),
            format!("{lookups} lookups from {tails}"),
        ),
    }
}

/// Short ways lie lowest; ways that do not overlap share a height. Answers how much room all need; `y` counts from below it.
pub(super) fn stack(lanes: &mut [Lane], trunks: &[Trunk]) -> f64 {
    let mut order: Vec<usize> = (0..lanes.len()).collect();
    order.sort_by(|&a, &b| {
        let length = |lane: &Lane| lane.to - lane.from;
        length(&lanes[a]).total_cmp(&length(&lanes[b])).then(a.cmp(&b))
    });
    let mut taken: Vec<Vec<(f64, f64)>> = Vec::new();
    for lane in order {
        let (left, right) = (lanes[lane].from - 6.0, lanes[lane].right() + 10.0);
        let is_free = |height: &Vec<(f64, f64)>| height.iter().all(|&(from, to)| right < from || to < left);
        let height = taken.iter().position(is_free).unwrap_or(taken.len());
        if height == taken.len() {
            taken.push(Vec::new());
        }
        taken[height].push((left, right));
        lanes[lane].y = -8.0 - real(height) * LANE;
    }
    avoid(lanes, trunks);
    if taken.is_empty() { 0.0 } else { real(taken.len()) * LANE + 12.0 }
}

/// Moves texts along their lanes to where no upright crosses them, if there is such a place.
fn avoid(lanes: &mut [Lane], trunks: &[Trunk]) {
    let top = |trunk: &Trunk| trunk.lanes.iter().map(|&lane| lanes[lane].y).fold(f64::MAX, f64::min);
    let uprights: Vec<(f64, f64)> = trunks.iter().map(|trunk| (trunk.x, top(trunk))).collect();
    for lane in lanes {
        let (from, to, y) = (lane.from, lane.to, lane.y);
        let crossed = |left: f64, width: f64| {
            uprights.iter().filter(|(x, top)| *top < y && *x > left - 3.0 && *x < left + width + 3.0).count()
        };
        let room = to - from - lane.texts.iter().map(|text| text.width + 12.0).sum::<f64>();
        if room <= 0.0 {
            continue;
        }
        let tries =
            (0..60).map(|step| real(step) * 7.0).take_while(|way| *way <= room / real(lane.texts.len()));
        let tries: Vec<f64> = tries.collect();
        for text in &mut lane.texts {
            let from_left = text.x - from < to - text.x - text.width;
            let place = |way: f64| if from_left { text.x + way } else { text.x - way };
            let best = tries.iter().map(|&way| place(way)).min_by_key(|&x| crossed(x, text.width));
            text.x = best.unwrap_or(text.x);
        }
    }
}

/// Tells each upright which lanes it meets.
pub(super) fn join(trunks: &mut [Trunk], lanes: &[Lane], drawing: &Drawing<'_>) {
    for trunk in trunks {
        trunk.lanes = (0..lanes.len())
            .filter(|&lane| {
                let mut mine = lanes[lane].lines.iter().map(|&line| &drawing.waiting[line]);
                mine.any(|line| if trunk.leaves { line.tail == trunk.node } else { line.head == trunk.node })
            })
            .collect();
    }
}
