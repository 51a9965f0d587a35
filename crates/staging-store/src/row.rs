//! A row of a small answer, owned.

use std::sync::Arc;

use staging_schema::Value;

use crate::Error;
use crate::batch::shape;

/// One row with the names of its columns.
#[derive(Debug, Clone)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

impl Row {
    pub(crate) fn new(columns: Arc<[String]>, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The cells.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The cells, given away.
    pub fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// The cell in the column of this name.
    pub fn named(&self, column: &str) -> Option<&Value> {
        self.columns.iter().position(|name| name == column).map(|at| &self.values[at])
    }

    /// The cell in a column, counted from 0; NULL beyond the last.
    pub fn get(&self, column: usize) -> &Value {
        self.values.get(column).unwrap_or(&Value::Null)
    }

    /// A whole number; an error when it is something else or NULL.
    pub fn integer(&self, column: usize) -> Result<i64, Error> {
        let value = self.get(column).as_ref();
        value.as_integer().ok_or_else(|| shape(&self.column_name(column), "integer", value))
    }

    /// A whole number that counts something.
    pub fn count(&self, column: usize) -> Result<u64, Error> {
        let number = self.integer(column)?;
        u64::try_from(number).map_err(|_| Error::Shape {
            column: self.column_name(column),
            expected: "a count",
            found: "a negative number",
        })
    }

    /// A text; an error when it is something else or NULL.
    pub fn text(&self, column: usize) -> Result<&str, Error> {
        let value = self.get(column).as_ref();
        value.as_text().ok_or_else(|| shape(&self.column_name(column), "text", value))
    }

    /// A text or NULL.
    pub fn optional_text(&self, column: usize) -> Result<Option<&str>, Error> {
        if self.get(column).is_null() { Ok(None) } else { self.text(column).map(Some) }
    }

    /// A whole number or NULL.
    pub fn optional_integer(&self, column: usize) -> Result<Option<i64>, Error> {
        if self.get(column).is_null() { Ok(None) } else { self.integer(column).map(Some) }
    }

    fn column_name(&self, column: usize) -> String {
        self.columns.get(column).cloned().unwrap_or_else(|| column.to_string())
    }
}
