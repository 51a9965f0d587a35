//! Error codes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::table::{self, KnownCode};
use crate::Error;

/// An error code of the service. It is unrelated to the HTTP status (reference §12.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceCode(pub u32);

macro_rules! codes {
    ($($name:ident = $value:literal, $doc:literal;)*) => {
        impl ServiceCode {
            $(#[doc = $doc] pub const $name: Self = Self($value);)*
        }
    };
}

codes! {
    NONE = 0, "The service gave no code, or `0x0`.";
    OBJECT_DOES_NOT_EXIST = 0x8004_0217, "A row, named by its id, is not there.";
    RECORD_NOT_FOUND_BY_KEY = 0x8006_0891, "A row, named by an alternate key, is not there.";
    ENTITY_KEY_NOT_DEFINED = 0x8006_0890, "The columns are no alternate key of the table.";
    DUPLICATE_RECORD = 0x8004_0237, "The primary key, or the pair of an association, is already there.";
    DUPLICATE_RECORD_KEY = 0x8006_0892, "The alternate key is already there.";
    UNIQUE_CONSTRAINT = 0x8007_3002, "A unique index of the database refused the row.";
    DUPLICATES_FOUND = 0x8004_0333, "A duplicate detection rule found a match.";
    CONCURRENCY_MISMATCH = 0x8006_0882, "The row has changed since it was read.";
    INVALID_ARGUMENT = 0x8004_0203, "A value is not acceptable.";
    STRING_TOO_LONG = 0x8004_4331, "A text is longer than its column.";
    INTEGER_OUT_OF_RANGE = 0x8004_432F, "An integer is outside its column's range.";
    DECIMAL_OUT_OF_RANGE = 0x8004_4330, "A number is outside its column's range.";
    ARITHMETIC_OVERFLOW = 0x8004_1136, "A number is too large for the database.";
    INVALID_DATE_TIME = 0x8004_0239, "A date is malformed or before 1753.";
    PICKLIST_OUT_OF_RANGE = 0x8004_431A, "An option does not exist.";
    INCORRECT_VALUE_TYPE = 0x8004_4354, "A value has the wrong type.";
    INVALID_STATE_STATUS = 0x8004_8408, "The status does not belong to the state.";
    INVALID_STATE_TRANSITION = 0x8004_F00E, "The status may not follow the present one.";
    INACTIVE_ROW = 0x8004_0230, "A closed row cannot be changed.";
    READ_ONLY_ROW = 0x8004_022E, "The row is read-only.";
    OPEN_ACTIVITIES = 0x8004_440A, "A case with open activities cannot be closed.";
    RESOURCE_NOT_FOUND = 0x8006_088A, "The URL names no resource.";
    PROPERTY_NOT_FOUND = 0x8006_0888, "The query names no property of the table.";
    PAYLOAD = 0x8004_8D19, "The body is not what the table takes: unknown property, bad binding, unreadable batch.";
    AGGREGATE_LIMIT = 0x8004_E023, "An aggregation has more than 50,000 rows.";
    EXPIRED_VERSION_STAMP = 0x8004_4352, "A delta token is too old: synchronise from the start.";
    PRIVILEGE_DENIED = 0x8004_0220, "A privilege is missing.";
    PRINCIPAL_PRIVILEGE_DENIED = 0x8004_0231, "The user or team is missing a privilege.";
    ACCESS_DENIED = 0x8004_8306, "The right to this row is missing.";
    CANNOT_ACT_ON_BEHALF = 0x8004_A110, "The caller may not impersonate.";
    USER_NOT_MEMBER = 0x8007_2560, "The caller is no user of the organisation.";
    OWNER_DISABLED = 0x8004_022B, "The owner is disabled.";
    USER_DISABLED = 0x8004_0225, "The user is disabled or has no business unit.";
    INVALID_OWNER = 0x8004_0229, "The owner is no user or team.";
    CANNOT_DELETE = 0x8004_0227, "Other rows refer to this one.";
    NOT_SUPPORTED = 0x8004_0315, "The table does not support the message.";
    INVALID_OPERATION = 0x8004_023B, "The operation is not allowed here.";
    NOT_IMPLEMENTED = 0x8004_0219, "The operation does not exist.";
    UNEXPECTED = 0x8004_0216, "Something unexpected.";
    SQL_ERROR = 0x8004_4150, "The database reported an error; 1205 is a deadlock.";
    SQL_TIMEOUT = 0x8004_4151, "The database took too long.";
    TRANSACTION_ABORTED = 0x8004_0255, "The transaction had already been rolled back.";
    NO_TRANSACTION = 0x8004_0251, "A plug-in swallowed an error and lost the transaction.";
    DATABASE_BUSY = 0x8004_A001, "The database governor refused the request.";
    WORKERS_LIMIT = 0x8007_2324, "The database has too many concurrent requests.";
    THROTTLED_REQUESTS = 0x8007_2322, "Too many requests in five minutes.";
    THROTTLED_TIME = 0x8007_2321, "Too much execution time in five minutes.";
    THROTTLED_CONCURRENCY = 0x8007_2326, "Too many requests at the same time.";
}

impl ServiceCode {
    /// No code was given.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// The number that SDKs and logs show: the same 32 bits, signed.
    pub fn number(self) -> i32 {
        self.0.cast_signed()
    }

    /// What is known about the code.
    pub fn known(self) -> Option<&'static KnownCode> {
        table::known(self)
    }

    /// The service's name of the code, where known.
    pub fn name(self) -> Option<&'static str> {
        self.known().map(|known| known.name)
    }
}

