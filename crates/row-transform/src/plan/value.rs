//! Values: the SQL that reads the text of a rule as the type of its column.

use dataverse_wire::metadata::{ColumnType, DateTimeBehavior};

use super::formats::is_read_by_sql_server;
use super::map::Reading;
use super::source::SourceRef;
use crate::finding::Rule;
use crate::functions::listed;
use crate::model::{ColumnRule, Scalar, ValueRule, ValueSource};
use crate::problem::Problems;
use crate::sql::{Fragment, column};
use crate::values::{DateForm, DateReader, DecimalSign, Words};

/// What a value rule comes to: the staged value, and the reading that may fail.
pub(crate) struct PlannedValue {
    pub(crate) value: Fragment,
    pub(crate) reading: Option<Reading>,
}

/// Plans the value of a column of this type.
pub(crate) fn plan_value(
    name: &str,
    rule: &ColumnRule,
    value: &ValueRule,
    column_type: &ColumnType,
    source: &mut SourceRef<'_>,
    problems: &mut Problems<'_>,
) -> Option<PlannedValue> {
    let known = problems.found.len();
    let text = text_of(name, rule, value, source, problems);
    check_settings(name, rule, column_type, problems);
    let planned = read_as(name, rule, column_type, text.unwrap_or_default(), problems);
    if problems.found.len() > known { None } else { planned }
}

/// The text that the rule asks for; NULL when it is empty.
fn text_of(
    name: &str,
    rule: &ColumnRule,
    value: &ValueRule,
    source: &mut SourceRef<'_>,
    problems: &mut Problems<'_>,
) -> Option<Fragment> {
    let mut columns = |names: &[String], problems: &mut Problems<'_>| -> Option<Vec<Fragment>> {
        let found: Vec<_> = names.iter().map(|column| source.column(column, Some(name), problems)).collect();
        found.into_iter().collect()
    };
    let text = match &value.source {
        ValueSource::Columns(names) => coalesce(columns(names, problems)?),
        ValueSource::Concat(names) => {
            separated(columns(names, problems)?, rule.separator.as_deref().unwrap_or(" "))
        }
        ValueSource::Template(template) => {
            let pieces = match parse_template(template) {
                Ok(pieces) => pieces,
                Err(message) => {
                    problems.column(name, message);
                    return None;
                }
            };
            let names: Vec<String> =
                pieces.iter().filter(|piece| piece.is_column).map(|piece| piece.text.clone()).collect();
            let used = columns(&names, problems)?;
            let parts = pieces.iter().map(|piece| {
                if piece.is_column { column("s", &piece.text) } else { Fragment::param(piece.text.as_str()) }
            });
            let whole = Fragment::joined(&parts.collect::<Vec<_>>());
            if used.is_empty() {
                whole
            } else {
                Fragment::sql("CASE WHEN ")
                    .then(coalesce(used))
                    .text(" IS NOT NULL THEN ")
                    .then(whole)
                    .text(" END")
            }
        }
        ValueSource::Constant(constant) => Fragment::param(written(constant, rule)),
        ValueSource::Expression(expression) => {
            let expression = source.expression(expression, Some(name), problems)?;
            Fragment::over([&expression], |d, [expression]| d.text_or_null(expression))
        }
        ValueSource::Nothing => Fragment::no_text(),
    };
    let text = if rule.trim == Some(true) { trimmed(text) } else { text };
    Some(match &value.default {
        Some(default) => coalesce(vec![text, Fragment::param(written(default, rule))]),
        None => text,
    })
}

/// Texts with a separator between those that are there; NULL when none is.
fn separated(texts: Vec<Fragment>, separator: &str) -> Fragment {
    let units = crate::values::utf16_length(separator);
    let parts: Vec<_> = texts.into_iter().chain([Fragment::param(separator)]).collect();
    Fragment::over_all(&parts, |d, parts| match parts {
        [texts @ .., separator] => d.separated(texts, separator, units),
        [] => d.no_text().to_owned(),
    })
}

/// A constant as the source would have written it: with the rule's decimal sign.
fn written(constant: &Scalar, rule: &ColumnRule) -> String {
    let text = constant.to_string();
    let is_number = matches!(constant, Scalar::Number(_));
    if is_number && rule.decimal.as_deref() == Some(",") { text.replace('.', ",") } else { text }
}

fn coalesce(mut parts: Vec<Fragment>) -> Fragment {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    Fragment::sql("COALESCE(").then(Fragment::join(parts, ", ")).text(")")
}

fn trimmed(text: Fragment) -> Fragment {
    Fragment::function("dv_trim", vec![text])
}

