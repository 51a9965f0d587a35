//! Set-based work that runs in slices over a whole table: tables made, flags settled.

use std::ops::RangeInclusive;

use staging_schema::{TargetTable, ddl, settle};

use crate::store::SLICE_ROWS;
use crate::{Error, Store};

impl Store {
    /// Creates what is not there of these tables, adds columns that were mapped since, and makes the status views anew.
    /// `all` are all target tables of the project: the views are over them.
    pub async fn ensure_tables(&self, all: &[TargetTable]) -> Result<(), Error> {
        for table in all {
            self.execute_all(&ddl::target_table(table)).await?;
            let columns = self.query(&ddl::columns_of(&table.name())).await?;
            let existing =
                columns.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
            let added = ddl::added_columns(table, &existing);
            if !added.is_empty() {
                self.execute_all(&added).await?;
            }
        }
        self.execute_all(&ddl::status_views(all)).await.map(drop)
    }

    /// Copies GUIDs back and settles the flags of a range of rows; returns the rows changed.
    pub async fn settle_rows(&self, table: &TargetTable, rows: &RangeInclusive<i64>) -> Result<u64, Error> {
        self.execute(&settle::settle(table, rows)).await
    }

    /// Copies GUIDs back and settles the flags of a whole table, slice by slice; returns the rows changed.
    pub async fn settle_table(&self, table: &TargetTable) -> Result<u64, Error> {
        if self.count(&settle::is_due(table)).await? == 0 {
            return Ok(0);
        }
        self.in_slices(&table.name(), SLICE_ROWS, |slice| settle::settle(table, &slice)).await
    }
}
