//! A `$filter` as it is written, before anybody knows the table.

use uuid::Uuid;

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ast {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    /// `path op literal`.
    Compare(String, Comparison, Literal),
    /// `contains(path,'…')` and its kin.
    Text(String, TextTest, String),
    /// `Microsoft.Dynamics.CRM.In(PropertyName='…',PropertyValues=[…])` and its kin.
    Function(String, String, Vec<Literal>),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    pub(crate) fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "eq" => Self::Equal,
            "ne" => Self::NotEqual,
            "gt" => Self::Greater,
            "ge" => Self::GreaterOrEqual,
            "lt" => Self::Less,
            "le" => Self::LessOrEqual,
            _ => return None,
        })
    }
}

/// What a text is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
}

/// A value as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Null,
    Boolean(bool),
    /// Digits as given.
    Number(String),
    Text(String),
    Guid(Uuid),
    /// A date, or date and time.
    Date(String),
}
