//! One statement with its text for each dialect and its parameters.

use std::fmt::{self, Write as _};

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

    /// The text for one dialect with its parameters written out, for people and for scripts that they run by hand; engines get
    /// [`text`](Self::text) and [`params`](Self::params).
    pub fn written_out(&self, dialect: Dialect) -> String {
        let text = self.text(dialect);
        let mark = match dialect {
            Dialect::Sqlite => "?",
            Dialect::Mssql => "@P",
        };
        let mut written = String::with_capacity(text.len() + 64);
        // What ends the name or literal that the reading is in; nothing is a parameter there.
        let mut end = None;
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            if end.is_none()
                && let Some(number) = rest.strip_prefix(mark)
                && let digits = number.len() - number.trim_start_matches(|c: char| c.is_ascii_digit()).len()
                && let Some(value) =
                    number[..digits].parse::<usize>().ok().and_then(|n| self.params.get(n.checked_sub(1)?))
            {
                written.push_str(&literal(dialect, value));
                rest = &number[digits..];
                continue;
            }
            end = match (end, next) {
                (None, '\'' | '"') => Some(next),
                (None, '[') => Some(']'),
                (Some(end), _) if end == next => None,
                _ => end,
            };
            written.push(next);
            rest = &rest[next.len_utf8()..];
        }
        written
    }

    /// Whether the text may hold several statements (and then has no parameters).
    pub fn is_script(&self) -> bool {
        self.script
    }
}

fn literal(dialect: Dialect, value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => format!("{number:?}"),
        Value::Text(text) => dialect.literal(text),
        Value::Blob(bytes) => {
            let mut hex = String::with_capacity(bytes.len() * 2);
            for byte in bytes {
                let _ = write!(hex, "{byte:02x}");
            }
            match dialect {
                Dialect::Sqlite => format!("x'{hex}'"),
                Dialect::Mssql => format!("0x{hex}"),
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_written_out_where_they_are_parameters_and_nowhere_else() {
        let statement = Statement::new(
            |d| format!("SELECT '?1 @P1', [a ?1] FROM t WHERE x = {} AND y = {}", d.param(2), d.param(1)),
            vec!["o'neil".into(), 7.into()],
        );
        assert_eq!(
            statement.written_out(Dialect::Sqlite),
            "SELECT '?1 @P1', [a ?1] FROM t WHERE x = 7 AND y = 'o''neil'"
        );
        assert_eq!(
            statement.written_out(Dialect::Mssql),
            "SELECT '?1 @P1', [a ?1] FROM t WHERE x = 7 AND y = N'o''neil'"
        );
    }
}
