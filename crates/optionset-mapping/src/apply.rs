//! Texts become values, one statement per source and slice.

use std::ops::RangeInclusive;

use staging_schema::{
    Dialect, Mode, Pass, RequestState, StagedColumn, StagedKind, Statement, TableName, TargetTable, control,
};
use staging_store::{SLICE_ROWS, Store};

use crate::Error;
use crate::error::while_doing;
use crate::row::{self, BLANK};
use crate::texts::{Separators, choice_columns, separator};

/// Fills the values of all choice columns of a table from the mapping table. Returns the rows whose value changed.
///
/// A row of which something was sent at its generation begins a new one when one of its values changes; a second run changes nothing.
/// A multi-select choice gets its values only when every token is mapped.
///
/// # Errors
/// A separator cannot be used, or the staging database refused.
pub async fn apply(store: &Store, target: &TargetTable, separators: &Separators) -> Result<u64, Error> {
    let failed = |doing| while_doing(&target.logical_name, doing);
    let mut changed = 0;
    for source in sources(store, target).await? {
        let columns = separated(target, &source, separators)?;
        if columns.is_empty() {
            continue;
        }
        changed += store
            .in_slices(&target.name(), SLICE_ROWS, |slice| statement(target, &columns, &source, &slice))
            .await
            .map_err(failed("turning texts into values"))?;
    }
    tracing::info!(table = %target.logical_name, changed, "choices mapped");
    Ok(changed)
}

/// The statement of [`apply`] for the rows of one source, for people who run it by hand; `None` where the table has no choice.
///
/// # Errors
/// A separator cannot be used.
pub fn apply_statement(
    target: &TargetTable,
    source: &str,
    separators: &Separators,
    rows: &RangeInclusive<i64>,
) -> Result<Option<Statement>, Error> {
    let columns = separated(target, source, separators)?;
    Ok((!columns.is_empty()).then(|| statement(target, &columns, source, rows)))
}

/// The choice columns of a table with the separator of their tokens.
fn separated<'a>(
    target: &'a TargetTable,
    source: &str,
    separators: &'a Separators,
) -> Result<Vec<(&'a StagedColumn, Option<&'a str>)>, Error> {
    let mut columns = Vec::new();
    for column in choice_columns(target) {
        let separator = separator(column, source, separators);
        if let Some(separator) = separator.filter(|separator| !is_usable(separator)) {
            return Err(Error::Separator {
                table: target.logical_name.clone(),
                column: column.name.clone(),
                separator: separator.to_owned(),
            });
        }
        columns.push((column, separator));
    }
    Ok(columns)
}

async fn sources(store: &Store, target: &TargetTable) -> Result<Vec<String>, Error> {
    let statement = Statement::new(
        |d| {
            let source = d.quote(control::SOURCE_TABLE);
            format!("SELECT DISTINCT {source} FROM {}", d.table(&target.name()))
        },
        Vec::new(),
    );
    let failed = || while_doing(&target.logical_name, "reading its sources");
    let rows = store.query(&statement).await.map_err(failed())?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<_, _>>().map_err(failed())
}

/// One character that needs no escape in JSON and suits `STRING_SPLIT`.
fn is_usable(separator: &str) -> bool {
    let mut characters = separator.chars();
    let only = characters.next().filter(|_| characters.next().is_none());
    only.is_some_and(|c| !c.is_control() && !matches!(c, '"' | '\\') && c.len_utf16() == 1)
}

/// The update of all choice columns for rows of one source: each row is written once, however many of its texts have values
/// now. Columns come with the separator of their tokens. Parameters: source, first and last RowId.
pub(crate) fn statement(
    target: &TargetTable,
    columns: &[(&StagedColumn, Option<&str>)],
    source: &str,
    slice: &RangeInclusive<i64>,
) -> Statement {
    Statement::new(
        |d| {
            let mut values = Vec::new();
            let mut differing = Vec::new();
            for (column, separator) in columns {
                let value = match separator {
                    Some(separator) => many(d, target, column, separator),
                    None => one(d, target, column),
                };
                let nothing = if column.kind == StagedKind::MultiChoice { "''" } else { "-2147483649" };
                let name = d.quote(&column.name);
                let text = d.quote(&column.text_column().unwrap_or_default());
                // A value without a text was given by something else than this mapping.
                values.push(format!("{name} = CASE WHEN t.{text} IS NULL THEN t.{name} ELSE {value} END"));
                differing.push(format!(
                    "(t.{text} IS NOT NULL AND COALESCE(t.{name}, {nothing}) <> COALESCE({value}, {nothing}))"
                ));
            }
            let (update, from) = d.update_around(&target.name());
            format!(
                "{update}{values}, {flags}{from} WHERE t.{row} BETWEEN {first} AND {last} AND t.{source} = {is} AND ({differing})",
                values = values.join(", "),
                differing = differing.join(" OR "),
                flags = flags(d, target),
                row = d.quote(control::ROW_ID),
                first = d.param(2),
                last = d.param(3),
                source = d.quote(control::SOURCE_TABLE),
                is = d.param(1),
            )
        },
        vec![source.into(), (*slice.start()).into(), (*slice.end()).into()],
    )
}

