//! One value of a body: checked against its column and normalised as the service does.

use std::borrow::Cow;
use std::fmt;

use dataverse_wire::literal::{KeyLiteral, parse_guid};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::date::{EARLIEST, LATEST, parse_day, parse_instant};
use crate::refusal::{self, Refusal};
use crate::schema::{Column, Kind, Table};
use crate::settings::Settings;
use crate::state::row::{Cell, ColumnId, Draft};

/// A JSON value that is not a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar<'de> {
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
    Text(Cow<'de, str>),
    /// An object or an array.
    Complex,
}

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Double(value) => value.fmt(f),
            Self::Text(text) => f.write_str(text.get(..60.min(text.len())).unwrap_or("…")),
            Self::Complex => f.write_str("{…}"),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        #[expect(clippy::cast_precision_loss, reason = "beyond 63 bits no column takes it anyway")]
        Ok(i64::try_from(value).map_or(Scalar::Double(value as f64), Scalar::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Double(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Complex)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Complex)
    }
}

/// Whether a column's numbers must be read as the digits they were sent as.
pub(crate) fn keeps_digits(column: &Column) -> bool {
    matches!(column.kind, Kind::Decimal { .. } | Kind::Money { .. })
}

/// Checks a value and sets the column, or clears it.
pub(crate) fn set_value(
    table: &Table,
    id: ColumnId,
    value: &Scalar<'_>,
    settings: &Settings,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let column = table.column(id);
    if *value == Scalar::Null {
        if matches!(column.kind, Kind::Boolean { default: Some(_), .. }) {
            draft.set(id, Cell::Null); // Otherwise its default would show through.
        } else {
            draft.clear(id);
        }
        return Ok(());
    }
    let wrong = |expected| refusal::wrong_type(table, column, &value.to_string(), expected);
    match &column.kind {
        Kind::Text { max } => {
            let Scalar::Text(text) = value else { return Err(wrong("Edm.String")) };
            set_text(table, id, text, *max, settings, draft)?;
        }
        Kind::Name | Kind::Image => {
            let Scalar::Text(text) = value else { return Err(wrong("Edm.String")) };
            draft.set(id, Cell::Text(text));
        }
        Kind::Integer { min, max } => {
            let number = integer(value, settings).ok_or_else(|| wrong("Edm.Int32"))?;
            if number < *min || number > *max {
                let range = format!("Minimum: {min}, maximum: {max}.");
                return Err(refusal::out_of_range(0x8004_432F, table, column, number, &range));
            }
            draft.set(id, Cell::Integer(number));
        }
        Kind::BigInt => {
            let number = integer(value, settings).ok_or_else(|| wrong("Edm.Int64"))?;
            draft.set(id, Cell::Integer(number));
        }
        Kind::Decimal { .. } | Kind::Money { .. } => {
            let text = match value {
                Scalar::Text(text) if !settings.numbers_as_text.refuses() => text.clone(),
                Scalar::Integer(number) => Cow::Owned(number.to_string()),
                Scalar::Double(number) => Cow::Owned(number.to_string()),
                _ => return Err(wrong("Edm.Decimal")),
            };
            set_digits(table, id, &text, draft)?;
        }
        Kind::Double { min, max, precision } => {
            let number = double(value, settings).ok_or_else(|| wrong("Edm.Double"))?;
            if min.is_some_and(|min| number < min) || max.is_some_and(|max| number > max) {
                let range = format!(
                    "Minimum: {:?}, maximum: {:?}.",
                    min.unwrap_or(f64::MIN),
                    max.unwrap_or(f64::MAX)
                );
                return Err(refusal::out_of_range(0x8004_4330, table, column, number, &range));
            }
            let scale = 10_f64.powi(i32::try_from(*precision).unwrap_or(0));
            draft.set(id, Cell::Double((number * scale).round() / scale));
        }
        Kind::Boolean { .. } => {
            let Scalar::Boolean(value) = value else { return Err(wrong("Edm.Boolean")) };
            draft.set(id, Cell::Boolean(*value));
        }
        Kind::DateTime => {
            let Scalar::Text(text) = value else { return Err(wrong("Edm.DateTimeOffset")) };
            let instant = parse_instant(text)
                .filter(|instant| instant.has_offset || !settings.date_time_without_offset.refuses())
                .ok_or_else(|| wrong("Edm.DateTimeOffset"))?;
            if !(EARLIEST..=LATEST).contains(&instant.seconds) {
                return Err(refusal::date_out_of_range(column));
            }
            draft.set(id, Cell::Instant(instant.seconds));
        }
        Kind::Date => {
            let Scalar::Text(text) = value else { return Err(wrong("Edm.Date")) };
            let day = match parse_day(text) {
                Some(day) => Some(day),
                None if settings.time_in_date_only_column.refuses() => None,
                None => parse_instant(text).map(|instant| instant.seconds.div_euclid(86_400)),
            };
            let day = day.ok_or_else(|| wrong("Edm.Date"))?;
            if !(EARLIEST..=LATEST).contains(&(day * 86_400)) {
                return Err(refusal::date_out_of_range(column));
            }
            draft.set(id, Cell::Day(i32::try_from(day).unwrap_or_default()));
        }
        Kind::Choice { options } | Kind::State { options } => {
            let number = integer(value, settings).ok_or_else(|| wrong("Edm.Int32"))?;
            if !options.is_empty() && column.kind.label(number).is_none() {
                return Err(no_option(table, column, number, options));
            }
            draft.set(id, Cell::Integer(number));
        }
        Kind::Status { .. } => {
            // Which statuses fit depends on the state: checked when the row is known.
            let number = integer(value, settings).ok_or_else(|| wrong("Edm.Int32"))?;
            draft.set(id, Cell::Integer(number));
        }
        Kind::MultiChoice { options } => {
            let Scalar::Text(text) = value else { return Err(wrong("Edm.String")) };
            let mut chosen = Vec::new();
            for token in text.split(',').map(str::trim).filter(|token| !token.is_empty()) {
                let number: i64 = token.parse().map_err(|_| wrong("Edm.String"))?;
                if !options.is_empty() && column.kind.label(number).is_none() {
                    return Err(no_option(table, column, number, options));
                }
                chosen.push(number);
            }
            chosen.sort_unstable();
            chosen.dedup();
            if chosen.is_empty() {
                draft.clear(id);
            } else {
                let text: Vec<String> = chosen.iter().map(ToString::to_string).collect();
                draft.set(id, Cell::Text(&text.join(",")));
            }
        }
        Kind::Id => {
            let Scalar::Text(text) = value else { return Err(wrong("Edm.Guid")) };
            draft.set(id, Cell::Id(parse_guid(text).ok_or_else(|| wrong("Edm.Guid"))?));
        }
        Kind::Lookup { .. } | Kind::Elsewhere { .. } => {
            return Err(refusal::no_property(table, &column.name));
        }
    }
    Ok(())
}

