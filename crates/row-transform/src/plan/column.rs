//! A Dataverse column as a mapping may use it.

use dataverse_wire::metadata::{ColumnDefinition, ColumnType, TableDefinition};

use super::near::did_you_mean;
use crate::problem::Problems;

/// What a mapping does with a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// It is set when the row is created.
    Create,
    /// It is set in a row that is there.
    Update,
    /// It is compared only.
    Nothing,
}

/// The column, if it exists and can be written.
pub(crate) fn find<'d>(
    name: &str,
    definition: &'d TableDefinition,
    write: Write,
    problems: &mut Problems<'_>,
) -> Option<&'d ColumnDefinition> {
    let table = &definition.logical_name;
    let Some(column) = definition.column(name) else {
        let hint = did_you_mean(name, definition.columns.keys().map(String::as_str));
        problems.column(name, format!("the table {table} has no column {name:?}{hint}"));
        return None;
    };
    if definition.is_intersect {
        return Some(column);
    }
    if column.is_primary_id {
        problems.column(name, "is the primary key: say `guid = \"source\"` to keep the source's GUIDs");
        return None;
    }
    // The state is written in a pass of its own, after the row was created.
    let is_state = matches!(column.column_type, ColumnType::State { .. } | ColumnType::Status { .. });
    let is_party_list = matches!(column.column_type, ColumnType::PartyList { .. });
    let writable = match write {
        Write::Create => column.valid_for_create || (is_state && column.valid_for_update),
        Write::Update => column.valid_for_update,
        Write::Nothing => true,
    };
    if !writable && !is_party_list {
        let when = match write {
            Write::Update => "on existing rows",
            Write::Create | Write::Nothing => "when a row is created",
        };
        problems.column(name, format!("cannot be written {when}: the metadata of {table} forbids it"));
        return None;
    }
    Some(column)
}
