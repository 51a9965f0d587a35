//! Counts, sums and groups over joined rows.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::super::aggregate::{Method, Tally, json};
use super::super::sort_value::SortValue;
use super::calendar::part;
use super::page::Run;
use super::parse::{Attribute, Fetch, Order};
use super::plan::{Planner, Slot, places_of};
use crate::answer::{write_annotated, write_text};
use crate::refusal::{self, Refusal};
use crate::schema::Kind;
use crate::state::row::{Cell, ColumnId};

/// A column that rows are grouped by.
struct Group {
    slot: Slot,
    column: ColumnId,
    alias: String,
    dates: Option<String>,
}

/// A value computed over each group.
struct Measure {
    slot: Slot,
    column: ColumnId,
    alias: String,
    what: What,
    /// Averages of whole numbers are whole (documented by example).
    is_whole: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Rows,
    Values,
    DistinctValues,
    Of(Method),
}

/// The groups' values as they are served, with the running results.
type Groups<'r> = BTreeMap<Vec<SortValue>, (Vec<Cell<'r>>, Vec<Tally>)>;

/// Answers a query with `aggregate="true"`.
pub(super) fn aggregate(run: &Run<'_, '_>, planner: &Planner<'_>, fetch: &Fetch) -> Result<Vec<u8>, Refusal> {
    let (groups, measures) = columns(planner, fetch)?;
    let found = collect(run, fetch, &groups, &measures)?;
    let mut rows: Vec<_> = found.into_iter().collect();
    let orders = orders(fetch, &groups, &measures)?;
    if !orders.is_empty() {
        rows.sort_by(|(left_key, left), (right_key, right)| {
            let by = |order: &(usize, bool)| {
                let (at, descending) = *order;
                let order = if at < groups.len() {
                    left_key[at].cmp(&right_key[at])
                } else {
                    let at = at - groups.len();
                    compare(&measures[at], &left.1[at], &right.1[at])
                };
                if descending { order.reverse() } else { order }
            };
            orders.iter().map(by).find(|order| order.is_ne()).unwrap_or_else(|| left_key.cmp(right_key))
        });
    }
    let most = run.scope.settings.max_page_rows;
    let limit = fetch.top.or(fetch.count).unwrap_or(most).min(most);
    let start = (fetch.page.unwrap_or(1) - 1).saturating_mul(limit).min(rows.len());
    let more = fetch.top.is_none() && rows.len() - start > limit;
    let names: Vec<&str> = groups
        .iter()
        .map(|group| group.alias.as_str())
        .chain(measures.iter().map(|measure| measure.alias.as_str()))
        .collect();
    let mut out = Vec::new();
    run.context(&names.join(","), &mut out);
    if more && run.scope.annotations.more_records {
        out.extend_from_slice(b",\"@Microsoft.Dynamics.CRM.morerecords\":true");
    }
    out.extend_from_slice(b",\"value\":[");
    for (index, (_, (cells, tallies))) in rows.iter().skip(start).take(limit).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(run, &groups, cells, &measures, tallies, &mut out);
    }
    out.extend_from_slice(b"]}");
    Ok(out)
}