fn no_option(table: &Table, column: &Column, value: i64, options: &[(i32, String)]) -> Refusal {
    let accepted: Vec<String> = options.iter().map(|(option, _)| option.to_string()).collect();
    let range = format!("Accepted Values: {}", accepted.join(","));
    refusal::out_of_range(0x8004_431A, table, column, value, &range)
}

fn set_text(
    table: &Table,
    id: ColumnId,
    text: &str,
    max: u32,
    settings: &Settings,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let column = table.column(id);
    if text.is_empty() && settings.empty_text_is_null {
        draft.clear(id);
        return Ok(());
    }
    let max_units = max as usize;
    // No text has more UTF-16 units than bytes.
    if text.len() > max_units && text.encode_utf16().count() > max_units {
        return Err(refusal::too_long(table, column, max));
    }
    if text.bytes().any(|byte| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) {
        return Err(refusal::bad_characters(column));
    }
    draft.set(id, Cell::Text(text));
    Ok(())
}

/// Sets a decimal or money column from digits: range first, then rounded to what is kept.
pub(crate) fn set_digits(table: &Table, id: ColumnId, text: &str, draft: &mut Draft) -> Result<(), Refusal> {
    let column = table.column(id);
    let wrong = || refusal::wrong_type(table, column, text, "Edm.Decimal");
    let number: Decimal = text.parse().or_else(|_| Decimal::from_scientific(text)).map_err(|_| {
        // Well-formed, but larger than any column: an overflow, not a mistake in the payload.
        if text.parse::<f64>().is_ok_and(|number| number.abs() > 1e15) {
            overflow(table, column, text)
        } else {
            wrong()
        }
    })?;
    let (min, max, scale, is_money) = match &column.kind {
        Kind::Decimal { min, max, precision } => (min, max, *precision, false),
        Kind::Money { min, max } => (min, max, 4, true),
        _ => return Err(wrong()),
    };
    if is_money && number.abs() > Decimal::new(9_223_372_036_854_775_807, 4) {
        return Err(overflow(table, column, text));
    }
    if min.is_some_and(|min| number < min) || max.is_some_and(|max| number > max) {
        let bound = |bound: &Option<Decimal>| bound.map_or_else(String::new, |bound| bound.to_string());
        let range = format!("Minimum: {}, maximum: {}.", bound(min), bound(max));
        return Err(refusal::out_of_range(0x8004_4330, table, column, text, &range));
    }
    let mut number = number.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero);
    if is_money {
        number.rescale(4); // Money is served with four decimals, whatever was sent.
    } else {
        number = number.normalize();
    }
    draft.set(id, Cell::Digits(&number.to_string()));
    Ok(())
}

