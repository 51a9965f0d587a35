//! The lists of rows that are not done, for people: a line per open error, and a line per lookup that waits for its parent.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use staging_schema::{Dialect, Statement, TargetTable, ValueRef, control, pending};
use staging_store::Store;
use uuid::Uuid;

use super::Journey;
use crate::error::in_staging;
use crate::{Error, record};

/// A file of the reports and the lines in it.
pub(crate) type Written = Option<(PathBuf, u64)>;

/// Writes `errors.csv` from the tables' error tables, or removes it when there is none.
pub(crate) async fn write_errors(journey: &Journey<'_>, store: &Store) -> Result<Written, Error> {
    const HEADER: [&str; 10] = [
        "TargetTable",
        "SourceTable",
        "SourceKey",
        "RowId",
        "Pass",
        "Rule",
        "Column",
        "Value",
        "ErrorCode",
        "Message",
    ];
    let path = journey.project.reports().join("errors.csv");
    write(journey, store, path, &HEADER, |table| Some(open_errors(table))).await
}

/// Writes `owed.csv`, or removes it when nothing is owed.
pub(crate) async fn write_owed(journey: &Journey<'_>, store: &Store) -> Result<Written, Error> {
    const HEADER: [&str; 7] =
        ["TargetTable", "SourceTable", "SourceKey", "RowId", "Lookup", "ParentTable", "ParentKey"];
    let path = journey.project.reports().join("owed.csv");
    write(journey, store, path, &HEADER, pending::owed).await
}

async fn write(
    journey: &Journey<'_>,
    store: &Store,
    path: PathBuf,
    header: &[&str],
    statement: impl Fn(&TargetTable) -> Option<Statement>,
) -> Result<Written, Error> {
    let failed = |source: std::io::Error| Error::File { path: path.clone(), doing: "written", source };
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
    // Processes that load together end together: each writes a file of its own, and the last one stays.
    let part = path.with_extension(format!("csv.{}", Uuid::new_v4().simple()));
    let written = match File::create(&part) {
        Ok(file) => write_lines(journey, store, file, header, statement, failed).await,
        Err(error) => return Err(failed(error)),
    };
    match written {
        Ok(lines) if lines > 0 => {
            std::fs::rename(&part, &path).map_err(failed)?;
            Ok(Some((path, lines)))
        }
        other => {
            // An error says more than what is left of its file.
            let _ = std::fs::remove_file(&part);
            other?;
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(error)),
                Ok(()) | Err(_) => Ok(None),
            }
        }
    }
}

async fn write_lines(
    journey: &Journey<'_>,
    store: &Store,
    file: File,
    header: &[&str],
    statement: impl Fn(&TargetTable) -> Option<Statement>,
    failed: impl Fn(std::io::Error) -> Error,
) -> Result<u64, Error> {
    let mut writer = csv::Writer::from_writer(std::io::BufWriter::new(file));
    writer.write_record(header).map_err(|error| failed(error.into()))?;
    let mut lines = 0;
    for table in &journey.checked.tables {
        let Some(statement) = statement(table) else { continue };
        if !record::exists(store, &table.error()).await? {
            continue;
        }
        let doing = || in_staging(format!("listing rows of {}", table.name()));
        let mut rows = store.stream(&statement).await.map_err(doing())?;
        while let Some(batch) = rows.next().await.map_err(doing())? {
            for row in batch.rows() {
                let mut cells = vec![table.logical_name.clone()];
                cells.extend((0..header.len() - 1).map(|column| match row.get(column) {
                    ValueRef::Text(text) => text.to_owned(),
                    ValueRef::Integer(number) => number.to_string(),
                    ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => String::new(),
                }));
                writer.write_record(&cells).map_err(|error| failed(error.into()))?;
                lines += 1;
            }
        }
    }
    writer.flush().map_err(failed)?;
    Ok(lines)
}

fn open_errors(table: &TargetTable) -> Statement {
    Statement::new(
        |d: Dialect| {
            format!(
                "SELECT t.{source}, t.{key}, e.RowId, e.Pass, e.RuleName, e.ColumnName, e.Value, e.ErrorCode, e.Message \
                 FROM {error} e JOIN {table} t ON t.{id} = e.RowId AND t.{generation} = e.Generation \
                 WHERE e.Retried = 0 ORDER BY e.RowId, e.ErrorId",
                source = d.quote(control::SOURCE_TABLE),
                key = d.quote(control::SOURCE_KEY),
                error = d.table(&table.error()),
                table = d.table(&table.name()),
                id = d.quote(control::ROW_ID),
                generation = d.quote(control::GENERATION),
            )
        },
        Vec::new(),
    )
}
