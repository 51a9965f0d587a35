//! The snapshot in the staging database: how a new arrival replaces or updates the one before.

use staging_schema::ddl::{self, SourceTable as StagedSource};
use staging_schema::{
    Dialect, PhysicalColumn, PhysicalTable, PrimaryKey, SqlType, Statement, TableName, Value, control,
};
use staging_store::Store;

/// What is remembered of a file that arrived: enough to know it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) file: String,
    pub(crate) file_hash: String,
    pub(crate) settings: String,
}

fn arrivals() -> TableName {
    TableName::migration("SourceFile")
}

/// Creates the table of arrivals, unless it is there.
pub(crate) fn create_arrivals() -> Statement {
    ddl::create(&PhysicalTable {
        name: arrivals(),
        key: PrimaryKey::Columns(vec!["SourceTable"]),
        columns: vec![
            PhysicalColumn::required("SourceTable", SqlType::Word),
            PhysicalColumn::required("FileName", SqlType::Text(None)),
            PhysicalColumn::required("FileHash", SqlType::Hash),
            PhysicalColumn::required("Settings", SqlType::Text(None)),
            PhysicalColumn::required("RowCount", SqlType::BigInt),
            PhysicalColumn::required("ArrivedAt", SqlType::Milliseconds),
        ],
        indexes: Vec::new(),
    })
}

/// What arrived for this table last, and how many rows it had.
pub(crate) async fn last_arrival(
    store: &Store,
    table: &str,
) -> Result<Option<(Arrival, u64)>, staging_store::Error> {
    let statement = Statement::new(
        |d| {
            format!(
                "SELECT FileName, FileHash, Settings, [RowCount] FROM {} WHERE SourceTable = {}",
                d.table(&arrivals()),
                d.param(1)
            )
        },
        vec![table.into()],
    );
    let rows = store.query(&statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let text = |column: usize| row.text(column).map(str::to_owned);
    Ok(Some((Arrival { file: text(0)?, file_hash: text(1)?, settings: text(2)? }, row.count(3)?)))
}

/// Remembers an arrival, in place of the one before.
fn remember(table: &str, arrival: &Arrival, rows: u64, arrived_at: &str) -> [Statement; 2] {
    let forget = Statement::new(
        |d| format!("DELETE FROM {} WHERE SourceTable = {}", d.table(&arrivals()), d.param(1)),
        vec![table.into()],
    );
    let insert = Statement::new(
        |d| {
            let params: Vec<_> = (1..=6).map(|n| d.param(n)).collect();
            format!(
                "INSERT INTO {} (SourceTable, FileName, FileHash, Settings, [RowCount], ArrivedAt) VALUES ({})",
                d.table(&arrivals()),
                params.join(", ")
            )
        },
        vec![
            table.into(),
            arrival.file.as_str().into(),
            arrival.file_hash.as_str().into(),
            arrival.settings.as_str().into(),
            Value::Integer(i64::try_from(rows).unwrap_or(i64::MAX)),
            arrived_at.into(),
        ],
    );
    [forget, insert]
}

/// A table that arrives: rows are appended beside the snapshot, which changes only when all of them are there.
#[derive(Debug)]
pub(crate) struct Arriving {
    table: String,
    columns: Vec<String>,
    beside: StagedSource,
}

/// What an arrival did to the snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) added: u64,
    pub(crate) removed: u64,
}

impl Arriving {
    /// Makes room for a table; what a killed predecessor left is dropped.
    pub(crate) async fn begin(store: &Store, table: &str, columns: &[String]) -> Result<Self, Begin> {
        let beside = StagedSource::new(format!("{table}~arriving"), columns).map_err(Begin::Name)?;
        store.execute_all(&[ddl::drop_table(&beside.name()), beside.create()]).await.map_err(Begin::Store)?;
        Ok(Self { table: table.to_owned(), columns: columns.to_vec(), beside })
    }

    pub(crate) fn name(&self) -> TableName {
        self.beside.name()
    }

    pub(crate) fn filled_columns(&self) -> Vec<String> {
        self.beside.filled_columns()
    }

    /// Drops what has arrived so far; the snapshot stays as it is.
    pub(crate) async fn abandon(self, store: &Store) -> Result<(), staging_store::Error> {
        store.execute(&ddl::drop_table(&self.beside.name())).await.map(drop)
    }

