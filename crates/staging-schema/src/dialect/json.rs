//! Lists that travel as one parameter: JSON arrays and objects as rows.

use super::Dialect;

impl Dialect {
    /// A row source over a JSON array; its column is [`json_value`](Self::json_value) under this alias, or for arrays of objects
    /// and of arrays [`json_member`](Self::json_member) and [`json_integer`](Self::json_integer).
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

    /// The `n`th element, from 0, of each array of a [`json_array`](Self::json_array) of arrays, which is an integer.
    pub fn json_integer(self, alias: &str, n: usize) -> String {
        match self {
            Self::Sqlite => format!("json_extract({alias}.value, '$[{n}]')"),
            Self::Mssql => format!("CAST(JSON_VALUE({alias}.[value], '$[{n}]') AS bigint)"),
        }
    }

    /// The `n`th element, from 0, of each array of a [`json_array`](Self::json_array) of arrays, which is a GUID.
    pub fn json_guid(self, alias: &str, n: usize) -> String {
        match self {
            Self::Sqlite => format!("json_extract({alias}.value, '$[{n}]')"),
            Self::Mssql => format!("CAST(JSON_VALUE({alias}.[value], '$[{n}]') AS uniqueidentifier)"),
        }
    }

    /// A query over the keys of a JSON object, which are integers.
    pub fn json_keys(self, object: &str) -> String {
        match self {
            Self::Sqlite => format!("SELECT CAST(j.key AS INTEGER) FROM json_each({object}) AS j"),
            Self::Mssql => format!("SELECT CAST(j.[key] AS bigint) FROM OPENJSON({object}) AS j"),
        }
    }

    /// The GUID that a JSON object has under an integer.
    pub fn json_guid_of(self, object: &str, key: &str) -> String {
        match self {
            Self::Sqlite => format!("json_extract({object}, '$.\"' || {key} || '\"')"),
            Self::Mssql => format!(
                "(SELECT CAST(j.[value] AS uniqueidentifier) FROM OPENJSON({object}) AS j WHERE CAST(j.[key] AS bigint) = {key})"
            ),
        }
    }
}
