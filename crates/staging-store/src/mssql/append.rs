//! Appending rows: as a bulk insert over TDS, or by an INSERT with a parameter for each cell where rows are few or a bulk
//! insert cannot carry them.

use std::ops::Range;

use staging_schema::{Dialect, Statement, TableName, Value, ValueRef};
use tiberius::error::Error as TdsError;
use tiberius::{ColumnData, SqlBulkCopyOption, TokenRow};

use super::bulk::BulkColumn;
use super::connection::Link;
use super::execute::{execute, query};
use super::failure::failure;
use crate::batch::shape;
use crate::{Error, RowBatch};

/// Cells up to which one INSERT is quicker than the round trips of a bulk insert.
const FEW_CELLS: usize = 100;
/// Cells in one INSERT: the server takes 2,100 parameters.
const MOST_CELLS: usize = 2_000;
/// Text in one INSERT: a batch of documents goes in several.
const MOST_TEXT: usize = 8 * 1024 * 1024;

/// Appends a batch; the caller holds a transaction.
pub(super) async fn append(
    link: &mut Link,
    table: &TableName,
    columns: &[String],
    rows: &RowBatch,
) -> Result<u64, Error> {
    let insert = Insert { table, columns, rows };
    if rows.cells() <= FEW_CELLS {
        return insert.with_parameters(link, 0..rows.len()).await;
    }
    let Some(types) = insert.bulk_columns(link).await? else {
        return insert.with_parameters(link, 0..rows.len()).await;
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
            appended += insert.with_parameters(link, start..end).await?;
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

    /// What the columns take, unless one of them takes no bulk insert.
    async fn bulk_columns(&self, link: &mut Link) -> Result<Option<Vec<BulkColumn>>, Error> {
        let table = Dialect::Mssql.table(self.table);
        let known = query(link, &BulkColumn::read(&table)).await?;
        self.columns
            .iter()
            .map(|column| {
                let row = known
                    .iter()
                    .find(|row| row.get(0).as_text().is_some_and(|name| name.eq_ignore_ascii_case(column)));
                row.map_or(Ok(None), BulkColumn::of)
            })
            .collect()
    }

    /// Whether a row can travel in bulk.
    fn fits(&self, types: &[BulkColumn], row: usize) -> bool {
        types.iter().enumerate().all(|(column, kind)| kind.cell(self.cell(row, column)).is_some())
    }

    async fn in_bulk(&self, link: &mut Link, types: &[BulkColumn], rows: Range<usize>) -> Result<u64, Error> {
        let count = rows.len() as u64;
        link.begins();
        let answer = self.send(link, types, rows).await;
        let patience = link.patience.statement;
        link.ended(answer).map_err(|error| failure(&self.doing(), error, patience))?;
        Ok(count)
    }

    async fn send(&self, link: &mut Link, types: &[BulkColumn], rows: Range<usize>) -> Result<(), TdsError> {
        let (table, quoted) = (Dialect::Mssql.table(self.table), self.quoted());
        let quoted: Vec<_> = quoted.iter().map(String::as_str).collect();
        // As an INSERT does it: what the table forbids is refused.
        let options = SqlBulkCopyOption::CheckConstraints.into();
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

    async fn with_parameters(&self, link: &mut Link, rows: Range<usize>) -> Result<u64, Error> {
        let most_rows = (MOST_CELLS / self.columns.len().max(1)).max(1);
        let mut appended = 0;
        let mut cells = Vec::new();
        let (mut count, mut text) = (0, 0);
        for row in rows.clone() {
            for (column, name) in self.columns.iter().enumerate() {
                let cell = as_text(name, self.cell(row, column))?;
                text += cell.as_text().map_or(0, str::len);
                cells.push(cell);
            }
            count += 1;
            if count == most_rows || text >= MOST_TEXT || row + 1 == rows.end {
                appended += execute(link, &self.insert(count, std::mem::take(&mut cells))).await?;
                (count, text) = (0, 0);
            }
        }
        Ok(appended)
    }

    /// Inserts rows in their order; the server makes of the texts what the columns are.
    fn insert(&self, rows: usize, cells: Vec<Value>) -> Statement {
        let width = self.columns.len();
        let row = |n: usize| {
            let cells: Vec<_> = (1..=width).map(|column| format!("@P{}", n * width + column)).collect();
            format!("({n}, {})", cells.join(", "))
        };
        let names: Vec<_> = (1..=width).map(|column| format!("c{column}")).collect();
        let names = names.join(", ");
        let text = format!(
            "INSERT INTO {} ({}) SELECT {names} FROM (VALUES {}) AS v (n, {names}) ORDER BY n",
            Dialect::Mssql.table(self.table),
            self.quoted().join(", "),
            (0..rows).map(row).collect::<Vec<_>>().join(", "),
        );
        Statement::same(text, cells)
    }
}

/// All cells of a column of an INSERT must be of one type: text, of which the server makes any other.
fn as_text(column: &str, cell: ValueRef<'_>) -> Result<Value, Error> {
    match cell {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(n) => Ok(n.to_string().into()),
        ValueRef::Real(n) => Ok(format!("{n:?}").into()),
        ValueRef::Text(text) => Ok(text.into()),
        ValueRef::Blob(_) => Err(shape(&column, "text or a number", cell)),
    }
}
