//! The plan for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use load_sequence::{
    Binding, Deferred, IgnoreReason, IgnoredLookup, RowWaves, Sequence, Strategy, StrategyCost, count,
    counted,
};

/// Names are wrapped at about this width.
const WIDTH: usize = 110;
/// Where names begin under a title.
const INDENT: &str = "         ";
/// So many names of what was ignored are told; of more the rest is counted.
const MOST_NAMES: usize = 40;

/// Where the lookups come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Which knows nothing of single rows.
    EdgeList,
    /// Whose rows are looked at.
    Project,
}

// Writing to a string cannot fail: what `write!` answers below is dropped.

/// All that the plan says, and what other orders would cost.
pub(crate) fn text(plan: &Sequence, source: Source) -> String {
    let mut out = format!("{}\n\n", plan.headline());
    for (number, tables) in plan.waves.iter().enumerate() {
        let _ = writeln!(out, "{}", wrapped(&format!("wave {:>2}  ", number + 1), tables));
    }
    deferred(&mut out, plan);
    levels(&mut out, plan, source);
    if !plan.associations.is_empty() {
        out.push_str("\nN:N tables, after both of their ends\n");
        for it in &plan.associations {
            let pairs = counted(it.rows, "pair", "pairs");
            let (first, second) = (&it.first, &it.second);
            let _ = writeln!(
                out,
                "{INDENT}{}: {pairs} of {first} and {second}, after wave {}",
                it.table,
                it.after_wave + 1
            );
        }
    }
    if !plan.special.is_empty() {
        let _ = writeln!(out, "\nkept for the very end\n{}", wrapped(INDENT, &plan.special));
    }
    for it in &plan.explanations {
        if let Some((_, why)) = it.text.split_once("; not kept for the very end, since ") {
            let _ = writeln!(out, "\nnote: {} is not kept for the very end, since {why}", it.table);
        }
    }
    if !plan.states_last.is_empty() {
        out.push_str("\nstates set last, when everything is written\n");
        for it in &plan.states_last {
            let _ = writeln!(out, "{INDENT}{}: {}", it.table, counted(it.rows, "row", "rows"));
        }
    }
    plan.row_waves.iter().for_each(|group| row_waves(&mut out, group));
    ignored(&mut out, &plan.ignored);
    out.push('\n');
    out.push_str(&strategies(&plan.strategies));
    out
}

/// What each order would cost.
pub(crate) fn strategies(strategies: &[StrategyCost]) -> String {
    let mut out = "what each order writes twice\n".to_owned();
    for it in strategies {
        let name = match it.strategy {
            Strategy::Cheapest => "cheapest",
            Strategy::LookupCount => "lookup-count",
            Strategy::FirstBackEdge => "first-back-edge",
        };
        let waits = counted(it.deferred as u64, "lookup waits", "lookups wait");
        let _ = write!(out, "{}  {name}: {waits}", cost(it.cost));
        if it.self_reference_rows > 0 {
            let more = counted(it.self_reference_rows, "more row", "more rows");
            let _ = write!(out, "; {more} where self-references are written twice");
        }
        if !it.impossible.is_empty() {
            let of_them = counted(it.impossible.len() as u64, "of them is", "of them are");
            let _ = write!(out, "; cannot be loaded, since {of_them} {}", bindings(it));
        }
        out.push('\n');
    }
    out
}

/// Why the lookups that an order leaves empty cannot wait.
fn bindings(cost: &StrategyCost) -> &'static str {
    let why: BTreeSet<Binding> = cost.impossible.iter().map(|it| it.why).collect();
    let [required, create_only] = [Binding::Required, Binding::CreateOnly].map(|it| why.contains(&it));
    match (required, create_only) {
        (true, false) => "required",
        (false, true) => "create-only",
        _ => "required or create-only",
    }
}

fn deferred(out: &mut String, plan: &Sequence) {
    if plan.deferred.is_empty() {
        return;
    }
    out.push_str("\nlookups that wait, with the rows that need a second write\n");
    let mut largest: Vec<&Deferred> = plan.deferred.iter().collect();
    largest.sort_by_key(|it| std::cmp::Reverse(it.rows));
    for it in largest {
        let _ = writeln!(out, "{}  {}.{} -> {}", cost(it.rows), it.table, it.column, it.target);
    }
    let all: u64 = plan.deferred.iter().map(|it| it.rows).sum();
    if plan.cost < all {
        let _ = writeln!(
            out,
            "{INDENT}filled {}, yet only {} written twice: two waiting lookups of one row cost one update",
            counted(all, "time", "times"),
            counted(plan.cost, "row is", "rows are")
        );
    }
}

fn levels(out: &mut String, plan: &Sequence, source: Source) {
    if plan.levels.is_empty() {
        return;
    }
    let columns: Vec<String> = plan.levels.iter().map(|it| format!("{}.{}", it.table, it.column)).collect();
    let _ = writeln!(out, "\nloaded level by level, parents first\n{}", wrapped(INDENT, &columns));
    let waiting: BTreeSet<_> = plan.deferred.iter().map(|it| (&it.table, &it.column)).collect();
    for it in &plan.explanations {
        let Some(column) = it.column.as_ref().filter(|_| it.target.as_ref() == Some(&it.table)) else {
            continue;
        };
        if !waiting.contains(&(&it.table, column)) {
            let _ = writeln!(out, "{INDENT}note: {}.{column} {}", it.table, it.text);
        }
    }
    if source == Source::EdgeList {
        let _ = writeln!(
            out,
            "{INDENT}an edge list does not tell which rows sit on a cycle of rows; those need a second write on top"
        );
    }
}

