//! The functions of ours that SQL calls: what SQL cannot do the same on both engines.
//!
//! SQLite borrows them from here; SQL Server has them in the schema `migration`, from the texts in `tsql/`, which answer
//! the same.
//!
//! | function | answer |
//! |---|---|
//! | `dv_trim(x)` | without Unicode blanks at both ends; NULL when nothing is left |
//! | `dv_fit(x, max)` | at most `max` UTF-16 units, no surrogate pair split |
//! | `dv_length(x)` | UTF-16 units |
//! | `dv_control(x)` | 1 when there is a control character that the service refuses |
//! | `dv_date(x, formats, zone, form)` | staged date, NULL when it is none |
//! | `dv_number(x, decimal)` | canonical digits, NULL when it is no number |
//! | `dv_integer(x, decimal)` | whole number, NULL when it is none |
//! | `dv_double(x, decimal)` | double (on SQL Server its digits), NULL when it is no number |
//! | `dv_round(x, places)` | canonical digits, rounded |
//! | `dv_scale(x)` | digits behind the point of canonical digits or a double |
//! | `dv_beyond(x, min, max)` | 1 when canonical digits lie outside; SQL Server compares its decimals |
//! | `dv_boolean(x, yes, no)` | 1, 0, or NULL when it is neither |
//! | `dv_guid(x)` | lower case with hyphens, NULL when it is none |
//! | `dv_hash(…)` | 16 digits over all arguments; on SQL Server an expression |
//!
//! All but `dv_hash` answer NULL to NULL.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::str::FromStr;

use rust_decimal::Decimal;
use staging_schema::Value;
use staging_store::ScalarFunction;
use twox_hash::XxHash3_64;

use crate::values::{
    DateForm, DateReader, DecimalSign, Words, canonical_number, fit_text, has_control_character,
    read_boolean, round_number, scale_of, trim_text, utf16_length,
};

/// Separates the items of a list that travels as one text.
pub(crate) const LIST: char = '\u{1f}';

/// The functions that a store for transformation needs; give them to `StoreOptions::functions`.
///
/// In the order in which SQL Server can make them: those that others call come first.
pub fn functions() -> Vec<ScalarFunction> {
    macro_rules! tsql {
        ($name:literal) => {
            Some(include_str!(concat!("tsql/", $name, ".sql")))
        };
    }
    let table: [(&'static str, i32, Call, Option<&'static str>); 14] = [
        ("dv_trim", 1, trim, tsql!("dv_trim")),
        ("dv_fit", 2, fit, tsql!("dv_fit")),
        ("dv_length", 1, length, tsql!("dv_length")),
        ("dv_control", 1, control, tsql!("dv_control")),
        ("dv_number", 2, number, tsql!("dv_number")),
        ("dv_integer", 2, integer, tsql!("dv_integer")),
        ("dv_double", 2, double, tsql!("dv_double")),
        ("dv_round", 2, round, tsql!("dv_round")),
        ("dv_scale", 1, scale, tsql!("dv_scale")),
        // Typed columns are compared as they are.
        ("dv_beyond", 3, beyond, None),
        ("dv_boolean", 3, boolean, tsql!("dv_boolean")),
        ("dv_guid", 1, guid, tsql!("dv_guid")),
        ("dv_date", 4, date, tsql!("dv_date")),
        ("dv_hash", -1, hash, None),
    ];
    table.into_iter().map(|(name, arity, call, tsql)| ScalarFunction { name, arity, call, tsql }).collect()
}

type Answer = Result<Value, String>;
type Call = fn(&[Value]) -> Answer;

/// The text of an argument, numbers as SQLite would write them.
fn text_of(value: &Value) -> Option<std::borrow::Cow<'_, str>> {
    match value {
        Value::Null | Value::Blob(_) => None,
        Value::Text(text) => Some(text.as_str().into()),
        Value::Integer(n) => Some(n.to_string().into()),
        Value::Real(n) => Some(n.to_string().into()),
    }
}

fn with_text(arguments: &[Value], answer: impl FnOnce(&str) -> Answer) -> Answer {
    match arguments.first().and_then(text_of) {
        Some(text) => answer(&text),
        None => Ok(Value::Null),
    }
}

fn word(arguments: &[Value], index: usize) -> Result<&str, String> {
    arguments
        .get(index)
        .and_then(Value::as_text)
        .ok_or_else(|| format!("argument {} must be a text", index + 1))
}

