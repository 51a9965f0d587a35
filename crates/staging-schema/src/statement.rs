//! One statement with its text for each dialect and its parameters.

use std::fmt;

use crate::dialect::Dialect;
use crate::value::Value;

/// What an engine executes: a text per dialect and the parameters that both share.
#[derive(Clone, PartialEq)]
pub struct Statement {
    sqlite: String,
    mssql: String,
    params: Vec<Value>,
    script: bool,
}

impl Statement {
    /// Builds the text of both dialects from one closure. Parameters are numbered from 1 ([`Dialect::param`]).
    pub fn new(text: impl Fn(Dialect) -> String, params: Vec<Value>) -> Self {
        Self { sqlite: text(Dialect::Sqlite), mssql: text(Dialect::Mssql), params, script: false }
    }

    /// Several statements without parameters, separated by semicolons, executed as one text.
    pub fn script(text: impl Fn(Dialect) -> String) -> Self {
        Self { script: true, ..Self::new(text, Vec::new()) }
    }

    /// A statement that reads the same on both engines.
    pub fn same(text: impl Into<String>, params: Vec<Value>) -> Self {
        let text = text.into();
        Self { sqlite: text.clone(), mssql: text, params, script: false }
    }

    /// The text for one dialect.
    pub fn text(&self, dialect: Dialect) -> &str {
        match dialect {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Mssql => &self.mssql,
        }
    }

    /// The parameters, in their order.
    pub fn params(&self) -> &[Value] {
        &self.params
    }

    /// Whether the text may hold several statements (and then has no parameters).
    pub fn is_script(&self) -> bool {
        self.script
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement")
            .field("text", &self.sqlite)
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}
