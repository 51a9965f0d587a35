//! The text of the project file with the line of every key.

use serde_path_to_error::Segment;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problem};

/// A parsed project file that knows its lines.
pub(crate) struct Document<'t> {
    text: &'t str,
    table: Spanned<DeTable<'t>>,
    broken_lines: Vec<usize>,
}

impl<'t> Document<'t> {
    /// Parses as much as can be parsed; what cannot is returned beside it.
    pub(crate) fn parse(text: &'t str) -> (Self, Vec<Problem>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut document = Self { text, table, broken_lines: Vec::new() };
        let mut problems = Vec::new();
        for error in errors {
            let line = error.span().map_or(0, |span| document.line_of(span.start));
            // One slip often makes the parser stumble twice on the same line: the first message is the useful one.
            if !document.broken_lines.contains(&line) {
                document.broken_lines.push(line);
                let message = match (error.message(), error.span()) {
                    ("duplicate key", Some(span)) => {
                        format!("`{}` stands here twice", text.get(span).unwrap_or_default())
                    }
                    (message, _) => format!("this is not TOML: {message}"),
                };
                problems.push(Problem::new(Place::File { line, key: String::new() }, message));
            }
        }
        (document, problems)
    }

    /// The content as a table, in the order of the file.
    pub(crate) fn to_table(&self) -> toml::Table {
        table_of(self.table.get_ref())
    }

    /// Whether the parser stumbled anywhere.
    pub(crate) fn is_broken(&self) -> bool {
        !self.broken_lines.is_empty()
    }

    /// Whether the parser stumbled on this line.
    pub(crate) fn is_broken_at(&self, line: usize) -> bool {
        self.broken_lines.contains(&line)
    }

    /// The place of a path: the line of its last key that the file has.
    pub(crate) fn place(&self, path: &[Segment]) -> Place {
        let mut line = 0;
        let mut current: Option<At<'_, 't>> = Some(At::Table(self.table.get_ref()));
        for segment in path {
            let next = match (current, segment) {
                (Some(At::Table(table)), Segment::Map { key }) => {
                    table.iter().find(|(name, _)| name.get_ref() == key.as_str()).map(|(name, value)| {
                        line = self.line_of(name.span().start);
                        At::of(value.get_ref())
                    })
                }
                (Some(At::Array(items)), Segment::Seq { index }) => items.get(*index).map(|value| {
                    line = self.line_of(value.span().start);
                    At::of(value.get_ref())
                }),
                _ => None,
            };
            current = next;
            if current.is_none() {
                break;
            }
        }
        Place::File { line, key: dotted(path) }
    }

    fn line_of(&self, offset: usize) -> usize {
        line_after(self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes()))
    }
}

/// A place inside the document while a path is followed.
#[derive(Clone, Copy)]
enum At<'a, 't> {
    Table(&'a DeTable<'t>),
    Array(&'a [Spanned<DeValue<'t>>]),
    Leaf,
}

impl<'a, 't> At<'a, 't> {
    fn of(value: &'a DeValue<'t>) -> Self {
        match value {
            DeValue::Table(table) => Self::Table(table),
            DeValue::Array(array) => Self::Array(array),
            _ => Self::Leaf,
        }
    }
}

fn table_of(table: &DeTable<'_>) -> toml::Table {
    table.iter().map(|(key, value)| (key.get_ref().to_string(), value_of(value.get_ref()))).collect()
}

fn value_of(value: &DeValue<'_>) -> toml::Value {
    match value {
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| toml::Value::String(number.to_string()), toml::Value::Integer),
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .map_or_else(|_| toml::Value::String(number.to_string()), toml::Value::Float),
        DeValue::Boolean(value) => toml::Value::Boolean(*value),
        DeValue::Datetime(value) => toml::Value::Datetime(*value),
        DeValue::Array(items) => {
            toml::Value::Array(items.iter().map(|item| value_of(item.get_ref())).collect())
        }
        DeValue::Table(table) => toml::Value::Table(table_of(table)),
    }
}

/// The line, from 1, on which the byte behind these stands.
pub(crate) fn line_after(before: &[u8]) -> usize {
    before.split(|byte| *byte == b'\n').count()
}

/// `map[2].columns.name`.
pub(crate) fn dotted(path: &[Segment]) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                text.push('[');
                // People count from one.
                text.push_str(&(index + 1).to_string());
                text.push(']');
            }
            Segment::Map { key } | Segment::Enum { variant: key } => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
            Segment::Unknown => {}
        }
    }
    text
}