fn columns(planner: &Planner<'_>, fetch: &Fetch) -> Result<(Vec<Group>, Vec<Measure>), Refusal> {
    let (mut groups, mut measures) = (Vec::new(), Vec::new());
    for (slot, entity) in places_of(&fetch.entity) {
        let table = planner.table(&entity.name)?;
        if entity.all {
            return Err(refusal::refusal(
                400,
                0x8004_0203,
                "All attributes cannot be asked for in an aggregate.",
            ));
        }
        for attribute in &entity.attributes {
            let column = planner.column(slot, &attribute.name)?;
            let Some(alias) = attribute.alias.clone() else {
                let text = format!("The attribute '{}' of an aggregate needs an alias.", attribute.name);
                return Err(refusal::refusal(400, 0x8004_0203, text));
            };
            let kind = &table.column(column).kind;
            if attribute.group_by {
                groups.push(group(slot, column, alias, attribute, kind)?);
                continue;
            }
            let is_number = matches!(
                kind,
                Kind::Integer { .. }
                    | Kind::BigInt
                    | Kind::Decimal { .. }
                    | Kind::Money { .. }
                    | Kind::Double { .. }
            );
            let is_date = matches!(kind, Kind::DateTime | Kind::Date);
            let what = match attribute.aggregate.as_deref() {
                Some("count") => What::Rows,
                Some("countcolumn") if attribute.distinct => What::DistinctValues,
                Some("countcolumn") => What::Values,
                Some("sum") if is_number => What::Of(Method::Sum),
                Some("avg") if is_number => What::Of(Method::Average),
                Some("min") if is_number || is_date => What::Of(Method::Min),
                Some("max") if is_number || is_date => What::Of(Method::Max),
                Some(known @ ("sum" | "avg" | "min" | "max")) => {
                    let text = format!("The aggregate {known} cannot be taken of '{}'.", attribute.name);
                    return Err(refusal::refusal(400, 0x8004_0203, text));
                }
                Some(other) => {
                    let text = format!("'{other}' is no aggregate function.");
                    return Err(refusal::refusal(400, 0x8004_0203, text));
                }
                None => {
                    let text = format!("'{}' is neither aggregated nor grouped by.", attribute.name);
                    return Err(refusal::refusal(400, 0x8004_0203, text));
                }
            };
            let is_whole = matches!(kind, Kind::Integer { .. } | Kind::BigInt);
            measures.push(Measure { slot, column, alias, what, is_whole });
        }
    }
    Ok((groups, measures))
}

fn group(
    slot: Slot,
    column: ColumnId,
    alias: String,
    attribute: &Attribute,
    kind: &Kind,
) -> Result<Group, Refusal> {
    let is_date = matches!(kind, Kind::DateTime | Kind::Date);
    match attribute.date_grouping.as_deref() {
        Some(dates) if !is_date => {
            let text = format!("'{}' is no date and cannot be grouped by {dates}.", attribute.name);
            Err(refusal::refusal(400, 0x8004_0203, text))
        }
        Some(dates) if part(dates, 0).is_none() => {
            Err(refusal::not_emulated(format_args!("The dategrouping '{dates}' of FetchXML")))
        }
        None if is_date => {
            let text = format!("Grouping by the date '{}' needs a dategrouping.", attribute.name);
            Err(refusal::refusal(400, 0x8004_0203, text))
        }
        dates => Ok(Group { slot, column, alias, dates: dates.map(str::to_owned) }),
    }
}

fn collect<'r>(
    run: &Run<'r, '_>,
    fetch: &Fetch,
    groups: &[Group],
    measures: &[Measure],
) -> Result<Groups<'r>, Refusal> {
    let cap = run.scope.settings.aggregate_cap;
    let cap = fetch.aggregate_limit.map_or(cap, |limit| limit.min(cap));
    let mut found: Groups<'r> = BTreeMap::new();
    let tallies = || measures.iter().map(|_| Tally::default()).collect::<Vec<_>>();
    let mut looked_at = 0;
    run.visit(None, &mut |joined| {
        looked_at += 1;
        if looked_at > cap {
            return false;
        }
        let cells: Vec<Cell<'r>> = groups
            .iter()
            .map(|group| {
                let cell = run.joiner.read(joined, group.slot, group.column);
                let second = match cell {
                    Cell::Instant(second) => Some(second),
                    Cell::Day(day) => Some(i64::from(day) * 86_400),
                    _ => None,
                };
                match (&group.dates, second) {
                    (Some(dates), Some(second)) => part(dates, second).map_or(Cell::Null, Cell::Integer),
                    _ => cell,
                }
            })
            .collect();
        let key = cells.iter().map(SortValue::of).collect();
        let (_, tallies) = found.entry(key).or_insert_with(|| (cells, tallies()));
        for (measure, tally) in measures.iter().zip(tallies) {
            tally.rows += 1;
            let cell = run.joiner.read(joined, measure.slot, measure.column);
            match measure.what {
                What::Rows => {}
                What::Values => tally.values += u64::from(cell != Cell::Null),
                What::DistinctValues => tally.add(Method::CountDistinct, &cell),
                What::Of(method) => tally.add(method, &cell),
            }
        }
        true
    });
    if looked_at > cap {
        // The documents' words for the platform's error.
        let text = "AggregateQueryRecordLimit exceeded. Cannot perform this operation.";
        return Err(refusal::refusal(400, 0x8004_E023, text));
    }
    if groups.is_empty() && found.is_empty() {
        found.insert(Vec::new(), (Vec::new(), tallies()));
    }
    Ok(found)
}

