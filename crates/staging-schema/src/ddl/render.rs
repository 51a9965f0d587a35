//! From the model of a table to the text of each dialect.

use std::fmt::Write as _;

use crate::dialect::Dialect;
use crate::name::TableName;
use crate::physical::{DefaultValue, Index, PhysicalColumn, PhysicalTable, PrimaryKey};
use crate::statement::Statement;

/// Creates a table with its indexes, unless it is there.
pub fn create(table: &PhysicalTable) -> Statement {
    Statement::script(|dialect| match dialect {
        Dialect::Sqlite => {
            let mut text = format!("CREATE TABLE IF NOT EXISTS {}", body(dialect, table));
            for index in &table.indexes {
                let _ = write!(text, ";\n{}", index_text(dialect, &table.name, index));
            }
            text
        }
        // One test for table and indexes: names of indexes cannot be relied on everywhere.
        Dialect::Mssql => {
            let mut text = format!(
                "IF OBJECT_ID({}, N'U') IS NULL\nBEGIN\nCREATE TABLE {};",
                dialect.literal(&dialect.table(&table.name)),
                body(dialect, table)
            );
            for index in &table.indexes {
                let _ = write!(text, "\n{};", index_text(dialect, &table.name, index));
            }
            text.push_str("\nEND");
            text
        }
    })
}

/// Adds one column.
pub fn add_column(table: &TableName, column: &PhysicalColumn) -> Statement {
    Statement::new(
        |dialect| {
            let keyword = match dialect {
                Dialect::Sqlite => "ADD COLUMN",
                Dialect::Mssql => "ADD",
            };
            format!("ALTER TABLE {} {keyword} {}", dialect.table(table), column_text(dialect, column))
        },
        Vec::new(),
    )
}

/// Drops a table, if it is there.
pub fn drop_table(table: &TableName) -> Statement {
    Statement::new(|dialect| format!("DROP TABLE IF EXISTS {}", dialect.table(table)), Vec::new())
}

/// Lists the names of a table's columns, in order; no row when the table is not there.
pub fn columns_of(table: &TableName) -> Statement {
    Statement::new(
        |dialect| match dialect {
            Dialect::Sqlite => "SELECT name FROM pragma_table_info(?1 || '_' || ?2) ORDER BY cid".to_owned(),
            Dialect::Mssql => "SELECT COLUMN_NAME FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = @P1 \
                               AND TABLE_NAME = @P2 ORDER BY ORDINAL_POSITION"
                .to_owned(),
        },
        vec![table.schema().as_str().into(), table.name().into()],
    )
}

fn body(dialect: Dialect, table: &PhysicalTable) -> String {
    let mut lines = Vec::new();
    match (&table.key, dialect) {
        // AUTOINCREMENT: the number of a deleted row is in Dataverse and must not come again.
        (PrimaryKey::Identity(name), Dialect::Sqlite) => {
            lines.push(format!("{} INTEGER PRIMARY KEY AUTOINCREMENT", dialect.quote(name)));
        }
        (PrimaryKey::RowNumber(name), Dialect::Sqlite) => {
            lines.push(format!("{} INTEGER PRIMARY KEY", dialect.quote(name)));
        }
        (PrimaryKey::Identity(name) | PrimaryKey::RowNumber(name), Dialect::Mssql) => {
            lines.push(format!("{} bigint IDENTITY(1,1) NOT NULL PRIMARY KEY", dialect.quote(name)));
        }
        (PrimaryKey::Columns(_), _) => {}
    }
    lines.extend(table.columns.iter().map(|column| column_text(dialect, column)));
    if let PrimaryKey::Columns(names) = &table.key {
        let names: Vec<_> = names.iter().map(|name| dialect.quote(name)).collect();
        lines.push(match dialect {
            Dialect::Sqlite => format!("PRIMARY KEY ({})", names.join(", ")),
            // 1,700 bytes of key instead of 900.
            Dialect::Mssql => format!("PRIMARY KEY NONCLUSTERED ({})", names.join(", ")),
        });
    }
    format!("{} (\n  {}\n)", dialect.table(&table.name), lines.join(",\n  "))
}

fn column_text(dialect: Dialect, column: &PhysicalColumn) -> String {
    let name = dialect.quote(&column.name);
    let mut text = format!("{name} {}", column.sql_type.render(dialect));
    if column.required {
        text.push_str(" NOT NULL");
    }
    if let Some(default) = &column.default {
        let _ = match default {
            DefaultValue::Number(n) => write!(text, " DEFAULT ({n})"),
            DefaultValue::Word(word) => write!(text, " DEFAULT ({})", dialect.literal(word)),
            DefaultValue::Now => write!(text, " DEFAULT ({})", dialect.now()),
        };
    }
    if !column.words.is_empty() {
        // Not `IN`: SQLite would build its list anew for every row appended, which is half the cost of an outcome.
        let words: Vec<_> =
            column.words.iter().map(|word| format!("{name} = {}", dialect.literal(word))).collect();
        let _ = write!(text, " CHECK ({})", words.join(" OR "));
    }
    text
}

fn index_text(dialect: Dialect, table: &TableName, index: &Index) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let guard = match dialect {
        Dialect::Sqlite => "IF NOT EXISTS ",
        Dialect::Mssql => "",
    };
    let columns: Vec<_> = index.columns.iter().map(|column| dialect.quote(column)).collect();
    let filter = index.filter.as_ref().map(|filter| format!(" WHERE {filter}")).unwrap_or_default();
    format!(
        "CREATE {unique}INDEX {guard}{} ON {} ({}){filter}",
        dialect.index(table, &index.suffix),
        dialect.table(table),
        columns.join(", ")
    )
}
