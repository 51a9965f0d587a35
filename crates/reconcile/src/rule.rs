//! When does a value that was read back agree with the one that was staged?

use std::str::FromStr;

use dataverse_wire::metadata::{ColumnType, DateTimeBehavior};
use rust_decimal::Decimal;
use staging_schema::Value;

/// The comparison that fits a column's type, with the tolerance it grants.
///
/// The tolerances are the service's own normalisations (reference §2.1, §8): it keeps four decimals of money, the column's
/// precision of a decimal or double, whole seconds of a date-time, and stores empty text as null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Text, code point by code point; empty text and null agree.
    Text,
    /// Whole numbers and choice values.
    Integer,
    /// Yes or no.
    Boolean,
    /// Money: equal after rounding to four decimals.
    Money,
    /// Decimals: equal after rounding to the column's precision.
    Decimal {
        /// Digits behind the decimal point.
        precision: u8,
    },
    /// Doubles: equal after rounding to the column's precision.
    Double {
        /// Digits behind the decimal point.
        precision: u8,
    },
    /// Points in time, to the second.
    DateTime,
    /// Calendar dates.
    Date,
    /// Multi-select choices, as sets of values.
    MultiChoice,
    /// GUIDs of lookups, whatever their spelling.
    Guid,
}

impl Rule {
    /// The rule for a column, or `None` where nothing comparable is read back (party lists, files, images).
    pub fn of(column: &ColumnType) -> Option<Self> {
        Some(match column {
            ColumnType::String { .. } | ColumnType::Memo { .. } => Self::Text,
            ColumnType::Integer { .. }
            | ColumnType::BigInt
            | ColumnType::Choice { .. }
            | ColumnType::State { .. }
            | ColumnType::Status { .. } => Self::Integer,
            ColumnType::Boolean { .. } => Self::Boolean,
            ColumnType::Money { .. } => Self::Money,
            ColumnType::Decimal { precision, .. } => Self::Decimal { precision: *precision },
            ColumnType::Double { precision, .. } => Self::Double { precision: *precision },
            ColumnType::DateTime { behavior: DateTimeBehavior::DateOnly, .. } => Self::Date,
            ColumnType::DateTime { .. } => Self::DateTime,
            ColumnType::MultiChoice { .. } => Self::MultiChoice,
            ColumnType::Lookup { .. }
            | ColumnType::Customer { .. }
            | ColumnType::Owner { .. }
            | ColumnType::UniqueIdentifier => Self::Guid,
            _ => return None,
        })
    }

    /// What the rule lets pass, in words for the report.
    pub fn tolerance(self) -> &'static str {
        match self {
            Self::Text => "text: exact; empty text and null agree",
            Self::Integer => "whole numbers and choices: exact",
            Self::Boolean => "two options: exact",
            Self::Money => "money: after rounding to 4 decimals",
            Self::Decimal { .. } => "decimal: after rounding to the column's precision",
            Self::Double { .. } => "double: after rounding to the column's precision",
            Self::DateTime => "date and time: to the second, in UTC",
            Self::Date => "date only: the calendar date",
            Self::MultiChoice => "multi-select choice: as a set of values",
            Self::Guid => "lookup: the same GUID",
        }
    }

    /// Whether `read`, the JSON text of the value read back, agrees with the staged value.
    pub fn agrees(self, staged: &Value, read: &str) -> bool {
        let staged = as_text(staged);
        let read = json_text(read);
        match (staged, read) {
            (None, None) => true,
            (Some(staged), Some(read)) => self.same(&staged, &read),
            (None, Some(text)) | (Some(text), None) => self == Self::Text && text.is_empty(),
        }
    }

    fn same(self, staged: &str, read: &str) -> bool {
        match self {
            Self::Text => staged == read,
            Self::Integer => match (staged.parse::<i64>(), read.parse::<i64>()) {
                (Ok(staged), Ok(read)) => staged == read,
                _ => false,
            },
            Self::Boolean => truth(staged).is_some() && truth(staged) == truth(read),
            Self::Money => same_number(staged, read, 4),
            Self::Decimal { precision } | Self::Double { precision } => {
                same_number(staged, read, u32::from(precision))
            }
            Self::DateTime => to_second(staged) == to_second(read),
            Self::Date => staged.get(..10).unwrap_or(staged) == read.get(..10).unwrap_or(read),
            Self::MultiChoice => value_set(staged) == value_set(read),
            Self::Guid => staged.eq_ignore_ascii_case(read),
        }
    }
}

