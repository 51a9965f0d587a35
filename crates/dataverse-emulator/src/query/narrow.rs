//! Which rows an index leaves over for a condition.

use super::ast::Comparison;
use super::bind::{Condition, Path, Value};
use crate::schema::Table;
use crate::state::row::{Cell, ColumnId};
use crate::state::{Key, SortKey, TableRows, sort_key};

/// Rows in a range that are too many to be put in order for each page: a walk through the table from the page before finds
/// them as well.
const LONG: usize = 50_000;

/// The rows that an indexed column leaves over, in key order; `None` when no index helps.
pub(super) fn narrow(condition: &Condition, table: &Table, rows: &TableRows) -> Option<Vec<Key>> {
    // One id may stand for several rows of an elastic table.
    if table.elastic.is_some() {
        return None;
    }
    let mut parts = Vec::new();
    conjuncts(condition, &mut parts);
    for part in &parts {
        match part {
            Condition::Compare(path, Comparison::Equal, Value::Id(id)) if is_own(path, table.primary) => {
                return Some(vec![Key::from(*id)]);
            }
            Condition::In(path, values) if is_own(path, table.primary) => {
                return Some(keys_of(values));
            }
            _ => {}
        }
    }
    // `a eq 1 or a eq 2` of primary keys, as clients resolve lists of ids.
    let mut choices = Vec::new();
    disjuncts(condition, &mut choices);
    let ids: Option<Vec<Value>> = choices
        .iter()
        .map(|choice| match choice {
            Condition::Compare(path, Comparison::Equal, value @ Value::Id(_))
                if is_own(path, table.primary) =>
            {
                Some(value.clone())
            }
            _ => None,
        })
        .collect();
    if let Some(ids) = ids {
        return Some(keys_of(&ids));
    }
    let sought = parts.iter().find_map(|part| match part {
        Condition::Compare(path, ..) | Condition::Between(path, ..) | Condition::In(path, _)
            if path.hops.is_empty() && rows.is_sorted_by(path.column) =>
        {
            Some(path.column)
        }
        _ => None,
    })?;
    let (mut low, mut high): (SortKey, SortKey) = ([0; 16], [0xFF; 16]);
    for part in &parts {
        match part {
            Condition::Compare(path, comparison, value) if is_own(path, sought) => {
                let Some(key) = index_key(value) else { continue };
                match comparison {
                    Comparison::Equal => {
                        low = low.max(key);
                        high = high.min(key);
                    }
                    Comparison::Greater | Comparison::GreaterOrEqual => low = low.max(key),
                    Comparison::Less | Comparison::LessOrEqual => high = high.min(key),
                    Comparison::NotEqual => {}
                }
            }
            Condition::Between(path, from, to) if is_own(path, sought) => {
                if let (Some(from), Some(to)) = (index_key(from), index_key(to)) {
                    low = low.max(from);
                    high = high.min(to);
                }
            }
            Condition::In(path, values) if is_own(path, sought) => {
                let mut keys: Vec<Key> = values
                    .iter()
                    .filter_map(index_key)
                    .flat_map(|key| rows.in_range(sought, &(key..=key)))
                    .collect();
                keys.sort_unstable();
                keys.dedup();
                return Some(keys);
            }
            _ => {}
        }
    }
    // Without a bound, rows whose column is null would be missed.
    if low == [0; 16] && high == [0xFF; 16] {
        return None;
    }
    rows.in_short_range(sought, &(low..=high), LONG)
}

fn is_own(path: &Path, column: ColumnId) -> bool {
    path.hops.is_empty() && path.column == column
}

fn keys_of(values: &[Value]) -> Vec<Key> {
    let mut keys: Vec<Key> = values
        .iter()
        .filter_map(|value| match value {
            Value::Id(id) => Some(Key::from(*id)),
            _ => None,
        })
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn index_key(value: &Value) -> Option<SortKey> {
    match value {
        Value::Integer(value) => sort_key(Cell::Integer(*value)),
        Value::Instant(value) => sort_key(Cell::Instant(*value)),
        Value::Id(id) => sort_key(Cell::Id(*id)),
        _ => None,
    }
}

fn conjuncts<'c>(condition: &'c Condition, parts: &mut Vec<&'c Condition>) {
    match condition {
        Condition::And(left, right) => {
            conjuncts(left, parts);
            conjuncts(right, parts);
        }
        other => parts.push(other),
    }
}

fn disjuncts<'c>(condition: &'c Condition, parts: &mut Vec<&'c Condition>) {
    match condition {
        Condition::Or(left, right) => {
            disjuncts(left, parts);
            disjuncts(right, parts);
        }
        other => parts.push(other),
    }
}
