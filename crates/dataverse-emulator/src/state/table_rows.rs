//! The rows of one table and the indices over them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use super::key::Key;
use super::row::{self, Cell, ColumnId, Form};

/// Rows by id, in the order in which pages come.
#[derive(Debug, Clone, Default)]
pub(crate) struct TableRows {
    rows: BTreeMap<Key, Box<[u8]>>,
    unique: Vec<UniqueIndex>,
    sorted: Vec<SortedIndex>,
}

/// The values of an alternate key (or of an N:N pair); rows with a null among them are left out.
#[derive(Debug, Clone)]
pub(crate) struct UniqueIndex {
    /// The key's name, as told to whom it refuses.
    pub(crate) name: String,
    columns: Vec<(ColumnId, Form)>,
    case_insensitive: bool,
    entries: HashMap<Box<[u8]>, Key>,
}

/// A column by which rows are found often: a sequence number, the activity of a party.
#[derive(Debug, Clone)]
struct SortedIndex {
    column: ColumnId,
    form: Form,
    entries: BTreeSet<(SortKey, Key)>,
}

/// A value such that byte order is value order.
pub(crate) type SortKey = [u8; 16];

/// The sortable form of a value, where it has one.
pub(crate) fn sort_key(cell: Cell<'_>) -> Option<SortKey> {
    match cell {
        Cell::Integer(value) | Cell::Instant(value) => {
            let mut key = [0; 16];
            let ordered = value.cast_unsigned() ^ (1 << 63);
            key[..8].copy_from_slice(&ordered.to_be_bytes());
            Some(key)
        }
        Cell::Id(id) | Cell::Lookup(_, id) => Some(Key::from(id).bytes()),
        _ => None,
    }
}

impl UniqueIndex {
    pub(crate) fn new(
        name: impl Into<String>,
        columns: Vec<(ColumnId, Form)>,
        case_insensitive: bool,
    ) -> Self {
        Self { name: name.into(), columns, case_insensitive, entries: HashMap::new() }
    }

    /// The columns of the key.
    pub(crate) fn columns(&self) -> impl Iterator<Item = ColumnId> + '_ {
        self.columns.iter().map(|(column, _)| *column)
    }

    fn value(&self, row: &[u8]) -> Option<Box<[u8]>> {
        self.value_of(|column| row::find(row, column))
    }

    /// The key's value from column values; `None` when one is null.
    pub(crate) fn value_of<'a>(
        &self,
        mut find: impl FnMut(ColumnId) -> Option<&'a [u8]>,
    ) -> Option<Box<[u8]>> {
        let mut value = Vec::new();
        for (column, form) in &self.columns {
            let bytes = find(*column)?;
            match row::decode(bytes, *form) {
                Cell::Null => return None,
                Cell::Text(text) => {
                    // The service's database ignores trailing blanks, and mostly case.
                    let text = text.trim_end_matches(' ');
                    if self.case_insensitive {
                        value.extend_from_slice(text.to_lowercase().as_bytes());
                    } else {
                        value.extend_from_slice(text.as_bytes());
                    }
                }
                Cell::Lookup(_, id) => value.extend_from_slice(id.as_bytes()),
                _ => value.extend_from_slice(bytes),
            }
            value.push(0xFF); // Never part of UTF-8, so that ("ab", "c") is not ("a", "bc").
        }
        Some(value.into_boxed_slice())
    }
}

impl UniqueIndex {
    /// The row with this value.
    pub(crate) fn row(&self, value: &[u8]) -> Option<Key> {
        self.entries.get(value).copied()
    }
}

impl TableRows {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn get(&self, key: Key) -> Option<&[u8]> {
        self.rows.get(&key).map(AsRef::as_ref)
    }

    pub(crate) fn contains(&self, key: Key) -> bool {
        self.rows.contains_key(&key)
    }

    /// All rows with a key above `after`, in order.
    pub(crate) fn after(&self, after: Option<Key>) -> impl Iterator<Item = (Key, &[u8])> {
        use std::ops::Bound::{Excluded, Unbounded};
        let start = after.map_or(Unbounded, Excluded);
        self.rows.range((start, Unbounded)).map(|(key, row)| (*key, row.as_ref()))
    }

    /// Replaces, adds or (with `None`) removes a row, and returns what was there.
    pub(crate) fn put(&mut self, key: Key, row: Option<Box<[u8]>>) -> Option<Box<[u8]>> {
        let old = match row {
            Some(row) => self.rows.insert(key, row),
            None => self.rows.remove(&key),
        };
        let row = self.rows.get(&key).map(AsRef::as_ref);
        for index in &mut self.unique {
            let before = old.as_deref().and_then(|row| index.value(row));
            let now = row.and_then(|row| index.value(row));
            if before != now {
                if let Some(value) = before {
                    index.entries.remove(&value);
                }
                if let Some(value) = now {
                    index.entries.insert(value, key);
                }
            }
        }
        for index in &mut self.sorted {
            let of = |row: &[u8]| row::get(row, index.column, index.form).and_then(sort_key);
            let before = old.as_deref().and_then(of);
            let now = row.and_then(of);
            if before != now {
                if let Some(value) = before {
                    index.entries.remove(&(value, key));
                }
                if let Some(value) = now {
                    index.entries.insert((value, key));
                }
            }
        }
        old
    }

