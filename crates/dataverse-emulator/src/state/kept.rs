//! `--keep keys`: only what rows are found by is stored, for runs of tens of millions of rows.

use super::Transaction;
use super::row::{self, ColumnId, TableId};
use crate::answer::{ExpandSource, Projection};
use crate::refusal::{self, Refusal};
use crate::schema::{Kind, Schema, Table};
use crate::settings::{Keep, Settings};

/// Small, and read by whoever wants to write anything: kept whole.
const WHOLE: [&str; 11] = [
    "businessunit",
    "organization",
    "privilege",
    "queue",
    "role",
    "subject",
    "systemuser",
    "team",
    "transactioncurrency",
    "uom",
    "uomschedule",
];

/// Without these, addresses could not be told apart, and parties not be found.
const ALSO: [(&str, &str); 6] = [
    ("activityparty", "activityid"),
    ("customeraddress", "parentid"),
    ("customeraddress", "addressnumber"),
    ("leadaddress", "parentid"),
    ("leadaddress", "addressnumber"),
    ("listmember", "entityid"),
];

impl Settings {
    /// Whether a column of a table is stored.
    pub(crate) fn keeps(&self, table: &Table, column: ColumnId) -> bool {
        self.keep == Keep::Rows
            || column == table.primary
            || Some(column) == table.system.version
            || (table.system.sequence_number.is_some() && [
                table.system.sequence_number,
                // Who looks for a number asks whose it is.
                table.system.created_by,
                table.system.created_on_behalf_by,
            ].contains(&Some(column)))
            || table.elastic.is_some_and(|it| it.partition == column || it.time_to_live == column)
            || table.is_intersect
            // How long rows of elastic tables live.
            || table.elastic.is_some_and(|it| column == it.time_to_live || Some(column) == table.system.modified_on)
            || table.column(column).kind == Kind::Id
            || WHOLE.contains(&table.name.as_str())
            || table.keys.iter().any(|key| key.columns.contains(&column))
            || ALSO.iter().any(|(name, also)| *name == table.name && *also == table.column(column).name)
    }

    /// Refuses to read what was not stored, rather than calling it empty.
    pub(crate) fn must_keep(&self, table: &Table, column: ColumnId) -> Result<(), Refusal> {
        if self.keeps(table, column) {
            return Ok(());
        }
        let kept: Vec<&str> = (0..)
            .zip(&table.columns)
            .filter(|(id, column)| column.read && self.keeps(table, *id))
            .map(|(_, column)| column.property.as_str())
            .collect();
        Err(refusal::not_emulated(format_args!(
            "Reading '{}' of '{}' (this emulator was started with --keep keys, which did not keep it; $select from {})",
            table.column(column).property,
            table.name,
            kept.join(", ")
        )))
    }

    /// The same for everything that an answer is to show.
    pub(crate) fn must_keep_all(
        &self,
        schema: &Schema,
        table: &Table,
        projection: &Projection,
    ) -> Result<(), Refusal> {
        if self.keep == Keep::Rows {
            return Ok(());
        }
        projection.columns.iter().try_for_each(|(column, _)| self.must_keep(table, *column))?;
        for expand in &projection.expands {
            let target = schema.table(expand.table);
            match expand.source {
                ExpandSource::Lookup(column) => self.must_keep(table, column)?,
                ExpandSource::Children(column) => self.must_keep(target, column)?,
                ExpandSource::Pairs { .. } => {}
            }
            self.must_keep_all(schema, target, &expand.projection)?;
        }
        Ok(())
    }
}

impl Transaction<'_> {
    /// What is stored of a row.
    pub(super) fn stored(&self, table: TableId, row: Box<[u8]>) -> Box<[u8]> {
        if self.settings.keep == Keep::Rows {
            return row;
        }
        let table = self.table(table);
        row::only(&row, |column| self.settings.keeps(&table, column))
    }
}
