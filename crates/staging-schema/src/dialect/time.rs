//! Clocks and time stamps. All clocks are the database's.

use super::Dialect;

impl Dialect {
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

    /// A stored time stamp as a text for people, in UTC.
    pub fn stamp_text(self, stamp: &str) -> String {
        match self {
            Self::Sqlite => stamp.to_owned(),
            Self::Mssql => format!("CONVERT(nvarchar(30), {stamp}, 127)"),
        }
    }

    /// A stored time stamp as a text with all its milliseconds, which [`stamp`](Self::stamp) reads back as what it was.
    pub fn exact_stamp_text(self, stamp: &str) -> String {
        match self {
            Self::Sqlite => stamp.to_owned(),
            Self::Mssql => format!("CONVERT(varchar(23), {stamp}, 126) + 'Z'"),
        }
    }

    /// A text of [`exact_stamp_text`](Self::exact_stamp_text) as a stored time stamp.
    pub fn stamp(self, text: &str) -> String {
        match self {
            Self::Sqlite => text.to_owned(),
            Self::Mssql => format!("CAST({text} AS datetime2(3))"),
        }
    }

    /// A stored time stamp to the second as a text, as everything of ours writes it.
    pub fn seconds_text(self, stamp: &str) -> String {
        match self {
            Self::Sqlite => stamp.to_owned(),
            // Some servers write a blank for the T.
            Self::Mssql => format!("REPLACE(CONVERT(nvarchar(19), {stamp}, 126), N' ', N'T') + N'Z'"),
        }
    }

    /// A stored date as a text.
    pub fn date_text(self, date: &str) -> String {
        match self {
            Self::Sqlite => date.to_owned(),
            Self::Mssql => format!("CONVERT(nvarchar(10), {date}, 23)"),
        }
    }

    /// Tests that a stored date or time stamp lies outside of the years that Dataverse knows, 1753 to 9999.
    pub fn is_no_date_of_dataverse(self, stamp: &str) -> String {
        match self {
            // Years of other than four digits sort in front of 1753 as texts.
            Self::Sqlite => format!("{stamp} < '1753-01-01' OR {stamp} > '9999-12-31T23:59:59Z'"),
            Self::Mssql => format!("{stamp} < CONVERT(datetime2(0), '17530101', 112)"),
        }
    }

    /// The second in which a stored time stamp lies, as a text.
    pub fn second(self, stamp: &str) -> String {
        match self {
            Self::Sqlite => format!("substr({stamp}, 1, 19)"),
            Self::Mssql => format!("CONVERT(nvarchar(19), {stamp}, 126)"),
        }
    }
}
