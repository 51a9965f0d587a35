//! Rows of `migration.OptionSetMapping`, in the table and as CSV.

use std::collections::BTreeMap;

use dataverse_wire::metadata::TableDefinition;
use serde::{Deserialize, Serialize};
use staging_schema::{Statement, TableName, Value};
use staging_store::{Row, Store};

use crate::Error;
use crate::error::while_doing;
use crate::matching::match_option;

/// Longest source text that can be mapped: it is part of an index.
pub const LONGEST_TEXT: usize = 400;

/// Origin of rows that came from the project's file.
pub(crate) const FROM_PROJECT: &str = "project";
/// Origin of rows that wait for somebody's decision.
pub(crate) const OPEN: &str = "open";
/// Origin of texts that are knowingly mapped to no value.
pub(crate) const BLANK: &str = "blank";

/// One decision: this text of this source means this option.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct MappingRow {
    /// Source table.
    pub source_table: String,
    /// Dataverse table.
    pub target_table: String,
    /// Choice column.
    pub target_column: String,
    /// Text of the source, compared byte by byte; of a multi-select choice, one token.
    pub source_text: String,
    /// Label of the option.
    pub target_text: Option<String>,
    /// Value of the option. Empty together with the label: the text knowingly means no value.
    pub target_value: Option<i32>,
}

/// What is wrong with a mapping file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct FileProblem {
    /// Line of the file, from 1.
    pub line: u64,
    /// One clear sentence.
    pub message: String,
}

/// Reads a mapping file and checks it against the metadata. A row without a value gets it from its label.
///
/// # Errors
/// Every problem there is, with its line.
pub fn read_mapping(
    csv: &[u8],
    definitions: &[TableDefinition],
) -> Result<Vec<MappingRow>, Vec<FileProblem>> {
    let csv = csv.strip_prefix(b"\xef\xbb\xbf").unwrap_or(csv);
    let mut reader = csv::Reader::from_reader(csv);
    let mut problems = Vec::new();
    let mut rows: Vec<MappingRow> = Vec::new();
    let mut seen: BTreeMap<[String; 4], u64> = BTreeMap::new();
    let line = |position: &csv::Position| line_at(csv, position.byte());
    let headers = match reader.headers() {
        Ok(headers) => headers.clone(),
        Err(error) => return Err(vec![FileProblem { line: 1, message: error.to_string() }]),
    };
    let mut record = csv::StringRecord::new();
    loop {
        let before = reader.position().clone();
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                problems.push(FileProblem { line: line(&before), message: error.to_string() });
                break;
            }
        }
        let begin = record.position().unwrap_or(&before).clone();
        let checked = record
            .deserialize::<MappingRow>(Some(&headers))
            .map_err(|error| match error.kind() {
                // Without the reader's own numbers of lines.
                csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
                _ => error.to_string(),
            })
            .and_then(|row| check_row(row, definitions));
        match checked {
            Ok(row) => {
                let key = [&row.source_table, &row.target_table, &row.target_column, &row.source_text];
                if let Some(first) = seen.insert(key.map(Clone::clone), begin.byte()) {
                    let first = line_at(csv, first);
                    let message = format!("the text {:?} is mapped in line {first} already", row.source_text);
                    problems.push(FileProblem { line: line(&begin), message });
                }
                rows.push(row);
            }
            Err(message) => problems.push(FileProblem { line: line(&begin), message }),
        }
    }
    if problems.is_empty() { Ok(rows) } else { Err(problems) }
}

/// The line, as an editor counts, of the row that begins behind so many bytes. The reader's own numbers are those of where it
/// stood before it skipped empty lines and the second half of a Windows line end.
fn line_at(csv: &[u8], bytes: u64) -> u64 {
    let (before, behind) = csv.split_at(usize::try_from(bytes).unwrap_or(usize::MAX).min(csv.len()));
    let ends = |text: &[u8]| text.split(|byte| *byte == b'\n').skip(1).count() as u64;
    let skipped = behind.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
    1 + ends(before) + ends(&behind[..skipped])
}

fn check_row(mut row: MappingRow, definitions: &[TableDefinition]) -> Result<MappingRow, String> {
    if row.source_text.is_empty() || row.source_text.encode_utf16().count() > LONGEST_TEXT {
        return Err(format!("SourceText must have 1 to {LONGEST_TEXT} characters"));
    }
    let (table, column) = (&row.target_table, &row.target_column);
    let definition = definitions.iter().find(|definition| definition.logical_name == *table);
    let definition = definition.ok_or_else(|| format!("the target has no table {table:?}"))?;
    let metadata = definition.column(column).ok_or_else(|| format!("{table} has no column {column:?}"))?;
    let options = metadata.column_type.options();
    if options.is_empty() {
        return Err(format!("{table}.{column} is no choice column"));
    }
    match (row.target_value, row.target_text.as_deref()) {
        (Some(value), _) => {
            let option = options.iter().find(|option| option.value == value);
            let option =
                option.ok_or_else(|| format!("{table}.{column} has no option with the value {value}"))?;
            row.target_text.get_or_insert_with(|| option.label.clone());
        }
        (None, Some(label)) => {
            let (option, _) = match_option(label, options)
                .ok_or_else(|| format!("{table}.{column} has no option called {label:?}"))?;
            row.target_value = Some(option.value);
        }
        (None, None) => {}
    }
    Ok(row)
}

