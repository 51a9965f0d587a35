//! Filters over metadata, which is served as JSON.

use serde_json::Value;

use super::ast::{Ast, Comparison, Literal, TextTest};
use crate::refusal::{self, Refusal};

/// Whether a definition meets a filter. Enums compare by member name, complex properties through `/Value`.
pub(crate) fn matches(ast: &Ast, definition: &Value) -> Result<bool, Refusal> {
    Ok(match ast {
        Ast::And(left, right) => matches(left, definition)? && matches(right, definition)?,
        Ast::Or(left, right) => matches(left, definition)? || matches(right, definition)?,
        Ast::Not(inner) => !matches(inner, definition)?,
        Ast::Compare(path, comparison, literal) => compare(find(definition, path), *comparison, literal),
        Ast::Text(path, kind, wanted) => find(definition, path).as_str().is_some_and(|found| match kind {
            TextTest::Contains => found.contains(wanted.as_str()),
            TextTest::StartsWith => found.starts_with(wanted.as_str()),
            TextTest::EndsWith => found.ends_with(wanted.as_str()),
        }),
        Ast::Lambda { .. } => return Err(refusal::not_emulated("Lambda operators over metadata")),
        Ast::Function(name, ..) => {
            return Err(refusal::not_emulated(format_args!("The function {name} over metadata")));
        }
    })
}

fn find<'v>(definition: &'v Value, path: &str) -> &'v Value {
    path.split('/').fold(definition, |value, name| value.get(name).unwrap_or(&Value::Null))
}

fn compare(found: &Value, comparison: Comparison, literal: &Literal) -> bool {
    let order = match (found, literal) {
        (Value::Null, Literal::Null) => Some(std::cmp::Ordering::Equal),
        (Value::Bool(found), Literal::Boolean(wanted)) => Some(found.cmp(wanted)),
        // Definitions leave out what is false.
        (Value::Null, Literal::Boolean(wanted)) => Some(false.cmp(wanted)),
        (Value::String(found), Literal::Text(wanted) | Literal::Date(wanted)) => {
            Some(found.as_str().cmp(wanted))
        }
        (Value::String(found), Literal::Guid(wanted)) => Some(found.to_lowercase().cmp(&wanted.to_string())),
        (Value::Number(found), Literal::Number(wanted)) => {
            found.as_f64().and_then(|found| found.partial_cmp(&wanted.parse().ok()?))
        }
        _ => None,
    };
    match order {
        Some(order) => comparison.holds(order),
        None => comparison == Comparison::NotEqual,
    }
}
