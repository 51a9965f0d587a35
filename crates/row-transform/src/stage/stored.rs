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

/// The value as its column takes it; on SQL Server NULL when it does not fit.
pub(crate) fn stored(sql_type: Option<SqlType>, value: Fragment) -> Fragment {
    let convert = |to: &str, value: Fragment, style: &str| {
        Fragment::sql(format!("TRY_CONVERT({to}, ")).then(value).text(style).text(")")
    };
    let mssql = match sql_type {
        Some(SqlType::Integer) => convert("int", value.clone(), ""),
        Some(SqlType::Double) => convert("float", value.clone(), ""),
        Some(SqlType::Guid) => convert("uniqueidentifier", value.clone(), ""),
        Some(SqlType::Date) => convert("date", value.clone(), ", 23"),
        Some(SqlType::Seconds) => {
            let without_zone = Fragment::sql("LEFT(").then(value.clone()).text(", 19)");
            convert("datetime2(0)", without_zone, ", 126")
        }
        Some(SqlType::Decimal { digits, scale }) => Fragment::sql("CASE WHEN ")
            .then(scale_of(value.clone()))
            .text(&format!(" <= {scale} THEN "))
            .then(convert(&format!("decimal({digits},{scale})"), value.clone(), ""))
            .text(" END"),
        Some(sql_type) => match longest(sql_type) {
            Some(max) => Fragment::sql("CASE WHEN ")
                .then(value.clone())
                .text(" IS NOT NULL AND NOT (")
                .then(is_longer(value.clone(), max))
                .text(") THEN ")
                .then(value.clone())
                .text(" END"),
            None => return value,
        },
        None => return value,
    };
    Fragment::either(value, mssql)
}

/// Which rules a value breaks that SQL Server cannot keep: each with its condition.
pub(crate) fn misfits(sql_type: SqlType, value: &Fragment) -> Vec<(Rule, Fragment)> {
    let beyond = |stored_as: Fragment| {
        Fragment::sql("(").then(value.clone()).text(" IS NOT NULL AND ").then(stored_as).text(" IS NULL)")
    };
    match sql_type {
        SqlType::Integer => vec![(Rule::Range, beyond(stored(Some(sql_type), value.clone())))],
        SqlType::Decimal { digits, scale } => {
            let too_precise = scale_of(value.clone()).text(&format!(" > {scale}"));
            let as_decimal = Fragment::sql(format!("TRY_CONVERT(decimal({digits},{scale}), "))
                .then(value.clone())
                .text(")");
            vec![(Rule::Range, beyond(as_decimal)), (Rule::Precision, too_precise)]
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
    let longer = is_longer(value.clone(), longest(sql_type).unwrap_or(u32::MAX));
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

/// Whether a text has more UTF-16 units than that, in T-SQL.
///
/// So few characters fit whatever they are, and the engine counts those by itself.
pub(crate) fn is_longer(text: Fragment, max: u32) -> Fragment {
    Fragment::sql("LEN(")
        .then(text.clone())
        .text(&format!(") > {} AND ", max / 2))
        .then(Fragment::function("dv_length", vec![text]))
        .text(&format!(" > {max}"))
}

fn scale_of(digits: Fragment) -> Fragment {
    Fragment::function("dv_scale", vec![digits])
}
