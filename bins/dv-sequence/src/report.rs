//! The plan for people.

use std::fmt::Write as _;

use load_sequence::{Sequence, Strategy, StrategyCost};

/// Tables of a wave are wrapped at about this width.
const WIDTH: usize = 110;

/// Waves, what waits, and what other orders would cost.
pub(crate) fn text(plan: &Sequence, strategies: &[StrategyCost]) -> String {
    let mut out = format!("{}\n\n", plan.headline());
    // Writing to a string cannot fail.
    for (number, tables) in plan.waves.iter().enumerate() {
        let _ = writeln!(out, "{}", wrapped(&format!("wave {:>2}  ", number + 1), tables));
    }
    if !plan.deferred.is_empty() {
        out.push_str("\nlookups that wait, with the rows that need a second write\n");
        for it in &plan.deferred {
            let _ = writeln!(out, "{:>14}  {}.{} -> {}", grouped(it.rows), it.table, it.column, it.target);
        }
    }
    if !plan.levels.is_empty() {
        let columns: Vec<String> =
            plan.levels.iter().map(|it| format!("{}.{}", it.table, it.column)).collect();
        let _ = writeln!(out, "\nloaded level by level\n{}", wrapped("         ", &columns));
    }
    for group in &plan.row_waves {
        let verdict = match (group.adopted, group.worthwhile) {
            (true, _) => "adopted",
            (false, true) => "worth it: row_waves = true under [load]",
            (false, false) => "not worth it",
        };
        let _ = writeln!(
            out,
            "\nrow waves: the rows of {} form no cycle; together they load in {} levels; requests: {} saved, {} added; {verdict}",
            group.tables.join(", "),
            group.levels,
            grouped(group.requests_saved),
            grouped(group.requests_added)
        );
    }
    let ignored = plan.ignored.len();
    if ignored > 0 {
        let _ = writeln!(out, "\n{ignored} lookups were ignored");
    }
    out.push_str("\nwhat each order writes twice\n");
    for it in strategies {
        let name = match it.strategy {
            Strategy::Cheapest => "cheapest",
            Strategy::LookupCount => "lookup-count",
            Strategy::FirstBackEdge => "first-back-edge",
        };
        let lookups = if it.deferred == 1 {
            "1 lookup waits".to_owned()
        } else {
            format!("{} lookups wait", it.deferred)
        };
        let _ = write!(out, "{:>14} rows  {name}: {lookups}", grouped(it.cost));
        if it.self_reference_rows > 0 {
            let _ = write!(
                out,
                "; {} more rows where self-references are written twice",
                grouped(it.self_reference_rows)
            );
        }
        if !it.impossible.is_empty() {
            let _ = write!(out, "; cannot be loaded, since {} of them are required", it.impossible.len());
        }
        out.push('\n');
    }
    out
}

fn wrapped(start: &str, names: &[String]) -> String {
    let mut text = start.to_owned();
    let mut length = start.len();
    for (i, name) in names.iter().enumerate() {
        if length + name.len() > WIDTH && i > 0 {
            text.push('\n');
            text.push_str(&" ".repeat(start.len()));
            length = start.len();
        }
        text.push_str(name);
        if i + 1 < names.len() {
            text.push_str(", ");
        }
        length += name.len() + 2;
    }
    text
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}
