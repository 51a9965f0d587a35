//! Whether a row meets a condition.

use std::cmp::Ordering;

use rust_decimal::Decimal;

use super::ast::{Comparison, TextTest};
use super::bind::{Condition, Path, Value};
use crate::settings::Settings;
use crate::state::row::{Cell, TableId};
use crate::state::{Key, Organisation};

/// Evaluates conditions over the rows of an organisation.
#[derive(Clone, Copy)]
pub(crate) struct Evaluator<'a> {
    pub(crate) organisation: &'a Organisation,
    pub(crate) settings: &'a Settings,
}

impl<'a> Evaluator<'a> {
    /// The value at the end of a path; null where a lookup on the way is empty.
    pub(crate) fn read(&self, table: TableId, key: Key, row: &'a [u8], path: &Path) -> Cell<'a> {
        let (mut table, mut key, mut row) = (self.organisation.schema.table(table), key, row);
        for (column, target) in &path.hops {
            let Cell::Lookup(kind, id) = table.read(key, row, *column) else { return Cell::Null };
            if kind != *target {
                return Cell::Null;
            }
            let Some(next) = self.organisation.row(kind, id) else { return Cell::Null };
            (table, key, row) = (self.organisation.schema.table(kind), Key::from(id), next);
        }
        table.read(key, row, path.column)
    }

    pub(crate) fn holds(&self, condition: &Condition, table: TableId, key: Key, row: &'a [u8]) -> bool {
        self.holds_for(condition, &|path| self.read(table, key, row, path))
    }

    /// The same, for values that come from wherever `read` finds them.
    pub(super) fn holds_for(&self, condition: &Condition, read: &dyn Fn(&Path) -> Cell<'a>) -> bool {
        match condition {
            Condition::And(left, right) => self.holds_for(left, read) && self.holds_for(right, read),
            Condition::Or(left, right) => self.holds_for(left, read) || self.holds_for(right, read),
            Condition::Not(inner) => !self.holds_for(inner, read),
            Condition::Compare(path, comparison, value) => self.compare(&read(path), *comparison, value),
            Condition::Text(path, kind, wanted) => match read(path) {
                Cell::Text(text) => {
                    let text = self.folded(text);
                    match kind {
                        TextTest::Contains => text.contains(wanted.as_str()),
                        TextTest::StartsWith => text.starts_with(wanted.as_str()),
                        TextTest::EndsWith => text.ends_with(wanted.as_str()),
                    }
                }
                _ => false,
            },
            Condition::Like(path, pattern) => match read(path) {
                Cell::Text(text) => pattern.matches(&self.folded(text)),
                _ => false,
            },
            Condition::In(path, values) => {
                let cell = read(path);
                values.iter().any(|value| self.compare(&cell, Comparison::Equal, value))
            }
            Condition::Between(path, low, high) => {
                let cell = read(path);
                self.compare(&cell, Comparison::GreaterOrEqual, low)
                    && self.compare(&cell, Comparison::LessOrEqual, high)
            }
            Condition::Members(members) => members.hold(self, &read(&members.parent)),
            Condition::Holds(path, wanted) => match read(path) {
                Cell::Text(text) => text
                    .split(',')
                    .filter_map(|value| value.parse::<i64>().ok())
                    .any(|value| wanted.contains(&value)),
                _ => false,
            },
        }
    }

    fn folded<'t>(&self, text: &'t str) -> std::borrow::Cow<'t, str> {
        if self.settings.case_insensitive_text { text.to_lowercase().into() } else { text.into() }
    }

    fn compare(&self, cell: &Cell<'_>, comparison: Comparison, value: &Value) -> bool {
        match (cell, value) {
            (Cell::Null, Value::Null) => comparison == Comparison::Equal,
            // A row without a value differs from every value, and is neither above nor below it.
            (Cell::Null, _) | (_, Value::Null) => comparison == Comparison::NotEqual,
            _ => self.order(cell, value).is_some_and(|order| comparison.holds(order)),
        }
    }

    fn order(&self, cell: &Cell<'_>, value: &Value) -> Option<Ordering> {
        Some(match (cell, value) {
            (Cell::Text(text), Value::Text(wanted)) => self.folded(text).as_ref().cmp(wanted.as_str()),
            (Cell::Integer(number), Value::Integer(wanted)) => number.cmp(wanted),
            (Cell::Digits(digits), Value::Decimal(wanted)) => digits.parse::<Decimal>().ok()?.cmp(wanted),
            (Cell::Double(number), Value::Double(wanted)) => number.total_cmp(wanted),
            (Cell::Boolean(value), Value::Boolean(wanted)) => value.cmp(wanted),
            (Cell::Instant(seconds), Value::Instant(wanted)) => seconds.cmp(wanted),
            (Cell::Day(days), Value::Day(wanted)) => i64::from(*days).cmp(wanted),
            (Cell::Id(id) | Cell::Lookup(_, id), Value::Id(wanted)) => {
                Key::from(*id).cmp(&Key::from(*wanted))
            }
            _ => return None,
        })
    }
}

/// The order of two values of one column, for `$orderby`; nulls come first, as in SQL Server.
pub(crate) fn order_cells(left: &Cell<'_>, right: &Cell<'_>) -> Ordering {
    match (left, right) {
        (Cell::Null, Cell::Null) => Ordering::Equal,
        (Cell::Null, _) => Ordering::Less,
        (_, Cell::Null) => Ordering::Greater,
        (Cell::Text(left), Cell::Text(right)) => left.to_lowercase().cmp(&right.to_lowercase()),
        (Cell::Integer(left), Cell::Integer(right)) | (Cell::Instant(left), Cell::Instant(right)) => {
            left.cmp(right)
        }
        (Cell::Digits(left), Cell::Digits(right)) => {
            left.parse::<Decimal>().ok().cmp(&right.parse::<Decimal>().ok())
        }
        (Cell::Double(left), Cell::Double(right)) => left.total_cmp(right),
        (Cell::Boolean(left), Cell::Boolean(right)) => left.cmp(right),
        (Cell::Day(left), Cell::Day(right)) => left.cmp(right),
        (Cell::Id(left) | Cell::Lookup(_, left), Cell::Id(right) | Cell::Lookup(_, right)) => {
            Key::from(*left).cmp(&Key::from(*right))
        }
        _ => Ordering::Equal,
    }
}
