//! The values that travel between Rust and a staging database.

use std::fmt;

/// One cell, owned. Its `Debug` form tells kind and length, never the content.
///
/// Storage forms (SQLite): GUID text in lower case with hyphens; date-time text `YYYY-MM-DDTHH:MM:SSZ`; date text
/// `YYYY-MM-DD`; decimal and money canonical digits as text; double real; boolean 0 or 1.
#[derive(Clone, PartialEq, Default)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// A whole number, a choice, a boolean (0 or 1).
    Integer(i64),
    /// A double.
    Real(f64),
    /// Text, and everything stored as text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// One cell, borrowed: what a row of a batch lends.
#[derive(Clone, Copy, PartialEq, Default)]
pub enum ValueRef<'a> {
    /// No value.
    #[default]
    Null,
    /// A whole number.
    Integer(i64),
    /// A double.
    Real(f64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

impl Value {
    /// Lends the value.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Integer(n) => ValueRef::Integer(*n),
            Self::Real(n) => ValueRef::Real(*n),
            Self::Text(text) => ValueRef::Text(text),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }
    }

    /// Whether this is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text, if this is text.
    pub fn as_text(&self) -> Option<&str> {
        self.as_ref().as_text()
    }

    /// The whole number, if this is one.
    pub fn as_integer(&self) -> Option<i64> {
        self.as_ref().as_integer()
    }
}

impl<'a> ValueRef<'a> {
    /// The same value, owned.
    pub fn to_owned(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Integer(n) => Value::Integer(n),
            Self::Real(n) => Value::Real(n),
            Self::Text(text) => Value::Text(text.to_owned()),
            Self::Blob(bytes) => Value::Blob(bytes.to_owned()),
        }
    }

    /// Whether this is NULL.
    pub fn is_null(self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text, if this is text.
    pub fn as_text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if this is one.
    pub fn as_integer(self) -> Option<i64> {
        match self {
            Self::Integer(n) => Some(n),
            _ => None,
        }
    }

    /// The number, if this is a double or a whole number.
    pub fn as_real(self) -> Option<f64> {
        match self {
            Self::Real(n) => Some(n),
            #[expect(
                clippy::cast_precision_loss,
                reason = "a whole number read as a double is what the caller asked for"
            )]
            Self::Integer(n) => Some(n as f64),
            _ => None,
        }
    }

    /// What kind of value this is, for messages that must not show it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Integer(_) => "integer",
            Self::Real(_) => "real",
            Self::Text(_) => "text",
            Self::Blob(_) => "blob",
        }
    }
}

impl fmt::Debug for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "text[{}]", text.len()),
            Self::Blob(bytes) => write!(f, "blob[{}]", bytes.len()),
            other => f.write_str(other.kind()),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Integer(n)
    }
}

impl From<i32> for Value {
    fn from(n: i32) -> Self {
        Self::Integer(n.into())
    }
}

impl From<u32> for Value {
    fn from(n: u32) -> Self {
        Self::Integer(n.into())
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Integer(yes.into())
    }
}

impl From<f64> for Value {
    fn from(n: f64) -> Self {
        Self::Real(n)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_never_shows_the_content_of_a_cell() {
        let shown = format!("{:?}", [Value::from("secret"), Value::Blob(vec![1]), Value::from(42)]);
        assert_eq!(shown, "[text[6], blob[1], integer]");
    }
}