fn overflow(table: &Table, column: &Column, text: &str) -> Refusal {
    refusal::refusal(
        400,
        0x8004_1136,
        format!(
            "Arithmetic overflow error: the value {text} of '{}' on record of type '{}' cannot be stored.",
            column.name, table.name
        ),
    )
}

fn integer(value: &Scalar<'_>, settings: &Settings) -> Option<i64> {
    match value {
        Scalar::Integer(number) => Some(*number),
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 53 bits")]
        Scalar::Double(number) if number.fract() == 0.0 && number.abs() < 9e15 => Some(*number as i64),
        Scalar::Text(text) if !settings.numbers_as_text.refuses() => text.parse().ok(),
        _ => None,
    }
}

fn double(value: &Scalar<'_>, settings: &Settings) -> Option<f64> {
    match value {
        Scalar::Double(number) => Some(*number),
        #[expect(clippy::cast_precision_loss, reason = "a double column keeps 15 digits at most")]
        Scalar::Integer(number) => Some(*number as f64),
        Scalar::Text(text) if !settings.numbers_as_text.refuses() => {
            text.parse().ok().filter(|n: &f64| n.is_finite())
        }
        _ => None,
    }
}

/// Sets a key column from the literal of a URL.
pub(crate) fn key_cell(
    table: &Table,
    id: ColumnId,
    literal: &KeyLiteral,
    settings: &Settings,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let column = table.column(id);
    let value = match literal {
        KeyLiteral::Text(text) | KeyLiteral::DateTime(text) => Scalar::Text(Cow::Borrowed(text.as_str())),
        KeyLiteral::Integer(number) => Scalar::Integer(*number),
        KeyLiteral::Boolean(value) => Scalar::Boolean(*value),
        KeyLiteral::Decimal(digits) if keeps_digits(column) => return set_digits(table, id, digits, draft),
        KeyLiteral::Decimal(digits) => Scalar::Double(digits.parse().unwrap_or(f64::NAN)),
        KeyLiteral::Guid(target) => {
            match &column.kind {
                Kind::Lookup { targets, .. } => {
                    let kind = targets.first().ok_or_else(|| refusal::no_such_key(&table.name))?;
                    draft.set(id, Cell::Lookup(*kind, *target));
                }
                Kind::Id => draft.set(id, Cell::Id(*target)),
                _ => return Err(refusal::no_such_key(&table.name)),
            }
            return Ok(());
        }
    };
    set_value(table, id, &value, settings, draft)
}
