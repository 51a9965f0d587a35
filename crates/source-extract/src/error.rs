//! What can be wrong with a source file.

use std::path::PathBuf;

/// Why a source could not be copied into the snapshot.
///
/// Lines are counted from 1, the header being line 1, and embedded line breaks count as the file's lines.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The project names a file that is not there.
    #[error("source table {table}: there is no file {}", path.display())]
    FileMissing {
        /// Source table.
        table: String,
        /// Where the file was looked for.
        path: PathBuf,
    },
    /// The source folder is not there or cannot be listed.
    #[error("the source folder {} cannot be read", path.display())]
    FolderUnreadable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is there but reading it failed; for a `.gz` file its compression may be damaged.
    #[error("{} cannot be read (near line {line})", path.display())]
    FileUnreadable {
        /// The file.
        path: PathBuf,
        /// The line reached.
        line: u64,
        /// What the system or the decompressor said.
        source: std::io::Error,
    },
    /// Another format than CSV.
    #[error("source table {table}: {format} is not supported yet; supported are csv and csv.gz ({})", path.display())]
    FormatNotSupported {
        /// Source table.
        table: String,
        /// The format asked for, or the file's extension.
        format: String,
        /// The file.
        path: PathBuf,
    },
    /// The declared encoding is not known.
    #[error(
        "source table {table}: the encoding {label:?} is unknown; use a WHATWG name such as utf-8, windows-1252 or shift_jis"
    )]
    EncodingUnknown {
        /// Source table.
        table: String,
        /// The name given.
        label: String,
    },
    /// The declared delimiter is not one ASCII character.
    #[error("source table {table}: the delimiter {delimiter:?} is not a single ASCII character")]
    DelimiterUnusable {
        /// Source table.
        table: String,
        /// The delimiter given.
        delimiter: String,
    },
    /// Two source tables have the same name (letter case does not count).
    #[error("two source tables are called {table}")]
    TableTwice {
        /// The name.
        table: String,
    },
    /// A name that cannot be a table of the staging database.
    #[error("source table {table:?} (file {file}): {why}")]
    TableNameUnusable {
        /// The name.
        table: String,
        /// Its file.
        file: String,
        /// Why the staging database cannot have a table or columns of these names.
        why: String,
    },
    /// The file has no header line.
    #[error("{}: the file is empty, a header line was expected", path.display())]
    HeaderMissing {
        /// The file.
        path: PathBuf,
    },
    /// A column without a name.
    #[error("{}: line 1, column {column}: the header is empty", path.display())]
    HeaderEmpty {
        /// The file.
        path: PathBuf,
        /// Which column, from 1.
        column: usize,
    },
    /// Two columns with one name (letter case does not count).
    #[error("{}: line 1: columns {first} and {second} are both called {name:?}", path.display())]
    HeaderTwice {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
        /// First column, from 1.
        first: usize,
        /// Second column, from 1.
        second: usize,
    },
    /// A name that the staging database needs for itself or cannot store.
    #[error("{}: line 1, column {column}: {name:?} cannot be a column of the snapshot ({why})", path.display())]
    HeaderUnusable {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
        /// Which column, from 1.
        column: usize,
        /// Why not.
        why: &'static str,
    },
    /// The project declares the columns of this file, and this one is not among them.
    #[error("{}: line 1, column {column}: the project does not know the header {name:?}", path.display())]
    HeaderUnknown {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
        /// Which column, from 1.
        column: usize,
    },
    /// The project expects a column that the file does not have.
    #[error("{}: line 1: the column {name:?} that the project declares is missing", path.display())]
    HeaderAbsent {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// A line with more or fewer cells than the header.
    #[error("{}: line {line} has {found} cells, the header has {expected} (first difference at column {column})", path.display())]
    RowRagged {
        /// The file.
        path: PathBuf,
        /// Where the row starts.
        line: u64,
        /// Cells of the header.
        expected: usize,
        /// Cells of the row.
        found: usize,
        /// The first column that is missing or too many, from 1.
        column: usize,
    },
    /// A file that says of itself that it is in another encoding than was declared.
    #[error("{}: the file is marked as {encoding}: declare `encoding = \"{encoding}\"` for it", path.display())]
    MarkedAs {
        /// The file.
        path: PathBuf,
        /// What its byte order mark says.
        encoding: &'static str,
    },
    /// Bytes that are no text in the file's encoding.
    #[error("{}: line {line}, {place}: not valid {encoding}; declare the file's `encoding`", path.display())]
    NotInEncoding {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// The column, or the character in the line.
        place: String,
        /// The encoding in use.
        encoding: String,
    },
    /// A quoted cell that is never closed: the rest of the file would have become one cell.
    #[error("{}: a quote opened in the row at line {line} is never closed", path.display())]
    QuoteOpen {
        /// The file.
        path: PathBuf,
        /// Where the row starts.
        line: u64,
    },
    /// The staging database refused.
    #[error("source table {table}: the staging database refused the snapshot")]
    Store {
        /// Source table.
        table: String,
        /// Its answer.
        source: Box<staging_store::Error>,
    },
    /// The reading task ended without an answer.
    #[error("reading {} ended unexpectedly", path.display())]
    ReaderLost {
        /// The file.
        path: PathBuf,
    },
}

impl Error {
    /// Whether the input or the project file has to be corrected (otherwise it is the staging database).
    pub fn is_input(&self) -> bool {
        !matches!(self, Self::Store { .. } | Self::ReaderLost { .. })
    }
}