/// Writes rows as a mapping file, in a fixed order.
///
/// # Errors
/// The CSV writer refused, which memory never does.
pub fn write_mapping(rows: &[MappingRow]) -> Result<Vec<u8>, Error> {
    let mut sorted: Vec<&MappingRow> = rows.iter().collect();
    sorted.sort();
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in sorted {
        writer.serialize(row).map_err(|source| Error::Export { source })?;
    }
    writer.into_inner().map_err(|error| Error::Export { source: error.into_error().into() })
}

pub(crate) fn table() -> TableName {
    TableName::migration("OptionSetMapping")
}

/// Puts the project's decisions into the mapping table; a text that is there already gets the project's value.
/// Returns how many rows were new or different.
///
/// # Errors
/// The staging database refused.
pub async fn import(store: &Store, rows: &[MappingRow]) -> Result<u64, Error> {
    let mut statements = Vec::new();
    for row in rows {
        let origin = if row.target_value.is_none() { BLANK } else { FROM_PROJECT };
        statements.extend(put(row, origin));
    }
    let failed = while_doing("OptionSetMapping", "importing the project's decisions");
    Ok(store.execute_all(&statements).await.map_err(failed)?.iter().sum())
}

fn put(row: &MappingRow, origin: &str) -> [Statement; 2] {
    let params = || -> Vec<Value> {
        vec![
            row.target_table.as_str().into(),
            row.target_column.as_str().into(),
            row.source_table.as_str().into(),
            row.source_text.as_str().into(),
            row.target_text.as_deref().into(),
            row.target_value.into(),
            origin.into(),
        ]
    };
    let is_row = |d: staging_schema::Dialect| {
        format!(
            "TargetTable = {} AND TargetColumn = {} AND SourceTable = {} AND SourceText = {}",
            d.param(1),
            d.param(2),
            d.param(3),
            d.param(4)
        )
    };
    let update = Statement::new(
        |d| {
            format!(
                "UPDATE {} SET TargetText = {text}, TargetValue = {value}, Origin = {origin} WHERE {} AND \
                 (COALESCE(TargetValue, -2147483649) <> COALESCE({value}, -2147483649) OR COALESCE(Origin, '') <> {origin})",
                d.table(&table()),
                is_row(d),
                text = d.param(5),
                value = d.param(6),
                origin = d.param(7),
            )
        },
        params(),
    );
    [update, insert(params())]
}

/// Inserts a row unless its text is mapped. Parameters: table, column, source, text, label, value, origin.
fn insert(params: Vec<Value>) -> Statement {
    Statement::new(
        |d| {
            let p: Vec<_> = (1..=7).map(|n| d.param(n)).collect();
            format!(
                "INSERT INTO {table} (TargetTable, TargetColumn, SourceTable, SourceText, TargetText, TargetValue, Origin) \
                 SELECT {} WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE TargetTable = {} AND TargetColumn = {} AND SourceTable = {} AND SourceText = {})",
                p.join(", "),
                p[0],
                p[1],
                p[2],
                p[3],
                table = d.table(&table()),
            )
        },
        params,
    )
}

/// Inserts a proposal, or completes one that waited for a decision. Decisions that were made stay.
pub(crate) fn propose(row: &MappingRow, origin: &str) -> Vec<Statement> {
    let mut statements = vec![insert(vec![
        row.target_table.as_str().into(),
        row.target_column.as_str().into(),
        row.source_table.as_str().into(),
        row.source_text.as_str().into(),
        row.target_text.as_deref().into(),
        row.target_value.into(),
        origin.into(),
    ])];
    if row.target_value.is_some() {
        let complete = Statement::new(
            |d| {
                let p: Vec<_> = (1..=7).map(|n| d.param(n)).collect();
                format!(
                    "UPDATE {} SET TargetText = {}, TargetValue = {}, Origin = {} WHERE TargetTable = {} AND TargetColumn = {} AND \
                     SourceTable = {} AND SourceText = {} AND TargetValue IS NULL AND Origin = {}",
                    d.table(&table()),
                    p[4],
                    p[5],
                    p[6],
                    p[0],
                    p[1],
                    p[2],
                    p[3],
                    d.literal(OPEN)
                )
            },
            statements[0].params().to_vec(),
        );
        statements.push(complete);
    }
    statements
}

/// Reads the mapping table; rows that wait for a decision are left out.
///
/// # Errors
/// The staging database refused.
pub async fn export(store: &Store) -> Result<Vec<MappingRow>, Error> {
    let statement = Statement::new(
        |d| {
            format!(
                "SELECT SourceTable, TargetTable, TargetColumn, SourceText, TargetText, TargetValue FROM {} WHERE TargetValue IS NOT NULL OR Origin = {} \
                 ORDER BY SourceTable, TargetTable, TargetColumn, SourceText",
                d.table(&table()),
                d.literal(BLANK)
            )
        },
        Vec::new(),
    );
    let failed = || while_doing("OptionSetMapping", "reading the mapping");
    let rows = store.query(&statement).await.map_err(failed())?;
    rows.iter().map(read_row).collect::<Result<_, _>>().map_err(failed())
}

fn read_row(row: &Row) -> Result<MappingRow, staging_store::Error> {
    Ok(MappingRow {
        source_table: row.text(0)?.to_owned(),
        target_table: row.text(1)?.to_owned(),
        target_column: row.text(2)?.to_owned(),
        source_text: row.text(3)?.to_owned(),
        target_text: row.optional_text(4)?.map(str::to_owned),
        target_value: row.optional_integer(5)?.and_then(|value| i32::try_from(value).ok()),
    })
}
