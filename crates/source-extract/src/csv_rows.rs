//! Rows of a CSV file, checked for what a careless reader would let pass.

use std::io::Read;
use std::path::{Path, PathBuf};

use csv::{ErrorKind, StringRecord};
use twox_hash::XxHash3_64;

use crate::Error;
use crate::decode::{self, Malformed, Marked};
use crate::table::{Reading, SourceTable};

/// Longest column name that SQL Server takes.
const LONGEST_NAME: usize = 128;
/// Most columns of a table: SQL Server's 1,024 less the stamps.
const MOST_COLUMNS: usize = 1_000;
/// A row appended behind the file. A file that ends inside a quote swallows it, which is how that is noticed.
const SENTINEL: &str = "\u{1}end of file\u{1}";

/// A CSV file with its header read and checked.
pub(crate) struct CsvRows {
    path: PathBuf,
    encoding: &'static str,
    columns: Vec<String>,
    reader: csv::Reader<LastBlock<Box<dyn Read + Send>>>,
    record: StringRecord,
    /// The line at which the record starts.
    line: u64,
    hash_input: Vec<u8>,
}

/// One row: its cells, where it starts in the file, and the hash of its content.
pub(crate) struct Row<'a> {
    pub(crate) cells: &'a StringRecord,
    pub(crate) line: u64,
    pub(crate) hash: u64,
}

impl CsvRows {
    /// Opens the file of a table and checks its header.
    pub(crate) fn open(table: &SourceTable, path: &Path) -> Result<Self, Error> {
        let reading = table.reading(path)?;
        let text = decode::open(&table.name, path, &reading)?;
        let with_end: Box<dyn Read + Send> =
            Box::new(text.chain(std::io::Cursor::new(format!("\n{SENTINEL}\n"))));
        Self::start(table, path, &reading, with_end)
    }

