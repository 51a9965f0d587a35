//! The caller's graph, checked, sorted and with numbers for names: what all further steps work on.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::counted::{count, rows};
use crate::error::{Binding, CycleStep, Error};
use crate::model::{Association, Lookup, LookupGraph, RowLevels, Table};
use crate::plan::{Deferred, IgnoreReason, IgnoredLookup};

/// More rows than this in one count are taken for a mistake; sums of a million such counts still fit.
const MOST_ROWS: u64 = 1_000_000_000_000;

/// A graph without contradictions. Tables and lookups are sorted by name, so that nothing depends on how they were listed.
#[derive(Debug)]
pub(crate) struct Indexed<'a> {
    pub(crate) tables: Vec<&'a Table>,
    /// Lookups that play a part, self-references included.
    pub(crate) lookups: Vec<Arrow<'a>>,
    pub(crate) ignored: Vec<IgnoredLookup>,
    /// Per table, where given: rows and the lookups filled in them.
    pub(crate) combinations: Combinations,
    pub(crate) associations: Vec<&'a Association>,
    pub(crate) row_levels: Vec<(Vec<usize>, &'a RowLevels)>,
    /// Tables kept for the very end: special ones that no ordinary table needs at insert.
    pub(crate) last: Vec<bool>,
    /// Per special table that is not kept for the end the lookup that needs it before.
    pub(crate) needed_by: Vec<Option<Arrow<'a>>>,
}

/// A lookup with its table and target as numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrow<'a> {
    pub(crate) table: usize,
    pub(crate) target: usize,
    pub(crate) lookup: &'a Lookup,
}

impl Arrow<'_> {
    /// Rows that deferring it writes twice.
    pub(crate) fn rows(&self) -> u64 {
        if self.table == self.target { self.lookup.rows_on_cycles } else { self.lookup.rows }
    }

    pub(crate) fn as_deferred(&self) -> Deferred {
        let Lookup { table, column, target, .. } = self.lookup;
        Deferred { table: table.clone(), column: column.clone(), target: target.clone(), rows: self.rows() }
    }

    pub(crate) fn as_step(&self) -> CycleStep {
        let Lookup { table, column, target, .. } = self.lookup;
        let why = match (self.lookup.required, self.lookup.writable) {
            (true, crate::Writable::OnCreateOnly) => Binding::RequiredAndCreateOnly,
            (false, crate::Writable::OnCreateOnly) => Binding::CreateOnly,
            _ => Binding::Required,
        };
        CycleStep { table: table.clone(), column: column.clone(), target: target.clone(), why }
    }
}

