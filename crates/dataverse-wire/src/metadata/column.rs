//! Columns and their types.

use super::ChoiceOption;

/// One column of a table.
#[expect(clippy::struct_excessive_bools, reason = "independent properties, named as the service names them")]
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDefinition {
    /// Lower-case name, as written in bodies for everything but lookups.
    pub logical_name: String,
    /// Name in the maker's spelling.
    pub schema_name: String,
    /// What it holds.
    pub column_type: ColumnType,
    /// Whether a value is demanded, and by whom.
    pub required: RequiredLevel,
    /// May be set when a row is created.
    pub valid_for_create: bool,
    /// May be set when a row is updated.
    pub valid_for_update: bool,
    /// May be read.
    pub valid_for_read: bool,
    /// Is the table's primary key.
    pub is_primary_id: bool,
    /// The column whose companion this is (`statuscodename` of `statuscode`); such columns cannot be addressed.
    pub attribute_of: Option<String>,
    /// Label in the user's language.
    pub display_name: Option<String>,
    /// Format of a text column, such as `Email`; of an integer column, such as `Duration`.
    pub format: Option<String>,
    /// 0 simple, 1 calculated, 2 rollup, 3 formula; none where unknown.
    pub source_type: Option<u8>,
    /// Name of the option set, where the column has one.
    pub option_set: Option<OptionSetName>,
}

/// What an option set is called and whether several columns share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionSetName {
    /// Its name.
    pub name: String,
    /// Shared by several columns.
    pub is_global: bool,
}

/// Who demands a value (reference §7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum RequiredLevel {
    /// Nobody.
    #[default]
    None,
    /// The platform: a row without it is refused.
    SystemRequired,
    /// Forms only; the Web API accepts rows without it.
    ApplicationRequired,
    /// Nobody; forms mark it.
    Recommended,
}

impl RequiredLevel {
    /// The name as the service spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::SystemRequired => "SystemRequired",
            Self::ApplicationRequired => "ApplicationRequired",
            Self::Recommended => "Recommended",
        }
    }

    /// Reads the service's spelling.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::None, Self::SystemRequired, Self::ApplicationRequired, Self::Recommended]
            .into_iter()
            .find(|level| level.as_str() == name)
    }

    /// The platform refuses rows without a value.
    pub fn is_enforced(self) -> bool {
        self == Self::SystemRequired
    }
}

/// How a date-time column treats time zones (reference §8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum DateTimeBehavior {
    /// An instant, stored as UTC.
    #[default]
    UserLocal,
    /// A date without time; `Edm.Date`.
    DateOnly,
    /// Date and time without zone, returned with a `Z` that means nothing.
    TimeZoneIndependent,
}

impl DateTimeBehavior {
    /// The name as the service spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserLocal => "UserLocal",
            Self::DateOnly => "DateOnly",
            Self::TimeZoneIndependent => "TimeZoneIndependent",
        }
    }

    /// Reads the service's spelling.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::UserLocal, Self::DateOnly, Self::TimeZoneIndependent]
            .into_iter()
            .find(|behavior| behavior.as_str() == name)
    }
}

/// What a column holds, with its limits (reference §8).
///
/// Where the metadata does not name a limit, the platform's own is taken: the widest that the service could accept.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnType {
    /// One line of text.
    String {
        /// In UTF-16 units.
        max_length: u32,
    },
    /// Text of several lines.
    Memo {
        /// In UTF-16 units.
        max_length: u32,
    },
    /// 32-bit integer.
    Integer {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// 64-bit integer; mostly the system's own.
    BigInt,
    /// Exact number.
    Decimal {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
        /// Digits after the point that are kept.
        precision: u8,
    },
    /// Floating point number.
    Double {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
        /// Digits after the point that are kept.
        precision: u8,
    },
    /// Amount in the row's currency.
    Money {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
        /// Digits after the point that are shown; four are kept.
        precision: u8,
    },
    /// Yes or no.
    Boolean {
        /// Label of yes.
        true_label: String,
        /// Label of no.
        false_label: String,
        /// Value of a row that is created without one.
        default: Option<bool>,
    },
    /// Date, or date and time.
    DateTime {
        /// How time zones are treated.
        behavior: DateTimeBehavior,
        /// Forms show the date only.
        date_only_format: bool,
    },
    /// One option.
    Choice {
        /// What can be chosen.
        options: Vec<ChoiceOption>,
    },
    /// Several options; one comma-separated text on the wire.
    MultiChoice {
        /// What can be chosen.
        options: Vec<ChoiceOption>,
    },
    /// `statecode`.
    State {
        /// The states, each with its default status where known.
        options: Vec<ChoiceOption>,
    },
    /// `statuscode`.
    Status {
        /// The statuses, each with its state where known.
        options: Vec<ChoiceOption>,
    },
    /// Reference to a row.
    Lookup {
        /// Tables it may point to; empty where unknown.
        targets: Vec<String>,
    },
    /// Reference to an account or contact.
    Customer {
        /// Tables it may point to.
        targets: Vec<String>,
    },
    /// Reference to a user or team.
    Owner {
        /// Tables it may point to.
        targets: Vec<String>,
    },
    /// Parties of an activity; written through `<table>_activity_parties` (reference §2.9).
    PartyList {
        /// Tables the parties may come from.
        targets: Vec<String>,
    },
    /// GUID; the primary key is one.
    UniqueIdentifier,
    /// Picture.
    Image,
    /// File; never in a row's body (reference §8.2).
    File,
    /// Anything else, with the service's type name, such as `VirtualType` or `EntityNameType`.
    Virtual(String),
}

