//! Files for people: what was found, beside the project.

use std::path::Path;

use serde::Serialize;

use crate::Error;

/// Writes a report as JSON.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let failed = |source| Error::File { path: path.to_owned(), doing: "written", source };
    let text = serde_json::to_vec_pretty(value).map_err(|error| failed(error.into()))?;
    write(path, &text)
}

/// Writes a text report.
pub(crate) fn write(path: &Path, text: &[u8]) -> Result<(), Error> {
    let failed = |source| Error::File { path: path.to_owned(), doing: "written", source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}

/// Writes a report as CSV, with a header.
pub(crate) fn write_csv<R: IntoIterator<Item = Vec<String>>>(
    path: &Path,
    header: &[&str],
    rows: R,
) -> Result<(), Error> {
    let failed = |source: std::io::Error| Error::File { path: path.to_owned(), doing: "written", source };
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).map_err(|error| failed(error.into()))?;
    for row in rows {
        writer.write_record(&row).map_err(|error| failed(error.into()))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.into_error()))?;
    write(path, &bytes)
}
