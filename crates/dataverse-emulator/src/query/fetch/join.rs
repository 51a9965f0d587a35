//! Joined rows: one per match, found by primary key, by index, or by a map made once per query.

use std::cell::OnceCell;
use std::collections::HashMap;

use super::super::ast::Comparison;
use super::super::bind::Condition;
use super::super::evaluate::Evaluator;
use super::super::sort_value::SortValue;
use super::parse::LinkKind;
use super::plan::Slot;
use crate::state::row::{Cell, ColumnId, TableId};
use crate::state::{Key, sort_key};

/// A table joined to another.
#[derive(Debug)]
pub(super) struct Join {
    pub(super) slot: Slot,
    pub(super) parent: Slot,
    pub(super) table: TableId,
    /// A column of `table`, here its primary key.
    pub(super) is_primary: bool,
    pub(super) from: ColumnId,
    /// A column of the parent.
    pub(super) to: ColumnId,
    pub(super) kind: LinkKind,
    /// Met by the joined row alone.
    pub(super) own: Vec<Test>,
    /// Rows by the value of `from`, where neither key nor index finds them.
    pub(super) index: OnceCell<HashMap<SortValue, Vec<Key>>>,
}

/// What decides whether a row is there.
#[derive(Debug)]
pub(super) enum Test {
    All(Vec<Self>),
    Any(Vec<Self>),
    On(Slot, Condition),
    /// `valueof`: two columns of the same joined row.
    Columns {
        left: (Slot, ColumnId),
        comparison: Comparison,
        right: (Slot, ColumnId),
    },
    Linked(Box<Linked>),
}

/// Rows elsewhere that must be there, or must not.
#[derive(Debug)]
pub(super) struct Linked {
    pub(super) first: Join,
    /// Tables joined to those rows.
    pub(super) joins: Vec<Join>,
    pub(super) after: Vec<Test>,
}

impl Test {
    pub(super) fn looks_only_at(&self, slot: Slot) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().all(|part| part.looks_only_at(slot)),
            Self::On(at, _) => *at == slot,
            Self::Columns { left, right, .. } => left.0 == slot && right.0 == slot,
            Self::Linked(linked) => linked.first.parent == slot,
        }
    }
}

impl Join {
    /// At most one row for each of the parent's.
    pub(super) fn is_single(&self) -> bool {
        self.is_primary || self.kind == LinkKind::First
    }
}

/// One row of each table; none where an outer join found none.
pub(super) type Joined<'a> = Vec<Option<(Key, &'a [u8])>>;

/// Runs joins and tests over the rows of an organisation.
pub(super) struct Joiner<'a> {
    pub(super) evaluator: Evaluator<'a>,
    pub(super) slots: &'a [TableId],
}

impl<'a> Joiner<'a> {
    pub(super) fn read(&self, joined: &Joined<'a>, slot: Slot, column: ColumnId) -> Cell<'a> {
        let Some((key, row)) = joined[slot] else { return Cell::Null };
        self.evaluator.organisation.schema.table(self.slots[slot]).read(key, row, column)
    }

    pub(super) fn holds(&self, test: &Test, joined: &mut Joined<'a>) -> bool {
        match test {
            Test::All(parts) => parts.iter().all(|part| self.holds(part, joined)),
            Test::Any(parts) => parts.is_empty() || parts.iter().any(|part| self.holds(part, joined)),
            Test::On(slot, condition) => {
                let read = |path: &super::super::bind::Path| self.read(joined, *slot, path.column);
                self.evaluator.holds_for(condition, &read)
            }
            Test::Columns { left, comparison, right } => {
                let left = SortValue::of(&self.read(joined, left.0, left.1));
                let right = SortValue::of(&self.read(joined, right.0, right.1));
                left != SortValue::Null && right != SortValue::Null && comparison.holds(left.cmp(&right))
            }
            Test::Linked(linked) => self.linked(linked, joined),
        }
    }

    fn linked(&self, linked: &Linked, joined: &mut Joined<'a>) -> bool {
        let first = &linked.first;
        let matches = self.matches(first, joined);
        let has_rows = !matches.is_empty();
        let mut is_met = false;
        for key in matches {
            joined[first.slot] = self.evaluator.organisation.rows(first.table).get(key).map(|row| (key, row));
            if first.own.iter().all(|test| self.holds(test, joined))
                && !self.descend(&linked.joins, &linked.after, joined, &mut |_| false)
            {
                is_met = true;
                break;
            }
        }
        joined[first.slot] = None;
        match first.kind {
            LinkKind::NotAny => !is_met,
            LinkKind::All => has_rows && !is_met,
            _ => is_met,
        }
    }

    /// Visits every joined row of a root row; `false` means that the visitor has had enough.
    pub(super) fn descend(
        &self,
        joins: &[Join],
        after: &[Test],
        joined: &mut Joined<'a>,
        visit: &mut dyn FnMut(&Joined<'a>) -> bool,
    ) -> bool {
        let Some((join, rest)) = joins.split_first() else {
            return !after.iter().all(|test| self.holds(test, joined)) || visit(joined);
        };
        let mut found = false;
        for key in self.matches(join, joined) {
            joined[join.slot] = self.evaluator.organisation.rows(join.table).get(key).map(|row| (key, row));
            if !join.own.iter().all(|test| self.holds(test, joined)) {
                continue;
            }
            found = true;
            if !self.descend(rest, after, joined, visit) {
                return false;
            }
            if join.kind == LinkKind::First {
                break;
            }
        }
        joined[join.slot] = None;
        if !found && matches!(join.kind, LinkKind::Outer | LinkKind::First) {
            return self.descend(rest, after, joined, visit);
        }
        true
    }

    /// The rows that a join finds for the parent at hand, in the order of their keys.
    fn matches(&self, join: &Join, joined: &Joined<'a>) -> Vec<Key> {
        let value = self.read(joined, join.parent, join.to);
        if value == Cell::Null {
            return Vec::new();
        }
        let rows = self.evaluator.organisation.rows(join.table);
        match value {
            Cell::Id(id) | Cell::Lookup(_, id) if join.is_primary => {
                let key = Key::from(id);
                return if rows.contains(key) { vec![key] } else { Vec::new() };
            }
            Cell::Id(id) | Cell::Lookup(_, id) if rows.is_sorted_by(join.from) => {
                if let Some(wanted) = sort_key(Cell::Id(id)) {
                    return rows.in_range(join.from, &(wanted..=wanted));
                }
            }
            _ => {}
        }
        let index = join.index.get_or_init(|| {
            let table = self.evaluator.organisation.schema.table(join.table);
            let mut index: HashMap<SortValue, Vec<Key>> = HashMap::new();
            for (key, row) in rows.after(None) {
                let value = SortValue::of(&table.read(key, row, join.from));
                if value != SortValue::Null {
                    index.entry(value).or_default().push(key);
                }
            }
            index
        });
        index.get(&SortValue::of(&value)).cloned().unwrap_or_default()
    }
}