/// Which rows of the mapping are about this column of `t`.
fn about(d: Dialect, target: &TargetTable, column: &StagedColumn) -> String {
    format!(
        "m.TargetTable = {} AND m.TargetColumn = {} AND m.SourceTable = t.{}",
        d.literal(&target.logical_name),
        d.literal(&column.name),
        d.quote(control::SOURCE_TABLE)
    )
}

/// The value of a choice: a correlated subquery, which both engines answer through the unique index.
fn one(d: Dialect, target: &TargetTable, column: &StagedColumn) -> String {
    let text = format!("t.{}", d.quote(&column.text_column().unwrap_or_default()));
    format!(
        "(SELECT m.TargetValue FROM {} m WHERE {} AND m.SourceText = {})",
        d.table(&row::table()),
        about(d, target, column),
        d.in_bytes(&text)
    )
}

/// The values of a multi-select choice, sorted, without repetition.
fn many(d: Dialect, target: &TargetTable, column: &StagedColumn, separator: &str) -> String {
    let text = format!("t.{}", d.quote(&column.text_column().unwrap_or_default()));
    let mapping = d.table(&row::table());
    let about = about(d, target, column);
    let (tokens, token) = d.tokens(&text, separator, "k");
    format!(
        "(SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM {tokens} WHERE {token} <> '' AND NOT EXISTS (SELECT 1 FROM {mapping} m WHERE {about} AND \
         m.SourceText = {token} AND (m.TargetValue IS NOT NULL OR m.Origin = {blank}))) THEN (SELECT {listed} FROM (SELECT DISTINCT m.TargetValue FROM {tokens} \
         INNER JOIN {mapping} m ON {about} AND m.SourceText = {token} WHERE m.TargetValue IS NOT NULL) v) END)",
        listed = d.listed("v.TargetValue"),
        blank = d.literal(BLANK),
    )
}

/// A row of which something was sent at its generation begins a new one; another keeps the one that it has.
fn flags(d: Dialect, target: &TargetTable) -> String {
    let (generation, flag) = (d.quote(control::GENERATION), d.quote(control::PROCESSING_FLAG));
    let known = format!(
        "(t.{id} IS NOT NULL OR EXISTS (SELECT 1 FROM {success} y WHERE y.RowId = t.{row} AND y.Pass = {pass}))",
        id = d.quote(control::DATAVERSE_ID),
        success = d.table(&target.success()),
        row = d.quote(control::ROW_ID),
        pass = d.literal(Pass::Insert.as_str()),
    );
    // A request without outcome may have been sent with the value that is replaced.
    let sent = format!(
        "t.{flag} <> 'U' OR EXISTS (SELECT 1 FROM {success} y WHERE y.RowId = t.{row} AND y.Generation = t.{generation}) OR \
         EXISTS (SELECT 1 FROM {request} r WHERE r.TargetTable = {table} AND r.State = {open})",
        success = d.table(&target.success()),
        row = d.quote(control::ROW_ID),
        request = d.table(&TableName::target("Request")),
        table = d.literal(&target.logical_name),
        open = d.literal(RequestState::Sent.as_str()),
    );
    let mut assignments =
        format!("{generation} = t.{generation} + CASE WHEN {sent} THEN 1 ELSE 0 END, {flag} = 'U'");
    if target.mode == Mode::Load {
        let action = d.quote(control::ACTION_FLAG);
        // A row that a script has staged to be deleted stays so, whatever its choices became.
        assignments = format!(
            "{assignments}, {action} = CASE WHEN t.{action} <> 'D' AND {known} THEN 'U' ELSE t.{action} END"
        );
    }
    assignments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> TargetTable {
        let columns = vec![
            StagedColumn::new("industrycode", StagedKind::Choice),
            StagedColumn::new("new_topics", StagedKind::MultiChoice),
        ];
        TargetTable::new("account", columns).unwrap()
    }

    #[test]
    fn the_update_of_a_choice_is_one_set_based_statement() {
        let target = target();
        let statement = statement(&target, &[(&target.columns[0], None)], "Account", &(1..=50_000));
        for dialect in Dialect::ALL {
            insta::assert_snapshot!(format!("choice_{dialect:?}"), statement.text(dialect));
        }
    }

    #[test]
    fn the_update_of_a_multi_select_maps_token_by_token() {
        let target = target();
        let statement = statement(&target, &[(&target.columns[1], Some(";"))], "Account", &(1..=50_000));
        for dialect in Dialect::ALL {
            insta::assert_snapshot!(format!("multi_{dialect:?}"), statement.text(dialect));
        }
    }

    #[test]
    fn separators_are_one_plain_character() {
        for usable in [";", ",", "|", " ", "·"] {
            assert!(is_usable(usable), "{usable}");
        }
        for unusable in ["", "||", "\"", "\\", "\n", "😀"] {
            assert!(!is_usable(unusable), "{unusable}");
        }
    }
}
