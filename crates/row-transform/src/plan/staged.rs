//! What a Dataverse column becomes in the staging table.

use dataverse_wire::metadata::{ColumnType, DateTimeBehavior};
use staging_schema::StagedKind;

/// The staged kind of a column that holds a value.
///
/// `None` for references, which the rule decides about, and for what cannot be staged.
pub(crate) fn staged_kind(column_type: &ColumnType) -> Option<StagedKind> {
    Some(match column_type {
        ColumnType::String { max_length } | ColumnType::Memo { max_length } => {
            StagedKind::Text { max: *max_length }
        }
        ColumnType::Integer { .. } => StagedKind::Integer,
        ColumnType::BigInt => StagedKind::BigInt,
        ColumnType::Decimal { precision, .. } => StagedKind::Decimal { precision: *precision },
        ColumnType::Double { precision, .. } => StagedKind::Double { precision: *precision },
        ColumnType::Money { precision, .. } => StagedKind::Money { precision: *precision },
        ColumnType::Boolean { .. } => StagedKind::Boolean,
        ColumnType::DateTime { behavior: DateTimeBehavior::DateOnly, .. } => StagedKind::Date,
        ColumnType::DateTime { .. } => StagedKind::DateTime,
        ColumnType::Choice { .. } => StagedKind::Choice,
        ColumnType::MultiChoice { .. } => StagedKind::MultiChoice,
        ColumnType::State { .. } => StagedKind::State,
        ColumnType::Status { .. } => StagedKind::Status,
        ColumnType::UniqueIdentifier => StagedKind::Guid,
        ColumnType::Owner { .. } => StagedKind::Owner,
        ColumnType::Lookup { .. }
        | ColumnType::Customer { .. }
        | ColumnType::PartyList { .. }
        | ColumnType::Image
        | ColumnType::File
        | ColumnType::Virtual(_) => return None,
    })
}

/// Lays the kinds that two mappings of one table give the same column over each other.
///
/// # Errors
/// The two do not go together.
pub(crate) fn merge(into: &mut StagedKind, other: &StagedKind) -> Result<(), String> {
    match (into, other) {
        (
            StagedKind::Lookup { targets, multi_table, multi_source },
            StagedKind::Lookup { targets: more, multi_source: also, .. },
        ) => {
            for table in more {
                if !targets.contains(table) {
                    targets.push(table.clone());
                }
            }
            *multi_table = targets.len() > 1;
            *multi_source |= also;
            Ok(())
        }
        (StagedKind::Parties { targets }, StagedKind::Parties { targets: more }) => {
            for table in more {
                if !targets.contains(table) {
                    targets.push(table.clone());
                }
            }
            Ok(())
        }
        (one, two) if one == two => Ok(()),
        _ => Err("another mapping of the same table stages this column as something else".to_owned()),
    }
}
