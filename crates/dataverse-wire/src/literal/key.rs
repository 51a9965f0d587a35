//! Keys of rows and references to them.

use std::fmt;

use uuid::Uuid;

use super::{guid, parse_guid, percent_decode, percent_encode, text};
use crate::Error;

/// One value of an alternate key.
#[derive(Debug, Clone, PartialEq)]
pub enum KeyLiteral {
    /// Text, written in quotes.
    Text(String),
    /// GUID; also the value of a lookup in a key.
    Guid(Uuid),
    /// Integer or option.
    Integer(i64),
    /// Decimal digits as given.
    Decimal(String),
    /// Date or date-time in ISO form.
    DateTime(String),
    /// Yes or no.
    Boolean(bool),
}

/// What names one row in a URL.
#[derive(Debug, Clone, PartialEq)]
pub enum RowKey {
    /// The primary key.
    Id(Uuid),
    /// Columns of an alternate key with their values, in the order given. Lookup columns go by `_name_value`; the
    /// primary key may be named as well (`accountid=…`).
    Alternate(Vec<(String, KeyLiteral)>),
}

/// A row of an entity set, as it stands in `@odata.bind`, `@odata.id` and `OData-EntityId`.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// The entity set.
    pub entity_set: String,
    /// The row.
    pub key: RowKey,
}

/// The column that tells rows of one id apart in an elastic table.
const PARTITION: &str = "partitionid";

/// Characters that keep a row from being addressed by an alternate key (reference §2.6).
const UNADDRESSABLE: &[char] = &['/', '<', '>', '*', '%', '&', ':', '\\', '?', '+'];

/// A key value of this text can be used in a URL; otherwise the row must be found by GUID or filter (reference §2.6).
pub fn is_addressable(key_text: &str) -> bool {
    !key_text.contains(UNADDRESSABLE)
}

impl fmt::Display for KeyLiteral {
    /// The OData form, not percent-encoded.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(value) => f.write_str(&text(value)),
            Self::Guid(value) => f.write_str(&guid(*value)),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Decimal(value) | Self::DateTime(value) => f.write_str(value),
            Self::Boolean(value) => write!(f, "{value}"),
        }
    }
}

impl KeyLiteral {
    /// Reads one literal, already percent-decoded.
    ///
    /// # Errors
    /// [`Error::Literal`] for text that is none of the forms.
    pub fn parse(literal: &str) -> Result<Self, Error> {
        let unreadable = || Error::Literal { what: "key value", text: literal.to_owned() };
        if let Some(quoted) = literal.strip_prefix('\'') {
            let inner = quoted.strip_suffix('\'').ok_or_else(unreadable)?;
            // A single quote inside must be doubled.
            let is_well_quoted = inner.split("''").all(|piece| !piece.contains('\''));
            return if is_well_quoted { Ok(Self::Text(inner.replace("''", "'"))) } else { Err(unreadable()) };
        }
        if let Some(id) = parse_guid(literal) {
            return Ok(Self::Guid(id));
        }
        if let Ok(value) = literal.parse::<bool>() {
            return Ok(Self::Boolean(value));
        }
        if let Ok(value) = literal.parse::<i64>() {
            return Ok(Self::Integer(value));
        }
        if crate::write::is_json_number(literal) {
            return Ok(Self::Decimal(literal.to_owned()));
        }
        if super::normalise_date_time(literal).is_ok() {
            return Ok(Self::DateTime(literal.to_owned()));
        }
        Err(unreadable())
    }
}

impl From<Uuid> for RowKey {
    fn from(id: Uuid) -> Self {
        Self::Id(id)
    }
}

impl fmt::Display for RowKey {
    /// The predicate with its parentheses, percent-encoded: ready to follow an entity set in a URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "({})", id.hyphenated()),
            Self::Alternate(columns) => {
                f.write_str("(")?;
                for (position, (column, value)) in columns.iter().enumerate() {
                    let comma = if position == 0 { "" } else { "," };
                    write!(f, "{comma}{column}={}", percent_encode(&value.to_string()))?;
                }
                f.write_str(")")
            }
        }
    }
}

impl RowKey {
    /// An alternate key of one text column.
    pub fn text(column: impl Into<String>, value: impl Into<String>) -> Self {
        Self::Alternate(vec![(column.into(), KeyLiteral::Text(value.into()))])
    }

    /// A row of an elastic table, which has its id once per partition (reference §10). `primary_id` is the name of the
    /// primary key.
    ///
    /// ```
    /// use dataverse_wire::literal::RowKey;
    /// let key = RowKey::in_partition("new_readingid", uuid::Uuid::nil(), "device-1");
    /// assert_eq!(key.to_string(), "(new_readingid=00000000-0000-0000-0000-000000000000,partitionid='device-1')");
    /// assert_eq!((key.id(), key.partition()), (Some(uuid::Uuid::nil()), Some("device-1")));
    /// ```
    pub fn in_partition(primary_id: impl Into<String>, id: Uuid, partition: impl Into<String>) -> Self {
        let partition = KeyLiteral::Text(partition.into());
        Self::Alternate(vec![(primary_id.into(), KeyLiteral::Guid(id)), (PARTITION.to_owned(), partition)])
    }

    /// The GUID, if that is what names the row, be it within a partition.
    pub fn id(&self) -> Option<Uuid> {
        match self {
            Self::Id(id) => Some(*id),
            Self::Alternate(columns) => {
                self.partition()?;
                columns.iter().find_map(|(_, value)| match value {
                    KeyLiteral::Guid(id) => Some(*id),
                    _ => None,
                })
            }
        }
    }