/// The plain text of a JSON scalar; `None` for null.
pub(crate) fn json_text(json: &str) -> Option<String> {
    let json = json.trim();
    if json == "null" {
        return None;
    }
    if json.starts_with('"')
        && let Ok(text) = serde_json::from_str::<String>(json)
    {
        return Some(text);
    }
    Some(json.to_owned())
}

pub(crate) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Integer(number) => Some(number.to_string()),
        Value::Real(number) => Some(number.to_string()),
        Value::Text(text) => Some(text.clone()),
        Value::Blob(bytes) => Some(format!("{} bytes", bytes.len())),
    }
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

fn same_number(staged: &str, read: &str, decimals: u32) -> bool {
    let parse = |text: &str| Decimal::from_str(text).or_else(|_| Decimal::from_scientific(text)).ok();
    match (parse(staged), parse(read)) {
        (Some(staged), Some(read)) => {
            let unit = Decimal::new(1, decimals.min(28));
            // Half a unit of the last kept digit: engines round halves either way.
            (staged - read).abs() * Decimal::TWO <= unit
        }
        _ => staged == read,
    }
}

/// `2024-01-19T09:42:24Z`, without fraction and with the offset spelt `Z`.
fn to_second(text: &str) -> String {
    let Some(seconds) = text.get(..19) else { return text.to_owned() };
    let rest = text[19..].trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    match rest {
        "" | "Z" | "z" | "+00:00" | "-00:00" => format!("{seconds}Z"),
        offset => format!("{seconds}{offset}"),
    }
}

fn value_set(text: &str) -> Vec<i64> {
    let mut values: Vec<i64> = text.split(',').filter_map(|token| token.trim().parse().ok()).collect();
    values.sort_unstable();
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: Rule, staged: &Value, read: &str, agrees: bool) {
        assert_eq!(rule.agrees(staged, read), agrees, "{rule:?}: staged {staged:?}, read {read}");
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn text_agrees_to_the_letter_and_empty_text_is_null() {
        check(Rule::Text, &text("Ærø \"x\" 😀"), r#""Ærø \"x\" 😀""#, true);
        check(Rule::Text, &text("a"), r#""A""#, false);
        check(Rule::Text, &text(""), "null", true);
        check(Rule::Text, &text("a"), "null", false);
        check(Rule::Text, &Value::Null, r#""a""#, false);
    }

    #[test]
    fn money_keeps_nineteen_digits_and_four_decimals() {
        check(Rule::Money, &text("922337203685477.5807"), "922337203685477.5807", true);
        check(Rule::Money, &text("922337203685477.5807"), "922337203685477.5806", false);
        check(Rule::Money, &text("1124741.15"), "1124741.1500", true);
        check(Rule::Money, &Value::Null, "0", false);
    }

    #[test]
    fn doubles_agree_within_their_precision() {
        check(Rule::Double { precision: 5 }, &Value::Real(47.639_583), "47.63958", true);
        check(Rule::Double { precision: 5 }, &Value::Real(47.639_583), "47.6396", false);
        check(Rule::Double { precision: 2 }, &Value::Real(1e10), "10000000000.0", true);
    }

    #[test]
    fn times_agree_to_the_second_and_dates_by_their_day() {
        check(Rule::DateTime, &text("2024-01-19T09:42:24Z"), r#""2024-01-19T09:42:24.000Z""#, true);
        check(Rule::DateTime, &text("2024-01-19T09:42:24Z"), r#""2024-01-19T09:42:25Z""#, false);
        check(Rule::Date, &text("2000-12-08"), r#""2000-12-08""#, true);
        check(Rule::Date, &text("2000-12-08"), r#""2000-12-09""#, false);
    }

    #[test]
    fn choices_lookups_and_two_options_are_exact() {
        check(Rule::Integer, &Value::Integer(3), "3", true);
        check(Rule::Integer, &Value::Integer(3), "4", false);
        check(Rule::Boolean, &Value::Integer(1), "true", true);
        check(Rule::Boolean, &Value::Integer(0), "true", false);
        check(Rule::MultiChoice, &text("1,2,3"), r#""3,1,2""#, true);
        check(Rule::MultiChoice, &text("1,2"), r#""1,2,3""#, false);
        check(
            Rule::Guid,
            &text("993fd81e-5356-4e10-97cc-cb81748be9df"),
            r#""993FD81E-5356-4E10-97CC-CB81748BE9DF""#,
            true,
        );
        check(Rule::Guid, &text("993fd81e-5356-4e10-97cc-cb81748be9df"), "null", false);
    }
}
