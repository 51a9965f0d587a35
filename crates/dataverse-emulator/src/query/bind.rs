//! A filter, bound to a table: names become columns, literals become values of the columns' kinds.

use dataverse_wire::literal::parse_guid;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::ast::{Ast, Comparison, Literal, TextTest};
use super::members::Members;
use super::pattern::Pattern;
use crate::refusal::{self, Refusal};
use crate::schema::{Kind, Property, Schema, Table};
use crate::settings::Settings;
use crate::state::row::{ColumnId, TableId};
use crate::write::{parse_day, parse_instant};

/// A condition on rows of one table.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Compare(Path, Comparison, Value),
    Text(Path, TextTest, String),
    /// FetchXML's `like`; the pattern is folded as texts are.
    Like(Path, Pattern),
    In(Path, Vec<Value>),
    Between(Path, Value, Value),
    /// A multi-select choice holds one of these (or, negated, none).
    Holds(Path, Vec<i64>),
    /// `any` and `all` over a collection.
    Members(Box<Members>),
}

/// A column, perhaps of a row that lookups lead to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path {
    /// Each lookup, and the table it must point to.
    pub(crate) hops: Vec<(ColumnId, TableId)>,
    pub(crate) table: TableId,
    pub(crate) column: ColumnId,
}

/// A literal in the form in which its column is compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    /// Lower case where text is compared without regard to it.
    Text(String),
    Integer(i64),
    Decimal(Decimal),
    Double(f64),
    Boolean(bool),
    Instant(i64),
    Day(i64),
    Id(Uuid),
}

/// Binds filters to one table.
#[derive(Clone, Copy)]
pub(crate) struct Binder<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) table: &'a Table,
    pub(crate) settings: &'a Settings,
}

