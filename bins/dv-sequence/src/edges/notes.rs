//! What is no mistake, yet seldom meant.

use std::collections::{BTreeMap, HashMap};

use load_sequence::Lookup;

/// So many notes of a kind are given; of more the rest is counted.
const MOST_NOTES: usize = 10;

/// Notes about the lookups of a list, each with its line.
pub(super) fn about(found: &[(u64, Lookup)]) -> Vec<String> {
    let mut notes = capped(other_case(found), "more tables whose names differ in case only");
    notes.extend(capped(required_in_part(found), "more columns that are required for some targets only"));
    if found.is_empty() {
        notes.push("no lookup follows the header, so there is nothing to order".to_owned());
    }
    notes
}

/// Tables whose names differ in case only: two tables, which may be one.
fn other_case(found: &[(u64, Lookup)]) -> Vec<String> {
    let mut first_line: HashMap<&str, u64> = HashMap::new();
    for (line, lookup) in found {
        for name in [&lookup.table, &lookup.target] {
            first_line.entry(name).or_insert(*line);
        }
    }
    let mut alike: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, line) in BTreeMap::from_iter(first_line) {
        alike.entry(name.to_lowercase()).or_default().push(format!("{name} (line {line})"));
    }
    let several = alike.into_values().filter(|names| names.len() > 1);
    several
        .map(|names| format!("{} differ in case only and count as different tables", names.join(" and ")))
        .collect()
}

/// Columns that some targets say are required and others not.
fn required_in_part(found: &[(u64, Lookup)]) -> Vec<String> {
    let mut lines: HashMap<(&str, &str), [Option<u64>; 2]> = HashMap::with_capacity(found.len());
    for (line, lookup) in found {
        let of_column = lines.entry((&lookup.table, &lookup.column)).or_default();
        of_column[usize::from(lookup.required)].get_or_insert(*line);
    }
    let mut told = BTreeMap::new();
    for ((table, column), lines) in lines {
        if let [Some(no), Some(yes)] = lines {
            let note = format!(
                "{table}.{column} is required on line {yes} and not on line {no}; each line counts as it is written"
            );
            told.insert((table, column), note);
        }
    }
    told.into_values().collect()
}

fn capped(mut notes: Vec<String>, more: &str) -> Vec<String> {
    let rest = notes.len().saturating_sub(MOST_NOTES);
    if rest > 0 {
        notes.truncate(MOST_NOTES);
        notes.push(format!("{rest} {more}"));
    }
    notes
}