    /// The partition of a row of an elastic table, if the key is made of that and the row's id.
    pub fn partition(&self) -> Option<&str> {
        match self {
            Self::Alternate(columns) => match columns.as_slice() {
                [(_, KeyLiteral::Guid(_)), (name, KeyLiteral::Text(partition))]
                | [(name, KeyLiteral::Text(partition)), (_, KeyLiteral::Guid(_))]
                    if name == PARTITION =>
                {
                    Some(partition)
                }
                _ => None,
            },
            Self::Id(_) => None,
        }
    }

    /// Reads what stands between the parentheses; percent-encoded or plain, since clients send both.
    ///
    /// # Errors
    /// [`Error::Literal`] for anything but a GUID or `column=value` pairs.
    pub fn parse(predicate: &str) -> Result<Self, Error> {
        let unreadable = || Error::Literal { what: "key predicate", text: predicate.to_owned() };
        if let Some(id) = parse_guid(predicate) {
            return Ok(Self::Id(id));
        }
        let mut columns = Vec::new();
        for pair in split_outside_quotes(predicate) {
            let (column, value) = pair.split_once('=').ok_or_else(unreadable)?;
            let value = percent_decode(value).ok_or_else(unreadable)?;
            let column = column.trim();
            if column.is_empty() {
                return Err(unreadable());
            }
            columns.push((column.to_owned(), KeyLiteral::parse(value.trim())?));
        }
        if columns.is_empty() { Err(unreadable()) } else { Ok(Self::Alternate(columns)) }
    }
}

/// Splits at commas that are not inside a quoted text; quotes may be percent-encoded.
fn split_outside_quotes(predicate: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut quoted = false;
    let bytes = predicate.as_bytes();
    for (position, &byte) in bytes.iter().enumerate() {
        match byte {
            b'\'' => quoted = !quoted,
            b'%' if bytes[position..].starts_with(b"%27") => quoted = !quoted,
            b',' if !quoted => {
                pieces.push(&predicate[start..position]);
                start = position + 1;
            }
            _ => {}
        }
    }
    pieces.push(&predicate[start..]);
    pieces
}

impl Reference {
    /// A row by its primary key.
    pub fn new(entity_set: impl Into<String>, key: impl Into<RowKey>) -> Self {
        Self { entity_set: entity_set.into(), key: key.into() }
    }

    /// Reads `accounts(…)`, `/accounts(…)`, `/api/data/v9.2/accounts(…)` and absolute URLs (reference §2.7).
    ///
    /// # Errors
    /// [`Error::Literal`] for anything else.
    pub fn parse(reference: &str) -> Result<Self, Error> {
        let unreadable = || Error::Literal { what: "reference to a row", text: reference.to_owned() };
        let open = reference.find('(').ok_or_else(unreadable)?;
        let (path, predicate) = reference.split_at(open);
        let predicate = predicate[1..].strip_suffix(')').ok_or_else(unreadable)?;
        let entity_set = path.rsplit('/').next().unwrap_or_default();
        let is_name = entity_set.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if entity_set.is_empty() || !is_name {
            return Err(unreadable());
        }
        Ok(Self { entity_set: entity_set.to_owned(), key: RowKey::parse(predicate)? })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.entity_set, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(0x1111_1111_1111_1111_1111_1111_1111_1111);

    #[test]
    fn references_are_read_in_every_form_that_clients_send() {
        let expected = Reference::new("contacts", ID);
        for form in [
            "contacts(11111111-1111-1111-1111-111111111111)",
            "/contacts(11111111-1111-1111-1111-111111111111)",
            "/api/data/v9.2/contacts(11111111-1111-1111-1111-111111111111)",
            "https://org.crm.dynamics.com/api/data/v9.2/contacts(11111111-1111-1111-1111-111111111111)",
        ] {
            assert_eq!(Reference::parse(form).unwrap(), expected, "{form}");
        }
        for bad in ["", "contacts", "contacts()", "(x)", "$1", "contacts(1111)", "a b(x='1')"] {
            assert!(Reference::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_keep_quotes_commas_and_blanks() {
        let key = RowKey::Alternate(vec![
            ("firstname".to_owned(), KeyLiteral::Text("O'Hara, Joe".to_owned())),
            ("_primarycontactid_value".to_owned(), KeyLiteral::Guid(ID)),
            ("new_number".to_owned(), KeyLiteral::Integer(-5)),
            ("new_amount".to_owned(), KeyLiteral::Decimal("1.50".to_owned())),
            ("new_day".to_owned(), KeyLiteral::DateTime("2021-04-04".to_owned())),
        ]);
        let text = key.to_string();
        assert_eq!(
            text,
            "(firstname='O''Hara,%20Joe',_primarycontactid_value=11111111-1111-1111-1111-111111111111,\
             new_number=-5,new_amount=1.50,new_day=2021-04-04)"
        );
        assert_eq!(RowKey::parse(&text[1..text.len() - 1]).unwrap(), key);
        let encoded = RowKey::parse("accountnumber=%27A1%2C%27,x=1").unwrap();
        assert_eq!(
            encoded,
            RowKey::Alternate(vec![
                ("accountnumber".to_owned(), KeyLiteral::Text("A1,".to_owned())),
                ("x".to_owned(), KeyLiteral::Integer(1)),
            ])
        );
    }

    #[test]
    fn some_key_values_cannot_be_addressed() {
        assert!(is_addressable("A1 'b' ü#"));
        assert!(!is_addressable("a/b") && !is_addressable("50%"));
    }
}
