//! Rows as compact bytes in column order.
//!
//! A row is its version (8 bytes) and then, for each column that has a value, the column's number
//! (2 bytes), the length (1 byte below 128) and the value. A row of 20 short columns takes some 250
//! bytes, where a JSON map takes ten times that.

use uuid::Uuid;

/// Number of a table within the organisation.
pub(crate) type TableId = u16;
/// Number of a column within its table.
pub(crate) type ColumnId = u16;

/// A value as it is kept. Which variant a column holds follows from its kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell<'a> {
    /// Only kept where it differs from absence: a yes/no column set to null in spite of its default.
    Null,
    Text(&'a str),
    /// Integers, choices, states, statuses.
    Integer(i64),
    /// Decimal and money, as the digits that are served.
    Digits(&'a str),
    Double(f64),
    Boolean(bool),
    /// Seconds since 1970, UTC.
    Instant(i64),
    /// Days since 1970.
    Day(i32),
    Id(Uuid),
    Lookup(TableId, Uuid),
}

/// How the bytes of a value are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Integer,
    Digits,
    Double,
    Boolean,
    Instant,
    Day,
    Id,
    Lookup,
}

const VERSION_BYTES: usize = 8;

/// The version of a row: what its `ETag` says.
pub(crate) fn version(row: &[u8]) -> u64 {
    row.first_chunk::<VERSION_BYTES>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The columns that have a value, in column order.
pub(crate) fn cells(row: &[u8]) -> Cells<'_> {
    Cells { rest: row.get(VERSION_BYTES..).unwrap_or_default() }
}

/// The bytes of one column.
pub(crate) fn find(row: &[u8], column: ColumnId) -> Option<&[u8]> {
    cells(row).find_map(|(id, bytes)| (id == column).then_some(bytes))
}

/// The value of one column.
pub(crate) fn get(row: &[u8], column: ColumnId, form: Form) -> Option<Cell<'_>> {
    find(row, column).map(|bytes| decode(bytes, form))
}

/// Iterates over the cells of a row.
#[derive(Debug, Clone)]
pub(crate) struct Cells<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Cells<'a> {
    type Item = (ColumnId, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (head, rest) = self.rest.split_first_chunk::<2>()?;
        let (length, used) = read_length(rest)?;
        let value = rest.get(used..used + length)?;
        self.rest = &rest[used + length..];
        Some((ColumnId::from_le_bytes(*head), value))
    }
}

fn read_length(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        length |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((length, index + 1));
        }
    }
    None
}

fn write_length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        #[expect(clippy::cast_possible_truncation, reason = "masked to seven bits")]
        out.push((length & 0x7F) as u8 | 0x80);
        length >>= 7;
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 128 after the loop")]
    out.push(length as u8);
}

/// Reads the bytes of a value.
pub(crate) fn decode(bytes: &[u8], form: Form) -> Cell<'_> {
    if bytes.is_empty() {
        return match form {
            Form::Text => Cell::Text(""),
            Form::Integer => Cell::Integer(0),
            _ => Cell::Null,
        };
    }
    match form {
        Form::Text => Cell::Text(std::str::from_utf8(bytes).unwrap_or_default()),
        Form::Digits => Cell::Digits(std::str::from_utf8(bytes).unwrap_or_default()),
        Form::Integer => Cell::Integer(integer(bytes)),
        Form::Instant => Cell::Instant(integer(bytes)),
        Form::Day => Cell::Day(i32::try_from(integer(bytes)).unwrap_or_default()),
        Form::Boolean => Cell::Boolean(bytes[0] != 0),
        Form::Double => bytes.try_into().map_or(Cell::Null, |bytes| Cell::Double(f64::from_le_bytes(bytes))),
        Form::Id => id(bytes).map_or(Cell::Null, Cell::Id),
        Form::Lookup => match bytes.split_last_chunk::<2>() {
            Some((head, tail)) => {
                id(head).map_or(Cell::Null, |id| Cell::Lookup(TableId::from_le_bytes(*tail), id))
            }
            None => Cell::Null,
        },
    }
}

fn id(bytes: &[u8]) -> Option<Uuid> {
    bytes.try_into().ok().map(Uuid::from_bytes)
}

/// Little endian, as few bytes as keep the sign.
fn integer(bytes: &[u8]) -> i64 {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut whole = if negative { [0xFF; 8] } else { [0; 8] };
    let length = bytes.len().min(8);
    whole[..length].copy_from_slice(&bytes[..length]);
    i64::from_le_bytes(whole)
}