    fn start(
        table: &SourceTable,
        path: &Path,
        reading: &Reading,
        text: Box<dyn Read + Send>,
    ) -> Result<Self, Error> {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(reading.delimiter)
            .buffer_capacity(256 * 1024)
            .from_reader(LastBlock { inner: text, block: Vec::new(), start: 0 });
        let mut rows = Self {
            path: path.to_path_buf(),
            encoding: reading.encoding.name(),
            columns: Vec::new(),
            reader,
            record: StringRecord::new(),
            line: 1,
            hash_input: Vec::new(),
        };
        if !rows.read()? {
            return Err(Error::HeaderMissing { path: rows.path });
        }
        rows.columns = rows.record.iter().map(str::to_owned).collect();
        rows.check_header(table)?;
        Ok(rows)
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The names in the header.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The next row, or `None` behind the last.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>, Error> {
        if !self.read()? {
            return Ok(None);
        }
        let line = self.line;
        let (expected, found) = (self.columns.len(), self.record.len());
        if found != expected {
            let column = expected.min(found) + 1;
            return Err(Error::RowRagged { path: self.path.clone(), line, expected, found, column });
        }
        self.hash_input.clear();
        for cell in &self.record {
            // The length in front of each cell keeps `ab,c` and `a,bc` apart.
            self.hash_input.extend_from_slice(&(cell.len() as u64).to_le_bytes());
            self.hash_input.extend_from_slice(cell.as_bytes());
        }
        let hash = XxHash3_64::oneshot(&self.hash_input);
        Ok(Some(Row { cells: &self.record, line, hash }))
    }

    /// Reads one record; false at the sentinel.
    fn read(&mut self) -> Result<bool, Error> {
        let more = match self.reader.read_record(&mut self.record) {
            Ok(more) => more,
            Err(error) => return Err(self.fault(error)),
        };
        self.line = self.starting_line();
        let last_cell = self.record.iter().next_back().unwrap_or_default();
        if more && self.record.len() == 1 && last_cell == SENTINEL {
            return Ok(false);
        }
        // Whatever ends with the sentinel without being it has swallowed it.
        if !more || last_cell.trim_end_matches('\n').ends_with(SENTINEL) {
            return Err(Error::QuoteOpen { path: self.path.clone(), line: self.line });
        }
        Ok(true)
    }

    /// The line at which the current record starts.
    ///
    /// Counted back from its end: the reader's own position lags behind by the second half of a `\r\n`, and stands in
    /// front of empty lines.
    fn starting_line(&self) -> u64 {
        let end = self.reader.position();
        let breaks = self.record.as_byte_record().as_slice().split(|byte| *byte == b'\n').count() - 1;
        let is_behind = self.reader.get_ref().byte(end.byte().saturating_sub(1)) == Some(b'\n');
        end.line().saturating_sub(breaks as u64 + u64::from(is_behind)).max(1)
    }

    fn fault(&self, error: csv::Error) -> Error {
        let path = self.path.clone();
        let line = error.position().map_or_else(|| self.reader.position().line(), csv::Position::line);
        match error.into_kind() {
            ErrorKind::Utf8 { pos, err } => {
                let place = match self.columns.get(err.field()) {
                    Some(name) => format!("column {name:?}"),
                    None => format!("column {}", err.field() + 1),
                };
                let line = pos.map_or(line, |pos| pos.line());
                Error::NotInEncoding { path, line, place, encoding: self.encoding.to_owned() }
            }
            ErrorKind::Io(source) => {
                if let Some(marked) = source.get_ref().and_then(|inner| inner.downcast_ref::<Marked>()) {
                    return Error::MarkedAs { path, encoding: marked.encoding };
                }
                match source.get_ref().and_then(|inner| inner.downcast_ref::<Malformed>()) {
                    Some(at) => Error::NotInEncoding {
                        path,
                        line: at.line,
                        place: format!("character {}", at.character),
                        encoding: self.encoding.to_owned(),
                    },
                    None => Error::FileUnreadable { path, line, source },
                }
            }
            other => {
                Error::FileUnreadable { path, line, source: std::io::Error::other(format!("{other:?}")) }
            }
        }
    }

    fn check_header(&self, table: &SourceTable) -> Result<(), Error> {
        let path = || self.path.clone();
        for (index, name) in self.columns.iter().enumerate() {
            let column = index + 1;
            if name.trim().is_empty() {
                return Err(Error::HeaderEmpty { path: path(), column });
            }
            let same = |other: &String| other.to_lowercase() == name.to_lowercase();
            if let Some(first) = self.columns[..index].iter().position(same) {
                return Err(Error::HeaderTwice {
                    path: path(),
                    name: name.clone(),
                    first: first + 1,
                    second: column,
                });
            }
            let lower = name.to_lowercase();
            let why = if lower == "rowid" || lower.starts_with("datamigration_") {
                Some("the staging database uses this name itself")
            } else if name.encode_utf16().count() > LONGEST_NAME {
                Some("it is longer than 128 characters")
            } else if name.chars().any(char::is_control) {
                Some("it contains control characters")
            } else if index >= MOST_COLUMNS {
                Some("a table holds 1,000 columns at most")
            } else {
                None
            };
            if let Some(why) = why {
                return Err(Error::HeaderUnusable { path: path(), name: name.clone(), column, why });
            }
            let known = table.columns.as_ref().is_none_or(|columns| columns.contains(name));
            if !known {
                return Err(Error::HeaderUnknown { path: path(), name: name.clone(), column });
            }
        }
        let expected = table.columns.iter().flatten().chain(&table.key);
        for name in expected {
            if !self.columns.contains(name) {
                return Err(Error::HeaderAbsent { path: path(), name: name.clone() });
            }
        }
        Ok(())
    }
}

/// Passes a text through and remembers its last block, so that the byte in front of the reader can be looked at.
struct LastBlock<R> {
    inner: R,
    block: Vec<u8>,
    /// Where in the text the block starts.
    start: u64,
}

impl<R> LastBlock<R> {
    fn byte(&self, at: u64) -> Option<u8> {
        let index = usize::try_from(at.checked_sub(self.start)?).ok()?;
        self.block.get(index).copied()
    }
}

impl<R: Read> Read for LastBlock<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(out)?;
        self.start += self.block.len() as u64;
        self.block.clear();
        self.block.extend_from_slice(&out[..read]);
        Ok(read)
    }
}
