//! One page with the picture and everything the plan says, complete in itself.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use super::list::by_rows;
use super::page::{FIND, SCRIPT, STYLE};
use super::{Drawing, count, counted, escaped, headline, rows, svg};
use crate::compare::StrategyCost;
use crate::model::LookupGraph;
use crate::plan::{IgnoreReason, Sequence, Strategy};

/// Writes the plan as one HTML page that needs nothing else: the picture, in which tables can be searched and pointed at, and all decisions.
pub fn html(graph: &LookupGraph, plan: &Sequence) -> String {
    let drawing = Drawing::of(graph, plan);
    let page =
        Page { plan, numbers: drawing.nodes.iter().enumerate().map(|(i, node)| (node.name, i)).collect() };
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Load sequence</title><style>{STYLE}</style></head>\n\
         <body><h1>Load sequence</h1><p>{}. {}</p>\n{FIND}<div class=\"picture\">{}</div>\n",
        escaped(&headline(plan)),
        escaped(&found_by(plan)),
        svg::drawn(&drawing, plan)
    );
    for section in page.sections() {
        section.write(&mut out);
    }
    let heads: Vec<String> = drawing
        .heads()
        .iter()
        .map(|heads| heads.iter().map(usize::to_string).collect::<Vec<_>>().join(","))
        .collect();
    let _ = write!(out, "<script>const heads=[[{}]];{SCRIPT}</script>\n</body></html>\n", heads.join("],["));
    out
}

fn found_by(plan: &Sequence) -> String {
    let way = match plan.strategy {
        Strategy::Cheapest if plan.proven => "This is the cheapest order, and proven to be.",
        Strategy::Cheapest => "This is the cheapest order that was found in the time given.",
        Strategy::LookupCount => {
            "The tables are in the order of ascending numbers of lookup columns, as asked."
        }
        Strategy::FirstBackEdge => "The first lookup that closes a cycle waits, as asked.",
    };
    let fewest = if plan.proven || plan.strategy != Strategy::Cheapest {
        String::new()
    } else {
        format!(" No order writes fewer than {} twice.", rows(plan.bound))
    };
    format!("{way}{fewest}")
}

/// A heading with a table below it.
struct Section {
    title: &'static str,
    note: String,
    heads: &'static [Head],
    /// Cells are HTML already.
    lines: Vec<Vec<String>>,
    folded: bool,
}

