//! One statement with its text for each dialect and its parameters.

use std::borrow::Cow;
use std::fmt;

use crate::dialect::{Dialect, PerDialect};
use crate::value::Value;

/// What an engine executes: a text per dialect and the parameters that both share.
#[derive(Clone, PartialEq)]
pub struct Statement {
    text: PerDialect<String>,
    params: Vec<Value>,
    script: bool,
}

impl Statement {
    /// Builds the text of both dialects from one closure. Parameters are numbered from 1 ([`Dialect::param`]).
    pub fn new(text: impl Fn(Dialect) -> String, params: Vec<Value>) -> Self {
        Self { text: PerDialect::new(text), params, script: false }
    }

    /// Several statements without parameters, separated by semicolons, executed as one text.
    pub fn script(text: impl Fn(Dialect) -> String) -> Self {
        Self { script: true, ..Self::new(text, Vec::new()) }
    }

    /// Makes the transaction that it begins wait for others of this name ([`Dialect::alone`]). Nothing where the engine has one
    /// writer at a time.
    pub fn alone(name: &str) -> Self {
        Self::script(|d| d.alone(name))
    }

    /// A statement that reads the same on both engines.
    pub fn same(text: impl Into<String>, params: Vec<Value>) -> Self {
        let text = text.into();
        Self::new(|_| text.clone(), params)
    }

    /// The text for one dialect.
    pub fn text(&self, dialect: Dialect) -> &str {
        self.text.of(dialect)
    }

    /// The parameters, in their order.
    pub fn params(&self) -> &[Value] {
        &self.params
    }

    /// The text for one dialect with its parameters written out, for people and for scripts that they run by hand; engines get
    /// [`text`](Self::text) and [`params`](Self::params).
    pub fn written_out(&self, dialect: Dialect) -> String {
        self.rewritten(dialect, |value| Some(literal(dialect, value)))
    }

    /// The text for one dialect with parameters that are NULL written into it, as texts that are NULL: a server that is told
    /// the type of each parameter would have to be told one here, and text is what all other types take. The other
    /// parameters keep their numbers.
    pub fn nulls_written_out(&self, dialect: Dialect) -> Cow<'_, str> {
        if !self.params.iter().any(Value::is_null) {
            return Cow::Borrowed(self.text(dialect));
        }
        let null = dialect.null_parameter();
        Cow::Owned(self.rewritten(dialect, |value| value.is_null().then(|| null.to_owned())))
    }

    /// The text with those parameters replaced for which there is something else.
    fn rewritten(&self, dialect: Dialect, other: impl Fn(&Value) -> Option<String>) -> String {
        let text = self.text(dialect);
        let mark = dialect.parameter_mark();
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
                && let Some(other) = other(value)
            {
                written.push_str(&other);
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
        Value::Text(text) => written_text(dialect, text),
        Value::Blob(bytes) => dialect.bytes(bytes),
    }
}

/// A text literal whose control characters can be seen.
fn written_text(dialect: Dialect, text: &str) -> String {
    let is_hidden = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    if !text.contains(is_hidden) {
        return dialect.literal(text);
    }
    let mut parts = Vec::new();
    for part in text.split_inclusive(is_hidden) {
        let shown = part.trim_end_matches(is_hidden);
        if !shown.is_empty() {
            parts.push(dialect.literal(shown));
        }
        parts.extend(part[shown.len()..].chars().map(|c| dialect.character(c)));
    }
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    dialect.concat(&parts)
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement")
            .field("text", self.text.of(Dialect::Sqlite))
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

    #[test]
    fn control_characters_of_a_parameter_can_be_seen() {
        let statement = Statement::new(|d| d.param(1), vec!["%d\u{1f}%m\u{1f}".into()]);
        assert_eq!(statement.written_out(Dialect::Mssql), "(N'%d' + NCHAR(31) + N'%m' + NCHAR(31))");
        assert_eq!(statement.written_out(Dialect::Sqlite), "('%d' || char(31) || '%m' || char(31))");
    }

    #[test]
    fn only_parameters_that_are_null_are_written_into_the_text() {
        let text = |d: Dialect| format!("SELECT {}, {}, '@P1', {}", d.param(1), d.param(2), d.param(10));
        let mut params = vec![Value::Null, 7.into()];
        params.resize(10, "x".into());
        let statement = Statement::new(text, params);
        assert_eq!(
            statement.nulls_written_out(Dialect::Mssql),
            "SELECT CAST(NULL AS nvarchar(4000)), @P2, '@P1', @P10"
        );
        let full = Statement::new(text, vec!["x".into(); 10]);
        assert!(matches!(full.nulls_written_out(Dialect::Mssql), Cow::Borrowed(_)));
    }
}
