//! The T-SQL is read by a parser, since no SQL Server is at hand here.

use sqlparser::dialect::{Dialect as ParserDialect, MsSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};
use staging_schema::Dialect;

use crate::sample;

/// The parser knows neither classes of securables nor all permissions of SQL Server, and no hints of an `UPDATE`; the rest of the statement it reads.
fn known(text: &str) -> String {
    [
        ("ON SCHEMA::", "ON "),
        (", ALTER, REFERENCES, VIEW DEFINITION ON", " ON"),
        ("GRANT CREATE TABLE, CREATE VIEW, CREATE PROCEDURE, CREATE FUNCTION TO", "GRANT CREATE TO"),
        ("GRANT BACKUP DATABASE TO", "GRANT CREATE TO"),
        (" OPTION (LOOP JOIN, FORCE ORDER)", ""),
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

/// The reserved words of T-SQL.
const RESERVED: &str = "ADD ALL ALTER AND ANY AS ASC AUTHORIZATION BACKUP BEGIN BETWEEN BREAK BROWSE BULK BY CASCADE CASE CHECK \
    CHECKPOINT CLOSE CLUSTERED COALESCE COLLATE COLUMN COMMIT COMPUTE CONSTRAINT CONTAINS CONTAINSTABLE CONTINUE CONVERT CREATE \
    CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER CURSOR DATABASE DBCC DEALLOCATE DECLARE DEFAULT DELETE \
    DENY DESC DISK DISTINCT DISTRIBUTED DOUBLE DROP DUMP ELSE END ERRLVL ESCAPE EXCEPT EXEC EXECUTE EXISTS EXIT EXTERNAL FETCH \
    FILE FILLFACTOR FOR FOREIGN FREETEXT FREETEXTTABLE FROM FULL FUNCTION GOTO GRANT GROUP HAVING HOLDLOCK IDENTITY \
    IDENTITY_INSERT IDENTITYCOL IF IN INDEX INNER INSERT INTERSECT INTO IS JOIN KEY KILL LEFT LIKE LINENO LOAD MERGE NATIONAL \
    NOCHECK NONCLUSTERED NOT NULL NULLIF OF OFF OFFSETS ON OPEN OPENDATASOURCE OPENQUERY OPENROWSET OPENXML OPTION OR ORDER OUTER \
    OVER PERCENT PIVOT PLAN PRECISION PRIMARY PRINT PROC PROCEDURE PUBLIC RAISERROR READ READTEXT RECONFIGURE REFERENCES \
    REPLICATION RESTORE RESTRICT RETURN REVERT REVOKE RIGHT ROLLBACK ROWCOUNT ROWGUIDCOL RULE SAVE SCHEMA SECURITYAUDIT SELECT \
    SEMANTICKEYPHRASETABLE SEMANTICSIMILARITYDETAILSTABLE SEMANTICSIMILARITYTABLE SESSION_USER SET SETUSER SHUTDOWN SOME \
    STATISTICS SYSTEM_USER TABLE TABLESAMPLE TEXTSIZE THEN TO TOP TRAN TRANSACTION TRIGGER TRUNCATE TRY_CONVERT TSEQUAL UNION \
    UNIQUE UNPIVOT UPDATE UPDATETEXT USE USER VALUES VARYING VIEW WAITFOR WHEN WHERE WHILE WITH WRITETEXT";

/// The words that the statements use as T-SQL means them.
const KEYWORDS: &str = "ADD ALL ALTER AND AS BEGIN BETWEEN BY CASE CHECK COALESCE COLLATE CONVERT CREATE CROSS DEFAULT DELETE DESC \
    DISTINCT DROP ELSE END EXCEPT EXEC EXISTS FROM GROUP HAVING IDENTITY IF IN INDEX INNER INSERT INTERSECT INTO IS JOIN KEY LEFT \
    LIKE NONCLUSTERED NOT NULL NULLIF ON OPTION OR ORDER OVER PRIMARY SELECT SET TABLE THEN TOP UNION UNIQUE UPDATE VALUES VIEW WHEN \
    WHERE WITH";

/// What procedures and grants are written with; nothing else is.
const SCRIPT_KEYWORDS: &str = "BACKUP COMMIT DATABASE EXECUTE FUNCTION GRANT PROCEDURE RAISERROR REFERENCES RETURN REVOKE SCHEMA TO TRANSACTION";

#[test]
fn no_name_is_a_reserved_word_of_t_sql_without_brackets() {
    let words: std::collections::BTreeSet<_> = RESERVED.split_whitespace().collect();
    let keywords: std::collections::BTreeSet<_> = KEYWORDS.split_whitespace().collect();
    let scripts: std::collections::BTreeSet<_> = SCRIPT_KEYWORDS.split_whitespace().collect();
    let mut names = std::collections::BTreeSet::new();
    for (topic, named) in sample::all() {
        for (name, statements) in named {
            let is_script = topic == "grant" || name == "procedures";
            for statement in statements {
                let tokens =
                    Tokenizer::new(&MsSqlDialect {}, statement.text(Dialect::Mssql)).tokenize().unwrap();
                for token in tokens {
                    let Token::Word(word) = token else { continue };
                    let upper = word.value.to_uppercase();
                    if word.quote_style.is_none()
                        && words.contains(upper.as_str())
                        && !keywords.contains(upper.as_str())
                        && !(is_script && scripts.contains(upper.as_str()))
                    {
                        names.insert(format!("{} ({topic}, {name})", word.value));
                    }
                }
            }
        }
    }
    assert!(names.is_empty(), "{names:?}");
}
