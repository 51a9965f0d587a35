//! The list of rows in error, for people: one line per open error of every table.

use std::path::PathBuf;

use staging_schema::{Dialect, Statement, TargetTable, control};
use staging_store::Store;

use super::Journey;
use crate::error::in_staging;
use crate::{Error, record};

/// Writes `errors.csv` from the tables' error tables, or removes it when there is none. Returns the file and its lines.
pub(crate) async fn write_list(
    journey: &Journey<'_>,
    store: &Store,
) -> Result<Option<(PathBuf, u64)>, Error> {
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
    let failed = |source: std::io::Error| Error::File { path: path.clone(), doing: "written", source };
    std::fs::create_dir_all(journey.project.reports()).map_err(failed)?;
    let file = std::fs::File::create(&path).map_err(failed)?;
    let mut writer = csv::Writer::from_writer(std::io::BufWriter::new(file));
    writer.write_record(HEADER).map_err(|error| failed(error.into()))?;
    let mut lines = 0;
    for table in &journey.checked.tables {
        if !record::exists(store, &table.error()).await? {
            continue;
        }
        let doing = || in_staging(format!("reading {}", table.error()));
        let mut rows = store.stream(&open_errors(table)).await.map_err(doing())?;
        while let Some(batch) = rows.next().await.map_err(doing())? {
            for row in batch.rows() {
                let mut cells = vec![table.logical_name.clone()];
                for column in 0..HEADER.len() - 1 {
                    cells.push(row.get(column).as_text().map(str::to_owned).unwrap_or_default());
                }
                writer.write_record(&cells).map_err(|error| failed(error.into()))?;
                lines += 1;
            }
        }
    }
    writer.flush().map_err(failed)?;
    drop(writer);
    if lines == 0 {
        std::fs::remove_file(&path).map_err(failed)?;
        return Ok(None);
    }
    Ok(Some((path, lines)))
}

fn open_errors(table: &TargetTable) -> Statement {
    Statement::new(
        |d: Dialect| {
            format!(
                "SELECT t.{source}, t.{key}, {row_id}, e.Pass, e.RuleName, e.ColumnName, e.Value, e.ErrorCode, e.Message \
                 FROM {error} e JOIN {table} t ON t.{id} = e.RowId AND t.{generation} = e.Generation \
                 WHERE e.Retried = 0 ORDER BY e.RowId, e.ErrorId",
                source = d.quote(control::SOURCE_TABLE),
                key = d.quote(control::SOURCE_KEY),
                row_id = d.as_text("e.RowId"),
                error = d.table(&table.error()),
                table = d.table(&table.name()),
                id = d.quote(control::ROW_ID),
                generation = d.quote(control::GENERATION),
            )
        },
        Vec::new(),
    )
}