impl<'a> Indexed<'a> {
    pub(crate) fn new(graph: &'a LookupGraph) -> Result<Self, Error> {
        let mut problems = Vec::new();
        let mut tables: Vec<&Table> = graph.tables.iter().collect();
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        for pair in tables.windows(2).filter(|pair| pair[0].name == pair[1].name) {
            problems.push(format!("table {} is listed twice", pair[0].name));
        }
        let number: HashMap<&str, usize> =
            tables.iter().enumerate().map(|(i, table)| (table.name.as_str(), i)).collect();

        let mut numbered: Vec<(Option<usize>, &Lookup)> =
            graph.lookups.iter().map(|lookup| (number.get(lookup.table.as_str()).copied(), lookup)).collect();
        numbered.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| key(one).cmp(&key(other))));
        for pair in
            numbered.windows(2).filter(|pair| pair[0].0 == pair[1].0 && key(pair[0].1) == key(pair[1].1))
        {
            problems.push(format!("lookup {} is listed twice", name(pair[0].1)));
        }
        let mut lookups = Vec::new();
        let mut ignored = Vec::new();
        for &(table, lookup) in &numbered {
            if lookup.rows > MOST_ROWS || lookup.rows_on_cycles > MOST_ROWS {
                problems.push(format!("lookup {} has more than {} rows", name(lookup), count(MOST_ROWS)));
            }
            if lookup.rows_on_cycles > 0 && !lookup.is_self_reference() {
                problems.push(format!(
                    "lookup {} is no self-reference, yet has rows on row-level cycles",
                    name(lookup)
                ));
            }
            if lookup.rows_on_cycles > lookup.rows {
                problems.push(format!("lookup {} has more rows on cycles than rows", name(lookup)));
            }
            let Some(table) = table else {
                problems.push(format!("lookup {} belongs to a table that is not listed", name(lookup)));
                continue;
            };
            let target = number.get(lookup.target.as_str());
            let asked = graph.ignore.iter().any(|rule| rule.covers(lookup));
            match target {
                Some(&target) if !asked => lookups.push(Arrow { table, target, lookup }),
                _ => ignored.push(IgnoredLookup {
                    table: lookup.table.clone(),
                    column: lookup.column.clone(),
                    target: lookup.target.clone(),
                    rows: lookup.rows,
                    reason: if asked { IgnoreReason::Asked } else { IgnoreReason::OutsideMigration },
                }),
            }
        }
        let combinations = combinations(graph, &number, &lookups, tables.len(), &mut problems);
        let row_levels = row_levels(graph, &number, &mut problems);
        let mut associations: Vec<&Association> = graph.associations.iter().collect();
        associations.sort_by_key(|it| (&it.table, &it.first, &it.second));
        for association in &associations {
            for end in BTreeSet::from([&association.first, &association.second]) {
                if !number.contains_key(end.as_str()) {
                    problems
                        .push(format!("N:N table {} has an end {end} that is not listed", association.table));
                }
            }
        }
        if !problems.is_empty() {
            return Err(Error::InvalidGraph(problems));
        }
        let (last, needed_by) = last_tables(&tables, &lookups);
        for (members, _) in &row_levels {
            if members.iter().any(|&table| last[table] != last[members[0]]) {
                let names: Vec<&str> = members.iter().map(|&table| tables[table].name.as_str()).collect();
                problems.push(format!(
                    "row levels of {} mix tables kept for the very end with others",
                    names.join(", ")
                ));
            }
        }
        if problems.is_empty() {
            Ok(Self { tables, lookups, ignored, combinations, associations, row_levels, last, needed_by })
        } else {
            Err(Error::InvalidGraph(problems))
        }
    }

    pub(crate) fn name(&self, table: usize) -> &'a str {
        &self.tables[table].name
    }

    /// Distinct rows written twice, per table that has any.
    pub(crate) fn second_writes(&self, deferred: &[bool]) -> BTreeMap<usize, u64> {
        let mut rows: BTreeMap<usize, u64> = BTreeMap::new();
        for (arrow, _) in self.lookups.iter().zip(deferred).filter(|(_, deferred)| **deferred) {
            match &self.combinations[arrow.table] {
                None => *rows.entry(arrow.table).or_insert(0) += arrow.rows(),
                Some(combinations) => {
                    let waits = |filled: &Vec<usize>| filled.iter().any(|&lookup| deferred[lookup]);
                    rows.entry(arrow.table).or_insert_with(|| {
                        combinations.iter().filter(|(_, filled)| waits(filled)).map(|(rows, _)| rows).sum()
                    });
                }
            }
        }
        rows.retain(|_, rows| *rows > 0);
        rows
    }
}

fn key(lookup: &Lookup) -> (&str, &str, &str) {
    (&lookup.table, &lookup.column, &lookup.target)
}

fn name(lookup: &Lookup) -> String {
    format!("{}.{} -> {}", lookup.table, lookup.column, lookup.target)
}

type Combinations = Vec<Option<Vec<Rows>>>;

/// A number of rows and the lookups filled in them.
type Rows = (u64, Vec<usize>);

