//! What an elastic table has that no other table has (reference §10).

use dataverse_wire::literal::{KeyLiteral, RowKey, parse_guid};
use dataverse_wire::metadata::{
    AlternateKey, ColumnDefinition, ColumnType, RequiredLevel, TableDefinition, TableType,
};
use uuid::Uuid;

use super::table::Table;
use crate::state::key::named_id;
use crate::state::row::{self, Cell, ColumnId, Form};

/// The alternate key of every elastic table.
const ELASTIC_KEY: &str = "KeyForNoSqlEntityWithPKPartitionId";

const PARTITION: &str = "partitionid";
const TIME_TO_LIVE: &str = "ttlinseconds";

/// Longest partition id, in bytes.
pub(crate) const PARTITION_BYTES: usize = 1_024;

/// The columns by which rows of an elastic table are told apart and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ElasticColumns {
    pub(crate) partition: ColumnId,
    pub(crate) time_to_live: ColumnId,
}

/// Which row of an elastic table is meant: the same id may be there once per partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ElasticKey {
    pub(crate) id: Uuid,
    pub(crate) partition: String,
}

impl ElasticKey {
    /// A row that was given no partition: its id is its partition.
    pub(crate) fn of_id(id: Uuid) -> Self {
        Self { id, partition: id.to_string() }
    }

    /// Where the row is kept. Rows are kept by id; those of a partition of their own get an id from both.
    pub(crate) fn slot(&self) -> Uuid {
        if self.partition.eq_ignore_ascii_case(&self.id.to_string()) {
            return self.id;
        }
        Uuid::from_u128(self.id.as_u128() ^ named_id(4, &self.partition).as_u128())
    }
}

/// Gives an elastic table the columns and the key that every one has.
pub(super) fn complete(definition: &mut TableDefinition) {
    if definition.table_type != TableType::Elastic {
        return;
    }
    let text = ColumnType::String { max_length: 1_024 };
    let seconds = ColumnType::Integer { min: -1, max: i32::MAX.into() };
    for (name, schema_name, column_type, update) in
        [(PARTITION, "PartitionId", text, false), (TIME_TO_LIVE, "TTLInSeconds", seconds, true)]
    {
        let column = definition.columns.entry(name.to_owned()).or_insert_with(|| {
            let mut column = ColumnDefinition::new(name, column_type);
            schema_name.clone_into(&mut column.schema_name);
            column.required = RequiredLevel::None;
            column
        });
        column.valid_for_create = true;
        column.valid_for_update = update;
        column.valid_for_read = true;
    }
    if !definition.keys.iter().any(|key| key.schema_name == ELASTIC_KEY) {
        let columns = vec![definition.primary_id.clone(), PARTITION.to_owned()];
        definition.keys.push(AlternateKey::new(ELASTIC_KEY, columns));
    }
}

/// The columns, once the table is complete.
pub(super) fn columns(
    definition: &TableDefinition,
    named: impl Fn(&str) -> Option<ColumnId>,
) -> Option<ElasticColumns> {
    if definition.table_type != TableType::Elastic {
        return None;
    }
    Some(ElasticColumns { partition: named(PARTITION)?, time_to_live: named(TIME_TO_LIVE)? })
}

impl Table {
    /// The row of an elastic table that a key names: by id, or by id and partition. `None` for other keys and tables.
    pub(crate) fn elastic_key(&self, key: &RowKey) -> Option<ElasticKey> {
        self.elastic?;
        let columns = match key {
            RowKey::Id(id) => return Some(ElasticKey::of_id(*id)),
            RowKey::Alternate(columns) => columns,
        };
        let primary = &self.column(self.primary).name;
        let (mut id, mut partition) = (None, None);
        for (name, literal) in columns {
            match literal {
                KeyLiteral::Guid(value) if name == primary => id = Some(*value),
                // Documents spell it `partitionId` as well.
                _ if name.eq_ignore_ascii_case(PARTITION) => partition = Some(partition_text(literal)?),
                _ => return None,
            }
        }
        let id = id?;
        Some(partition.map_or_else(|| ElasticKey::of_id(id), |partition| ElasticKey { id, partition }))
    }

    /// Which row of an elastic table stands in a slot.
    pub(crate) fn elastic_key_of_row(&self, row: &[u8]) -> Option<ElasticKey> {
        let columns = self.elastic?;
        let Some(Cell::Id(id)) = row::get(row, self.primary, Form::Id) else { return None };
        let partition = match row::get(row, columns.partition, Form::Text) {
            Some(Cell::Text(text)) => text.to_owned(),
            _ => id.to_string(),
        };
        Some(ElasticKey { id, partition })
    }

    /// Adds the partition that a query names beside the id: `(<id>)?partitionId=device-001`.
    pub(crate) fn with_partition(&self, key: RowKey, partition: Option<&str>) -> RowKey {
        match (key, partition) {
            (RowKey::Id(id), Some(partition)) if self.elastic.is_some() => RowKey::Alternate(vec![
                (self.column(self.primary).name.clone(), KeyLiteral::Guid(id)),
                (PARTITION.to_owned(), KeyLiteral::Text(partition.to_owned())),
            ]),
            (key, _) => key,
        }
    }

    /// The second from which on a row is no more: its last change and its time to live.
    pub(crate) fn expires_at(&self, row: &[u8]) -> Option<i64> {
        let columns = self.elastic?;
        let Some(Cell::Integer(seconds @ 0..)) = row::get(row, columns.time_to_live, Form::Integer) else {
            return None;
        };
        match row::get(row, self.system.modified_on?, Form::Instant) {
            Some(Cell::Instant(changed)) => Some(changed.saturating_add(seconds)),
            _ => None,
        }
    }
}

/// A partition id that looks like a number or a GUID is read as one, and stays a text.
fn partition_text(literal: &KeyLiteral) -> Option<String> {
    Some(match literal {
        KeyLiteral::Text(text) | KeyLiteral::DateTime(text) | KeyLiteral::Decimal(text) => text.clone(),
        KeyLiteral::Guid(id) => id.to_string(),
        KeyLiteral::Integer(number) => number.to_string(),
        KeyLiteral::Boolean(_) => return None,
    })
}

/// `?partitionId='x'`, in or out of quotes of either kind.
pub(crate) fn partition_parameter(text: &str) -> String {
    let text = text.trim();
    let inner = ['\'', '"'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    let text = inner.unwrap_or(text);
    parse_guid(text).map_or_else(|| text.to_owned(), |id| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_id_has_a_slot_per_partition() {
        let id = Uuid::from_u128(7);
        let of = |partition: &str| ElasticKey { id, partition: partition.to_owned() }.slot();
        assert_eq!(ElasticKey::of_id(id).slot(), id);
        assert_eq!(of(&id.to_string().to_uppercase()), id);
        assert_ne!(of("device-001"), of("device-002"));
        assert_ne!(of("device-001"), id);
    }

    #[test]
    fn a_partition_may_come_in_quotes() {
        for text in ["device-1", "'device-1'", "\"device-1\""] {
            assert_eq!(partition_parameter(text), "device-1");
        }
    }
}
