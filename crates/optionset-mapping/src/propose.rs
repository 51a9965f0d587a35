//! Proposals from the metadata, and what they leave open.

use std::collections::BTreeSet;

use dataverse_wire::metadata::TableDefinition;
use staging_schema::{Statement, TargetTable};
use staging_store::Store;

use crate::Error;
use crate::error::while_doing;
use crate::matching::{Likeness, match_option};
use crate::row::{self, BLANK, LONGEST_TEXT, MappingRow, OPEN};
use crate::texts::{Separators, choice_columns, texts};

/// What proposing came to for one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proposed {
    /// Texts that are a label as it stands.
    pub exact: u64,
    /// Texts that are a label but for case, spaces and punctuation.
    pub similar: u64,
    /// Texts that are an option's number.
    pub number: u64,
    /// Texts that nothing was found for; they stand in the table for people to decide.
    pub open: u64,
}

/// Proposes a value for every staged text that has none in the mapping table.
///
/// Decisions that are there, people's or proposals, are never overwritten.
///
/// # Errors
/// The staging database refused.
pub async fn propose(
    store: &Store,
    target: &TargetTable,
    definition: &TableDefinition,
    separators: &Separators,
) -> Result<Proposed, Error> {
    let mut proposed = Proposed::default();
    for column in choice_columns(target) {
        let Some(metadata) = definition.column(&column.name) else { continue };
        let options = metadata.column_type.options();
        let known = decided(store, target, &column.name).await?;
        let mut statements = Vec::new();
        for (source, text) in texts(store, target, column, separators, false).await?.into_keys() {
            let is_too_long = text.encode_utf16().count() > LONGEST_TEXT;
            if is_too_long || known.contains(&(source.clone(), text.clone())) {
                continue;
            }
            let found = match_option(&text, options);
            let origin = found.map_or(OPEN, |(_, likeness)| likeness.as_str());
            match found.map(|(_, likeness)| likeness) {
                Some(Likeness::Exact) => proposed.exact += 1,
                Some(Likeness::Similar) => proposed.similar += 1,
                Some(Likeness::Number) => proposed.number += 1,
                None => proposed.open += 1,
            }
            let row = MappingRow {
                source_table: source,
                target_table: target.logical_name.clone(),
                target_column: column.name.clone(),
                source_text: text,
                target_text: found.map(|(option, _)| option.label.clone()),
                target_value: found.map(|(option, _)| option.value),
            };
            statements.extend(row::propose(&row, origin));
        }
        let failed = while_doing(&target.logical_name, "writing proposals");
        store.execute_all(&statements).await.map_err(failed)?;
    }
    Ok(proposed)
}

/// The texts of a column that need no proposal.
async fn decided(
    store: &Store,
    target: &TargetTable,
    column: &str,
) -> Result<BTreeSet<(String, String)>, Error> {
    let statement = Statement::new(
        |d| {
            format!(
                "SELECT SourceTable, SourceText FROM {} WHERE TargetTable = {} AND TargetColumn = {} AND (TargetValue IS NOT NULL OR Origin = {})",
                d.table(&row::table()),
                d.param(1),
                d.param(2),
                d.literal(BLANK)
            )
        },
        vec![target.logical_name.as_str().into(), column.into()],
    );
    let failed = || while_doing(&target.logical_name, "reading the mapping");
    let rows = store.query(&statement).await.map_err(failed())?;
    let read = rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())));
    read.collect::<Result<_, staging_store::Error>>().map_err(failed())
}

/// A text that has no value, and how many rows wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmapped {
    /// Dataverse table.
    pub target_table: String,
    /// Choice column.
    pub target_column: String,
    /// Source table.
    pub source_table: String,
    /// The text; of a multi-select choice, one token.
    pub text: String,
    /// Rows that have it.
    pub rows: u64,
}

/// The texts of a table that no option is mapped to, most rows first.
///
/// # Errors
/// The staging database refused.
pub async fn unmapped(
    store: &Store,
    target: &TargetTable,
    separators: &Separators,
) -> Result<Vec<Unmapped>, Error> {
    let mut unmapped = Vec::new();
    for column in choice_columns(target) {
        let known = decided(store, target, &column.name).await?;
        for ((source, text), rows) in texts(store, target, column, separators, true).await? {
            if !known.contains(&(source.clone(), text.clone())) {
                unmapped.push(Unmapped {
                    target_table: target.logical_name.clone(),
                    target_column: column.name.clone(),
                    source_table: source,
                    text,
                    rows,
                });
            }
        }
    }
    unmapped.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.text.cmp(&b.text)));
    Ok(unmapped)
}
