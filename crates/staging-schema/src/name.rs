//! Names of staging tables: a schema and a table in it.

use std::fmt;

use crate::Error;

/// The three schemas of a staging database; prefixes of table names in SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Schema {
    /// The snapshot of the source, as it was.
    Source,
    /// Typed tables named after the Dataverse table, and all load state.
    Target,
    /// Mappings, runs, environment and settings.
    Migration,
}

impl Schema {
    /// All schemas.
    pub const ALL: [Self; 3] = [Self::Source, Self::Target, Self::Migration];

    /// The schema's name in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
            Self::Migration => "migration",
        }
    }
}

/// The name of a staging table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    schema: Schema,
    name: String,
}

impl TableName {
    /// A table in any schema. The name is quoted wherever it is used, so that every text is safe;
    /// [`check_identifier`] says whether both engines accept it.
    pub fn new(schema: Schema, name: impl Into<String>) -> Self {
        Self { schema, name: name.into() }
    }

    /// `source.<name>`: the snapshot of one source table.
    pub fn source(name: impl Into<String>) -> Self {
        Self::new(Schema::Source, name)
    }

    /// `target.<name>`: a typed table or load state.
    pub fn target(name: impl Into<String>) -> Self {
        Self::new(Schema::Target, name)
    }

    /// `migration.<name>`: mappings, runs and settings.
    pub fn migration(name: impl Into<String>) -> Self {
        Self::new(Schema::Migration, name)
    }

    /// The schema.
    pub fn schema(&self) -> Schema {
        self.schema
    }

    /// The name within its schema.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema.as_str(), self.name)
    }
}

/// Longest identifier that SQL Server accepts, in UTF-16 units (`sysname`).
pub const MAX_IDENTIFIER: usize = 128;

/// Checks that both engines accept a name of a table or column: not empty, at most [`MAX_IDENTIFIER`] UTF-16 units,
/// no control characters.
pub fn check_identifier(name: &str) -> Result<(), Error> {
    if name.trim().is_empty() {
        Err(Error::EmptyName)
    } else if name.encode_utf16().count() > MAX_IDENTIFIER {
        Err(Error::NameTooLong { name: name.to_owned() })
    } else if name.chars().any(char::is_control) {
        Err(Error::ControlCharacter { name: name.escape_debug().to_string() })
    } else {
        Ok(())
    }
}
