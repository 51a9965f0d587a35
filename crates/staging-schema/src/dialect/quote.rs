//! Names, placeholders and literals.

use std::fmt::Write as _;

use super::Dialect;
use crate::name::TableName;

impl Dialect {
    /// Quotes an identifier; every identifier of the toolkit goes through here.
    ///
    /// Brackets on both engines. SQLite knows no escape inside brackets, so that a name with `]` is
    /// put in double quotes there (with double-quoted strings off, that can only be an identifier).
    pub fn quote(self, name: &str) -> String {
        match self {
            Self::Sqlite if name.contains(']') => format!("\"{}\"", name.replace('"', "\"\"")),
            Self::Sqlite => format!("[{name}]"),
            Self::Mssql => format!("[{}]", name.replace(']', "]]")),
        }
    }

    /// The quoted name of a table: `[target_contact]` in SQLite's one file, `[target].[contact]` in SQL Server.
    pub fn table(self, table: &TableName) -> String {
        match self {
            Self::Sqlite => self.quote(&format!("{}_{}", table.schema().as_str(), table.name())),
            Self::Mssql => format!("{}.{}", self.quote(table.schema().as_str()), self.quote(table.name())),
        }
    }

    /// The quoted name of an index or constraint, which carries the name of its table: SQLite's index names are shared
    /// by the whole file.
    pub fn index(self, table: &TableName, suffix: &str) -> String {
        self.quote(&format!("IX_{}_{}_{suffix}", table.schema().as_str(), table.name()))
    }

    /// The name by which SQL calls a function of ours: SQLite borrows it from the process, a server has it in the schema
    /// `migration`.
    pub fn function(self, name: &str) -> String {
        match self {
            Self::Sqlite => name.to_owned(),
            Self::Mssql => format!("{}.{}", self.quote("migration"), self.quote(name)),
        }
    }

    /// What a placeholder begins with; its number follows.
    pub(crate) fn parameter_mark(self) -> &'static str {
        match self {
            Self::Sqlite => "?",
            Self::Mssql => "@P",
        }
    }

    /// The placeholder of the `n`th parameter, counted from 1.
    pub fn param(self, n: usize) -> String {
        format!("{}{n}", self.parameter_mark())
    }

    /// A text literal, for words that belong to the statement (pass names, logical names); data are parameters.
    pub fn literal(self, text: &str) -> String {
        match self {
            Self::Sqlite => format!("'{}'", text.replace('\'', "''")),
            Self::Mssql => format!("N'{}'", text.replace('\'', "''")),
        }
    }

    /// A literal of bytes, for statements that people read.
    pub(crate) fn bytes(self, bytes: &[u8]) -> String {
        let (mut literal, end) = match self {
            Self::Sqlite => ("x'".to_owned(), "'"),
            Self::Mssql => ("0x".to_owned(), ""),
        };
        for byte in bytes {
            let _ = write!(literal, "{byte:02x}");
        }
        literal + end
    }

    /// A text of one character, by its number, for characters that nobody can see.
    pub(crate) fn character(self, character: char) -> String {
        let number = u32::from(character);
        match self {
            Self::Sqlite => format!("char({number})"),
            Self::Mssql => format!("NCHAR({number})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closing_bracket_in_a_name_cannot_end_the_quotation() {
        assert_eq!(Dialect::Sqlite.quote("a]b\"c"), "\"a]b\"\"c\"");
        assert_eq!(Dialect::Mssql.quote("a]b"), "[a]]b]");
    }

    #[test]
    fn tables_are_prefixed_in_one_file_and_qualified_on_a_server() {
        let contact = TableName::target("contact");
        assert_eq!(Dialect::Sqlite.table(&contact), "[target_contact]");
        assert_eq!(Dialect::Mssql.table(&contact), "[target].[contact]");
    }

    #[test]
    fn literals_double_their_quotes() {
        assert_eq!(Dialect::Sqlite.literal("o'neil"), "'o''neil'");
        assert_eq!(Dialect::Mssql.literal("o'neil"), "N'o''neil'");
    }

    #[test]
    fn functions_of_ours_stand_in_a_schema_of_a_server() {
        assert_eq!(Dialect::Sqlite.function("dv_trim"), "dv_trim");
        assert_eq!(Dialect::Mssql.function("dv_trim"), "[migration].[dv_trim]");
    }
}
