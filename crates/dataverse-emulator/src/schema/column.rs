//! One column: what it holds and what may be written to it.

use rust_decimal::Decimal;

use super::content::Content;
use crate::state::row::{ColumnId, Form, TableId};

/// A column of a table.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "what may be done with a column, each by itself")]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The property under which it is served: the name, or `_name_value` for lookups.
    pub(crate) property: String,
    pub(crate) kind: Kind,
    /// Demanded by the platform, and not filled by it.
    pub(crate) required: bool,
    pub(crate) create: bool,
    pub(crate) update: bool,
    /// Served, selectable and filterable.
    pub(crate) read: bool,
    /// Read from another column: `owninguser` and `owningteam` from `ownerid`.
    pub(crate) view_of: Option<(ColumnId, TableId)>,
    /// Holds a file, which is uploaded and downloaded.
    pub(crate) content: Option<Content>,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// Text of so many UTF-16 units.
    Text {
        max: u32,
    },
    Integer {
        min: i64,
        max: i64,
    },
    BigInt,
    Decimal {
        min: Option<Decimal>,
        max: Option<Decimal>,
        precision: u32,
    },
    Money {
        min: Option<Decimal>,
        max: Option<Decimal>,
    },
    Double {
        min: Option<f64>,
        max: Option<f64>,
        precision: u32,
    },
    Boolean {
        default: Option<bool>,
        labels: Box<[(i32, String)]>,
    },
    DateTime,
    Date,
    /// Sorted by value.
    Choice {
        options: Box<[(i32, String)]>,
    },
    MultiChoice {
        options: Box<[(i32, String)]>,
    },
    State {
        options: Box<[(i32, String)]>,
    },
    Status {
        options: Box<[StatusOption]>,
    },
    /// Tables that may be referred to; owners have systemuser and team.
    Lookup {
        targets: Vec<TableId>,
        owner: bool,
    },
    Id,
    /// Text of no declared length: the name of a table.
    Name,
    /// Base64 of any length.
    Image,
    /// Parties live in rows of their own; calculated values are not kept.
    Elsewhere {
        parties: bool,
    },
}

/// A status and the state it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatusOption {
    pub(crate) value: i32,
    /// Unknown for a few statuses of the built-in metadata: those fit any state.
    pub(crate) state: Option<i32>,
    pub(crate) label: String,
}

impl Kind {
    /// How its bytes are read; `None` when it is not kept in the row.
    pub(crate) fn form(&self) -> Option<Form> {
        Some(match self {
            Self::Text { .. } | Self::MultiChoice { .. } | Self::Name | Self::Image => Form::Text,
            Self::Integer { .. }
            | Self::BigInt
            | Self::Choice { .. }
            | Self::State { .. }
            | Self::Status { .. } => Form::Integer,
            Self::Decimal { .. } | Self::Money { .. } => Form::Digits,
            Self::Double { .. } => Form::Double,
            Self::Boolean { .. } => Form::Boolean,
            Self::DateTime => Form::Instant,
            Self::Date => Form::Day,
            Self::Lookup { .. } => Form::Lookup,
            Self::Id => Form::Id,
            Self::Elsewhere { .. } => return None,
        })
    }

    /// The label of an option, as formatted values tell it.
    pub(crate) fn label(&self, value: i64) -> Option<&str> {
        match self {
            Self::Choice { options } | Self::MultiChoice { options } | Self::State { options } => {
                let found = options.binary_search_by_key(&value, |(option, _)| i64::from(*option)).ok()?;
                Some(&options[found].1)
            }
            Self::Boolean { labels, .. } => {
                labels.iter().find(|(option, _)| i64::from(*option) == value).map(|(_, label)| label.as_str())
            }
            Self::Status { options } => options
                .iter()
                .find(|option| i64::from(option.value) == value)
                .map(|option| option.label.as_str()),
            _ => None,
        }
    }
}