/// The staged value of a text in a column of this type.
fn read_as(
    name: &str,
    rule: &ColumnRule,
    column_type: &ColumnType,
    text: Fragment,
    problems: &mut Problems<'_>,
) -> Option<PlannedValue> {
    let sign = DecimalSign::parse(rule.decimal.as_deref()).unwrap_or(DecimalSign::Plain);
    let sign_of = || sign.setting().map_or_else(|| Fragment::sql("NULL"), Fragment::param);
    let round = rule.round == Some(true);
    let number = |text: &Fragment| Fragment::function("dv_number", vec![text.clone(), sign_of()]);
    let rounded = |text: &Fragment, places: u8| {
        Fragment::function("dv_round", vec![number(text), Fragment::sql(places.to_string())])
    };
    let whole = |text: &Fragment| {
        if round {
            let digits = rounded(text, 0);
            Fragment::function("dv_integer", vec![digits, Fragment::sql("NULL")])
        } else {
            Fragment::function("dv_integer", vec![text.clone(), sign_of()])
        }
    };
    let planned = |value: Fragment, rule: Rule| {
        let reading = Reading { column: name.to_owned(), text: text.clone(), value: value.clone(), rule };
        Some(PlannedValue { value, reading: Some(reading) })
    };
    match column_type {
        ColumnType::String { max_length } | ColumnType::Memo { max_length } => {
            let value = if rule.fit == Some(true) {
                Fragment::function("dv_fit", vec![text, Fragment::sql(max_length.to_string())])
            } else {
                text
            };
            Some(PlannedValue { value, reading: None })
        }
        ColumnType::Integer { .. } | ColumnType::BigInt => planned(whole(&text), Rule::MalformedNumber),
        ColumnType::Decimal { .. } | ColumnType::Money { .. } => {
            let value = if round { rounded(&text, kept_digits(column_type)) } else { number(&text) };
            planned(value, Rule::MalformedNumber)
        }
        ColumnType::Double { precision, .. } => {
            let value = if round {
                Fragment::function("dv_double", vec![rounded(&text, *precision), Fragment::sql("NULL")])
            } else {
                Fragment::function("dv_double", vec![text.clone(), sign_of()])
            };
            planned(value, Rule::MalformedNumber)
        }
        ColumnType::Boolean { true_label, false_label, .. } => {
            let labels = Some((true_label.as_str(), false_label.as_str()));
            let words = Words::new(rule.true_words.as_deref(), rule.false_words.as_deref(), labels);
            let read = Fragment::function(
                "dv_boolean",
                vec![text.clone(), Fragment::param(listed(&words.yes)), Fragment::param(listed(&words.no))],
            );
            let value = match words.empty_means() {
                Some(meaning) => Fragment::sql("CASE WHEN ")
                    .then(text.clone())
                    .text(&format!(" IS NULL THEN {} ELSE ", i32::from(meaning)))
                    .then(read)
                    .text(" END"),
                None => read,
            };
            planned(value, Rule::MalformedBoolean)
        }
        ColumnType::DateTime { behavior, .. } => {
            let form = match behavior {
                DateTimeBehavior::UserLocal => DateForm::Instant,
                DateTimeBehavior::DateOnly => DateForm::Day,
                DateTimeBehavior::TimeZoneIndependent => DateForm::Wall,
            };
            let formats = rule.format.as_ref().map(|formats| formats.as_slice().to_vec()).unwrap_or_default();
            if let Err(message) = DateReader::new(&formats, rule.zone.as_deref(), form) {
                problems.column(name, message);
                return None;
            }
            let zone = rule.zone.as_deref().map_or_else(|| Fragment::sql("NULL"), Fragment::param);
            let form = Fragment::word(form.word());
            let value = Fragment::function(
                "dv_date",
                vec![text.clone(), Fragment::param(listed(&formats)), zone, form],
            );
            let value = match formats.iter().find(|format| !is_read_by_sql_server(format)) {
                Some(format) => value.but_not_on_sql_server(format!("the date format {format:?}")),
                None => value,
            };
            planned(value, Rule::MalformedDate)
        }
        // The text is mapped to a value later, by the OptionSetMapping table.
        ColumnType::Choice { .. }
        | ColumnType::MultiChoice { .. }
        | ColumnType::State { .. }
        | ColumnType::Status { .. } => Some(PlannedValue { value: text, reading: None }),
        ColumnType::UniqueIdentifier => {
            planned(Fragment::function("dv_guid", vec![text.clone()]), Rule::MalformedGuid)
        }
        ColumnType::Lookup { .. } | ColumnType::Customer { .. } => {
            problems.column(name, "is a lookup: write { lookup = \"SourceColumn\", to = \"table\" }");
            None
        }
        ColumnType::Owner { .. } => {
            problems.column(name, "is the owner: write { owner = \"SourceColumn\" }");
            None
        }
        ColumnType::PartyList { .. } => {
            problems.column(name, "is a list of parties: it belongs under [map.parties]");
            None
        }
        ColumnType::Image | ColumnType::File | ColumnType::Virtual(_) => {
            problems
                .column(name, format!("a column of type {} cannot be staged yet", column_type.type_name()));
            None
        }
    }
}