/// Positions among groups and measures, with the direction.
fn orders(fetch: &Fetch, groups: &[Group], measures: &[Measure]) -> Result<Vec<(usize, bool)>, Refusal> {
    let mut orders = Vec::new();
    for (_, entity) in places_of(&fetch.entity) {
        for Order { attribute, alias, descending, .. } in &entity.orders {
            let Some(alias) = alias else {
                let name = attribute.as_deref().unwrap_or_default();
                let text = format!("An aggregate is ordered by alias, not by the attribute '{name}'.");
                return Err(refusal::refusal(400, 0x8004_0203, text));
            };
            let at = groups
                .iter()
                .map(|group| &group.alias)
                .chain(measures.iter().map(|measure| &measure.alias))
                .position(|known| known == alias);
            let Some(at) = at else {
                let text = format!("The order's alias '{alias}' is not among the attributes.");
                return Err(refusal::refusal(400, 0x8004_0203, text));
            };
            orders.push((at, *descending));
        }
    }
    Ok(orders)
}

fn compare(measure: &Measure, left: &Tally, right: &Tally) -> Ordering {
    number(measure, left).cmp(&number(measure, right))
}

fn number(measure: &Measure, tally: &Tally) -> Option<Decimal> {
    match measure.what {
        What::Rows => Some(Decimal::from(tally.rows)),
        What::Values => Some(Decimal::from(tally.values)),
        What::DistinctValues => Some(Decimal::from(tally.distinct.len())),
        What::Of(Method::Sum) => Some(tally.sum),
        What::Of(_) if tally.values == 0 => None,
        What::Of(Method::Average) => {
            let average = tally.sum / Decimal::from(tally.values);
            Some(if measure.is_whole { average.trunc() } else { average })
        }
        What::Of(_) => tally.extreme.as_ref().map(|(number, _)| *number),
    }
}

fn write(
    run: &Run<'_, '_>,
    groups: &[Group],
    cells: &[Cell<'_>],
    measures: &[Measure],
    tallies: &[Tally],
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    let mut first = true;
    let mut property = |name: &str, value: &[u8], out: &mut Vec<u8>| {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        write_text(name, out);
        out.push(b':');
        out.extend_from_slice(value);
    };
    let organisation = run.joiner.evaluator.organisation;
    for (group, cell) in groups.iter().zip(cells).filter(|(_, cell)| **cell != Cell::Null) {
        property(&group.alias, &json(cell), out);
        if group.dates.is_none() {
            let table = organisation.schema.table(run.plan.slots[group.slot]);
            let column = table.column(group.column);
            write_annotated(organisation, table, column, &group.alias, cell, run.scope.annotations, out);
        }
    }
    for (measure, tally) in measures.iter().zip(tallies) {
        let Some(number) = number(measure, tally) else { continue };
        let value = match (&measure.what, &tally.extreme) {
            (What::Of(Method::Min | Method::Max), Some((_, json))) => json.clone(),
            _ => number.normalize().to_string().into_bytes(),
        };
        property(&measure.alias, &value, out);
    }
    out.push(b'}');
}