fn write_integer(value: i64, out: &mut Vec<u8>) {
    let bytes = value.to_le_bytes();
    let filler = if value < 0 { 0xFF } else { 0 };
    let mut length = 8;
    while length > 1 && bytes[length - 1] == filler && (bytes[length - 2] & 0x80) == (filler & 0x80) {
        length -= 1;
    }
    out.extend_from_slice(&bytes[..length]);
}

/// The place of a value in the buffer of a [`Draft`], or the wish to clear it.
#[derive(Debug, Clone, Copy)]
struct Entry {
    column: ColumnId,
    /// Start and end in the buffer; `None` clears the column.
    span: Option<(u32, u32)>,
}

/// What a draft says about a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mention<'a> {
    Cleared,
    Set(&'a [u8]),
}

/// Columns being set: a new row, or the change of one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    entries: Vec<Entry>,
    bytes: Vec<u8>,
}

impl Draft {
    pub(crate) fn with_capacity(columns: usize) -> Self {
        Self { entries: Vec::with_capacity(columns), bytes: Vec::with_capacity(columns * 12) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sets a column; the last word counts.
    pub(crate) fn set(&mut self, column: ColumnId, cell: Cell<'_>) {
        let start = self.bytes.len();
        match cell {
            Cell::Null => {}
            Cell::Text(text) | Cell::Digits(text) => self.bytes.extend_from_slice(text.as_bytes()),
            Cell::Integer(value) | Cell::Instant(value) => write_integer(value, &mut self.bytes),
            Cell::Day(value) => write_integer(value.into(), &mut self.bytes),
            Cell::Double(value) => self.bytes.extend_from_slice(&value.to_le_bytes()),
            Cell::Boolean(value) => self.bytes.push(u8::from(value)),
            Cell::Id(id) => self.bytes.extend_from_slice(id.as_bytes()),
            Cell::Lookup(table, id) => {
                self.bytes.extend_from_slice(id.as_bytes());
                self.bytes.extend_from_slice(&table.to_le_bytes());
            }
        }
        let span = Some((offset(start), offset(self.bytes.len())));
        self.put(Entry { column, span });
    }

    /// Sets a column from bytes that are already in stored form.
    pub(crate) fn set_bytes(&mut self, column: ColumnId, bytes: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let span = Some((offset(start), offset(self.bytes.len())));
        self.put(Entry { column, span });
    }

    /// Clears a column.
    pub(crate) fn clear(&mut self, column: ColumnId) {
        self.put(Entry { column, span: None });
    }

    /// Forgets that a column was mentioned.
    pub(crate) fn forget(&mut self, column: ColumnId) {
        self.entries.retain(|entry| entry.column != column);
    }

    fn put(&mut self, entry: Entry) {
        // Columns mostly come each once; a second mention overwrites.
        match self.entries.iter_mut().find(|known| known.column == entry.column) {
            Some(known) => *known = entry,
            None => self.entries.push(entry),
        }
    }

    /// Columns mentioned, set or cleared, in the order of their first mention.
    pub(crate) fn columns(&self) -> impl Iterator<Item = ColumnId> + '_ {
        self.entries.iter().map(|entry| entry.column)
    }

    /// What is to become of a column; `None` when it is not mentioned.
    pub(crate) fn mention(&self, column: ColumnId) -> Option<Mention<'_>> {
        let entry = self.entries.iter().find(|entry| entry.column == column)?;
        Some(self.span(entry).map_or(Mention::Cleared, Mention::Set))
    }

    /// The bytes that a column is set to.
    pub(crate) fn find(&self, column: ColumnId) -> Option<&[u8]> {
        match self.mention(column)? {
            Mention::Set(bytes) => Some(bytes),
            Mention::Cleared => None,
        }
    }

