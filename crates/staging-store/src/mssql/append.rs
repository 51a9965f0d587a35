//! Appending rows: as a bulk insert over TDS, or as one JSON parameter where rows are few or a bulk insert cannot carry them.

use std::ops::Range;

use staging_schema::{Dialect, Statement, TableName, ValueRef};
use tiberius::error::Error as TdsError;
use tiberius::{ColumnData, SqlBulkCopyOption, TokenRow};

use super::connection::Link;
use super::execute;
use super::failure::failure;
use super::value::BulkType;
use crate::batch::shape;
use crate::{Error, RowBatch};

/// Rows up to which one parameter is quicker than the three round trips of a bulk insert.
const FEW_ROWS: usize = 200;
/// Text in one parameter: a batch of documents goes in several.
const PARAMETER_BYTES: usize = 8 * 1024 * 1024;

/// Appends a batch; the caller holds a transaction.
pub(super) async fn append(
    link: &mut Link,
    table: &TableName,
    columns: &[String],
    rows: &RowBatch,
) -> Result<u64, Error> {
    let insert = Insert { table, columns, rows };
    if rows.len() <= FEW_ROWS {
        return insert.as_parameters(link, 0..rows.len()).await;
    }
    let Some(types) = insert.bulk_types(link).await? else {
        return insert.as_parameters(link, 0..rows.len()).await;
    };
    // In the order of the batch, so that row numbers rise as the rows came.
    let mut appended = 0;
    let mut start = 0;
    while start < rows.len() {
        let end = (start..rows.len()).find(|row| !insert.fits(&types, *row)).unwrap_or(rows.len());
        if end > start {
            appended += insert.in_bulk(link, &types, start..end).await?;
        }
        start = end;
        let end = (start..rows.len()).find(|row| insert.fits(&types, *row)).unwrap_or(rows.len());
        if end > start {
            appended += insert.as_parameters(link, start..end).await?;
        }
        start = end;
    }
    Ok(appended)
}

struct Insert<'a> {
    table: &'a TableName,
    columns: &'a [String],
    rows: &'a RowBatch,
}

impl Insert<'_> {
    fn quoted(&self) -> Vec<String> {
        self.columns.iter().map(|column| Dialect::Mssql.quote(column)).collect()
    }

    fn doing(&self) -> String {
        format!("INSERT BULK {} ({})", Dialect::Mssql.table(self.table), self.quoted().join(", "))
    }

    fn cell(&self, row: usize, column: usize) -> ValueRef<'_> {
        self.rows.cell(row * self.rows.width() + column)
    }

    /// The types of the columns, unless one of them takes no bulk insert.
    async fn bulk_types(&self, link: &mut Link) -> Result<Option<Vec<BulkType>>, Error> {
        let (table, quoted) = (Dialect::Mssql.table(self.table), self.quoted());
        let quoted: Vec<_> = quoted.iter().map(String::as_str).collect();
        link.begins();
        let answer = link.client.column_metadata(&table, &quoted).await;
        let patience = link.patience.statement;
        let columns = link.ended(answer).map_err(|error| failure(&self.doing(), error, patience))?;
        Ok(columns.iter().map(|column| BulkType::of(&column.base.ty)).collect())
    }

    /// Whether a row can travel in bulk.
    fn fits(&self, types: &[BulkType], row: usize) -> bool {
        types.iter().enumerate().all(|(column, kind)| kind.takes(self.cell(row, column)))
    }

    async fn in_bulk(&self, link: &mut Link, types: &[BulkType], rows: Range<usize>) -> Result<u64, Error> {
        let count = rows.len() as u64;
        link.begins();
        let answer = self.send(link, types, rows).await;
        let patience = link.patience.statement;
        link.ended(answer).map_err(|error| failure(&self.doing(), error, patience))?;
        Ok(count)
    }

    async fn send(&self, link: &mut Link, types: &[BulkType], rows: Range<usize>) -> Result<(), TdsError> {
        let (table, quoted) = (Dialect::Mssql.table(self.table), self.quoted());
        let quoted: Vec<_> = quoted.iter().map(String::as_str).collect();
        // As an INSERT does it: NULL is NULL and no default, and what the table forbids is refused.
        let options = SqlBulkCopyOption::CheckConstraints | SqlBulkCopyOption::KeepNulls;
        let mut bulk = link.client.bulk_insert_with_options(&table, &quoted, options, &[]).await?;
        for row in rows {
            let mut cells = TokenRow::with_capacity(types.len());
            for (column, kind) in types.iter().enumerate() {
                // Every row of the range fits.
                cells.push(kind.cell(self.cell(row, column)).unwrap_or(ColumnData::I32(None)));
            }
            bulk.send(cells).await?;
        }
        bulk.finalize().await.map(drop)
    }

    async fn as_parameters(&self, link: &mut Link, rows: Range<usize>) -> Result<u64, Error> {
        let mut appended = 0;
        let mut json = String::from("[");
        for row in rows.clone() {
            self.write(&mut json, row)?;
            if json.len() >= PARAMETER_BYTES || row + 1 == rows.end {
                json.push(']');
                appended += execute::execute(link, &self.from_json(std::mem::take(&mut json))).await?;
                json.push('[');
            } else {
                json.push(',');
            }
        }
        Ok(appended)
    }

    /// A row as an object: its number as `n`, its cells as `c0`, `c1`, ….
    fn write(&self, json: &mut String, row: usize) -> Result<(), Error> {
        use std::fmt::Write as _;
        let _ = write!(json, "{{\"n\":{row}");
        for (column, name) in self.columns.iter().enumerate() {
            // What is not written is NULL.
            let _ = match self.cell(row, column) {
                ValueRef::Null => Ok(()),
                ValueRef::Integer(n) => write!(json, ",\"c{column}\":\"{n}\""),
                ValueRef::Real(n) => write!(json, ",\"c{column}\":\"{n:?}\""),
                ValueRef::Text(text) => {
                    write!(json, ",\"c{column}\":{}", serde_json::Value::from(text))
                }
                value @ ValueRef::Blob(_) => return Err(shape(name, "text or a number", value)),
            };
        }
        json.push('}');
        Ok(())
    }

    /// Inserts the rows of a JSON array in their order; the server makes of the texts what the columns are.
    fn from_json(&self, json: String) -> Statement {
        let range = 0..self.columns.len();
        let cells: Vec<_> = range.clone().map(|n| format!("j.c{n}")).collect();
        let members: Vec<_> = range.map(|n| format!("c{n} nvarchar(max) '$.c{n}'")).collect();
        let text = format!(
            "INSERT INTO {} ({}) SELECT {} FROM OPENJSON(@P1) WITH (n int '$.n', {}) AS j ORDER BY j.n",
            Dialect::Mssql.table(self.table),
            self.quoted().join(", "),
            cells.join(", "),
            members.join(", ")
        );
        Statement::same(text, vec![json.into()])
    }
}