    /// Makes the arrived rows the snapshot, in one transaction.
    pub(crate) async fn complete(
        self,
        store: &Store,
        key: Option<&str>,
        arrival: &Arrival,
        rows: u64,
        arrived_at: &str,
    ) -> Result<Change, staging_store::Error> {
        let existing: Vec<String> = columns_of(store, &TableName::source(&self.table)).await?;
        let before =
            if existing.is_empty() { 0 } else { count(store, &TableName::source(&self.table)).await? };
        let same_columns = existing.get(1..) == Some(self.filled_columns().as_slice());
        let remembered = remember(&self.table, arrival, rows, arrived_at);
        let by_row = match key {
            Some(key) if same_columns => self.rows_are_distinct(store, key).await?.then_some(key),
            _ => None,
        };
        if let Some(key) = by_row {
            let mut statements = self.merge(key);
            statements.extend(remembered);
            let changed = store.execute_all(&statements).await?;
            return Ok(Change { added: changed[Self::ADDED], removed: changed[Self::REMOVED] });
        }
        // Not every server drops a table that a view reads; the transform makes this one anew.
        let mut statements = ddl::money_sums(&[]);
        statements.extend([ddl::drop_table(&TableName::source(&self.table)), self.rename()]);
        statements.extend(remembered);
        store.execute_all(&statements).await?;
        Ok(Change { added: rows, removed: before })
    }

    /// Neither side has two rows that agree in everything: such rows could not be told apart one by one.
    async fn rows_are_distinct(&self, store: &Store, key: &str) -> Result<bool, staging_store::Error> {
        for table in [self.name(), TableName::source(&self.table)] {
            let twins = Statement::new(
                |d| {
                    let (key, hash) = (d.in_bytes(&d.quote(key)), d.quote(control::ROW_HASH));
                    format!(
                        "SELECT COUNT(*) FROM (SELECT {hash} AS h FROM {} GROUP BY {key}, {hash} HAVING COUNT(*) > 1) x",
                        d.table(&table)
                    )
                },
                Vec::new(),
            );
            if store.count(&twins).await? > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Where the counts of rows stand among the answers to [`merge`](Self::merge).
    const REMOVED: usize = 2;
    const ADDED: usize = 4;

    /// Brings the snapshot up to date row by row: what is the same keeps its RowId and its arrival.
    fn merge(&self, key: &str) -> Vec<Statement> {
        let snapshot = TableName::source(&self.table);
        let index = |table: &TableName| {
            Statement::script(|d| {
                if !d.indexes_long_texts() {
                    return String::new();
                }
                format!(
                    "CREATE INDEX {} ON {} ({}, {})",
                    d.index(table, "Merge"),
                    d.table(table),
                    d.quote(key),
                    d.quote(control::ROW_HASH)
                )
            })
        };
        let same = |d: Dialect, left: &str, right: &str| {
            let (key, hash) = (d.quote(key), d.quote(control::ROW_HASH));
            format!(
                "{} = {right}.{key} AND {left}.{hash} = {right}.{hash}",
                d.in_bytes(&format!("{left}.{key}"))
            )
        };
        let arriving = self.name();
        let remove = Statement::new(
            |d| {
                let (old, new) = (d.table(&snapshot), d.table(&arriving));
                format!(
                    "DELETE FROM {old} WHERE NOT EXISTS (SELECT 1 FROM {new} a WHERE {})",
                    same(d, &old, "a")
                )
            },
            Vec::new(),
        );
        // The same rows may stand on other lines or in another file now.
        let moved = Statement::new(
            |d| {
                let (old, new) = (d.table(&snapshot), d.table(&arriving));
                let (file, line) = (d.quote(control::FILE), d.quote(control::LINE));
                let from = format!("FROM {new} a WHERE {}", same(d, &old, "a"));
                format!(
                    "UPDATE {old} SET {file} = (SELECT a.{file} {from}), {line} = (SELECT a.{line} {from})"
                )
            },
            Vec::new(),
        );
        let add = Statement::new(
            |d| {
                let (old, new) = (d.table(&snapshot), d.table(&arriving));
                let columns: Vec<_> = self.filled_columns().iter().map(|column| d.quote(column)).collect();
                let columns = columns.join(", ");
                let row_id = d.quote(control::ROW_ID);
                format!(
                    "INSERT INTO {old} ({columns}) SELECT {columns} FROM {new} a WHERE NOT EXISTS (SELECT 1 FROM {old} s WHERE {}) ORDER BY a.{row_id}",
                    same(d, "s", "a")
                )
            },
            Vec::new(),
        );
        let drop_index = Statement::script(|d| {
            if d.indexes_long_texts() {
                format!("DROP INDEX {}", d.index(&snapshot, "Merge"))
            } else {
                String::new()
            }
        });
        vec![index(&snapshot), index(&arriving), remove, moved, add, drop_index, ddl::drop_table(&arriving)]
    }

    fn rename(&self) -> Statement {
        let (from, to) = (self.name(), TableName::source(&self.table));
        Statement::new(|d| d.rename(&from, &to), Vec::new())
    }

    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }
}

/// Why an arrival could not begin.
#[derive(Debug)]
pub(crate) enum Begin {
    Name(staging_schema::Error),
    Store(staging_store::Error),
}

pub(crate) async fn columns_of(
    store: &Store,
    table: &TableName,
) -> Result<Vec<String>, staging_store::Error> {
    let rows = store.query(&ddl::columns_of(table)).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

async fn count(store: &Store, table: &TableName) -> Result<u64, staging_store::Error> {
    store.count(&Statement::new(|d| format!("SELECT COUNT(*) FROM {}", d.table(table)), Vec::new())).await
}