fn row_waves(out: &mut String, group: &RowWaves) {
    let verdict = match (group.adopted, group.worthwhile) {
        (true, _) => "adopted",
        (false, true) => "worth it: row_waves = true under [load]",
        (false, false) => "not worth it",
    };
    let _ = writeln!(
        out,
        "\nrow waves: the rows of {} form no cycle; together they load in {}; requests: {} saved, {} added; {verdict}",
        group.tables.join(", "),
        counted(group.levels as u64, "level", "levels"),
        count(group.requests_saved),
        count(group.requests_added)
    );
}

fn ignored(out: &mut String, ignored: &[IgnoredLookup]) {
    let of = |reason| ignored.iter().filter(|it| it.reason == reason).collect::<Vec<_>>();
    let outside = of(IgnoreReason::OutsideMigration);
    if !outside.is_empty() {
        let lookups = counted(outside.len() as u64, "lookup leaves", "lookups leave");
        let targets = named(outside.iter().map(|it| it.target.as_str()));
        let _ = writeln!(out, "\n{lookups} the migration, by target\n{targets}");
    }
    let asked = of(IgnoreReason::Asked);
    if !asked.is_empty() {
        let lookups = counted(asked.len() as u64, "lookup was", "lookups were");
        let columns = named(asked.iter().map(|it| it.column.as_str()));
        let _ = writeln!(out, "\n{lookups} ignored as asked, by column\n{columns}");
    }
}

/// Each name once, with how often it is there.
fn named<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut times: BTreeMap<&str, u64> = BTreeMap::new();
    names.for_each(|name| *times.entry(name).or_insert(0) += 1);
    let all = times.len();
    let told = times.into_iter().take(MOST_NAMES).map(|(name, times)| match times {
        1 => name.to_owned(),
        _ => format!("{name} ({})", count(times)),
    });
    let mut told: Vec<String> = told.collect();
    if all > MOST_NAMES {
        told.push(format!("and {} more", count((all - MOST_NAMES) as u64)));
    }
    wrapped(INDENT, &told)
}

/// Rows written twice, as a column of figures.
fn cost(rows: u64) -> String {
    let text = counted(rows, "row ", "rows");
    format!("{text:>19}")
}

fn wrapped(start: &str, names: &[String]) -> String {
    let mut text = start.to_owned();
    let mut length = start.len();
    for (i, name) in names.iter().enumerate() {
        if length + name.len() > WIDTH && i > 0 {
            text.push('\n');
            text.push_str(&" ".repeat(start.len()));
            length = start.len();
        } else if i > 0 {
            text.push(' ');
        }
        text.push_str(name);
        if i + 1 < names.len() {
            text.push(',');
        }
        length += name.len() + 2;
    }
    text
}

#[cfg(test)]
mod tests {
    use load_sequence::{
        Association, Combination, Ignore, Lookup, LookupGraph, Options, RowLevels, Table, sequence,
    };

    use super::*;

    /// A graph with all that a project may have.
    fn everything() -> LookupGraph {
        LookupGraph {
            tables: vec![
                Table::new("account", 3).inactive(1_200),
                Table::new("contact", 3),
                Table::new("letter", 1).at_the_end(),
                Table::new("phonecall", 1).at_the_end(),
            ],
            lookups: vec![
                Lookup::new("account", "contactid", "contact", 3),
                Lookup::new("account", "letterid", "letter", 3),
                Lookup::new("contact", "accountid", "account", 9),
                Lookup::new("contact", "phonecallid", "phonecall", 9).required(),
                Lookup::new("contact", "ownerid", "systemuser", 9),
                Lookup::new("contact", "parentid", "contact", 2),
                Lookup::new("account", "createdby", "systemuser", 0),
            ],
            combinations: vec![Combination::new(
                "account",
                &[("contactid", "contact"), ("letterid", "letter")],
                3,
            )],
            associations: vec![Association {
                table: "account_contact".into(),
                first: "account".into(),
                second: "contact".into(),
                rows: 1,
            }],
            ignore: vec![Ignore::column("createdby")],
            row_levels: vec![RowLevels {
                tables: vec!["account".into(), "contact".into()],
                levels: vec![vec![3, 0], vec![0, 3]],
            }],
        }
    }

    #[test]
    fn all_that_a_plan_has_is_told() {
        let plan = sequence(&everything(), &Options::default()).unwrap();
        insta::assert_snapshot!(text(&plan, Source::Project));
    }

    #[test]
    fn what_was_ignored_is_told_up_to_a_number_of_names() {
        let lookup = |i: usize| IgnoredLookup {
            table: "a".into(),
            column: format!("c{i:02}"),
            target: format!("t{}", i % 2),
            rows: 1,
            reason: if i < 45 { IgnoreReason::Asked } else { IgnoreReason::OutsideMigration },
        };
        let mut told = String::new();
        ignored(&mut told, &(0..50).map(lookup).collect::<Vec<_>>());
        assert!(told.contains("5 lookups leave the migration, by target\n         t0 (2), t1 (3)"), "{told}");
        assert!(told.contains("45 lookups were ignored as asked, by column"), "{told}");
        assert!(told.contains("c38, c39") && told.ends_with("and 5 more\n"), "{told}");
    }
}
