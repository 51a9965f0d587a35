//! Relationships and alternate keys.

/// A lookup's relationship: many rows of this table point to one row of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManyToOne {
    /// Name of the relationship; empty where unknown.
    pub schema_name: String,
    /// The table that has the lookup.
    pub referencing_table: String,
    /// The lookup column.
    pub column: String,
    /// The table it points to.
    pub referenced_table: String,
    /// The primary key there.
    pub referenced_column: String,
    /// The property to bind (`<name>@odata.bind`), case-sensitive (reference §2.7); empty where unknown. Ask
    /// [`super::TableDefinition::navigation_property`], which has a rule for that.
    pub navigation_property: String,
    /// The collection on the other side, where known.
    pub collection_property: Option<String>,
    /// What happens to children, where known.
    pub cascade: Option<Cascade>,
}

/// What happens to the children of a row that is assigned or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cascade {
    /// On a change of owner.
    pub assign: CascadeRule,
    /// On delete.
    pub delete: CascadeRule,
}

/// One cascade behaviour, named as the service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CascadeRule {
    /// Children stay as they are.
    #[default]
    NoCascade,
    /// All children.
    Cascade,
    /// Active children.
    Active,
    /// Children of the same owner.
    UserOwned,
    /// The lookup is cleared.
    RemoveLink,
    /// Refused while there are children.
    Restrict,
}

impl CascadeRule {
    /// The name as the service spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoCascade => "NoCascade",
            Self::Cascade => "Cascade",
            Self::Active => "Active",
            Self::UserOwned => "UserOwned",
            Self::RemoveLink => "RemoveLink",
            Self::Restrict => "Restrict",
        }
    }

    /// Reads the service's spelling.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::NoCascade, Self::Cascade, Self::Active, Self::UserOwned, Self::RemoveLink, Self::Restrict]
            .into_iter()
            .find(|rule| rule.as_str() == name)
    }
}

/// A many-to-many relationship, kept in an intersect table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManyToMany {
    /// Name of the relationship.
    pub schema_name: String,
    /// The table that keeps the pairs.
    pub intersect_table: String,
    /// One end.
    pub table1: String,
    /// The column of the intersect table that points to it.
    pub column1: String,
    /// The collection on rows of `table1`.
    pub navigation1: String,
    /// The other end.
    pub table2: String,
    /// The column of the intersect table that points to it.
    pub column2: String,
    /// The collection on rows of `table2`.
    pub navigation2: String,
}

/// Columns that together name one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlternateKey {
    /// Name in the maker's spelling.
    pub schema_name: String,
    /// Lower-case name.
    pub logical_name: String,
    /// The columns, in order.
    pub columns: Vec<String>,
    /// Whether its index is built.
    pub status: KeyStatus,
}

impl AlternateKey {
    /// An active key.
    pub fn new(schema_name: impl Into<String>, columns: Vec<String>) -> Self {
        let schema_name = schema_name.into();
        Self { logical_name: schema_name.to_lowercase(), schema_name, columns, status: KeyStatus::Active }
    }
}

/// How far the index of an alternate key is (reference §7.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyStatus {
    /// Waits to be built.
    Pending,
    /// Is being built.
    InProgress,
    /// May be used.
    #[default]
    Active,
    /// Could not be built: duplicates, most often.
    Failed,
}

impl KeyStatus {
    /// The name as the service spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Active => "Active",
            Self::Failed => "Failed",
        }
    }

    /// Reads the service's spelling.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Pending, Self::InProgress, Self::Active, Self::Failed].into_iter().find(|s| s.as_str() == name)
    }
}
