//! Names of tables and columns.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// The logical name of a table or column: lower case, at most 128 characters.
///
/// ```
/// use dataverse_wire::LogicalName;
/// let table: LogicalName = "account".parse()?;
/// assert_eq!(table.as_str(), "account");
/// assert!("Account".parse::<LogicalName>().is_err());
/// # Ok::<(), dataverse_wire::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogicalName(String);

/// The longest name the platform accepts.
const MAX_CHARS: usize = 128;

impl LogicalName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LogicalName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for LogicalName {
    type Error = Error;

    fn try_from(name: String) -> Result<Self, Error> {
        let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        let holds_only_name_chars =
            name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let reason = if name.is_empty() {
            "it is empty"
        } else if name.len() > MAX_CHARS {
            "it is longer than 128 characters"
        } else if !holds_only_name_chars {
            "only lower-case letters, digits and underscores are allowed"
        } else if !starts_well {
            "it must start with a letter or an underscore"
        } else {
            return Ok(Self(name));
        };
        Err(Error::LogicalName { name, reason })
    }
}

impl From<LogicalName> for String {
    fn from(name: LogicalName) -> Self {
        name.0
    }
}

impl AsRef<str> for LogicalName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LogicalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lower_case_and_at_most_128_characters() {
        for good in ["account", "new_branch__c", "_x", "a1"] {
            assert_eq!(good.parse::<LogicalName>().unwrap().to_string(), good);
        }
        let long = "a".repeat(129);
        for bad in ["", "Account", "1a", "a b", "a-b", "ä", long.as_str()] {
            assert!(bad.parse::<LogicalName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_read_from_json_is_checked() {
        assert!(serde_json::from_str::<LogicalName>("\"lead\"").is_ok());
        assert!(serde_json::from_str::<LogicalName>("\"Lead\"").is_err());
    }
}
