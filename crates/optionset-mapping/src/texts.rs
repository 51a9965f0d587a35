//! The texts that stand in a staged choice column.

use std::collections::BTreeMap;

use staging_schema::{StagedColumn, StagedKind, Statement, TargetTable, control};
use staging_store::Store;

use crate::Error;
use crate::error::while_doing;

/// What separates the tokens of multi-select choices.
pub const DEFAULT_SEPARATOR: &str = ";";

/// Separators that differ from [`DEFAULT_SEPARATOR`], by source table and column.
pub type Separators = BTreeMap<(String, String), String>;

/// Rows by source table and text; of a multi-select choice by token.
pub(crate) type Texts = BTreeMap<(String, String), u64>;

/// The choice columns of a table: choices, multi-selects, state and status.
pub(crate) fn choice_columns(target: &TargetTable) -> impl Iterator<Item = &StagedColumn> {
    target.columns.iter().filter(|column| column.kind.has_choice_text())
}

/// The separator of a column's tokens in rows of a source; none for choices of one value.
pub(crate) fn separator<'s>(
    column: &StagedColumn,
    source: &str,
    separators: &'s Separators,
) -> Option<&'s str> {
    (column.kind == StagedKind::MultiChoice).then(|| {
        let own = separators.get(&(source.to_owned(), column.name.clone()));
        own.map_or(DEFAULT_SEPARATOR, String::as_str)
    })
}

/// Every text of a column with its rows. With `only_unmapped`, of rows that have no value yet.
pub(crate) async fn texts(
    store: &Store,
    target: &TargetTable,
    column: &StagedColumn,
    separators: &Separators,
    only_unmapped: bool,
) -> Result<Texts, Error> {
    let Some(text) = column.text_column() else { return Ok(Texts::new()) };
    let statement = Statement::new(
        |d| {
            let (text, source) = (d.in_bytes(&d.quote(&text)), d.quote(control::SOURCE_TABLE));
            let unmapped =
                if only_unmapped { format!(" AND {} IS NULL", d.quote(&column.name)) } else { String::new() };
            format!(
                "SELECT {source}, {text}, COUNT(*) FROM {} WHERE {text} IS NOT NULL{unmapped} GROUP BY {source}, {text}",
                d.table(&target.name())
            )
        },
        Vec::new(),
    );
    let failed = || while_doing(&target.logical_name, "reading the texts of its choices");
    let mut stream = store.stream(&statement).await.map_err(failed())?;
    let mut texts = Texts::new();
    while let Some(batch) = stream.next().await.map_err(failed())? {
        for row in batch.rows() {
            let source = row.text(0).map_err(failed())?;
            let text = row.text(1).map_err(failed())?;
            let rows = u64::try_from(row.integer(2).map_err(failed())?).unwrap_or_default();
            match separator(column, source, separators) {
                None => *texts.entry((source.to_owned(), text.to_owned())).or_default() += rows,
                Some(separator) => {
                    for token in text.split(separator).map(|token| token.trim_matches(' ')) {
                        if !token.is_empty() {
                            *texts.entry((source.to_owned(), token.to_owned())).or_default() += rows;
                        }
                    }
                }
            }
        }
    }
    Ok(texts)
}
