//! Rows side by side in one piece of memory: what is appended and what is streamed.

use std::fmt::{self, Write as _};

use staging_schema::ValueRef;

use crate::Error;

/// Many rows of equal width; texts lie in one arena, so that a row costs no allocation.
#[derive(Clone, Default)]
pub struct RowBatch {
    width: usize,
    cells: Vec<Cell>,
    text: String,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text { start: usize, end: usize },
    Blob { start: usize, end: usize },
}

impl RowBatch {
    /// An empty batch for rows of `width` cells.
    pub fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    /// Cells in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Complete rows.
    pub fn len(&self) -> usize {
        self.cells.len().checked_div(self.width).unwrap_or(0)
    }

    /// Whether it holds no cell.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Cells, also of an incomplete last row.
    pub fn cells(&self) -> usize {
        self.cells.len()
    }

    /// Bytes of text and blobs that it holds, to decide when it is full.
    pub fn bytes(&self) -> usize {
        self.text.len() + self.bytes.len()
    }

    /// Forgets all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.cells.clear();
        self.text.clear();
        self.bytes.clear();
    }

    /// Forgets the cells of an incomplete last row.
    pub fn drop_incomplete_row(&mut self) {
        self.cells.truncate(self.len() * self.width);
    }

    /// Adds a cell.
    pub fn push(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => self.push_null(),
            ValueRef::Integer(n) => self.push_integer(n),
            ValueRef::Real(n) => self.push_real(n),
            ValueRef::Text(text) => self.push_text(text),
            ValueRef::Blob(bytes) => {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(bytes);
                self.cells.push(Cell::Blob { start, end: self.bytes.len() });
            }
        }
    }

    /// Adds NULL.
    pub fn push_null(&mut self) {
        self.cells.push(Cell::Null);
    }

    /// Adds a whole number.
    pub fn push_integer(&mut self, n: i64) {
        self.cells.push(Cell::Integer(n));
    }

    /// Adds a double.
    pub fn push_real(&mut self, n: f64) {
        self.cells.push(Cell::Real(n));
    }

    /// Adds text.
    pub fn push_text(&mut self, text: &str) {
        let start = self.text.len();
        self.text.push_str(text);
        self.cells.push(Cell::Text { start, end: self.text.len() });
    }

    /// Adds what is displayed, without a text of its own.
    pub fn push_display(&mut self, value: impl fmt::Display) {
        let start = self.text.len();
        // A `String` takes whatever is written to it.
        let _ = write!(self.text, "{value}");
        self.cells.push(Cell::Text { start, end: self.text.len() });
    }

    /// Adds text, or NULL when it is not there.
    pub fn push_option(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.push_text(text),
            None => self.push_null(),
        }
    }

    /// One row, counted from 0.
    pub fn row(&self, row: usize) -> Option<RowView<'_>> {
        (row < self.len()).then_some(RowView { batch: self, start: row * self.width })
    }

    /// All complete rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = RowView<'_>> {
        (0..self.len()).map(|row| RowView { batch: self, start: row * self.width })
    }

    pub(crate) fn cell(&self, n: usize) -> ValueRef<'_> {
        match self.cells[n] {
            Cell::Null => ValueRef::Null,
            Cell::Integer(n) => ValueRef::Integer(n),
            Cell::Real(n) => ValueRef::Real(n),
            Cell::Text { start, end } => ValueRef::Text(&self.text[start..end]),
            Cell::Blob { start, end } => ValueRef::Blob(&self.bytes[start..end]),
        }
    }
}

impl fmt::Debug for RowBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowBatch")
            .field("width", &self.width)
            .field("rows", &self.len())
            .finish_non_exhaustive()
    }
}

/// One row of a batch.
#[derive(Clone, Copy)]
pub struct RowView<'a> {
    batch: &'a RowBatch,
    start: usize,
}

impl<'a> RowView<'a> {
    /// The cell in a column, counted from 0; NULL beyond the last.
    pub fn get(self, column: usize) -> ValueRef<'a> {
        if column < self.batch.width { self.batch.cell(self.start + column) } else { ValueRef::Null }
    }

    /// All cells.
    pub fn values(self) -> impl ExactSizeIterator<Item = ValueRef<'a>> {
        (0..self.batch.width).map(move |column| self.batch.cell(self.start + column))
    }

    /// A whole number; an error when it is something else or NULL.
    pub fn integer(self, column: usize) -> Result<i64, Error> {
        let value = self.get(column);
        value.as_integer().ok_or_else(|| shape(&column, "integer", value))
    }

    /// A text; an error when it is something else or NULL.
    pub fn text(self, column: usize) -> Result<&'a str, Error> {
        let value = self.get(column);
        value.as_text().ok_or_else(|| shape(&column, "text", value))
    }

    /// A text or NULL.
    pub fn optional_text(self, column: usize) -> Result<Option<&'a str>, Error> {
        if self.get(column).is_null() { Ok(None) } else { self.text(column).map(Some) }
    }

    /// A whole number or NULL.
    pub fn optional_integer(self, column: usize) -> Result<Option<i64>, Error> {
        if self.get(column).is_null() { Ok(None) } else { self.integer(column).map(Some) }
    }
}

impl fmt::Debug for RowView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

pub(crate) fn shape(column: &impl ToString, expected: &'static str, value: ValueRef<'_>) -> Error {
    Error::Shape { column: column.to_string(), expected, found: value.kind() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_back_as_they_were_pushed() {
        let mut batch = RowBatch::new(3);
        batch.push_text("Grüße");
        batch.push_integer(-1);
        batch.push_null();
        batch.push(ValueRef::Blob(&[1, 2]));
        batch.push_real(0.5);
        batch.push_display(format_args!("{:02}", 7));
        let rows: Vec<Vec<_>> = batch.rows().map(|row| row.values().collect()).collect();
        assert_eq!(rows[0], [ValueRef::Text("Grüße"), ValueRef::Integer(-1), ValueRef::Null]);
        assert_eq!(rows[1], [ValueRef::Blob(&[1, 2]), ValueRef::Real(0.5), ValueRef::Text("07")]);
    }

    #[test]
    fn an_incomplete_row_is_not_counted_and_can_be_dropped() {
        let mut batch = RowBatch::new(2);
        batch.push_integer(1);
        batch.push_integer(2);
        batch.push_integer(3);
        assert_eq!((batch.len(), batch.cells()), (1, 3));
        batch.drop_incomplete_row();
        assert_eq!(batch.cells(), 2);
    }
}
