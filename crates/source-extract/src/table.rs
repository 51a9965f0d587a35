//! Which file becomes which table, and how it is to be read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;
use serde::{Deserialize, Serialize};

use crate::Error;

/// One table of the snapshot: the `[[source.table]]` of the project file.
///
/// Everything but the name has a default: the file is `<name>.csv` or `<name>.csv.gz`, UTF-8, separated by commas.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceTable {
    /// Name in the staging database: `source.<name>`.
    pub name: String,
    /// File in the source folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// `csv` (plain or gzip); taken from the file's extension when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// WHATWG name of the encoding; `utf-8` when not given, with or without byte order mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// One ASCII character; `,` when not given (`\t` for `.tsv`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// The column that identifies a row. With it a changed file updates the snapshot row by row, without it the table is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The columns the file must have, exactly. When not given, all are welcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
}

impl SourceTable {
    /// A table with defaults for everything but its name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The CSV files of a folder as tables, with the declared ones first and in their order.
    ///
    /// A file that no declaration names becomes a table of its own, called like the file without extension.
    /// Other files in the folder (a licence, notes) are left alone.
    ///
    /// # Errors
    /// The folder cannot be listed, or two tables would have the same name.
    pub fn discover(folder: &Path, declared: &[Self]) -> Result<Vec<Self>, Error> {
        let mut tables = declared.to_vec();
        let taken: Vec<PathBuf> = declared.iter().map(|table| table.path_in(folder)).collect();
        let unreadable = |source| Error::FolderUnreadable { path: folder.to_path_buf(), source };
        let mut found = BTreeMap::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let Some(file) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let Some(stem) = csv_stem(file) else { continue };
            if path.is_file() && !taken.contains(&path) {
                found.insert(file.to_owned(), Self { file: Some(file.to_owned()), ..Self::named(stem) });
            }
        }
        tables.extend(found.into_values());
        for (index, table) in tables.iter().enumerate() {
            let twin = tables[..index].iter().any(|other| other.name.eq_ignore_ascii_case(&table.name));
            if twin {
                return Err(Error::TableTwice { table: table.name.clone() });
            }
        }
        Ok(tables)
    }

    /// Where the table's file is: as declared, or `<name>.csv`, or `<name>.csv.gz` if only that exists.
    pub fn path_in(&self, folder: &Path) -> PathBuf {
        if let Some(file) = &self.file {
            return folder.join(file);
        }
        let plain = folder.join(format!("{}.csv", self.name));
        let packed = folder.join(format!("{}.csv.gz", self.name));
        if !plain.exists() && packed.exists() { packed } else { plain }
    }

    /// How the file at `path` is to be read.
    pub(crate) fn reading(&self, path: &Path) -> Result<Reading, Error> {
        let lower = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_lowercase();
        let (inner, gzip) = match lower.strip_suffix(".gz") {
            Some(inner) => (inner.to_owned(), true),
            None => (lower, false),
        };
        let extension = inner.rsplit_once('.').map_or("", |(_, extension)| extension);
        let format = self.format.as_deref().unwrap_or(extension).to_lowercase();
        let is_csv = matches!(format.as_str(), "csv" | "csv.gz" | "tsv" | "txt");
        if !is_csv {
            let format = if format.is_empty() { "a file without extension".to_owned() } else { format };
            return Err(Error::FormatNotSupported {
                table: self.name.clone(),
                format,
                path: path.to_path_buf(),
            });
        }
        let label = self.encoding.as_deref().unwrap_or("utf-8");
        let encoding = Encoding::for_label(label.as_bytes())
            .ok_or_else(|| Error::EncodingUnknown { table: self.name.clone(), label: label.to_owned() })?;
        let delimiter = match self.delimiter.as_deref() {
            None if extension == "tsv" || format == "tsv" => b'\t',
            None => b',',
            Some(text) => match text.as_bytes() {
                [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => *byte,
                _ => {
                    let delimiter = text.to_owned();
                    return Err(Error::DelimiterUnusable { table: self.name.clone(), delimiter });
                }
            },
        };
        Ok(Reading { gzip, encoding, delimiter })
    }

    /// What besides the file's bytes decides what the snapshot looks like.
    pub(crate) fn settings_text(&self) -> String {
        format!("{:?}|{:?}|{:?}|{:?}", self.encoding, self.delimiter, self.key, self.columns)
    }
}

/// The decided form of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) gzip: bool,
    pub(crate) encoding: &'static Encoding,
    pub(crate) delimiter: u8,
}

/// The name without `.csv` or `.csv.gz`, if it ends so.
fn csv_stem(file: &str) -> Option<&str> {
    let end = [".csv.gz", ".csv"].into_iter().find(|end| file.to_lowercase().ends_with(end))?;
    let stem = file.get(..file.len() - end.len())?;
    (!stem.is_empty()).then_some(stem)
}
