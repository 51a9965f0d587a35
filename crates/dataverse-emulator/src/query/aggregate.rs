//! `$apply`: counts, sums and groups.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive as _;

use super::bind::{Binder, Path};
use super::evaluate::Evaluator;
use super::expand::split;
use super::page::{Scope, visit_all};
use crate::answer::{write_cell, write_text};
use crate::refusal::{self, Refusal};
use crate::schema::Kind;
use crate::state::row::Cell;

/// What is computed over a group.
enum Measure {
    Count,
    Of(Method, Path),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Sum,
    Average,
    Min,
    Max,
    CountDistinct,
}

/// The running result of a measure.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) rows: u64,
    /// Rows whose value is not null.
    pub(super) values: u64,
    pub(super) sum: Decimal,
    /// Smallest or largest so far, as JSON, with what it is compared by.
    pub(super) extreme: Option<(Decimal, Vec<u8>)>,
    pub(super) distinct: std::collections::BTreeSet<Vec<u8>>,
}

/// Answers a query with `$apply`.
pub(crate) fn aggregate(scope: &Scope<'_>, apply: &str) -> Result<Vec<u8>, Refusal> {
    let plan = Plan::parse(scope, apply)?;
    let evaluator = Evaluator { organisation: scope.organisation, settings: scope.settings };
    let mut groups: BTreeMap<Vec<Vec<u8>>, Vec<Tally>> = BTreeMap::new();
    let mut looked_at = 0;
    let cap = scope.settings.aggregate_cap;
    let table = scope.table.id;
    visit_all(scope, &plan.filters, |key, row| {
        looked_at += 1;
        if looked_at > cap {
            return false;
        }
        // The row is looked up again so that it lives as long as the organisation.
        let Some(row) = scope.organisation.rows(table).get(key).filter(|_| !row.is_empty()) else {
            return true;
        };
        let group =
            plan.groups.iter().map(|(_, path)| json(&evaluator.read(table, key, row, path))).collect();
        let tallies =
            groups.entry(group).or_insert_with(|| plan.measures.iter().map(|_| Tally::default()).collect());
        for ((_, measure), tally) in plan.measures.iter().zip(tallies) {
            tally.rows += 1;
            if let Measure::Of(method, path) = measure {
                tally.add(*method, &evaluator.read(table, key, row, path));
            }
        }
        true
    })?;
    if looked_at > cap {
        return Err(refusal::refusal(
            400,
            0x8004_E023,
            format!(
                "The maximum record limit of {cap} is exceeded. Reduce the number of aggregated or grouped records."
            ),
        ));
    }
    if plan.groups.is_empty() && groups.is_empty() {
        groups.insert(Vec::new(), plan.measures.iter().map(|_| Tally::default()).collect());
    }
    let mut out = b"{\"@odata.context\":".to_vec();
    write_text(&format!("{}$metadata#{}", scope.root, scope.table.entity_set), &mut out);
    out.extend_from_slice(b",\"value\":[");
    for (index, (group, tallies)) in groups.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"{" } else { b",{" });
        let mut first = true;
        let mut property = |name: &str, value: &[u8], out: &mut Vec<u8>| {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            write_text(name, out);
            out.push(b':');
            out.extend_from_slice(value);
        };
        for ((name, _), value) in plan.groups.iter().zip(group) {
            property(name, value, &mut out);
        }
        for ((name, measure), tally) in plan.measures.iter().zip(tallies) {
            property(name, &tally.result(measure), &mut out);
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    Ok(out)
}

impl Tally {
    pub(super) fn add(&mut self, method: Method, cell: &Cell<'_>) {
        if *cell == Cell::Null {
            return;
        }
        self.values += 1;
        if method == Method::CountDistinct {
            self.distinct.insert(json(cell));
            return;
        }
        let Some(number) = number(cell) else { return };
        self.sum = self.sum.saturating_add(number);
        let replaces = self.extreme.as_ref().is_none_or(|(known, _)| match method {
            Method::Min => number < *known,
            _ => number > *known,
        });
        if replaces {
            self.extreme = Some((number, json(cell)));
        }
    }

    fn result(&self, measure: &Measure) -> Vec<u8> {
        let digits = |number: Decimal| number.normalize().to_string().into_bytes();
        match measure {
            Measure::Count => self.rows.to_string().into_bytes(),
            Measure::Of(Method::CountDistinct, _) => self.distinct.len().to_string().into_bytes(),
            Measure::Of(..) if self.values == 0 => b"null".to_vec(),
            Measure::Of(Method::Sum, _) => digits(self.sum),
            Measure::Of(Method::Average, _) => digits(self.sum / Decimal::from(self.values)),
            Measure::Of(Method::Min | Method::Max, _) => {
                self.extreme.as_ref().map_or_else(|| b"null".to_vec(), |(_, json)| json.clone())
            }
        }
    }
}

