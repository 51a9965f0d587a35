//! Tables as both engines see them: one model, rendered per dialect by [`crate::ddl`].

use crate::dialect::Dialect;
use crate::name::TableName;

/// The type of a staging column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SqlType {
    /// Text with a longest length in UTF-16 units, or without.
    Text(Option<u32>),
    /// A source key: compared byte by byte on both engines.
    Key,
    /// A name or a word of ours: compared byte by byte, at most 128 units.
    Word,
    /// A short text that is part of an index: compared byte by byte, at most 400 units.
    IndexedText,
    /// 32-bit whole number.
    Integer,
    /// 64-bit whole number.
    BigInt,
    /// Double.
    Double,
    /// Digits kept: text in SQLite.
    Decimal {
        /// All digits.
        digits: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// 0 or 1.
    Boolean,
    /// Time stamp in UTC, to the second.
    Seconds,
    /// Time stamp in UTC, to the millisecond, for leases and bookkeeping.
    Milliseconds,
    /// Calendar date.
    Date,
    /// GUID.
    Guid,
    /// Fixed-length digest in hexadecimal digits.
    Hash,
}

impl SqlType {
    /// The type's name in one dialect.
    pub fn render(self, dialect: Dialect) -> String {
        match dialect {
            Dialect::Sqlite => match self {
                Self::Integer | Self::BigInt | Self::Boolean => "INTEGER",
                Self::Double => "REAL",
                _ => "TEXT",
            }
            .to_owned(),
            Dialect::Mssql => match self {
                // All texts are compared byte by byte, as SQLite does, whatever the database's own collation: keys in source
                // columns meet keys of target rows, and an expression means the same on both engines.
                Self::Text(Some(max)) if max <= 4000 => {
                    format!("nvarchar({}) COLLATE Latin1_General_BIN2", max.max(1))
                }
                Self::Text(_) => "nvarchar(max) COLLATE Latin1_General_BIN2".to_owned(),
                // 450 units: with the source table's 128 within the 1,700 bytes of an index key.
                Self::Key => "nvarchar(450) COLLATE Latin1_General_BIN2".to_owned(),
                Self::Word => "nvarchar(128) COLLATE Latin1_General_BIN2".to_owned(),
                Self::IndexedText => "nvarchar(400) COLLATE Latin1_General_BIN2".to_owned(),
                Self::Integer => "int".to_owned(),
                Self::BigInt => "bigint".to_owned(),
                Self::Double => "float".to_owned(),
                Self::Decimal { digits, scale } => format!("decimal({digits},{scale})"),
                Self::Boolean => "bit".to_owned(),
                Self::Seconds => "datetime2(0)".to_owned(),
                Self::Milliseconds => "datetime2(3)".to_owned(),
                Self::Date => "date".to_owned(),
                Self::Guid => "uniqueidentifier".to_owned(),
                Self::Hash => "varchar(64) COLLATE Latin1_General_BIN2".to_owned(),
            },
        }
    }
}

/// What a column holds when nothing is given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DefaultValue {
    /// A whole number.
    Number(i64),
    /// A word.
    Word(&'static str),
    /// The database's clock.
    Now,
}

/// One column of a staging table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PhysicalColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub sql_type: SqlType,
    /// Whether it always has a value.
    pub required: bool,
    /// What it holds when nothing is given.
    pub default: Option<DefaultValue>,
    /// The only words that it takes; empty: any.
    pub words: Vec<&'static str>,
}

impl PhysicalColumn {
    /// A column that may be NULL.
    pub fn new(name: impl Into<String>, sql_type: SqlType) -> Self {
        Self { name: name.into(), sql_type, required: false, default: None, words: Vec::new() }
    }

    /// A column that always has a value.
    pub fn required(name: impl Into<String>, sql_type: SqlType) -> Self {
        Self { required: true, ..Self::new(name, sql_type) }
    }

    /// The same with a default.
    #[must_use]
    pub fn or(self, default: DefaultValue) -> Self {
        Self { default: Some(default), ..self }
    }

    /// The same, limited to these words.
    #[must_use]
    pub fn one_of(self, words: Vec<&'static str>) -> Self {
        Self { words, ..self }
    }
}

/// What keeps a number for each row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PrimaryKey {
    /// Numbered by the database, and no number is ever used twice.
    Identity(&'static str),
    /// Numbered by the database; numbers of deleted rows may come again.
    RowNumber(&'static str),
    /// These columns.
    Columns(Vec<&'static str>),
}

/// One index.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Index {
    /// End of its name.
    pub suffix: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// Whether no two rows may agree in them.
    pub unique: bool,
    /// Only rows for which this holds; the text suits both dialects, with column names in brackets.
    pub filter: Option<String>,
}

impl Index {
    /// A plain index.
    pub fn on(suffix: &str, columns: &[&str]) -> Self {
        Self {
            suffix: suffix.to_owned(),
            columns: columns.iter().map(|c| (*c).to_owned()).collect(),
            unique: false,
            filter: None,
        }
    }

    /// The same, unique.
    #[must_use]
    pub fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    /// The same over a part of the rows.
    #[must_use]
    pub fn filtered(self, filter: &str) -> Self {
        Self { filter: Some(filter.to_owned()), ..self }
    }
}

/// A staging table: what [`crate::ddl::create`] renders.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PhysicalTable {
    /// Its name.
    pub name: TableName,
    /// Its primary key; an identity is the first column and not among `columns`.
    pub key: PrimaryKey,
    /// Its columns.
    pub columns: Vec<PhysicalColumn>,
    /// Its indexes.
    pub indexes: Vec<Index>,
}
