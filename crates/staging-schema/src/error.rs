//! What can be wrong with a model.

/// Why a staging table cannot be as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A table or column without a name.
    #[error("a table or column has an empty name")]
    EmptyName,
    /// Longer than SQL Server's 128 units (90 for a target table, from which other names are derived).
    #[error("the name {name} is too long for SQL Server")]
    NameTooLong {
        /// The name.
        name: String,
    },
    /// A line end, a tabulator or the like in a name.
    #[error("the name {name} has a control character")]
    ControlCharacter {
        /// The name, escaped.
        name: String,
    },
    /// Names that the toolkit uses itself.
    #[error("the name {name} is reserved")]
    ReservedName {
        /// The name.
        name: String,
    },
    /// Two columns of one name, case ignored.
    #[error(
        "{table}: the column {column} is there twice (names that differ by case only are one name in SQL)"
    )]
    DuplicateColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// More columns than the engines take.
    #[error("{table}: {count} columns, {limit} are possible")]
    TooManyColumns {
        /// The table.
        table: String,
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A statement asks for a column that is not staged, or is of another kind.
    #[error("{table}: {column} is no {expected}")]
    NoSuchColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A lookup without a way to its parents.
    #[error("{table}.{column}: no parent table is given to resolve it through")]
    NoParent {
        /// The table.
        table: String,
        /// The lookup.
        column: String,
    },
    /// A word in the database that no flag, pass or state has.
    #[error("{word:?} is no {kind}")]
    UnknownWord {
        /// What was read.
        kind: &'static str,
        /// The word.
        word: String,
    },
    /// A staging database of a version that this program cannot upgrade.
    #[error("this program knows versions {oldest} to {newest}, not {found}")]
    UnknownVersion {
        /// The version that was found.
        found: i64,
        /// The oldest that is known.
        oldest: i64,
        /// That of this program.
        newest: i64,
    },
    /// A staging database whose tables are not those of its version.
    #[error("its tables are not those of version {version}: {why}")]
    NotThatVersion {
        /// The version that it says it has.
        version: i64,
        /// What is wrong.
        why: String,
    },
}
