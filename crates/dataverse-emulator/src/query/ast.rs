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
    /// `collection/any(o:…)` and `collection/all(o:…)`; `any()` has neither variable nor condition.
    Lambda {
        collection: String,
        all: bool,
        inner: Option<(String, Box<Self>)>,
    },
}

impl Ast {
    /// The condition of a lambda with its paths as the rows of the collection know them; `None` for a path that
    /// does not begin with the variable.
    pub(super) fn without_variable(&self, variable: &str) -> Option<Self> {
        let plain = |path: &str| path.strip_prefix(variable)?.strip_prefix('/').map(str::to_owned);
        let boxed = |ast: &Self| ast.without_variable(variable).map(Box::new);
        Some(match self {
            Self::And(left, right) => Self::And(boxed(left)?, boxed(right)?),
            Self::Or(left, right) => Self::Or(boxed(left)?, boxed(right)?),
            Self::Not(inner) => Self::Not(boxed(inner)?),
            Self::Compare(path, comparison, literal) => {
                Self::Compare(plain(path)?, *comparison, literal.clone())
            }
            Self::Text(path, kind, wanted) => Self::Text(plain(path)?, *kind, wanted.clone()),
            // Functions of the platform name the property alone, or behind the variable.
            Self::Function(name, path, values) => {
                Self::Function(name.clone(), plain(path).unwrap_or_else(|| path.clone()), values.clone())
            }
            Self::Lambda { collection, all, inner } => {
                Self::Lambda { collection: plain(collection)?, all: *all, inner: inner.clone() }
            }
        })
    }
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
