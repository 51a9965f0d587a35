//! Tables.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::json::RawTable;
use super::{AlternateKey, ChoiceOption, ColumnDefinition, ColumnType, ManyToMany, ManyToOne};

/// One table, complete enough to write, validate and serve its rows.
#[expect(clippy::struct_excessive_bools, reason = "independent properties, named as the service names them")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "RawTable", into = "RawTable")]
pub struct TableDefinition {
    /// Lower-case name.
    pub logical_name: String,
    /// Name in the maker's spelling.
    pub schema_name: String,
    /// Name in URLs, case-sensitive.
    pub entity_set_name: String,
    /// The primary key column; `activityid` for activities.
    pub primary_id: String,
    /// The column that names a row, where there is one.
    pub primary_name: Option<String>,
    /// Who can own rows.
    pub ownership: Ownership,
    /// The platform's number for the table.
    pub object_type_code: Option<i64>,
    /// Is an activity, with parties and a regarding row.
    pub is_activity: bool,
    /// May be a party of activities.
    pub is_activity_party: bool,
    /// Keeps the pairs of a many-to-many relationship; its rows are made by associating.
    pub is_intersect: bool,
    /// Was made in this organisation or by a solution.
    pub is_custom: bool,
    /// Where rows are kept.
    pub table_type: TableType,
    /// Label in the user's language.
    pub display_name: Option<String>,
    /// Label of several rows.
    pub display_collection_name: Option<String>,
    /// Lower-case name of several rows.
    pub logical_collection_name: Option<String>,
    /// Name of several rows in the maker's spelling.
    pub collection_schema_name: Option<String>,
    /// Only the transitions named by the status options are allowed (reference §9).
    pub enforce_state_transitions: bool,
    /// Changes can be asked for (reference §13.4).
    pub change_tracking: bool,
    /// The service's id of the definition, where known.
    pub metadata_id: Option<String>,
    /// Columns by logical name, in the order of the metadata.
    pub columns: IndexMap<String, ColumnDefinition>,
    /// One entry per lookup and target.
    pub many_to_one: Vec<ManyToOne>,
    /// Many-to-many relationships that this table takes part in.
    pub many_to_many: Vec<ManyToMany>,
    /// Alternate keys.
    pub keys: Vec<AlternateKey>,
}

/// Who can own rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub enum Ownership {
    /// Users and teams.
    User,
    /// Teams.
    Team,
    /// The organisation: there is no owner column.
    Organization,
    /// A business unit.
    Business,
    /// A parent's business unit.
    BusinessParented,
    /// Nobody.
    #[default]
    None,
}

impl Ownership {
    const NAMES: [(Self, &'static str); 6] = [
        (Self::User, "UserOwned"),
        (Self::Team, "TeamOwned"),
        (Self::Organization, "OrganizationOwned"),
        (Self::Business, "BusinessOwned"),
        (Self::BusinessParented, "BusinessParented"),
        (Self::None, "None"),
    ];

    /// The name as the service spells it.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(ownership, _)| *ownership == self).map_or("None", |(_, name)| name)
    }

    /// Reads the service's spelling.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(ownership, _)| *ownership)
    }
}

/// Where the rows of a table are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum TableType {
    /// In the relational store.
    #[default]
    Standard,
    /// In Cosmos DB (reference §10).
    Elastic,
    /// Elsewhere, behind a data provider.
    Virtual,
}

impl TableType {
    /// The name as the service spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::Elastic => "Elastic",
            Self::Virtual => "Virtual",
        }
    }

    /// Reads the service's spelling.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Standard, Self::Elastic, Self::Virtual].into_iter().find(|t| t.as_str() == name)
    }
}

impl TableDefinition {
    /// A user-owned standard table with its primary key and nothing else.
    pub fn new(
        logical_name: impl Into<String>,
        entity_set_name: impl Into<String>,
        primary_id: impl Into<String>,
    ) -> Self {
        let logical_name = logical_name.into();
        let primary_id = primary_id.into();
        let mut key = ColumnDefinition::new(primary_id.clone(), ColumnType::UniqueIdentifier);
        key.is_primary_id = true;
        key.valid_for_update = false;
        key.required = super::RequiredLevel::SystemRequired;
        Self {
            schema_name: logical_name.clone(),
            logical_name,
            entity_set_name: entity_set_name.into(),
            columns: IndexMap::from([(primary_id.clone(), key)]),
            primary_id,
            primary_name: None,
            ownership: Ownership::User,
            object_type_code: None,
            is_activity: false,
            is_activity_party: false,
            is_intersect: false,
            is_custom: false,
            table_type: TableType::Standard,
            display_name: None,
            display_collection_name: None,
            logical_collection_name: None,
            collection_schema_name: None,
            enforce_state_transitions: false,
            change_tracking: false,
            metadata_id: None,
            many_to_one: Vec::new(),
            many_to_many: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// Adds or replaces a column.
    #[must_use]
    pub fn with_column(mut self, column: ColumnDefinition) -> Self {
        self.columns.insert(column.logical_name.clone(), column);
        self
    }

    /// The column of this logical name.
    pub fn column(&self, logical_name: &str) -> Option<&ColumnDefinition> {
        self.columns.get(logical_name)
    }

    /// Lookup, customer and owner columns.
    pub fn lookups(&self) -> impl Iterator<Item = &ColumnDefinition> {
        self.columns.values().filter(|column| column.column_type.is_lookup())
    }

    /// Has an `importsequencenumber` that can be set at create, by which its rows can be found again (reference §8.3).
    pub fn has_sequence_number(&self) -> bool {
        self.column("importsequencenumber").is_some_and(|column| column.valid_for_create)
    }

    /// The options of `statecode`; empty where the table has no state.
    pub fn states(&self) -> &[ChoiceOption] {
        self.column("statecode").map_or(&[], |column| column.column_type.options())
    }

    /// The options of `statuscode`; empty where the table has none.
    pub fn statuses(&self) -> &[ChoiceOption] {
        self.column("statuscode").map_or(&[], |column| column.column_type.options())
    }

    /// The state that a status belongs to; none where status or state is unknown.
    pub fn state_of_status(&self, status: i32) -> Option<i32> {
        self.statuses().iter().find(|option| option.value == status)?.state
    }

    /// The status of a row whose state alone is set: the state's own default, otherwise its first status.
    pub fn default_status_of(&self, state: i32) -> Option<i32> {
        let named = self.states().iter().find(|option| option.value == state)?.default_status;
        named.or_else(|| {
            self.statuses().iter().find(|option| option.state == Some(state)).map(|option| option.value)
        })
    }

    /// The `@odata.type` of this table's rows in bulk messages.
    pub fn odata_type(&self) -> String {
        format!("Microsoft.Dynamics.CRM.{}", self.logical_name)
    }
}
