//! The one place where SQLite and T-SQL differ: quoting, parameters and the few functions we use.

use crate::fold::{Accents, KEY_FUNCTION};
use crate::name::TableName;

/// The SQL that a staging engine speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// SQLite 3.45 or newer, double-quoted strings off.
    Sqlite,
    /// T-SQL of SQL Server 2016 or newer (compatibility level 130, for `OPENJSON`).
    Mssql,
}

impl Dialect {
    /// Both dialects, in a fixed order.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Mssql];

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

    /// The placeholder of the `n`th parameter, counted from 1.
    pub fn param(self, n: usize) -> String {
        match self {
            Self::Sqlite => format!("?{n}"),
            Self::Mssql => format!("@P{n}"),
        }
    }

    /// A text literal, for words that belong to the statement (pass names, logical names); data are parameters.
    pub fn literal(self, text: &str) -> String {
        match self {
            Self::Sqlite => format!("'{}'", text.replace('\'', "''")),
            Self::Mssql => format!("N'{}'", text.replace('\'', "''")),
        }
    }

    /// The database's own clock in UTC, to the millisecond, in the storage form of a time stamp.
    pub fn now(self) -> &'static str {
        match self {
            Self::Sqlite => "strftime('%Y-%m-%dT%H:%M:%fZ','now')",
            Self::Mssql => "CAST(SYSUTCDATETIME() AS datetime2(3))",
        }
    }

    /// The database's clock plus a number of milliseconds, which is an SQL expression (negative: the past).
    pub fn now_plus(self, milliseconds: &str) -> String {
        match self {
            Self::Sqlite => {
                format!(
                    "strftime('%Y-%m-%dT%H:%M:%fZ','now',printf('%+.3f seconds',({milliseconds})/1000.0))"
                )
            }
            Self::Mssql => {
                format!(
                    "CAST(DATEADD(millisecond, CAST({milliseconds} AS int), SYSUTCDATETIME()) AS datetime2(3))"
                )
            }
        }
    }

    /// Milliseconds from the database's clock until a stored time stamp; negative when that is past.
    pub fn milliseconds_until(self, stamp: &str) -> String {
        match self {
            Self::Sqlite => {
                format!("CAST(round((julianday({stamp}) - julianday('now')) * 86400000.0) AS INTEGER)")
            }
            Self::Mssql => format!("DATEDIFF_BIG(millisecond, SYSUTCDATETIME(), {stamp})"),
        }
    }

    /// Tests that a column of a row at hand has a value, where most rows have one: an index on the column must not decide the
    /// order in which rows are read (SQLite would read the whole table in the order of its GUIDs).
    pub fn is_given(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("+{column} IS NOT NULL"),
            Self::Mssql => format!("{column} IS NOT NULL"),
        }
    }

    /// Joins text expressions; as in T-SQL's `+` and SQLite's `||`, one NULL makes all of it NULL.
    pub fn concat(self, parts: &[&str]) -> String {
        let operator = match self {
            Self::Sqlite => " || ",
            Self::Mssql => " + ",
        };
        format!("({})", parts.join(operator))
    }

    /// The position (from 1) of one text expression in another, 0 when it is not there.
    pub fn position(self, needle: &str, haystack: &str) -> String {
        match self {
            Self::Sqlite => format!("instr({haystack}, {needle})"),
            Self::Mssql => format!("CHARINDEX({needle}, {haystack})"),
        }
    }

    /// The beginning of a message, before it becomes that of one row: up to the first digit, quote, bracket, colon or equals sign.
    pub fn beginning(self, message: &str) -> String {
        const ENDS: &str = "0123456789'\"({[:=";
        match self {
            Self::Sqlite => {
                let ends: Vec<_> = ENDS
                    .chars()
                    .map(|end| self.literal(&end.to_string()))
                    .map(|end| format!("INSTR({message} || {end}, {end})"))
                    .collect();
                format!("RTRIM(SUBSTR({message}, 1, MIN({}) - 1))", ends.join(", "))
            }
            Self::Mssql => {
                // A bracket would end the set.
                let set = self.literal(&format!("%[{}]%", ENDS.replace('[', "")));
                let end = format!("PATINDEX({set}, REPLACE({message}, N'[', N'(') + N'=')");
                format!("CAST(RTRIM(LEFT({message}, {end} - 1)) AS nvarchar(400))")
            }
        }
    }

    /// An expression as text.
    pub fn as_text(self, expression: &str) -> String {
        match self {
            Self::Sqlite => format!("CAST({expression} AS TEXT)"),
            Self::Mssql => format!("CAST({expression} AS nvarchar(4000))"),
        }
    }

    /// A GUID as text, in small letters as everywhere else: SQL Server would write capital ones.
    pub fn guid_text(self, guid: &str) -> String {
        match self {
            Self::Sqlite => guid.to_owned(),
            Self::Mssql => format!("LOWER(CAST({guid} AS nvarchar(36)))"),
        }
    }

    /// An expression as a 64-bit integer.
    pub fn as_integer(self, expression: &str) -> String {
        match self {
            Self::Sqlite => format!("CAST({expression} AS INTEGER)"),
            Self::Mssql => format!("CAST({expression} AS bigint)"),
        }
    }

    /// A text of an alternate key as Dataverse compares it: what is equal here is one key there ([`crate::fold_key`]).
    pub fn folded_key(self, column: &str, accents: Accents) -> String {
        match (self, accents) {
            (Self::Sqlite, _) => format!("{KEY_FUNCTION}({column}, {})", accents.as_integer()),
            // The collations that environments are made with.
            (Self::Mssql, Accents::Ignored) => format!("RTRIM({column}) COLLATE Latin1_General_CI_AI"),
            (Self::Mssql, Accents::Distinguished) => format!("RTRIM({column}) COLLATE Latin1_General_CI_AS"),
        }
    }

    /// Tests that a text holds nothing but blanks.
    pub fn is_blank(self, text: &str) -> String {
        match self {
            Self::Sqlite => format!("RTRIM({text}) = ''"),
            // Which does not count blanks at the end.
            Self::Mssql => format!("LEN({text}) = 0"),
        }
    }

    /// Tests that a text holds at least one of these characters, none of which may be a bracket or a caret.
    pub fn has_any_of(self, text: &str, characters: &str) -> String {
        match self {
            Self::Sqlite => format!("{text} GLOB {}", self.literal(&format!("*[{characters}]*"))),
            Self::Mssql => format!("PATINDEX({}, {text}) > 0", self.literal(&format!("%[{characters}]%"))),
        }
    }

    /// `UPDATE` of a table under the alias `t`.
    pub fn update(self, table: &TableName, set: &str, condition: &str) -> String {
        let table = self.table(table);
        match self {
            Self::Sqlite => format!("UPDATE {table} AS t SET {set} WHERE {condition}"),
            Self::Mssql => format!("UPDATE t SET {set} FROM {table} AS t WHERE {condition}"),
        }
    }

    /// `UPDATE` of a table under the alias `t` from rows computed beside it: `rows` is a query, known as `n`, and `condition` says
    /// which of them belongs to `t`. The query is worked off before anything is changed, each of its expressions once.
    pub fn update_from(self, table: &TableName, set: &str, rows: &str, condition: &str) -> String {
        let table = self.table(table);
        match self {
            // Without the limit SQLite would put the expressions of the query wherever they are used, and compute them there.
            // A failure undoes the whole transaction, as its caller would: otherwise SQLite copies every page first, to undo
            // this statement alone.
            Self::Sqlite => {
                format!(
                    "UPDATE OR ROLLBACK {table} AS t SET {set} FROM ({rows} LIMIT -1) AS n WHERE {condition}"
                )
            }
            Self::Mssql => {
                format!("UPDATE t SET {set} FROM {table} AS t INNER JOIN ({rows}) AS n ON {condition}")
            }
        }
    }

    /// `SELECT … ` limited to `n` rows, where `n` is an SQL expression: `body` is what follows `SELECT`, with its `ORDER BY`.
    pub fn select_top(self, n: &str, body: &str) -> String {
        match self {
            Self::Sqlite => format!("SELECT {body} LIMIT {n}"),
            Self::Mssql => format!("SELECT TOP ({n}) {body}"),
        }
    }

    /// A row source over a JSON array of integers; its column is [`json_value`](Self::json_value) under this alias.
    pub fn json_array(self, json: &str, alias: &str) -> String {
        match self {
            Self::Sqlite => format!("json_each({json}) AS {alias}"),
            Self::Mssql => format!("OPENJSON({json}) AS {alias}"),
        }
    }

    /// The element of a [`json_array`](Self::json_array) as an integer.
    pub fn json_value(self, alias: &str) -> String {
        match self {
            Self::Sqlite => format!("{alias}.value"),
            Self::Mssql => format!("CAST({alias}.[value] AS bigint)"),
        }
    }

    /// A member of each object of a [`json_array`](Self::json_array) of objects, as text.
    pub fn json_member(self, alias: &str, member: &str) -> String {
        match self {
            Self::Sqlite => format!("json_extract({alias}.value, '$.{member}')"),
            Self::Mssql => format!("JSON_VALUE({alias}.[value], '$.{member}')"),
        }
    }

    /// How two tables stand side by side when the second is computed from the first.
    pub fn apply(self) -> &'static str {
        match self {
            Self::Sqlite => "CROSS JOIN",
            Self::Mssql => "CROSS APPLY",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::TableName;

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
}