enum Head {
    Words(&'static str),
    Number(&'static str),
}

use Head::{Number, Words};

impl Section {
    fn new(title: &'static str, heads: &'static [Head], lines: Vec<Vec<String>>) -> Self {
        Self { title, note: String::new(), heads, lines, folded: false }
    }

    fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    fn folded(self) -> Self {
        Self { folded: true, ..self }
    }

    /// What has no lines is left out.
    fn write(&self, out: &mut String) {
        if self.lines.is_empty() {
            return;
        }
        let _ = writeln!(out, "<h2>{}</h2>", self.title);
        if !self.note.is_empty() {
            let _ = writeln!(out, "<p>{}</p>", escaped(&self.note));
        }
        if self.folded {
            let _ = writeln!(
                out,
                "<details><summary>{}</summary>",
                counted(self.lines.len() as u64, "line", "lines")
            );
        }
        let id = if self.title == "Waves" { " id=\"waves\"" } else { "" };
        let _ = write!(out, "<table{id}><tr>");
        for head in self.heads {
            let _ = match head {
                Words(head) => write!(out, "<th>{head}</th>"),
                Number(head) => write!(out, "<th class=\"n\">{head}</th>"),
            };
        }
        out.push_str("</tr>\n");
        for line in &self.lines {
            out.push_str("<tr>");
            for (cell, head) in line.iter().zip(self.heads) {
                let class = if matches!(head, Number(_)) { " class=\"n\"" } else { "" };
                let _ = write!(out, "<td{class}>{cell}</td>");
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</table>\n");
        if self.folded {
            out.push_str("</details>\n");
        }
    }
}

struct Page<'a> {
    plan: &'a Sequence,
    numbers: HashMap<&'a str, usize>,
}

impl Page<'_> {
    fn sections(&self) -> Vec<Section> {
        vec![
            self.waiting(),
            self.second_writes(),
            self.waves(),
            self.associations(),
            self.levels(),
            self.row_waves(),
            self.special(),
            self.states(),
            self.components(),
            comparison(&self.plan.strategies),
            self.ignored(),
            self.why(),
        ]
    }

    /// A table's name that leads to its box.
    fn link(&self, name: &str) -> String {
        match self.numbers.get(name) {
            Some(number) => format!("<a href=\"#t{number}\">{}</a>", escaped(name)),
            None => escaped(name),
        }
    }

    fn links(&self, names: &[String]) -> String {
        names.iter().map(|name| self.link(name)).collect::<Vec<_>>().join(", ")
    }

    fn waiting(&self) -> Section {
        let why: HashMap<_, _> = self
            .plan
            .explanations
            .iter()
            .map(|it| ((it.table.as_str(), it.column.as_deref(), it.target.as_deref()), it.text.as_str()))
            .collect();
        let line = |it: &crate::plan::Deferred| {
            let text = why.get(&(it.table.as_str(), Some(it.column.as_str()), Some(it.target.as_str())));
            let (table, target) = (self.link(&it.table), self.link(&it.target));
            vec![table, escaped(&it.column), target, rows(it.rows), escaped(text.unwrap_or(&""))]
        };
        let heads =
            &[Words("Table"), Words("Column"), Words("Target"), Number("Second writes"), Words("Why")];
        Section::new("Lookups that wait", heads, by_rows(self.plan).into_iter().map(line).collect())
            .note("They are left empty at insert and written by an update afterwards.")
    }

    fn second_writes(&self) -> Section {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for it in &self.plan.deferred {
            *sums.entry(&it.table).or_default() += it.rows;
        }
        let mut shared = false;
        let lines = self.plan.second_writes.iter().map(|it| {
            let sum = sums.get(it.table.as_str()).copied().unwrap_or_default();
            let text = if it.rows < sum {
                shared = true;
                format!(
                    "{} fewer than the sum over its waiting lookups, {}",
                    count(sum - it.rows),
                    count(sum)
                )
            } else {
                String::new()
            };
            vec![self.link(&it.table), rows(it.rows), text]
        });
        let lines: Vec<Vec<String>> = lines.collect();
        let mut note = format!("Together {}.", rows(self.plan.cost));
        if shared {
            note.push_str(
                " Two waiting lookups of one row cost one update, so a table can have fewer second writes than the sum of its lookups' rows.",
            );
        }
        Section::new("Second writes per table", &[Words("Table"), Number("Rows"), Words("")], lines)
            .note(note)
    }

    fn waves(&self) -> Section {
        let line = |(number, names): (usize, &Vec<String>)| {
            vec![(number + 1).to_string(), self.links(names), count(names.len() as u64)]
        };
        let lines = self.plan.waves.iter().enumerate().map(line).collect();
        Section::new("Waves", &[Number("Wave"), Words("Tables"), Number("Number")], lines).note(
            "The tables of a wave can load at the same time; a wave follows when the one before it is done.",
        )
    }

    fn associations(&self) -> Section {
        let line = |it: &crate::plan::AssociationStep| {
            let ends = [self.link(&it.first), self.link(&it.second)];
            let [first, second] = ends;
            vec![escaped(&it.table), first, second, (it.after_wave + 1).to_string(), count(it.rows)]
        };
        let heads = &[
            Words("N:N table"),
            Words("First end"),
            Words("Second end"),
            Number("After wave"),
            Number("Pairs"),
        ];
        Section::new("N:N tables", heads, self.plan.associations.iter().map(line).collect())
            .note("Pairs are associated when both of their ends are there.")
    }

    fn levels(&self) -> Section {
        let lines =
            self.plan.levels.iter().map(|it| vec![self.link(&it.table), escaped(&it.column)]).collect();
        Section::new("Loaded level by level", &[Words("Table"), Words("Column")], lines)
            .note("These tables point to themselves: their rows are loaded parents first, and nothing waits but rows on a cycle of rows.")
    }

    fn row_waves(&self) -> Section {
        let line = |it: &crate::plan::RowWaves| {
            let spares: Vec<String> = it
                .spares
                .iter()
                .map(|it| escaped(&format!("{}.{} → {} ({})", it.table, it.column, it.target, rows(it.rows))))
                .collect();
            let verdict = match (it.adopted, it.worthwhile) {
                (true, _) => "adopted: they share a wave",
                (false, true) => "worth it, but not adopted",
                (false, false) => "not worth it",
            };
            vec![
                self.links(&it.tables),
                count(it.levels as u64),
                spares.join(", "),
                count(it.requests_saved),
                count(it.requests_added),
                verdict.to_owned(),
            ]
        };
        let heads = &[
            Words("Tables"),
            Number("Levels"),
            Words("Lookups that would not wait"),
            Number("Requests saved"),
            Number("Requests added"),
            Words("Verdict"),
        ];
        Section::new("Row waves", heads, self.plan.row_waves.iter().map(line).collect())
            .note("These tables point at each other, but their rows do not: they could load together, level by level across all of them.")
    }

    fn special(&self) -> Section {
        let lines = self.plan.special.iter().map(|table| vec![self.link(table)]).collect();
        Section::new("Special tables", &[Words("Table")], lines).note("They are kept for the very end.")
    }

    fn states(&self) -> Section {
        let lines =
            self.plan.states_last.iter().map(|it| vec![self.link(&it.table), count(it.rows)]).collect();
        Section::new("States last", &[Words("Table"), Number("Rows")], lines)
            .note("These rows are set inactive when everything else is written.")
    }

    fn components(&self) -> Section {
        let line = |it: &crate::plan::Component| {
            let proof = if it.proven { "proven".to_owned() } else { format!("at least {}", rows(it.bound)) };
            let lookups =
                format!("{} of {} lookups wait", count(it.deferred as u64), count(it.lookups as u64));
            vec![count(it.tables.len() as u64), self.links(&it.tables), lookups, proof, rows(it.cost)]
        };
        let heads =
            &[Number("Number"), Words("Tables"), Words("Lookups"), Words("Proof"), Number("Second writes")];
        Section::new(
            "Tables that point at each other",
            heads,
            self.plan.components.iter().map(line).collect(),
        )
    }

    /// By column, target and reason, since the same few columns are ignored in all tables.
    fn ignored(&self) -> Section {
        let mut groups: BTreeMap<(IgnoreReason, &str, &str), (Vec<String>, u64)> = BTreeMap::new();
        for it in &self.plan.ignored {
            let group = groups.entry((it.reason, &it.column, &it.target)).or_default();
            group.0.push(it.table.clone());
            group.1 += it.rows;
        }
        let line = |((reason, column, target), (names, sum)): (_, (Vec<String>, u64))| {
            let reason = match reason {
                IgnoreReason::Asked => "asked for",
                IgnoreReason::OutsideMigration => "the target is not among the tables",
            };
            vec![escaped(column), self.link(target), reason.to_owned(), count(sum), self.links(&names)]
        };
        let heads =
            &[Words("Column"), Words("Target"), Words("Reason"), Number("Filled in rows"), Words("Tables")];
        let note = format!(
            "{} of the lookups had no influence on the order.",
            count(self.plan.ignored.len() as u64)
        );
        Section::new("Ignored lookups", heads, groups.into_iter().map(line).collect()).note(note).folded()
    }

    fn why(&self) -> Section {
        let line = |it: &crate::plan::Explanation| {
            let column = escaped(it.column.as_deref().unwrap_or_default());
            let target = it.target.as_deref().map(|target| self.link(target)).unwrap_or_default();
            vec![self.link(&it.table), column, target, escaped(&it.text)]
        };
        let heads = &[Words("Table"), Words("Column"), Words("Target"), Words("Decision")];
        Section::new("Why", heads, self.plan.explanations.iter().map(line).collect()).folded()
    }
}

fn comparison(strategies: &[StrategyCost]) -> Section {
    let line = |it: &StrategyCost| {
        let name = match it.strategy {
            Strategy::Cheapest => "cheapest",
            Strategy::LookupCount => "by ascending number of lookup columns",
            Strategy::FirstBackEdge => "deferring the first lookup that closes a cycle",
        };
        let verdict = if it.impossible.is_empty() {
            String::new()
        } else {
            format!("cannot be loaded: {} of these lookups are required", count(it.impossible.len() as u64))
        };
        let own = if it.self_reference_rows == 0 { String::new() } else { count(it.self_reference_rows) };
        vec![name.to_owned(), count(it.deferred as u64), count(it.cost), own, verdict]
    };
    let heads = &[
        Words("Order"),
        Number("Lookups that wait"),
        Number("Second writes"),
        Number("More where self-references are written twice"),
        Words(""),
    ];
    Section::new("What each order writes twice", heads, strategies.iter().map(line).collect())
}