pub(super) fn json(cell: &Cell<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write_cell(cell, &mut out);
    out
}

fn number(cell: &Cell<'_>) -> Option<Decimal> {
    match cell {
        Cell::Integer(value) | Cell::Instant(value) => Some(Decimal::from(*value)),
        Cell::Day(value) => Some(Decimal::from(*value)),
        Cell::Digits(digits) => digits.parse().ok(),
        Cell::Double(value) => Decimal::from_f64(*value),
        _ => None,
    }
}

struct Plan {
    filters: Vec<String>,
    /// Name in the answer, and where it is read.
    groups: Vec<(String, Path)>,
    measures: Vec<(String, Measure)>,
}

impl Plan {
    fn parse(scope: &Scope<'_>, apply: &str) -> Result<Self, Refusal> {
        let mut plan = Self { filters: Vec::new(), groups: Vec::new(), measures: Vec::new() };
        for step in split(apply, '/') {
            let step = step.trim();
            let syntax = || refusal::bad_query(format_args!("Syntax error in $apply at '{step}'."));
            let (name, inner) = step
                .split_once('(')
                .and_then(|(name, rest)| Some((name, rest.strip_suffix(')')?)))
                .ok_or_else(syntax)?;
            match name.trim() {
                "filter" => plan.filters.push(inner.to_owned()),
                "aggregate" => plan.measures(scope, inner)?,
                "groupby" => {
                    for part in split(inner, ',') {
                        let part = part.trim();
                        if let Some(columns) = part.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'))
                        {
                            plan.groups(scope, columns)?;
                        } else if let Some(inner) =
                            part.strip_prefix("aggregate(").and_then(|rest| rest.strip_suffix(')'))
                        {
                            plan.measures(scope, inner)?;
                        } else {
                            return Err(syntax());
                        }
                    }
                }
                _ => return Err(refusal::not_emulated(format_args!("The transformation {name} in $apply"))),
            }
        }
        Ok(plan)
    }

    fn groups(&mut self, scope: &Scope<'_>, columns: &str) -> Result<(), Refusal> {
        let binder =
            Binder { schema: &scope.organisation.schema, table: scope.table, settings: scope.settings };
        for name in columns.split(',').map(str::trim) {
            let path = binder.path(name)?;
            let column = scope.organisation.schema.table(path.table).column(path.column);
            if matches!(column.kind, Kind::DateTime | Kind::Date) {
                return Err(refusal::bad_query("Grouping by date and time values is not supported."));
            }
            let flat = match name.rsplit_once('/') {
                Some((hops, _)) => format!("{}_{}", hops.replace('/', "_"), column.property),
                None => column.property.clone(),
            };
            self.groups.push((flat, path));
        }
        Ok(())
    }

    fn measures(&mut self, scope: &Scope<'_>, list: &str) -> Result<(), Refusal> {
        let binder =
            Binder { schema: &scope.organisation.schema, table: scope.table, settings: scope.settings };
        for item in split(list, ',') {
            let words: Vec<&str> = item.split_whitespace().collect();
            let (measure, alias) = match words.as_slice() {
                ["$count", "as", alias] => (Measure::Count, alias),
                [path, "with", method, "as", alias] => {
                    let method = match *method {
                        "sum" => Method::Sum,
                        "average" => Method::Average,
                        "min" => Method::Min,
                        "max" => Method::Max,
                        "countdistinct" => Method::CountDistinct,
                        other => {
                            return Err(refusal::bad_query(format_args!(
                                "Unknown aggregation method '{other}'."
                            )));
                        }
                    };
                    (Measure::Of(method, binder.path(path)?), alias)
                }
                _ => return Err(refusal::bad_query(format_args!("Syntax error in $apply at '{item}'."))),
            };
            self.measures.push(((*alias).to_owned(), measure));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smallest_and_largest_come_back_as_they_are_served() {
        let mut tally = Tally::default();
        for digits in ["10.0000", "2.5000", "7.0000"] {
            tally.add(Method::Min, &Cell::Digits(digits));
        }
        let path = Path { hops: Vec::new(), table: 0, column: 0 };
        assert_eq!(tally.result(&Measure::Of(Method::Min, path)), b"2.5000");
    }
}
