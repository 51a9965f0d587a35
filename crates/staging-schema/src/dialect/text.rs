//! Texts: putting them together, cutting, searching and comparing them.

use super::Dialect;
use crate::fold::{Accents, KEY_FUNCTION};

impl Dialect {
    /// Joins text expressions; as in T-SQL's `+` and SQLite's `||`, one NULL makes all of it NULL.
    pub fn concat(self, parts: &[&str]) -> String {
        let operator = match self {
            Self::Sqlite => " || ",
            Self::Mssql => " + ",
        };
        format!("({})", parts.join(operator))
    }

    /// Joins text expressions, NULL counting as no text. Each comes with whether it is known to be given.
    pub fn joined(self, texts: &[(&str, bool)]) -> String {
        match self {
            Self::Sqlite => {
                let texts: Vec<_> = texts.iter().map(|(text, _)| *text).collect();
                format!("CONCAT({})", texts.join(", "))
            }
            // Not CONCAT: Babelfish takes it to the code page of the database.
            Self::Mssql => {
                let given = |(text, is_given): &(&str, bool)| {
                    if *is_given { (*text).to_owned() } else { format!("COALESCE({text}, N'')") }
                };
                format!("({})", texts.iter().map(given).collect::<Vec<_>>().join(" + "))
            }
        }
    }

    /// Joins the text expressions that are not NULL, with a separator of so many UTF-16 units between them; NULL when all are.
    pub fn separated(self, texts: &[&str], separator: &str, units: usize) -> String {
        match self {
            Self::Sqlite => format!("NULLIF(CONCAT_WS({separator}, {}), '')", texts.join(", ")),
            // CONCAT_WS is there since 2017 only: each text gets a separator in front of it, and the first is cut off.
            Self::Mssql => {
                let none: Vec<_> = texts.iter().map(|text| format!("{text} IS NULL")).collect();
                let each: Vec<_> =
                    texts.iter().map(|text| format!("COALESCE({separator} + {text}, N'')")).collect();
                format!(
                    "CASE WHEN {} THEN NULL ELSE STUFF({}, 1, {units}, N'') END",
                    none.join(" AND "),
                    each.join(" + ")
                )
            }
        }
    }

    /// A digest over values as texts, of sixteen characters: equal for equal values, and another when a value moves to its neighbour.
    /// An engine that borrows our functions has the one that is named; digests are compared within one database only.
    pub fn digest(self, function: &str, values: &[&str]) -> String {
        match self {
            Self::Sqlite => format!("{}({})", self.function(function), values.join(", ")),
            Self::Mssql => {
                let marked = |value: &&str| {
                    let text = format!("CONVERT(nvarchar(max), {value})");
                    format!("COALESCE(CAST(DATALENGTH({text}) AS nvarchar(12)) + N':' + {text}, N'-')")
                };
                let marked: Vec<_> = values.iter().map(marked).collect();
                // Seven bytes of the hash as a number of at most sixteen digits.
                format!(
                    "RIGHT('000000000000000' + CAST(CONVERT(bigint, SUBSTRING(HASHBYTES('SHA2_256', {}), 1, 7)) \
                     % 10000000000000000 AS varchar(16)), 16)",
                    marked.join(" + ")
                )
            }
        }
    }

    /// An expression of the user's as a text, an empty one being NULL.
    pub fn text_or_null(self, expression: &str) -> String {
        match self {
            Self::Sqlite => format!("NULLIF(({expression}), '')"),
            // STUFF answers NULL to an empty text; to NULLIF blanks are one as well.
            Self::Mssql => format!("STUFF(CAST(({expression}) AS nvarchar(max)), 1, 0, N'')"),
        }
    }

    /// NULL where a text is expected: SQL Server takes a bare NULL for a number.
    pub fn no_text(self) -> &'static str {
        match self {
            Self::Sqlite => "NULL",
            Self::Mssql => "CAST(NULL AS nvarchar(max))",
        }
    }

    /// The `length` characters of a text from the position `from`, counted from 1.
    pub fn substring(self, text: &str, from: u32, length: usize) -> String {
        match self {
            Self::Sqlite => format!("SUBSTR({text}, {from}, {length})"),
            Self::Mssql => format!("SUBSTRING({text}, {from}, {length})"),
        }
    }

    /// A text from the position `from` to its end, where no more than `longest` characters can come.
    pub fn rest(self, text: &str, from: u32, longest: u32) -> String {
        match self {
            Self::Sqlite => format!("SUBSTR({text}, {from})"),
            Self::Mssql => format!("SUBSTRING({text}, {from}, {longest})"),
        }
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

    /// A text compared byte by byte, whatever the collation of what it comes from: SQLite's own way.
    pub fn in_bytes(self, text: &str) -> String {
        match self {
            Self::Sqlite => text.to_owned(),
            Self::Mssql => format!("{text} COLLATE Latin1_General_BIN2"),
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

    /// The characters of a text, as the engine counts them: never more than its UTF-16 units, never less than half of them. SQL
    /// Server passes over blanks at the end.
    pub fn characters(self, text: &str) -> String {
        match self {
            Self::Sqlite => format!("LENGTH({text})"),
            Self::Mssql => format!("LEN({text})"),
        }
    }

    /// The parts of a text between separators of one character, which is no quote and no backslash: a row source under this
    /// alias, and the part without blanks around it.
    pub fn tokens(self, text: &str, separator: &str, alias: &str) -> (String, String) {
        match self {
            // "A;B" is quoted as JSON and its separators become those of a JSON list.
            Self::Sqlite => (
                format!(
                    "json_each('[' || REPLACE(json_quote({text}), {}, '\",\"') || ']') {alias}",
                    self.literal(separator)
                ),
                format!("TRIM({alias}.value)"),
            ),
            Self::Mssql => (
                format!("STRING_SPLIT({text}, {}) {alias}", self.literal(separator)),
                self.in_bytes(&format!("LTRIM(RTRIM({alias}.value))")),
            ),
        }
    }

    /// The numbers of a column in all rows, in their order with commas between them.
    pub fn listed(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("GROUP_CONCAT({column}, ',' ORDER BY {column})"),
            Self::Mssql => {
                format!("STRING_AGG(CAST({column} AS nvarchar(12)), ',') WITHIN GROUP (ORDER BY {column})")
            }
        }
    }
}
