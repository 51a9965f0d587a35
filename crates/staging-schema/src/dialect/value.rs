//! Values of columns: their types, and the texts that they come from and become.

use super::Dialect;
use crate::physical::SqlType;

impl Dialect {
    /// NULL in the place of a parameter, as a text: what all types take.
    pub(crate) fn null_parameter(self) -> &'static str {
        match self {
            Self::Sqlite => "NULL",
            Self::Mssql => "CAST(NULL AS nvarchar(4000))",
        }
    }

    /// An expression as text.
    pub fn as_text(self, expression: &str) -> String {
        match self {
            Self::Sqlite => format!("CAST({expression} AS TEXT)"),
            Self::Mssql => format!("CAST({expression} AS nvarchar(4000))"),
        }
    }

    /// An expression as text of any length.
    pub fn as_long_text(self, expression: &str) -> String {
        match self {
            Self::Sqlite => format!("CAST({expression} AS TEXT)"),
            Self::Mssql => format!("CAST({expression} AS nvarchar(max))"),
        }
    }

    /// An expression as a 64-bit integer.
    pub fn as_integer(self, expression: &str) -> String {
        match self {
            Self::Sqlite => format!("CAST({expression} AS INTEGER)"),
            Self::Mssql => format!("CAST({expression} AS bigint)"),
        }
    }

    /// A text as a GUID.
    pub fn as_guid(self, text: &str) -> String {
        match self {
            Self::Sqlite => text.to_owned(),
            Self::Mssql => format!("CAST({text} AS uniqueidentifier)"),
        }
    }

    /// A text as the source key that it is compared with, so that an index serves.
    pub fn as_key(self, text: &str) -> String {
        match self {
            Self::Sqlite => text.to_owned(),
            Self::Mssql => format!("CONVERT(nvarchar(450), {text})"),
        }
    }

    /// A text as a value of a column of this type, NULL where it is none. Where columns take any text it stays what it is, as do
    /// texts everywhere.
    pub fn converted(self, text: &str, sql_type: SqlType) -> String {
        let to = sql_type.render(self);
        match (self, sql_type) {
            (Self::Mssql, SqlType::Integer | SqlType::Double | SqlType::Guid | SqlType::Decimal { .. }) => {
                format!("TRY_CONVERT({to}, {text})")
            }
            (Self::Mssql, SqlType::Date) => format!("TRY_CONVERT({to}, {text}, 23)"),
            // Without the sign of the zone.
            (Self::Mssql, SqlType::Seconds) => format!("TRY_CONVERT({to}, LEFT({text}, 19), 126)"),
            _ => text.to_owned(),
        }
    }

    /// A whole number as a piece of a text.
    pub fn integer_text(self, number: &str) -> String {
        match self {
            Self::Sqlite => number.to_owned(),
            Self::Mssql => format!("CAST({number} AS nvarchar(20))"),
        }
    }

    /// A number of a typed column as a text; other columns have its digits already.
    pub fn number_text(self, number: &str) -> String {
        match self {
            Self::Sqlite => number.to_owned(),
            Self::Mssql => format!("CAST({number} AS nvarchar(50))"),
        }
    }

    /// A double by its digits, of which a text would keep six otherwise.
    pub fn digits(self, double: &str) -> String {
        match self {
            Self::Sqlite => double.to_owned(),
            Self::Mssql => format!("TRY_CAST({double} AS decimal(38,10))"),
        }
    }

    /// Tests that a double has more digits behind the point. An engine that borrows our functions asks the one that is named.
    pub fn has_more_digits(self, double: &str, places: u8, function: &str) -> String {
        match self {
            Self::Sqlite => format!("{}({double}) > {places}", self.function(function)),
            // A double with so few digits is the one that is nearest to them.
            Self::Mssql => format!("CAST(TRY_CAST({double} AS decimal(38,{places})) AS float) <> {double}"),
        }
    }

    /// A GUID as text, in small letters as everywhere else: SQL Server would write capital ones.
    pub fn guid_text(self, guid: &str) -> String {
        match self {
            Self::Sqlite => guid.to_owned(),
            Self::Mssql => format!("LOWER(CAST({guid} AS nvarchar(36)))"),
        }
    }

    /// As [`guid_text`](Self::guid_text), of one byte a character.
    pub(crate) fn guid_letters(self, guid: &str) -> String {
        match self {
            Self::Sqlite => guid.to_owned(),
            Self::Mssql => format!("LOWER(CAST({guid} AS char(36)))"),
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
}