impl fmt::Display for ServiceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() { f.write_str("no code") } else { write!(f, "0x{:08x}", self.0) }
    }
}

impl FromStr for ServiceCode {
    type Err = Error;

    /// Reads `0x80040217` in any case and the decimal spelling `-2147220969`, signed or not; empty text is
    /// [`ServiceCode::NONE`].
    fn from_str(text: &str) -> Result<Self, Error> {
        let trimmed = text.trim();
        if trimmed.is_empty() || trimmed == "no code" {
            return Ok(Self::NONE);
        }
        let hex = trimmed.strip_prefix("0x").or_else(|| trimmed.strip_prefix("0X"));
        let read = match hex {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => trimmed.parse::<i64>().ok().and_then(|n| {
                u32::try_from(n).ok().or_else(|| i32::try_from(n).ok().map(i32::cast_unsigned))
            }),
        };
        read.map(Self).ok_or_else(|| Error::Literal { what: "error code", text: text.to_owned() })
    }
}

impl TryFrom<String> for ServiceCode {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<ServiceCode> for String {
    fn from(code: ServiceCode) -> Self {
        if code.is_none() { Self::new() } else { code.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_code_is_the_same_code() {
        for text in ["0x80044330", "0X80044330", "-2147204304", "2147762992", " 0x80044330 "] {
            let code: ServiceCode = text.parse().unwrap();
            assert_eq!(code, ServiceCode::DECIMAL_OUT_OF_RANGE, "{text}");
            assert_eq!((code.number(), code.to_string().as_str()), (-2_147_204_304, "0x80044330"));
        }
        assert_eq!("".parse::<ServiceCode>().unwrap(), ServiceCode::NONE);
        assert_eq!("0x0".parse::<ServiceCode>().unwrap(), ServiceCode::NONE);
        for bad in ["x", "0x", "0x1234567890", "-3000000000", "1.5"] {
            assert!(bad.parse::<ServiceCode>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_code_survives_json() {
        for code in [ServiceCode::SQL_ERROR, ServiceCode::NONE] {
            let json = serde_json::to_string(&code).unwrap();
            assert_eq!(serde_json::from_str::<ServiceCode>(&json).unwrap(), code);
        }
    }
}
