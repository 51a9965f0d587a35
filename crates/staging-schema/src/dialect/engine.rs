//! What an engine is and can do, for those who have to go another way where it cannot.

use super::Dialect;

impl Dialect {
    /// The engine by its name, for people.
    pub fn engine(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Mssql => "SQL Server 2016 or newer",
        }
    }

    /// The word for it in names of files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Mssql => "mssql",
        }
    }

    /// Whether it calls functions of our process. An engine that does not has texts of them in its own language, and cannot do what
    /// these cannot.
    pub fn borrows_functions(self) -> bool {
        self == Self::Sqlite
    }

    /// Whether it has stored procedures.
    pub fn has_procedures(self) -> bool {
        self == Self::Mssql
    }

    /// Whether a column takes values of its type only, so that one that does not fit would stop the statement for all rows. An engine
    /// that keeps any text in any column leaves it to the validation.
    pub fn has_typed_columns(self) -> bool {
        self == Self::Mssql
    }

    /// Whether texts of any length make an index. Where they do not, joins over them are done by hashing.
    pub fn indexes_long_texts(self) -> bool {
        self == Self::Sqlite
    }

    /// The line that ends a batch of a script, where some statements must be the first of theirs.
    pub fn batch_end(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Mssql => Some("GO"),
        }
    }
}
