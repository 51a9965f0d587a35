//! A copy of the whole staging database, as of one moment.

use crate::dialect::Dialect;
use crate::statement::Statement;

/// Copies the database into a file: on SQLite a new one, on SQL Server one that its service can write, with checksums and apart from
/// the chain of the administrator's own backups. Not within a transaction; others may work meanwhile.
pub fn copy(file: &str) -> Statement {
    Statement::new(
        |dialect| match dialect {
            Dialect::Sqlite => format!("VACUUM INTO {}", dialect.param(1)),
            Dialect::Mssql => format!(
                "DECLARE @database sysname = DB_NAME(); \
                 BACKUP DATABASE @database TO DISK = {} WITH CHECKSUM, COPY_ONLY, FORMAT, NAME = N'staging database'",
                dialect.param(1)
            ),
        },
        vec![file.into()],
    )
}

/// Checks a copy: SQLite is asked in the copy itself and answers `ok`; SQL Server reads the file and fails when it is not sound.
pub fn verify(file: &str) -> Statement {
    Statement::script(|dialect| match dialect {
        Dialect::Sqlite => "PRAGMA quick_check".to_owned(),
        Dialect::Mssql => {
            format!("RESTORE VERIFYONLY FROM DISK = {} WITH CHECKSUM", dialect.literal(file))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_server_backs_up_with_checksums_beside_the_chain_of_its_administrator() {
        let file = "D:\\backup\\o'neil.bak";
        assert_eq!(
            copy(file).written_out(Dialect::Mssql),
            "DECLARE @database sysname = DB_NAME(); BACKUP DATABASE @database TO DISK = N'D:\\backup\\o''neil.bak' \
             WITH CHECKSUM, COPY_ONLY, FORMAT, NAME = N'staging database'"
        );
        assert_eq!(
            verify(file).text(Dialect::Mssql),
            "RESTORE VERIFYONLY FROM DISK = N'D:\\backup\\o''neil.bak' WITH CHECKSUM"
        );
    }
}