impl ColumnType {
    /// A reference to one row, whatever its flavour: lookup, customer or owner.
    pub fn is_lookup(&self) -> bool {
        matches!(self, Self::Lookup { .. } | Self::Customer { .. } | Self::Owner { .. })
    }

    /// The tables that a lookup or party list may point to; empty for every other type.
    pub fn targets(&self) -> &[String] {
        match self {
            Self::Lookup { targets }
            | Self::Customer { targets }
            | Self::Owner { targets }
            | Self::PartyList { targets } => targets,
            _ => &[],
        }
    }

    /// The options of a choice, multi-choice, state or status column; empty for every other type.
    pub fn options(&self) -> &[ChoiceOption] {
        match self {
            Self::Choice { options }
            | Self::MultiChoice { options }
            | Self::State { options }
            | Self::Status { options } => options,
            _ => &[],
        }
    }

    pub(super) fn options_mut(&mut self) -> Option<&mut Vec<ChoiceOption>> {
        match self {
            Self::Choice { options }
            | Self::MultiChoice { options }
            | Self::State { options }
            | Self::Status { options } => Some(options),
            _ => None,
        }
    }

    /// The service's precise type name, `AttributeTypeName.Value` (reference §7.3).
    pub fn type_name(&self) -> &str {
        match self {
            Self::String { .. } => "StringType",
            Self::Memo { .. } => "MemoType",
            Self::Integer { .. } => "IntegerType",
            Self::BigInt => "BigIntType",
            Self::Decimal { .. } => "DecimalType",
            Self::Double { .. } => "DoubleType",
            Self::Money { .. } => "MoneyType",
            Self::Boolean { .. } => "BooleanType",
            Self::DateTime { .. } => "DateTimeType",
            Self::Choice { .. } => "PicklistType",
            Self::MultiChoice { .. } => "MultiSelectPicklistType",
            Self::State { .. } => "StateType",
            Self::Status { .. } => "StatusType",
            Self::Lookup { .. } => "LookupType",
            Self::Customer { .. } => "CustomerType",
            Self::Owner { .. } => "OwnerType",
            Self::PartyList { .. } => "PartyListType",
            Self::UniqueIdentifier => "UniqueidentifierType",
            Self::Image => "ImageType",
            Self::File => "FileType",
            Self::Virtual(name) => name,
        }
    }
}

impl ColumnDefinition {
    /// A column that may be created, updated and read, and that nobody demands; schema name as the logical name.
    pub fn new(logical_name: impl Into<String>, column_type: ColumnType) -> Self {
        let logical_name = logical_name.into();
        Self {
            schema_name: logical_name.clone(),
            logical_name,
            column_type,
            required: RequiredLevel::None,
            valid_for_create: true,
            valid_for_update: true,
            valid_for_read: true,
            is_primary_id: false,
            attribute_of: None,
            display_name: None,
            format: None,
            source_type: None,
            option_set: None,
        }
    }

    /// The name of the property that carries this column in answers: `_name_value` for lookups (reference §2.2), the
    /// logical name otherwise.
    pub fn read_name(&self) -> String {
        if self.column_type.is_lookup() {
            format!("_{}_value", self.logical_name)
        } else {
            self.logical_name.clone()
        }
    }

    /// Can appear in `$select`: readable, no companion of another column, no party list and nothing virtual.
    pub fn is_selectable(&self) -> bool {
        let addressable = match &self.column_type {
            ColumnType::PartyList { .. } => false,
            ColumnType::Virtual(name) => name == "EntityNameType",
            _ => true,
        };
        self.valid_for_read && self.attribute_of.is_none() && addressable
    }
}
