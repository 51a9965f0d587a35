//! What a typed column of SQL Server takes.
//!
//! SQLite keeps any text in any column, and validation says afterwards what is wrong with it. On SQL Server one value that
//! does not fit would stop the statement for all rows: there only what fits is staged, and what does not is a finding of
//! the same rule, made from the source row.

use staging_schema::SqlType;

use crate::finding::Rule;
use crate::plan::TablePlan;
use crate::sql::Fragment;

/// Longest text with a limit of its own; longer ones have none and are held against the metadata afterwards.
const LONGEST_LIMITED: u32 = 4000;

/// The type of a physical column of the target table.
pub(crate) fn type_of(planned: &TablePlan, name: &str) -> Option<SqlType> {
    let columns = planned.target.columns.iter().flat_map(staging_schema::StagedColumn::physical);
    columns.into_iter().find(|column| column.name == name).map(|column| column.sql_type)
}

/// The value as its column takes it; where it takes values of its type only, NULL when it does not fit.
pub(crate) fn stored(sql_type: Option<SqlType>, value: Fragment) -> Fragment {
    let Some(sql_type) = sql_type else { return value };
    let fitting = match sql_type {
        SqlType::Integer | SqlType::Double | SqlType::Guid | SqlType::Date | SqlType::Seconds => {
            converted(sql_type, &value)
        }
        SqlType::Decimal { scale, .. } => Fragment::sql("CASE WHEN ")
            .then(scale_of(value.clone()))
            .text(&format!(" <= {scale} THEN "))
            .then(converted(sql_type, &value))
            .text(" END"),
        _ => match longest(sql_type) {
            Some(max) => Fragment::sql("CASE WHEN ")
                .then(value.clone())
                .text(" IS NOT NULL AND NOT (")
                .then(is_longer(&value, max))
                .text(") THEN ")
                .then(value.clone())
                .text(" END"),
            None => return value,
        },
    };
    Fragment::built(|d| if d.has_typed_columns() { fitting.clone() } else { value.clone() })
}

fn converted(sql_type: SqlType, value: &Fragment) -> Fragment {
    Fragment::over([value], |d, [value]| d.converted(value, sql_type))
}

/// Which rules a value breaks that SQL Server cannot keep: each with its condition.
pub(crate) fn misfits(sql_type: SqlType, value: &Fragment) -> Vec<(Rule, Fragment)> {
    let beyond = |stored_as: Fragment| {
        Fragment::sql("(").then(value.clone()).text(" IS NOT NULL AND ").then(stored_as).text(" IS NULL)")
    };
    match sql_type {
        SqlType::Integer => vec![(Rule::Range, beyond(stored(Some(sql_type), value.clone())))],
        SqlType::Decimal { scale, .. } => {
            let too_precise = scale_of(value.clone()).text(&format!(" > {scale}"));
            vec![(Rule::Range, beyond(converted(sql_type, value))), (Rule::Precision, too_precise)]
        }
        SqlType::Key => vec![(Rule::Lookup, too_long(sql_type, value))],
        SqlType::Text(Some(_)) => vec![(Rule::Length, too_long(sql_type, value))],
        _ => Vec::new(),
    }
    .into_iter()
    .filter(|_| !matches!(sql_type, SqlType::Text(Some(max)) if max > LONGEST_LIMITED))
    .collect()
}

fn too_long(sql_type: SqlType, value: &Fragment) -> Fragment {
    let longer = is_longer(value, longest(sql_type).unwrap_or(u32::MAX));
    Fragment::sql("(").then(longer).text(")")
}

/// How many UTF-16 units a text column takes, where that is limited.
fn longest(sql_type: SqlType) -> Option<u32> {
    match sql_type {
        SqlType::Text(Some(max)) if max <= LONGEST_LIMITED => Some(max.max(1)),
        SqlType::Key => Some(450),
        SqlType::Word => Some(128),
        SqlType::IndexedText => Some(400),
        _ => None,
    }
}

/// Whether a text has more UTF-16 units than that.
///
/// So few characters fit whatever they are, and the engine counts those by itself.
pub(crate) fn is_longer(text: &Fragment, max: u32) -> Fragment {
    Fragment::over([text], |d, [text]| format!("{} > {}", d.characters(text), max / 2))
        .text(" AND ")
        .then(Fragment::function("dv_length", vec![text.clone()]))
        .text(&format!(" > {max}"))
}

fn scale_of(digits: Fragment) -> Fragment {
    Fragment::function("dv_scale", vec![digits])
}
