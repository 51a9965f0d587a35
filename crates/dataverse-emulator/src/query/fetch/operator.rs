//! The operators of FetchXML's conditions, as conditions on one column.

use uuid::Uuid;

use super::super::ast::{Comparison, Literal, TextTest};
use super::super::bind::{Binder, Condition, Path, Value};
use super::super::pattern::Pattern;
use super::calendar::{Period, period};
use crate::refusal::{self, Refusal};
use crate::schema::Kind;

/// Who asks, and when: what operators without values compare with.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    pub(super) user: Uuid,
    /// The teams that the user is a member of.
    pub(super) teams: Vec<Uuid>,
    pub(super) business_unit: Uuid,
    /// Seconds since 1970.
    pub(super) now: i64,
}

/// Binds one condition. As the service does it, whatever is negated holds for rows without a value, too.
pub(super) fn condition(
    binder: &Binder<'_>,
    asker: &Asker,
    path: Path,
    operator: &str,
    values: &[String],
) -> Result<Condition, Refusal> {
    let positive = match operator {
        "neq" => Some("eq"),
        "not-like" => Some("like"),
        "not-in" => Some("in"),
        "not-between" => Some("between"),
        "not-null" => Some("null"),
        "not-begin-with" => Some("begins-with"),
        "not-end-with" => Some("ends-with"),
        "not-contain-values" => Some("contain-values"),
        "ne-userid" => Some("eq-userid"),
        "ne-businessid" => Some("eq-businessid"),
        _ => None,
    };
    if let Some(positive) = positive {
        return condition(binder, asker, path, positive, values).map(|it| Condition::Not(Box::new(it)));
    }
    let one = || match values {
        [value] => Ok(value.as_str()),
        _ => Err(wrong_count(operator, "one value", values.len())),
    };
    let none = || match values {
        [] => Ok(()),
        _ => Err(wrong_count(operator, "no value", values.len())),
    };
    let value = |text: &str| bound(binder, &path, text);
    Ok(match operator {
        "eq" => Condition::Compare(path.clone(), Comparison::Equal, value(one()?)?),
        "ne" => Condition::Compare(path.clone(), Comparison::NotEqual, value(one()?)?),
        "gt" => Condition::Compare(path.clone(), Comparison::Greater, value(one()?)?),
        "ge" => Condition::Compare(path.clone(), Comparison::GreaterOrEqual, value(one()?)?),
        "lt" => Condition::Compare(path.clone(), Comparison::Less, value(one()?)?),
        "le" => Condition::Compare(path.clone(), Comparison::LessOrEqual, value(one()?)?),
        "null" => {
            none()?;
            Condition::Compare(path, Comparison::Equal, Value::Null)
        }
        "in" => {
            if values.is_empty() {
                return Err(wrong_count(operator, "at least one value", 0));
            }
            let values: Result<_, _> = values.iter().map(|text| value(text)).collect();
            Condition::In(path.clone(), values?)
        }
        "between" => match values {
            [low, high] => Condition::Between(path.clone(), value(low)?, value(high)?),
            _ => return Err(wrong_count(operator, "two values", values.len())),
        },
        "like" => Condition::Like(path, Pattern::new(&binder.folded(one()?))),
        "begins-with" => Condition::Text(path, TextTest::StartsWith, binder.folded(one()?)),
        "ends-with" => Condition::Text(path, TextTest::EndsWith, binder.folded(one()?)),
        "contain-values" => {
            let numbers: Option<Vec<i64>> = values.iter().map(|text| text.trim().parse().ok()).collect();
            match numbers {
                Some(numbers) if !numbers.is_empty() => Condition::Holds(path, numbers),
                _ => return Err(wrong_count(operator, "at least one number", values.len())),
            }
        }
        "eq-userid" => {
            none()?;
            Condition::Compare(path, Comparison::Equal, Value::Id(asker.user))
        }
        "eq-userteams" => {
            none()?;
            Condition::In(path, asker.teams.iter().copied().map(Value::Id).collect())
        }
        "eq-useroruserteams" => {
            none()?;
            let owners = asker.teams.iter().chain([&asker.user]).copied();
            Condition::In(path, owners.map(Value::Id).collect())
        }
        "eq-businessid" => {
            none()?;
            Condition::Compare(path, Comparison::Equal, Value::Id(asker.business_unit))
        }
        _ => return in_period(binder, asker, path, operator, values),
    })
}

fn wrong_count(operator: &str, expected: &str, found: usize) -> Refusal {
    refusal::refusal(
        400,
        0x8004_0203,
        format!("The condition operator '{operator}' takes {expected}, and {found} were given."),
    )
}

/// A value as its column compares it: FetchXML writes every value as text.
fn bound(binder: &Binder<'_>, path: &Path, text: &str) -> Result<Value, Refusal> {
    let column = binder.schema.table(path.table).column(path.column);
    let literal = match (&column.kind, text.trim()) {
        (Kind::Boolean { .. }, "1") => Literal::Boolean(true),
        (Kind::Boolean { .. }, "0") => Literal::Boolean(false),
        (Kind::Text { .. } | Kind::Name | Kind::Image | Kind::MultiChoice { .. }, _) => {
            Literal::Text(text.to_owned())
        }
        (_, trimmed) => Literal::Text(trimmed.to_owned()),
    };
    binder.value(path, &literal)
}

/// Operators on dates: `on`, `last-x-days`, `this-month` and their kin.
fn in_period(
    binder: &Binder<'_>,
    asker: &Asker,
    path: Path,
    operator: &str,
    values: &[String],
) -> Result<Condition, Refusal> {
    let column = binder.schema.table(path.table).column(path.column);
    let Some(Period { from, until }) = period(operator, values, asker.now)? else {
        return Err(refusal::not_emulated(format_args!("The FetchXML operator '{operator}'")));
    };
    let day = |second: i64| second.div_euclid(86_400);
    let (first, last) = match column.kind {
        Kind::DateTime => (from.map(Value::Instant), until.map(|until| Value::Instant(until - 1))),
        Kind::Date => (from.map(|from| Value::Day(day(from))), until.map(|until| Value::Day(day(until - 1)))),
        _ => {
            return Err(refusal::refusal(
                400,
                0x8004_0203,
                format!(
                    "The condition operator '{operator}' needs a date: '{}' of '{}' is none.",
                    column.name, binder.table.name
                ),
            ));
        }
    };
    Ok(match (first, last) {
        (Some(first), Some(last)) => Condition::Between(path, first, last),
        (Some(first), None) => Condition::Compare(path, Comparison::GreaterOrEqual, first),
        (None, Some(last)) => Condition::Compare(path, Comparison::LessOrEqual, last),
        (None, None) => Condition::Compare(path, Comparison::NotEqual, Value::Null),
    })
}
