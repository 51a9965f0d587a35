//! OData literals, row keys and references, and their escaping in URLs (reference §2.6 and §13).

mod date;
mod key;
mod percent;

pub use date::{normalise_date, normalise_date_time};
pub use key::{KeyLiteral, Reference, RowKey, is_addressable};
pub use percent::{decode as percent_decode, encode as percent_encode};

use uuid::Uuid;

/// A text literal: in single quotes, quotes inside doubled. Not percent-encoded.
///
/// ```
/// assert_eq!(dataverse_wire::literal::text("O'Hara"), "'O''Hara'");
/// ```
pub fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// The text of a GUID as this project stores and sends it: lower case, hyphens, no braces.
pub fn guid(value: Uuid) -> String {
    value.hyphenated().to_string()
}

/// Reads a GUID with hyphens, in either case; braces and other spellings are refused, as the service does.
pub fn parse_guid(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}