/// Combinations per table, with numbers for the lookups that play a part; their rows must add up to the lookups' own.
fn combinations(
    graph: &LookupGraph,
    number: &HashMap<&str, usize>,
    kept: &[Arrow<'_>],
    tables: usize,
    problems: &mut Vec<String>,
) -> Combinations {
    if graph.combinations.is_empty() {
        return vec![None; tables];
    }
    let known: HashMap<(&str, &str, &str), u64> = graph
        .lookups
        .iter()
        .map(|lookup| {
            (key(lookup), if lookup.is_self_reference() { lookup.rows_on_cycles } else { lookup.rows })
        })
        .collect();
    let position: HashMap<(&str, &str, &str), usize> =
        kept.iter().enumerate().map(|(i, arrow)| (key(arrow.lookup), i)).collect();
    let mut merged: BTreeMap<usize, BTreeMap<Vec<usize>, u64>> = BTreeMap::new();
    let mut counted: HashMap<(&str, &str, &str), u64> = HashMap::new();
    for combination in &graph.combinations {
        let Some(&table) = number.get(combination.table.as_str()) else {
            problems
                .push(format!("a combination belongs to table {}, which is not listed", combination.table));
            continue;
        };
        let mut filled = BTreeSet::new();
        let mut columns = BTreeSet::new();
        for item in &combination.filled {
            let key = (combination.table.as_str(), item.column.as_str(), item.target.as_str());
            if !known.contains_key(&key) {
                problems
                    .push(format!("a combination names the unknown lookup {}.{} -> {}", key.0, key.1, key.2));
            }
            if !columns.insert(key.1) {
                problems.push(format!("a combination of {} names the column {} twice", key.0, key.1));
            }
            *counted.entry(key).or_insert(0) += combination.rows;
            filled.extend(position.get(&key));
        }
        let rows = merged.entry(table).or_default().entry(filled.into_iter().collect()).or_insert(0);
        *rows = rows.saturating_add(combination.rows);
    }
    for lookup in graph
        .lookups
        .iter()
        .filter(|lookup| number.get(lookup.table.as_str()).is_some_and(|table| merged.contains_key(table)))
    {
        let (given, expected) = (counted.get(&key(lookup)).copied().unwrap_or(0), known[&key(lookup)]);
        if given != expected {
            problems.push(format!(
                "the combinations fill {} in {}, the lookup itself says {}",
                name(lookup),
                rows(given),
                count(expected)
            ));
        }
    }
    (0..tables)
        .map(|table| {
            merged.remove(&table).map(|rows| rows.into_iter().map(|(filled, rows)| (rows, filled)).collect())
        })
        .collect()
}

fn row_levels<'a>(
    graph: &'a LookupGraph,
    number: &HashMap<&str, usize>,
    problems: &mut Vec<String>,
) -> Vec<(Vec<usize>, &'a RowLevels)> {
    let mut groups = Vec::new();
    for group in &graph.row_levels {
        let named = group.tables.join(", ");
        let members: Vec<usize> =
            group.tables.iter().filter_map(|table| number.get(table.as_str()).copied()).collect();
        let distinct: BTreeSet<usize> = members.iter().copied().collect();
        if members.len() < group.tables.len() {
            problems.push(format!("row levels of {named} name a table that is not listed"));
        } else if distinct.len() < members.len() || members.len() < 2 {
            problems.push(format!("row levels need two or more different tables, not: {named}"));
        } else if group.levels.is_empty() || group.levels.iter().any(|level| level.len() != members.len()) {
            problems.push(format!("row levels of {named} need one count per table in each level"));
        } else {
            groups.push((members, group));
        }
    }
    groups.sort_by(|a, b| a.1.tables.cmp(&b.1.tables));
    groups
}

/// Special tables, less those that an ordinary table needs at insert, and who needs them.
fn last_tables<'a>(tables: &[&Table], lookups: &[Arrow<'a>]) -> (Vec<bool>, Vec<Option<Arrow<'a>>>) {
    let mut last: Vec<bool> = tables.iter().map(|table| table.special).collect();
    let mut needed_by = vec![None; tables.len()];
    loop {
        let needed =
            lookups.iter().find(|it| !last[it.table] && last[it.target] && !it.lookup.is_deferrable());
        match needed {
            Some(arrow) => {
                last[arrow.target] = false;
                needed_by[arrow.target] = Some(*arrow);
            }
            None => return (last, needed_by),
        }
    }
}