/// Digits behind the point that the service keeps: of money four, whatever is shown (reference §8).
pub(crate) fn kept_digits(column_type: &ColumnType) -> u8 {
    match column_type {
        ColumnType::Money { .. } => 4,
        ColumnType::Decimal { precision, .. } | ColumnType::Double { precision, .. } => *precision,
        _ => 0,
    }
}

/// Settings that mean nothing for a column of this type, and constants that do not fit it.
fn check_settings(name: &str, rule: &ColumnRule, column_type: &ColumnType, problems: &mut Problems<'_>) {
    let is_text = matches!(column_type, ColumnType::String { .. } | ColumnType::Memo { .. });
    let is_number = matches!(
        column_type,
        ColumnType::Integer { .. }
            | ColumnType::BigInt
            | ColumnType::Decimal { .. }
            | ColumnType::Double { .. }
            | ColumnType::Money { .. }
    );
    let is_date = matches!(column_type, ColumnType::DateTime { .. });
    let is_boolean = matches!(column_type, ColumnType::Boolean { .. });
    let joins = rule.concat.is_some() || matches!(column_type, ColumnType::MultiChoice { .. });
    let misplaced = [
        ("fit", rule.fit == Some(true) && !is_text, "text columns"),
        ("format", rule.format.is_some() && !is_date, "date columns"),
        ("zone", rule.zone.is_some() && !is_date, "date columns"),
        ("decimal", rule.decimal.is_some() && !is_number, "number columns"),
        ("round", rule.round == Some(true) && !is_number, "number columns"),
        ("true", rule.true_words.is_some() && !is_boolean, "boolean columns"),
        ("false", rule.false_words.is_some() && !is_boolean, "boolean columns"),
        ("separator", rule.separator.is_some() && !joins, "`concat` and multi-select choices"),
    ];
    for (setting, is_misplaced, place) in misplaced {
        if is_misplaced {
            let message =
                format!("`{setting}` belongs to {place}; this one is of type {}", column_type.type_name());
            problems.column(name, message);
        }
    }
    if rule.decimal.is_some() && DecimalSign::parse(rule.decimal.as_deref()).is_none() {
        problems.column(name, "`decimal` is \".\" or \",\"");
    }
    for constant in [&rule.constant, &rule.default].into_iter().flatten() {
        if let Err(message) = check_constant(constant, column_type, rule) {
            problems.column(name, message);
        }
    }
}

/// A constant is the same in every row: what is wrong with it is wrong with the project.
fn check_constant(constant: &Scalar, column_type: &ColumnType, rule: &ColumnRule) -> Result<(), String> {
    let text = constant.to_string();
    let max = match column_type {
        ColumnType::String { max_length } | ColumnType::Memo { max_length } => Some(*max_length as usize),
        _ => None,
    };
    if max.is_some_and(|max| rule.fit != Some(true) && crate::values::utf16_length(&text) > max) {
        return Err(format!(
            "the constant is longer than the column's {} characters",
            max.unwrap_or_default()
        ));
    }
    if crate::values::has_control_character(&text) {
        return Err("the constant contains control characters".to_owned());
    }
    let readable = match column_type {
        ColumnType::Integer { .. } | ColumnType::BigInt => {
            crate::values::canonical_number(&text, DecimalSign::Plain)
                .is_some_and(|n| n.parse::<i64>().is_ok())
        }
        ColumnType::Decimal { .. } | ColumnType::Double { .. } | ColumnType::Money { .. } => {
            crate::values::canonical_number(&text, DecimalSign::Plain).is_some()
        }
        ColumnType::Boolean { true_label, false_label, .. } => {
            let labels = Some((true_label.as_str(), false_label.as_str()));
            let words = Words::new(rule.true_words.as_deref(), rule.false_words.as_deref(), labels);
            crate::values::read_boolean(&text, &words).is_some()
        }
        _ => true,
    };
    if readable {
        Ok(())
    } else {
        Err(format!("{text:?} is no value for a column of type {}", column_type.type_name()))
    }
}

struct TemplatePiece {
    text: String,
    is_column: bool,
}

/// Splits `"{First} and {Last}"`; `{{` and `}}` stand for braces.
fn parse_template(template: &str) -> Result<Vec<TemplatePiece>, String> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        if rest[at + 1..].starts_with(brace) {
            literal.push_str(brace);
            rest = &rest[at + 2..];
            continue;
        }
        let end = rest[at..].find('}').filter(|_| brace == "{");
        let end = end.ok_or_else(|| format!("the template {template:?} has an unpaired brace"))?;
        if !literal.is_empty() {
            pieces.push(TemplatePiece { text: std::mem::take(&mut literal), is_column: false });
        }
        pieces.push(TemplatePiece { text: rest[at + 1..at + end].to_owned(), is_column: true });
        rest = &rest[at + end + 1..];
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(TemplatePiece { text: literal, is_column: false });
    }
    Ok(pieces)
}
