//! Extract: source files into the snapshot.

use std::sync::Arc;

use jiff::Timestamp;
use staging_store::Store;

use super::Journey;
use crate::{Error, Event, Step};

/// Copies every source file that changed. Returns what came of it in one sentence.
pub(crate) async fn extract(journey: &Journey<'_>, store: &Store) -> Result<String, Error> {
    let source = &journey.project.settings().source;
    let (mut tables, mut rows, mut unchanged) = (0_u64, 0_u64, 0_u64);
    for table in &source.tables {
        journey.part(Step::Extract, "copy", Some(&table.name))?;
        let observer = Arc::clone(&journey.observer);
        let name = table.name.clone();
        let progress: source_extract::Progress = Arc::new(move |rows| {
            observer.event(&Event::Progress { step: Step::Extract, table: name.clone(), rows, total: None });
        });
        let options = source_extract::Options {
            progress: Some(progress),
            ..source_extract::Options::at(Timestamp::now())
        };
        let extracted = source_extract::extract(store, &source.folder, table, &options).await?;
        tables += 1;
        rows += extracted.rows;
        unchanged += u64::from(extracted.unchanged);
        journey.observer.event(&Event::Progress {
            step: Step::Extract,
            table: table.name.clone(),
            rows: extracted.rows,
            total: Some(extracted.rows),
        });
    }
    Ok(match unchanged {
        0 => format!("{rows} rows of {tables} files are in source.*"),
        _ => format!("{rows} rows of {tables} files are in source.*; {unchanged} files had not changed"),
    })
}
