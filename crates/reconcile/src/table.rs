//! What is verified: a staged table beside its definition.

use std::sync::Arc;

use dataverse_wire::metadata::{ManyToMany, TableDefinition};
use staging_schema::{StagedColumn, StagedKind, TargetTable};

use crate::Rule;

/// One table to verify.
#[derive(Debug, Clone)]
pub struct VerifyTable {
    /// The table as Dataverse defines it.
    pub definition: Arc<TableDefinition>,
    /// The table as it is staged.
    pub staged: TargetTable,
    /// The reserved base of its sequence numbers (`importsequencenumber` = base + RowId); `None` when it has none, and then
    /// the whole table is read and rows that staging does not know are not counted.
    pub base: Option<i64>,
    /// For association tables: the relationship, and the entity set of its intersect table.
    pub association: Option<Association>,
}

/// How the pairs of an N:N relationship are read back.
#[derive(Debug, Clone)]
pub struct Association {
    /// The relationship.
    pub relationship: ManyToMany,
    /// Entity set name of the intersect table.
    pub entity_set: String,
}

/// One staged column and where its value is read back.
#[derive(Debug, Clone)]
pub(crate) struct Compared {
    /// Name in staging, and in reports.
    pub(crate) column: String,
    /// Name of the JSON property: `name`, `_x_value`, or `createdon` for `overriddencreatedon`.
    pub(crate) property: String,
    /// How the two are compared.
    pub(crate) rule: Rule,
    /// Whether the service may give the column a value of its own when none is sent.
    pub(crate) defaulted: bool,
}

impl VerifyTable {
    /// The staged columns that can be read back, in staging order.
    pub(crate) fn compared(&self) -> Vec<Compared> {
        self.staged.columns.iter().filter_map(|column| self.compare(column)).collect()
    }

    fn compare(&self, column: &StagedColumn) -> Option<Compared> {
        let definition = self.definition.column(&column.name)?;
        let rule = Rule::of(&definition.column_type)?;
        // The service moves the value given as `overriddencreatedon` into `createdon` (reference §8.3).
        let swapped = column.name == "overriddencreatedon";
        if !definition.valid_for_read && !swapped {
            return None;
        }
        let lookup = matches!(column.kind, StagedKind::Lookup { .. } | StagedKind::Owner);
        let property = match (swapped, lookup) {
            (true, _) => "createdon".to_owned(),
            (false, true) => format!("_{}_value", column.name),
            (false, false) => column.name.clone(),
        };
        let defaulted = swapped
            || column.name == "transactioncurrencyid"
            || matches!(
                column.kind,
                StagedKind::Owner
                    | StagedKind::Boolean
                    | StagedKind::Choice
                    | StagedKind::State
                    | StagedKind::Status
            );
        Some(Compared { column: column.name.clone(), property, rule, defaulted })
    }
}
