//! The T-SQL is read by a parser, since no SQL Server is at hand here.

use sqlparser::dialect::{Dialect as ParserDialect, MsSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;
use staging_schema::Dialect;

use crate::sample;

/// The parser knows neither classes of securables nor all permissions of SQL Server; the rest of the statement it reads.
fn known(text: &str) -> String {
    [
        ("ON SCHEMA::", "ON "),
        (", ALTER, REFERENCES, VIEW DEFINITION ON", " ON"),
        ("GRANT CREATE TABLE, CREATE VIEW, CREATE PROCEDURE TO", "GRANT CREATE TO"),
        ("GRANT BACKUP DATABASE TO", "GRANT CREATE TO"),
    ]
    .into_iter()
    .fold(text.to_owned(), |text, (unknown, known)| text.replace(unknown, known))
}

#[track_caller]
fn check(parser: &dyn ParserDialect, dialect: Dialect) {
    let mut unread = Vec::new();
    for (topic, named) in sample::all() {
        for (name, statements) in named {
            for statement in statements {
                let text = statement.text(dialect);
                if let Err(error) = Parser::parse_sql(parser, &known(text)) {
                    unread.push(format!("{topic}, {name}: {error}\n{text}"));
                }
            }
        }
    }
    assert!(unread.is_empty(), "{}", unread.join("\n\n"));
}

#[test]
fn the_t_sql_is_read_by_a_parser_of_t_sql() {
    check(&MsSqlDialect {}, Dialect::Mssql);
}

#[test]
fn the_sqlite_text_is_read_by_a_parser_of_sqlite() {
    check(&SQLiteDialect {}, Dialect::Sqlite);
}