impl Binder<'_> {
    /// Finds the column behind a path such as `name`, `_primarycontactid_value` or `primarycontactid/fullname`.
    pub(crate) fn path(&self, text: &str) -> Result<Path, Refusal> {
        let (table, hops, name) = match text.rsplit_once('/') {
            None => (self.table, Vec::new(), text),
            Some((lookups, name)) => {
                let parent = self.parent(lookups)?;
                (self.schema.table(parent.table).as_ref(), parent.hops, name)
            }
        };
        let column = table.readable(name).ok_or_else(|| refusal::no_query_property(table, name))?;
        self.settings.must_keep(table, column)?;
        Ok(Path { hops, table: table.id, column })
    }

    /// The primary key of the row that lookups such as `primarycontactid` lead to.
    pub(super) fn parent(&self, lookups: &str) -> Result<Path, Refusal> {
        let mut table: &Table = self.table;
        let mut hops = Vec::new();
        for segment in lookups.split('/') {
            let no_lookup = || refusal::no_query_property(table, segment);
            let Some(Property::Navigation { column, targets }) = table.properties.get(segment) else {
                return Err(no_lookup());
            };
            let [target] = targets.as_slice() else { return Err(no_lookup()) };
            self.settings.must_keep(table, *column)?;
            hops.push((*column, *target));
            table = self.schema.table(*target);
        }
        Ok(Path { hops, table: table.id, column: table.primary })
    }

    pub(crate) fn bind(&self, ast: &Ast) -> Result<Condition, Refusal> {
        let both = |left: &Ast, right: &Ast| {
            Ok::<_, Refusal>((Box::new(self.bind(left)?), Box::new(self.bind(right)?)))
        };
        Ok(match ast {
            Ast::And(left, right) => {
                let (left, right) = both(left, right)?;
                Condition::And(left, right)
            }
            Ast::Or(left, right) => {
                let (left, right) = both(left, right)?;
                Condition::Or(left, right)
            }
            Ast::Not(inner) => Condition::Not(Box::new(self.bind(inner)?)),
            Ast::Compare(path, comparison, literal) => {
                let path = self.path(path)?;
                let value = self.value(&path, literal)?;
                Condition::Compare(path, *comparison, value)
            }
            Ast::Text(path, kind, wanted) => {
                let path = self.path(path)?;
                Condition::Text(path, *kind, self.folded(wanted))
            }
            Ast::Function(name, path, literals) => {
                let path = self.path(path)?;
                self.function(name, path, literals)?
            }
            Ast::Lambda { collection, all, inner } => {
                Condition::Members(Box::new(Members::bind(self, collection, *all, inner.as_ref())?))
            }
        })
    }

    fn function(&self, name: &str, path: Path, literals: &[Literal]) -> Result<Condition, Refusal> {
        let multiple =
            matches!(self.schema.table(path.table).column(path.column).kind, Kind::MultiChoice { .. });
        let negated = name.starts_with("Not") || name.starts_with("DoesNot");
        let condition = match name {
            "ContainValues" | "DoesNotContainValues" if multiple => {
                let values = literals
                    .iter()
                    .filter_map(|literal| match literal {
                        Literal::Text(text) | Literal::Number(text) => text.parse().ok(),
                        _ => None,
                    })
                    .collect();
                Condition::Holds(path, values)
            }
            "In" | "NotIn" => {
                let values: Result<_, _> =
                    literals.iter().map(|literal| self.value(&path, literal)).collect();
                Condition::In(path, values?)
            }
            "Between" | "NotBetween" => match literals {
                [low, high] => {
                    Condition::Between(path.clone(), self.value(&path, low)?, self.value(&path, high)?)
                }
                _ => return Err(refusal::bad_query(format_args!("{name} takes two values."))),
            },
            _ => {
                let what = format!("The query function Microsoft.Dynamics.CRM.{name}");
                return Err(refusal::not_emulated(what));
            }
        };
        Ok(if negated { Condition::Not(Box::new(condition)) } else { condition })
    }

    pub(super) fn folded(&self, text: &str) -> String {
        if self.settings.case_insensitive_text { text.to_lowercase() } else { text.to_owned() }
    }

    pub(super) fn value(&self, path: &Path, literal: &Literal) -> Result<Value, Refusal> {
        let table = self.schema.table(path.table);
        let column = table.column(path.column);
        let mismatch = || {
            refusal::bad_query(format_args!(
                "A binary operator with incompatible types was detected: '{}' of '{}' cannot be compared with {literal:?}.",
                column.name, table.name
            ))
        };
        let text = match literal {
            Literal::Null => return Ok(Value::Null),
            Literal::Boolean(value) => {
                return match column.kind {
                    Kind::Boolean { .. } => Ok(Value::Boolean(*value)),
                    _ => Err(mismatch()),
                };
            }
            Literal::Guid(id) => {
                return match column.kind {
                    Kind::Lookup { .. } | Kind::Id => Ok(Value::Id(*id)),
                    Kind::Text { .. } => Ok(Value::Text(self.folded(&id.to_string()))),
                    _ => Err(mismatch()),
                };
            }
            // In and Between quote every value.
            Literal::Number(text) | Literal::Text(text) | Literal::Date(text) => text.as_str(),
        };
        let quoted = matches!(literal, Literal::Text(_));
        let value = match &column.kind {
            Kind::Text { .. } | Kind::Name | Kind::Image | Kind::MultiChoice { .. } => {
                quoted.then(|| Value::Text(self.folded(text)))
            }
            Kind::Integer { .. }
            | Kind::BigInt
            | Kind::Choice { .. }
            | Kind::State { .. }
            | Kind::Status { .. } => text.parse().ok().map(Value::Integer),
            Kind::Decimal { .. } | Kind::Money { .. } => {
                text.parse().or_else(|_| Decimal::from_scientific(text)).ok().map(Value::Decimal)
            }
            Kind::Double { .. } => text.parse().ok().map(Value::Double),
            Kind::Boolean { .. } => text.parse().ok().map(Value::Boolean),
            Kind::DateTime => parse_instant(text).map(|instant| Value::Instant(instant.seconds)),
            Kind::Date => parse_day(text.get(..10).unwrap_or(text)).map(Value::Day),
            Kind::Lookup { .. } | Kind::Id => parse_guid(text.trim_matches(['{', '}'])).map(Value::Id),
            Kind::Elsewhere { .. } => None,
        };
        value.ok_or_else(mismatch)
    }
}