    /// The first unique index in which `row` would meet another row, and that row.
    pub(crate) fn conflict(&self, key: Key, row: &[u8]) -> Option<(&UniqueIndex, Key)> {
        self.unique.iter().find_map(|index| {
            let other = *index.entries.get(&index.value(row)?)?;
            (other != key).then_some((index, other))
        })
    }

    /// The unique index over exactly these columns, in any order.
    pub(crate) fn unique_over(&self, columns: &[ColumnId]) -> Option<&UniqueIndex> {
        self.unique.iter().find(|index| {
            index.columns.len() == columns.len() && index.columns().all(|column| columns.contains(&column))
        })
    }

    /// Whether rows can be found by this column without looking at all of them.
    pub(crate) fn is_sorted_by(&self, column: ColumnId) -> bool {
        self.sorted.iter().any(|index| index.column == column)
    }

    /// The rows whose indexed column lies in a range, in the order of their keys.
    pub(crate) fn in_range(&self, column: ColumnId, range: &RangeInclusive<SortKey>) -> Vec<Key> {
        self.in_short_range(column, range, usize::MAX).unwrap_or_default()
    }

    /// The same, but `None` when they are more than `most`.
    pub(crate) fn in_short_range(
        &self,
        column: ColumnId,
        range: &RangeInclusive<SortKey>,
        most: usize,
    ) -> Option<Vec<Key>> {
        let Some(index) = self.sorted.iter().find(|index| index.column == column) else {
            return Some(Vec::new());
        };
        if range.start() > range.end() {
            return Some(Vec::new());
        }
        let range = (*range.start(), Key::FIRST)..=(*range.end(), Key::LAST);
        let found = index.entries.range(range).map(|(_, key)| *key);
        let mut keys: Vec<Key> = found.take(most.saturating_add(1)).collect();
        if keys.len() > most {
            return None;
        }
        keys.sort_unstable();
        Some(keys)
    }

    /// Adds a unique index; rows that already share a value are returned as a pair.
    pub(crate) fn add_unique(&mut self, mut index: UniqueIndex) -> Result<(), (Key, Key)> {
        for (key, row) in &self.rows {
            if let Some(value) = index.value(row)
                && let Some(other) = index.entries.insert(value, *key)
            {
                return Err((other, *key));
            }
        }
        self.unique.push(index);
        Ok(())
    }

    pub(crate) fn remove_unique(&mut self, name: &str) {
        self.unique.retain(|index| index.name != name);
    }

    pub(crate) fn add_sorted(&mut self, column: ColumnId, form: Form) {
        let entries = self
            .rows
            .iter()
            .filter_map(|(key, row)| Some((row::get(row, column, form).and_then(sort_key)?, *key)))
            .collect();
        self.sorted.push(SortedIndex { column, form, entries });
    }

    /// Forgets the rows, keeps the indices.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        for index in &mut self.unique {
            index.entries.clear();
        }
        for index in &mut self.sorted {
            index.entries.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::row::Draft;
    use super::*;

    fn key(number: u128) -> Key {
        Key::from(Uuid::from_u128(number))
    }

    fn named(text: &str, number: i64) -> Box<[u8]> {
        let mut draft = Draft::default();
        draft.set(0, Cell::Text(text));
        draft.set(1, Cell::Integer(number));
        draft.make_row(1)
    }

    #[test]
    fn alternate_keys_ignore_case_and_trailing_blanks() {
        let mut rows = TableRows::default();
        rows.add_unique(UniqueIndex::new("new_key", vec![(0, Form::Text)], true)).unwrap();
        rows.put(key(1), Some(named("abc", 1)));
        let other = named("ABC  ", 2);
        assert_eq!(rows.conflict(key(2), &other).map(|(_, key)| key), Some(key(1)));
        assert!(rows.conflict(key(1), &other).is_none(), "a row does not meet itself");
        rows.put(key(1), None);
        assert!(rows.conflict(key(2), &other).is_none());
    }

    #[test]
    fn a_range_of_sequence_numbers_is_found_without_looking_at_all_rows() {
        let mut rows = TableRows::default();
        rows.add_sorted(1, Form::Integer);
        for number in -5..5 {
            rows.put(key(u128::try_from(number + 10).unwrap()), Some(named("x", number)));
        }
        rows.put(key(6), Some(named("x", 100)));
        let range = |from, to| sort_key(Cell::Integer(from)).unwrap()..=sort_key(Cell::Integer(to)).unwrap();
        assert_eq!(rows.in_range(1, &range(-3, 1)).len(), 5);
        assert_eq!(rows.in_short_range(1, &range(-3, 1), 5).map(|keys| keys.len()), Some(5));
        assert_eq!(rows.in_short_range(1, &range(-3, 1), 4), None, "a walk through all rows does as well");
        assert_eq!(rows.in_range(1, &range(-4, -4)), vec![], "the row was changed to 100");
        assert_eq!(rows.in_range(1, &range(100, 100)), vec![key(6)]);
    }
}
