//! The columns of a target table: what a Dataverse column becomes in the staging database.

use crate::physical::{PhysicalColumn, SqlType};

/// Suffix of the column that holds the source's text of a choice.
pub const TEXT_SUFFIX: &str = "_Text";
/// Suffix of the column that holds the source key of a lookup's parent.
pub const SOURCE_KEY_SUFFIX: &str = "_SourceKey";
/// Suffix of the column that says which source the parent comes from, where there are several.
pub const SOURCE_TABLE_SUFFIX: &str = "_SourceTable";
/// Suffix of the column that names the parent's Dataverse table, where a lookup has several.
pub const TABLE_SUFFIX: &str = "_Table";

/// What a staged column holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StagedKind {
    /// Text of at most `max` UTF-16 units.
    Text {
        /// Longest text that Dataverse takes, in UTF-16 units.
        max: u32,
    },
    /// 32-bit whole number.
    Integer,
    /// 64-bit whole number.
    BigInt,
    /// Floating-point number, rounded by the service to `precision` digits.
    Double {
        /// Digits after the point.
        precision: u8,
    },
    /// Decimal number with its digits kept.
    Decimal {
        /// Digits after the point.
        precision: u8,
    },
    /// Money, four decimals at most, digits kept.
    Money {
        /// Digits after the point.
        precision: u8,
    },
    /// Yes or no, 0 or 1.
    Boolean,
    /// Point in time in UTC, to the second.
    DateTime,
    /// Calendar date.
    Date,
    /// One choice: the value, and the source's text in `<name>_Text`.
    Choice,
    /// Several choices: sorted values as text `1,3,9`, and the source's text in `<name>_Text`.
    MultiChoice,
    /// Reference to a row: the GUID, and the parent's source key in `<name>_SourceKey`.
    Lookup {
        /// Logical names of the tables that it may point to.
        targets: Vec<String>,
        /// Whether rows point to different tables, named in `<name>_Table`.
        multi_table: bool,
        /// Whether parents come from several sources, named in `<name>_SourceTable`.
        multi_source: bool,
    },
    /// The owner: GUID, source key and `<name>_Table` (`systemuser` or `team`); never owed, since it has a fallback.
    Owner,
    /// Parties of an activity: no column here but rows of the child table, whose `Part` is this column's name.
    Parties {
        /// Logical names of the tables that a party may belong to.
        targets: Vec<String>,
    },
    /// GUID that is no lookup.
    Guid,
    /// State; the value, and the source's text in `<name>_Text`.
    State,
    /// Status reason; the value, and the source's text in `<name>_Text`.
    Status,
}

/// One mapped Dataverse column of a target table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StagedColumn {
    /// Logical name of the Dataverse column.
    pub name: String,
    /// What it holds.
    pub kind: StagedKind,
}

impl StagedColumn {
    /// A column of this name and kind.
    pub fn new(name: impl Into<String>, kind: StagedKind) -> Self {
        Self { name: name.into(), kind }
    }

    /// `<name>_Text`, for choices.
    pub fn text_column(&self) -> Option<String> {
        self.kind.has_choice_text().then(|| format!("{}{TEXT_SUFFIX}", self.name))
    }

    /// `<name>_SourceKey`, for lookups and owners.
    pub fn source_key_column(&self) -> Option<String> {
        let keyed = matches!(self.kind, StagedKind::Lookup { .. } | StagedKind::Owner);
        keyed.then(|| format!("{}{SOURCE_KEY_SUFFIX}", self.name))
    }

    /// `<name>_SourceTable`, for lookups whose parents come from several sources.
    pub fn source_table_column(&self) -> Option<String> {
        let several = matches!(self.kind, StagedKind::Lookup { multi_source: true, .. });
        several.then(|| format!("{}{SOURCE_TABLE_SUFFIX}", self.name))
    }

    /// `<name>_Table`, for owners and lookups that point to several tables.
    pub fn table_column(&self) -> Option<String> {
        let several = matches!(self.kind, StagedKind::Lookup { multi_table: true, .. } | StagedKind::Owner);
        several.then(|| format!("{}{TABLE_SUFFIX}", self.name))
    }

    /// Whether this is a lookup that may stay owed (owners and parties never do).
    pub fn is_lookup(&self) -> bool {
        matches!(self.kind, StagedKind::Lookup { .. })
    }

    /// The columns of the staging table that stand for this one, in order.
    pub fn physical(&self) -> Vec<PhysicalColumn> {
        let own = |sql_type| PhysicalColumn::new(&self.name, sql_type);
        let mut columns = match &self.kind {
            StagedKind::Text { max } => vec![own(SqlType::Text(Some(*max)))],
            StagedKind::Integer | StagedKind::Choice | StagedKind::State | StagedKind::Status => {
                vec![own(SqlType::Integer)]
            }
            StagedKind::BigInt => vec![own(SqlType::BigInt)],
            StagedKind::Double { .. } => vec![own(SqlType::Double)],
            // Dataverse decimals reach ±100,000,000,000: twelve digits before the point.
            StagedKind::Decimal { precision } => {
                vec![own(SqlType::Decimal { digits: 12 + precision, scale: *precision })]
            }
            // Money reaches ±922,337,203,685,477 with four decimals.
            StagedKind::Money { .. } => vec![own(SqlType::Decimal { digits: 19, scale: 4 })],
            StagedKind::Boolean => vec![own(SqlType::Boolean)],
            StagedKind::DateTime => vec![own(SqlType::Seconds)],
            StagedKind::Date => vec![own(SqlType::Date)],
            StagedKind::MultiChoice => vec![own(SqlType::Text(Some(4000)))],
            StagedKind::Lookup { .. } | StagedKind::Owner | StagedKind::Guid => vec![own(SqlType::Guid)],
            StagedKind::Parties { .. } => Vec::new(),
        };
        if let Some(name) = self.text_column() {
            columns.push(PhysicalColumn::new(name, SqlType::Text(None)));
        }
        if let Some(name) = self.source_key_column() {
            columns.push(PhysicalColumn::new(name, SqlType::Key));
        }
        if let Some(name) = self.source_table_column() {
            columns.push(PhysicalColumn::new(name, SqlType::Word));
        }
        if let Some(name) = self.table_column() {
            columns.push(PhysicalColumn::new(name, SqlType::Word));
        }
        columns
    }
}

impl StagedKind {
    /// Whether the source's text stands beside the value.
    pub fn has_choice_text(&self) -> bool {
        matches!(self, Self::Choice | Self::MultiChoice | Self::State | Self::Status)
    }
}
