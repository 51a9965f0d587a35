//! What the signs of a picture mean; only those that occur.

use std::fmt::Write as _;

use super::layout::real;
use super::{Drawing, count, escaped, measure};

const LINE: f64 = 18.0;
/// Below the title.
const TOP: f64 = 44.0;
const LEFT: f64 = 12.0;
/// A sign's width, with the gap to its text.
const SIGN: f64 = 36.0;
/// Between one entry and the next.
const GAP: f64 = 22.0;
/// Legends are read, so they are no wider than a screen.
const WIDEST: f64 = 1500.0;

/// A sign and its meaning, placed.
struct Entry {
    sign: &'static str,
    text: String,
    x: f64,
    y: f64,
}

pub(super) struct Legend {
    entries: Vec<Entry>,
    /// Where it ends.
    pub(super) bottom: f64,
}

impl Legend {
    /// `width` is that of the picture.
    pub(super) fn of(drawing: &Drawing<'_>, width: f64) -> Self {
        let (mut x, mut line) = (LEFT, 0);
        let mut entries = Vec::new();
        for (sign, text) in signs(drawing) {
            let needs = SIGN + measure::width(&text);
            if x > LEFT && x + needs > width.min(WIDEST) {
                (x, line) = (LEFT, line + 1);
            }
            entries.push(Entry { sign, text, x, y: TOP + real(line) * LINE });
            x += needs + GAP;
        }
        Self { entries, bottom: TOP + real(line + 1) * LINE }
    }

    pub(super) fn write(&self, out: &mut String) {
        out.push_str("<g class=\"legend\">\n");
        for Entry { sign, text, x, y } in &self.entries {
            // Writing to a string cannot fail.
            let _ = writeln!(
                out,
                "<g transform=\"translate({x:.1} {:.1})\">{sign}</g><text class=\"note\" x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
                y - 4.0,
                x + SIGN - 6.0,
                escaped(text)
            );
        }
        out.push_str("</g>\n");
    }
}

const LINE_SIGN: &str = "<path class=\"kept\" d=\"M26 0H2\" marker-end=\"url(#grey)\"/>";
const WAITING_SIGN: &str = "<path class=\"waiting\" d=\"M0 0H25\" marker-end=\"url(#red)\"/>";
const MERGED_SIGN: &str =
    "<path class=\"waiting many\" d=\"M0 0H26\"/><circle class=\"joint\" cx=\"13\" r=\"2.6\"/>";

fn signs(drawing: &Drawing<'_>) -> Vec<(&'static str, String)> {
    let mut signs = Vec::new();
    let mut sign = |occurs: bool, sign: &'static str, text: &str| {
        if occurs {
            signs.push((sign, text.to_owned()));
        }
    };
    let nodes = &drawing.nodes;
    let waits = !drawing.waiting.is_empty();
    let left_out = drawing.kept.len() - drawing.shown().len();
    let arrow = "lookup written at insert, to the table it names";
    let arrow = if left_out == 0 {
        arrow.to_owned()
    } else {
        format!(
            "{arrow}; of each table only the one that decides its wave ({} more between tables are left out)",
            count(left_out as u64)
        )
    };
    sign(!drawing.kept.is_empty(), LINE_SIGN, &arrow);
    sign(
        waits,
        WAITING_SIGN,
        "lookup that waits and is written afterwards; its number is that of the list below",
    );
    let many = drawing.waiting.len() > 1 || drawing.waiting.iter().any(|line| line.columns.len() > 1);
    sign(many, MERGED_SIGN, "several that wait; at a dot lines join, without one they cross");
    sign(
        waits,
        "<g class=\"table waits\"><rect x=\"2\" y=\"-6\" width=\"22\" height=\"12\" rx=\"3\"/></g>",
        "table with a lookup that waits",
    );
    let special = nodes.iter().any(|node| node.special);
    sign(
        special,
        "<g class=\"table special\"><rect x=\"2\" y=\"-6\" width=\"22\" height=\"12\" rx=\"3\"/></g>",
        "special table, kept for the very end",
    );
    let pairs = !drawing.pairs.is_empty();
    sign(
        pairs,
        "<g class=\"pair\"><rect x=\"2\" y=\"-6\" width=\"22\" height=\"12\" rx=\"6\"/></g>",
        "N:N table, loaded when its wave is done",
    );
    let levels = nodes.iter().any(|node| node.levels);
    sign(levels, "<text x=\"8\" y=\"4\">↻</text>", "points to itself, loaded level by level");
    let rows = pairs || nodes.iter().any(|node| node.rows.is_some());
    sign(rows, "<text x=\"2\" y=\"4\">· 12</text>", "number of rows");
    signs
}
