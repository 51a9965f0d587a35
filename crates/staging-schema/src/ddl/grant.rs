//! Roles of a staging database on SQL Server: who may do what with it. SQLite has none.
//!
//! Readers are given what they may see, table by table and, where columns are masked, column by column: what is made anew or added
//! later they do not see before the script is run again. They never see the snapshot of the source, which has everything.

use std::collections::BTreeSet;

use crate::dialect::Dialect;
use crate::name::{Schema, TableName};
use crate::physical::PhysicalTable;
use crate::statement::Statement;
use crate::table::TargetTable;

use super::control_schema;
use super::target::target_tables;

/// The engine that has roles.
pub const ENGINE: Dialect = Dialect::Mssql;

/// Those who build the mapping: they may run every step, and change everything.
pub const DEVELOPER: &str = "dv_developer";
/// Those who run the load: rows, mappings and runs, but no tables; they may take backups.
pub const OPERATOR: &str = "dv_operator";
/// Those who watch: what is masked and where values are quoted is closed to them.
pub const READER: &str = "dv_reader";

/// A target table with the Dataverse columns that readers must not see.
#[derive(Debug, Clone, PartialEq)]
pub struct Masked<'a> {
    /// The table.
    pub table: &'a TargetTable,
    /// The columns: their values, texts and keys, and whatever quotes values of the table.
    pub columns: Vec<String>,
}

/// Control tables that hold no values of people.
const OPEN: [&str; 10] = [
    "Chunk",
    "Request",
    "Run",
    "Upgrade",
    "Environment",
    "OptionSetMapping",
    "PlanTable",
    "PlanLookup",
    "Pace",
    "Verified",
];

/// A part of the script: what it is about, and its statements.
pub type Part = (String, Vec<Statement>);

/// The script of the roles; may be run again, and should be after `prepare`.
pub fn grants(tables: &[Masked<'_>]) -> Vec<Part> {
    let mut parts = vec![
        ("The roles".to_owned(), [DEVELOPER, OPERATOR, READER].map(create_role).into()),
        ("Developers build the mapping and run every step".to_owned(), developers()),
        ("Operators load, settle, verify and take backups".to_owned(), operators()),
        ("Readers: load state and mappings, no values".to_owned(), state()),
    ];
    for table in tables {
        let masked = if table.columns.is_empty() {
            String::new()
        } else {
            format!("; masked: {}", table.columns.join(", "))
        };
        parts.push((format!("Readers: {}{masked}", table.table.name()), target(table)));
    }
    parts.push(("Readers: the views".to_owned(), views(tables)));
    parts
}

fn developers() -> Vec<Statement> {
    let mut statements: Vec<_> = Schema::ALL
        .map(|schema| {
            grant(
                "SELECT, INSERT, UPDATE, DELETE, EXECUTE, ALTER, REFERENCES, VIEW DEFINITION",
                &on_schema(schema),
                DEVELOPER,
            )
        })
        .into();
    statements.push(batch(format!(
        "GRANT CREATE TABLE, CREATE VIEW, CREATE PROCEDURE, CREATE FUNCTION TO {}",
        quoted(DEVELOPER)
    )));
    statements
}

fn operators() -> Vec<Statement> {
    vec![
        grant("SELECT", &on_schema(Schema::Source), OPERATOR),
        grant("SELECT, INSERT, UPDATE, DELETE", &on_schema(Schema::Target), OPERATOR),
        grant("SELECT, INSERT, UPDATE, DELETE, EXECUTE", &on_schema(Schema::Migration), OPERATOR),
        batch(format!("GRANT BACKUP DATABASE TO {}", quoted(OPERATOR))),
    ]
}

fn state() -> Vec<Statement> {
    let is_open = |table: &PhysicalTable| OPEN.contains(&table.name.name());
    control_schema().iter().filter(|table| is_open(table)).flat_map(|table| read(&table.name, None)).collect()
}

fn target(masked: &Masked<'_>) -> Vec<Statement> {
    let table = masked.table;
    let hidden: BTreeSet<String> = table
        .columns
        .iter()
        .filter(|column| masked.columns.contains(&column.name))
        .flat_map(|column| column.physical().into_iter().map(|physical| physical.name))
        .collect();
    let mut statements = Vec::new();
    for physical in target_tables(table) {
        let closed: BTreeSet<&str> = if masked.columns.is_empty() {
            BTreeSet::new()
        } else if physical.name == table.name() {
            hidden.iter().map(String::as_str).collect()
        } else if physical.name == table.error() {
            // What the service said may quote any value of the row.
            BTreeSet::from(["Message", "Value"])
        } else if physical.name == table.party() {
            BTreeSet::from(["AddressUsed", "PartySourceKey"])
        } else {
            BTreeSet::new()
        };
        let open = (!closed.is_empty()).then(|| {
            super::catalog::names(&physical)
                .into_iter()
                .filter(|name| !closed.contains(name.as_str()))
                .collect()
        });
        statements.extend(read(&physical.name, open));
    }
    statements
}

fn views(tables: &[Masked<'_>]) -> Vec<Statement> {
    const WITHOUT_MESSAGES: [&str; 9] = [
        "TargetTable",
        "Pass",
        "ErrorCode",
        "RuleName",
        "ColumnName",
        "Errors",
        "RowsAffected",
        "ExampleRowId",
        "ExampleSourceKey",
    ];
    let is_masked = tables.iter().any(|table| !table.columns.is_empty());
    let messages = is_masked.then(|| WITHOUT_MESSAGES.map(str::to_owned).into());
    let mut statements = read(&TableName::target("TableStatus"), None);
    statements.extend(read(&TableName::target("ErrorSummary"), messages));
    statements.extend(read(&TableName::migration("MoneySums"), None));
    statements
}

/// Lets readers see a table, or these columns of it, and nothing that they saw before.
fn read(table: &TableName, columns: Option<Vec<String>>) -> Vec<Statement> {
    let d = ENGINE;
    let columns = columns.map(|columns| {
        let columns: Vec<_> = columns.iter().map(|column| d.quote(column)).collect();
        format!(" ({})", columns.join(", "))
    });
    let name = d.table(table);
    let exists = format!("IF OBJECT_ID({}) IS NOT NULL", d.literal(&name));
    let role = quoted(READER);
    vec![batch(format!(
        "{exists}\nBEGIN\nREVOKE SELECT ON {name} FROM {role};\nGRANT SELECT{} ON {name} TO {role};\nEND",
        columns.unwrap_or_default()
    ))]
}

fn on_schema(schema: Schema) -> String {
    format!("SCHEMA::{}", quoted(schema.as_str()))
}

fn quoted(name: &str) -> String {
    ENGINE.quote(name)
}

fn create_role(name: &str) -> Statement {
    let d = ENGINE;
    let create = d.literal(&format!("CREATE ROLE {}", d.quote(name)));
    batch(format!("IF DATABASE_PRINCIPAL_ID({}) IS NULL EXEC({create})", d.literal(name)))
}

fn grant(what: &str, on: &str, role: &str) -> Statement {
    batch(format!("GRANT {what} ON {on} TO {}", quoted(role)))
}

/// T-SQL alone.
fn batch(text: String) -> Statement {
    Statement::script(move |dialect| match dialect {
        Dialect::Sqlite => String::new(),
        Dialect::Mssql => text.clone(),
    })
}
