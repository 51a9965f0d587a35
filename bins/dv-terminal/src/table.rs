//! Tables of text: names to the left, numbers to the right.

use std::fmt::Write as _;

/// How a column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Names.
    Left,
    /// Numbers.
    Right,
}

/// Sets rows under a header, as wide as the widest cell.
pub fn set(header: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = header
        .iter()
        .enumerate()
        .map(|(column, (name, _))| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).chain([name.chars().count()]).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    let names: Vec<String> = header.iter().map(|(name, _)| (*name).to_owned()).collect();
    let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
    for row in [&names, &rule].into_iter().chain(rows) {
        let mut line = String::new();
        for (((_, align), width), cell) in header.iter().zip(&widths).zip(row) {
            let width = *width;
            // Writing to a String cannot fail.
            let _ = match align {
                Align::Left => write!(line, "{cell:<width$}  "),
                Align::Right => write!(line, "{cell:>width$}  "),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `0.4 s`, `12 s`, `3 min 05 s`.
pub fn duration(seconds: f64) -> String {
    if seconds < 10.0 {
        return format!("{seconds:.1} s");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a run is shorter than a lifetime"
    )]
    let whole = seconds.round() as u64;
    if whole < 60 { format!("{whole} s") } else { format!("{} min {:02} s", whole / 60, whole % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_set_right_and_names_left() {
        let rows =
            vec![vec!["account".to_owned(), thousands(22)], vec!["contact".to_owned(), thousands(1_234_567)]];
        let text = set(&[("table", Align::Left), ("staged", Align::Right)], &rows);
        assert_eq!(text, "table       staged\n───────  ─────────\naccount         22\ncontact  1,234,567\n");
    }

    #[test]
    fn times_are_as_long_as_they_need_to_be() {
        assert_eq!([0.44, 12.3, 185.0].map(duration), ["0.4 s", "12 s", "3 min 05 s"]);
    }
}
