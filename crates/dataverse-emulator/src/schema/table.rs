//! One table, compiled.

use std::collections::HashMap;

use dataverse_wire::metadata::TableDefinition;
use uuid::Uuid;

use super::column::{Column, Kind};
use super::elastic::ElasticColumns;
use crate::state::key::Key;
use crate::state::row::{self, Cell, ColumnId, Form, TableId};

/// A table: its definition as served, and its columns as rows need them.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) id: TableId,
    pub(crate) name: String,
    pub(crate) entity_set: String,
    pub(crate) definition: TableDefinition,
    pub(crate) metadata_id: Uuid,
    pub(crate) columns: Vec<Column>,
    pub(crate) by_name: HashMap<String, ColumnId>,
    /// What the keys of a JSON body may be.
    pub(crate) properties: HashMap<String, Property>,
    pub(crate) primary: ColumnId,
    pub(crate) primary_name: Option<ColumnId>,
    pub(crate) system: SystemColumns,
    /// Money columns, each with the column of its amount in base currency.
    pub(crate) money: Vec<(ColumnId, Option<ColumnId>)>,
    pub(crate) keys: Vec<AlternateKey>,
    pub(crate) activity: Option<Activity>,
    pub(crate) is_intersect: bool,
    /// Set for elastic tables.
    pub(crate) elastic: Option<ElasticColumns>,
    /// Deleted at run time: its number stays, its name does not.
    pub(crate) gone: bool,
}

/// A key of a JSON body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Property {
    /// A plain value.
    Value(ColumnId),
    /// `_x_value`: read only.
    LookupValue(ColumnId),
    /// A navigation property by name: null or a nested row.
    Navigation { column: ColumnId, targets: Vec<TableId> },
    /// `x@odata.bind` of a navigation property.
    Bind { column: ColumnId, targets: Vec<TableId> },
    /// `<activity>_activity_parties`.
    Parties,
}

/// What an activity table adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Activity {
    /// `email_activity_parties`.
    pub(crate) parties_property: String,
}

/// Where a status belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Belonging {
    /// The table does not have it.
    Nowhere,
    /// The metadata does not say.
    Anywhere,
    State(i64),
}

/// An alternate key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AlternateKey {
    pub(crate) schema_name: String,
    pub(crate) columns: Vec<ColumnId>,
    pub(crate) metadata_id: Uuid,
    /// Emulated second from which on it is active.
    pub(crate) active_from: i64,
}

impl AlternateKey {
    /// When a key becomes active whose index could not be built.
    pub(crate) const NEVER: i64 = i64::MAX;
}

/// Columns that the platform fills.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SystemColumns {
    pub(crate) created_on: Option<ColumnId>,
    pub(crate) created_by: Option<ColumnId>,
    pub(crate) created_on_behalf_by: Option<ColumnId>,
    pub(crate) modified_on: Option<ColumnId>,
    pub(crate) modified_by: Option<ColumnId>,
    pub(crate) modified_on_behalf_by: Option<ColumnId>,
    pub(crate) overridden_created_on: Option<ColumnId>,
    pub(crate) sequence_number: Option<ColumnId>,
    pub(crate) owner: Option<ColumnId>,
    pub(crate) owning_business_unit: Option<ColumnId>,
    pub(crate) state: Option<ColumnId>,
    pub(crate) status: Option<ColumnId>,
    pub(crate) version: Option<ColumnId>,
    pub(crate) currency: Option<ColumnId>,
    pub(crate) exchange_rate: Option<ColumnId>,
    pub(crate) organization: Option<ColumnId>,
    pub(crate) activity_type: Option<ColumnId>,
    pub(crate) first_name: Option<ColumnId>,
    pub(crate) last_name: Option<ColumnId>,
    pub(crate) full_name: Option<ColumnId>,
}

impl Table {
    pub(crate) fn column(&self, id: ColumnId) -> &Column {
        &self.columns[usize::from(id)]
    }

    pub(crate) fn column_named(&self, name: &str) -> Option<&Column> {
        self.by_name.get(name).map(|id| self.column(*id))
    }

    /// The column of a readable property: its name, or `_x_value` of a lookup.
    pub(crate) fn readable(&self, property: &str) -> Option<ColumnId> {
        let name =
            property.strip_prefix('_').and_then(|rest| rest.strip_suffix("_value")).unwrap_or(property);
        let id = self.by_name.get(property).or_else(|| self.by_name.get(name)).copied()?;
        self.column(id).read.then_some(id)
    }

    /// A column's value as it is served: ids and versions from where they are kept, defaults filled in.
    pub(crate) fn read<'r>(&self, key: Key, row: &'r [u8], column: ColumnId) -> Cell<'r> {
        if column == self.primary {
            // Rows of elastic tables are kept by id and partition, and know their id themselves.
            return match self.elastic.and_then(|_| row::get(row, column, Form::Id)) {
                Some(id) => id,
                None => Cell::Id(key.id()),
            };
        }
        if Some(column) == self.system.version {
            return Cell::Integer(i64::try_from(row::version(row)).unwrap_or(i64::MAX));
        }
        let definition = self.column(column);
        if let Some((owner, table)) = definition.view_of {
            return match row::get(row, owner, Form::Lookup) {
                Some(Cell::Lookup(kind, id)) if kind == table => Cell::Lookup(kind, id),
                _ => Cell::Null,
            };
        }
        let Some(form) = definition.kind.form() else { return Cell::Null };
        match row::get(row, column, form) {
            Some(cell) => cell,
            None => self.default_of(definition),
        }
    }

    /// What a column that was never written says.
    pub(crate) fn default_of(&self, column: &Column) -> Cell<'static> {
        match column.kind {
            Kind::Boolean { default: Some(value), .. } if !self.is_intersect => Cell::Boolean(value),
            _ => Cell::Null,
        }
    }

    /// The state that a status belongs to.
    pub(crate) fn state_of(&self, status: i64) -> Belonging {
        let Some(column) = self.system.status else { return Belonging::Nowhere };
        let Kind::Status { options } = &self.column(column).kind else { return Belonging::Nowhere };
        match options.iter().find(|option| i64::from(option.value) == status) {
            Some(option) => option.state.map_or(Belonging::Anywhere, |state| Belonging::State(state.into())),
            None => Belonging::Nowhere,
        }
    }

    /// The status that a row gets with a state when none is named: the state's first.
    pub(crate) fn default_status(&self, state: i64) -> Option<i32> {
        let Kind::Status { options } = &self.column(self.system.status?).kind else { return None };
        options
            .iter()
            .find(|option| option.state.map(i64::from) == Some(state))
            .or_else(|| options.iter().find(|option| option.state.is_none()))
            .map(|option| option.value)
    }

    /// The label of a state: `Open`.
    pub(crate) fn state_label(&self, state: i64) -> String {
        self.system
            .state
            .and_then(|column| self.column(column).kind.label(state))
            .map_or_else(|| state.to_string(), str::to_owned)
    }
}