    /// The value that a column is set to.
    pub(crate) fn get(&self, column: ColumnId, form: Form) -> Option<Cell<'_>> {
        self.find(column).map(|bytes| decode(bytes, form))
    }

    fn span(&self, entry: &Entry) -> Option<&[u8]> {
        entry.span.map(|(start, end)| &self.bytes[start as usize..end as usize])
    }

    /// A new row of these columns.
    pub(crate) fn make_row(&mut self, version: u64) -> Box<[u8]> {
        self.entries.sort_unstable_by_key(|entry| entry.column);
        let mut out = Vec::with_capacity(VERSION_BYTES + self.bytes.len() + 4 * self.entries.len());
        out.extend_from_slice(&version.to_le_bytes());
        for entry in &self.entries {
            if let Some(bytes) = self.span(entry) {
                write_cell(entry.column, bytes, &mut out);
            }
        }
        out.into_boxed_slice()
    }

    /// The row `old` with these columns changed.
    pub(crate) fn changed(&mut self, old: &[u8], version: u64) -> Box<[u8]> {
        self.entries.sort_unstable_by_key(|entry| entry.column);
        let mut out = Vec::with_capacity(old.len() + self.bytes.len() + 4 * self.entries.len());
        out.extend_from_slice(&version.to_le_bytes());
        let mut changes = self.entries.iter().peekable();
        for (column, bytes) in cells(old) {
            while let Some(entry) = changes.next_if(|entry| entry.column < column) {
                if let Some(bytes) = self.span(entry) {
                    write_cell(entry.column, bytes, &mut out);
                }
            }
            match changes.next_if(|entry| entry.column == column) {
                Some(entry) => {
                    if let Some(bytes) = self.span(entry) {
                        write_cell(column, bytes, &mut out);
                    }
                }
                None => write_cell(column, bytes, &mut out),
            }
        }
        for entry in changes {
            if let Some(bytes) = self.span(entry) {
                write_cell(entry.column, bytes, &mut out);
            }
        }
        out.into_boxed_slice()
    }
}

/// The row with just some of its columns.
pub(crate) fn only(row: &[u8], mut keep: impl FnMut(ColumnId) -> bool) -> Box<[u8]> {
    let mut out = version(row).to_le_bytes().to_vec();
    for (column, bytes) in cells(row) {
        if keep(column) {
            write_cell(column, bytes, &mut out);
        }
    }
    out.into_boxed_slice()
}

fn write_cell(column: ColumnId, bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&column.to_le_bytes());
    write_length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

fn offset(position: usize) -> u32 {
    // A request body is at most some hundred megabytes, and a draft is one row of it.
    u32::try_from(position).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn integers_keep_their_value(value: i64) {
            let mut bytes = Vec::new();
            write_integer(value, &mut bytes);
            prop_assert_eq!(integer(&bytes), value);
        }

        #[test]
        fn a_change_is_the_same_as_the_row_made_at_once(
            first in proptest::collection::btree_map(0_u16..40, "[a-z]{0,200}", 0..20),
            second in proptest::collection::btree_map(0_u16..40, proptest::option::of("[a-z]{0,9}"), 0..20),
        ) {
            let mut old = Draft::default();
            for (column, text) in &first {
                old.set(*column, Cell::Text(text));
            }
            let old = old.make_row(1);
            let mut change = Draft::default();
            let mut expected = first.clone();
            for (column, text) in second.iter().rev() {
                if let Some(text) = text {
                    change.set(*column, Cell::Text(text));
                    expected.insert(*column, text.clone());
                } else {
                    change.clear(*column);
                    expected.remove(column);
                }
            }
            let row = change.changed(&old, 2);
            prop_assert_eq!(version(&row), 2);
            let found: std::collections::BTreeMap<u16, String> = cells(&row)
                .map(|(column, bytes)| (column, String::from_utf8(bytes.to_vec()).unwrap()))
                .collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_row_of_ten_columns_is_compact() {
        let mut draft = Draft::default();
        for column in 0..10 {
            draft.set(column, Cell::Text("twenty characters ok"));
        }
        assert_eq!(draft.make_row(1).len(), 8 + 10 * 23);
    }

    #[test]
    fn lookups_and_dates_come_back() {
        let id = Uuid::from_u128(77);
        let mut draft = Draft::default();
        draft.set(3, Cell::Lookup(9, id));
        draft.set(1, Cell::Instant(-5));
        draft.set(2, Cell::Day(20_000));
        draft.set(0, Cell::Double(47.63958));
        let row = draft.make_row(4);
        assert_eq!(get(&row, 3, Form::Lookup), Some(Cell::Lookup(9, id)));
        assert_eq!(get(&row, 1, Form::Instant), Some(Cell::Instant(-5)));
        assert_eq!(get(&row, 2, Form::Day), Some(Cell::Day(20_000)));
        assert_eq!(get(&row, 0, Form::Double), Some(Cell::Double(47.63958)));
        assert_eq!(get(&row, 8, Form::Text), None);
    }
}