fn count(arguments: &[Value], index: usize) -> Result<usize, String> {
    let n = arguments.get(index).and_then(Value::as_integer).and_then(|n| usize::try_from(n).ok());
    n.ok_or_else(|| format!("argument {} must be a whole number", index + 1))
}

fn trim(arguments: &[Value]) -> Answer {
    with_text(arguments, |text| {
        let trimmed = trim_text(text);
        Ok(if trimmed.is_empty() { Value::Null } else { Value::from(trimmed) })
    })
}

fn fit(arguments: &[Value]) -> Answer {
    let max = count(arguments, 1)?;
    with_text(arguments, |text| Ok(Value::from(fit_text(text, max))))
}

fn length(arguments: &[Value]) -> Answer {
    with_text(arguments, |text| Ok(Value::Integer(i64::try_from(utf16_length(text)).unwrap_or(i64::MAX))))
}

fn control(arguments: &[Value]) -> Answer {
    with_text(arguments, |text| Ok(Value::from(has_control_character(text))))
}

fn sign(arguments: &[Value]) -> Result<DecimalSign, String> {
    DecimalSign::parse(arguments.get(1).and_then(Value::as_text))
        .ok_or_else(|| "unknown decimal sign".to_owned())
}

fn number(arguments: &[Value]) -> Answer {
    let sign = sign(arguments)?;
    with_text(arguments, |text| Ok(canonical_number(text, sign).into()))
}

fn integer(arguments: &[Value]) -> Answer {
    let sign = sign(arguments)?;
    with_text(arguments, |text| {
        let whole = canonical_number(text, sign).and_then(|digits| digits.parse::<i64>().ok());
        Ok(whole.into())
    })
}

fn double(arguments: &[Value]) -> Answer {
    let sign = sign(arguments)?;
    with_text(arguments, |text| {
        let double = canonical_number(text, sign).and_then(|digits| digits.parse::<f64>().ok());
        Ok(double.filter(|double| double.is_finite()).into())
    })
}

fn round(arguments: &[Value]) -> Answer {
    let places = count(arguments, 1)?;
    with_text(arguments, |text| {
        let rounded = round_number(text, places);
        Ok(match arguments.first() {
            Some(Value::Real(_)) => rounded.parse::<f64>().ok().into(),
            _ => Value::Text(rounded),
        })
    })
}

fn scale(arguments: &[Value]) -> Answer {
    with_text(arguments, |text| {
        let digits = canonical_number(text, DecimalSign::Plain).ok_or("not a number")?;
        Ok(Value::Integer(i64::try_from(scale_of(&digits)).unwrap_or(i64::MAX)))
    })
}

fn beyond(arguments: &[Value]) -> Answer {
    let limit = |index: usize| arguments.get(index).and_then(text_of).map(|text| Decimal::from_str(&text));
    with_text(arguments, |text| {
        // More digits than a decimal holds are beyond every limit of Dataverse.
        let Ok(value) = Decimal::from_str(text) else { return Ok(Value::from(true)) };
        let below = matches!(limit(1), Some(Ok(min)) if value < min);
        let above = matches!(limit(2), Some(Ok(max)) if value > max);
        Ok(Value::from(below || above))
    })
}

fn guid(arguments: &[Value]) -> Answer {
    with_text(arguments, |text| {
        let bare = trim_text(text).trim_start_matches('{').trim_end_matches('}').to_lowercase();
        let is_guid = bare.len() == 36
            && bare.bytes().enumerate().all(|(index, byte)| match index {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            });
        Ok(if is_guid { Value::Text(bare) } else { Value::Null })
    })
}

fn boolean(arguments: &[Value]) -> Answer {
    let list = |index: usize| -> Result<Vec<String>, String> {
        let joined = word(arguments, index)?;
        // Every word is written with a separator behind it, so that no word and the empty word differ.
        Ok(joined.split_terminator(LIST).map(str::to_owned).collect())
    };
    let words = Words { yes: list(1)?, no: list(2)? };
    with_text(arguments, |text| Ok(read_boolean(text, &words).map_or(Value::Null, Value::from)))
}

fn date(arguments: &[Value]) -> Answer {
    thread_local! {
        /// A column asks with the same settings for every row.
        static READERS: RefCell<HashMap<String, Rc<DateReader>>> = RefCell::default();
    }
    let (formats, form) = (word(arguments, 1)?, word(arguments, 3)?);
    let zone = arguments.get(2).and_then(Value::as_text);
    let settings = format!("{formats}{LIST}{LIST}{}{LIST}{form}", zone.unwrap_or_default());
    let reader = READERS.with_borrow(|readers| readers.get(&settings).cloned());
    let reader = if let Some(reader) = reader {
        reader
    } else {
        let list: Vec<String> = formats.split_terminator(LIST).map(str::to_owned).collect();
        let form = DateForm::from_word(form).ok_or("unknown form of date")?;
        let reader = Rc::new(DateReader::new(&list, zone, form)?);
        READERS.with_borrow_mut(|readers| readers.insert(settings, Rc::clone(&reader)));
        reader
    };
    with_text(arguments, |text| Ok(reader.read(text).into()))
}

#[expect(clippy::unnecessary_wraps, reason = "all functions for SQL have one signature")]
fn hash(arguments: &[Value]) -> Answer {
    let mut content = Vec::with_capacity(arguments.len() * 24);
    for argument in arguments {
        match argument {
            Value::Null => content.push(0),
            Value::Integer(n) => {
                content.push(1);
                content.extend_from_slice(&n.to_le_bytes());
            }
            Value::Real(n) => {
                content.push(2);
                content.extend_from_slice(&n.to_bits().to_le_bytes());
            }
            Value::Text(text) => {
                content.push(3);
                content.extend_from_slice(&(text.len() as u64).to_le_bytes());
                content.extend_from_slice(text.as_bytes());
            }
            Value::Blob(bytes) => {
                content.push(4);
                content.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
                content.extend_from_slice(bytes);
            }
        }
    }
    Ok(Value::Text(format!("{:016x}", XxHash3_64::oneshot(&content))))
}

/// A list as one text: every item with a separator behind it.
pub(crate) fn listed(items: &[String]) -> String {
    items.iter().flat_map(|item| [item.as_str(), "\u{1f}"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(call: Call, arguments: &[Value], expected: &Value) {
        assert!(call(arguments).unwrap() == *expected, "{arguments:?}");
    }

    #[test]
    fn every_function_has_its_form_for_sql_server() {
        for function in
            functions().iter().filter(|function| !matches!(function.name, "dv_hash" | "dv_beyond"))
        {
            let text = function.tsql.unwrap();
            assert!(
                text.contains(&format!("CREATE FUNCTION [migration].[{}]", function.name)),
                "{}",
                function.name
            );
            assert!(text.starts_with("-- "), "{} begins with what it is for", function.name);
        }
    }

    #[test]
    fn null_in_null_out() {
        for function in functions().iter().filter(|function| !matches!(function.name, "dv_hash")) {
            let mut arguments = vec![Value::Null, Value::Null, Value::Null, Value::from("day")];
            match function.name {
                "dv_fit" | "dv_round" => arguments[1] = Value::Integer(1),
                "dv_date" => arguments[1] = Value::from(""),
                "dv_boolean" => arguments[1..3].fill(Value::from("1\u{1f}")),
                _ => {}
            }
            assert!((function.call)(&arguments).unwrap().is_null(), "{}", function.name);
        }
    }

    #[test]
    fn the_hash_tells_neighbouring_cells_and_kinds_apart() {
        let of = |arguments: &[Value]| hash(arguments).unwrap().as_text().unwrap().to_owned();
        assert_ne!(of(&["ab".into(), "c".into()]), of(&["a".into(), "bc".into()]));
        assert_ne!(of(&[Value::Null, "".into()]), of(&["".into(), Value::Null]));
        assert_ne!(of(&[Value::Integer(1)]), of(&["1".into()]));
        assert_eq!(of(&["ä".into()]).len(), 16);
    }

    #[test]
    fn guids_are_brought_to_one_form() {
        let expected = Value::from("00000000-0000-0000-0000-00000000abcd");
        check(guid, &["{00000000-0000-0000-0000-00000000ABCD}".into()], &expected);
        check(guid, &["00000000-0000-0000-0000-00000000abc".into()], &Value::Null);
    }

    #[test]
    fn limits_are_compared_digit_by_digit() {
        let beyond =
            |text: &str| beyond(&[text.into(), "-922337203685477".into(), "922337203685477".into()]).unwrap();
        assert!(beyond("922337203685477") == Value::Integer(0));
        assert!(beyond("922337203685477.0001") == Value::Integer(1));
        assert!(beyond("-99999999999999999999999999999999999999") == Value::Integer(1));
    }
}
