//! A copy of the whole staging database, as of one moment.

use crate::dialect::Dialect;
use crate::statement::Statement;

/// What becomes of copies that a server's file holds already. SQLite writes new files only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// They stay, and the new one comes after them.
    Keep,
    /// They go.
    Replace,
}

/// The name by which a server's own history knows our copies.
const NAME: &str = "staging database";

/// Copies the database into a file: on SQLite a new one, on SQL Server one that its service can write, with checksums and apart from
/// the chain of the administrator's own backups. Not within a transaction; others may work meanwhile.
pub fn copy(file: &str, earlier: Earlier) -> Statement {
    let init = match earlier {
        Earlier::Keep => "NOINIT",
        Earlier::Replace => "INIT",
    };
    Statement::new(
        |dialect| match dialect {
            Dialect::Sqlite => format!("VACUUM INTO {}", dialect.param(1)),
            Dialect::Mssql => format!(
                "DECLARE @database sysname = DB_NAME(); \
                 BACKUP DATABASE @database TO DISK = {} WITH CHECKSUM, COPY_ONLY, {init}, NAME = {}",
                dialect.param(1),
                dialect.literal(NAME)
            ),
        },
        vec![file.into()],
    )
}

/// Checks the latest copy: SQLite is asked in the copy itself and answers `ok`; SQL Server reads the file and fails when it is not sound.
pub fn verify(file: &str) -> Statement {
    Statement::new(
        |dialect| match dialect {
            Dialect::Sqlite => "PRAGMA quick_check".to_owned(),
            // The file may hold several: its own history says which of them is ours.
            Dialect::Mssql => format!(
                "DECLARE @copy int = (SELECT TOP (1) position FROM msdb.dbo.backupset \
                 WHERE database_name = DB_NAME() AND name = {} ORDER BY backup_set_id DESC); \
                 IF @copy IS NULL RAISERROR(N'msdb.dbo.backupset does not know this backup', 16, 1) \
                 ELSE RESTORE VERIFYONLY FROM DISK = {} WITH FILE = @copy, CHECKSUM",
                dialect.literal(NAME),
                dialect.literal(file)
            ),
        },
        Vec::new(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_server_backs_up_with_checksums_beside_the_chain_of_its_administrator() {
        let file = "D:\\backup\\o'neil.bak";
        assert_eq!(
            copy(file, Earlier::Keep).written_out(Dialect::Mssql),
            "DECLARE @database sysname = DB_NAME(); BACKUP DATABASE @database TO DISK = N'D:\\backup\\o''neil.bak' \
             WITH CHECKSUM, COPY_ONLY, NOINIT, NAME = N'staging database'"
        );
        assert!(copy(file, Earlier::Replace).text(Dialect::Mssql).contains(", COPY_ONLY, INIT, "));
        assert_eq!(
            verify(file).text(Dialect::Mssql),
            "DECLARE @copy int = (SELECT TOP (1) position FROM msdb.dbo.backupset \
             WHERE database_name = DB_NAME() AND name = N'staging database' ORDER BY backup_set_id DESC); \
             IF @copy IS NULL RAISERROR(N'msdb.dbo.backupset does not know this backup', 16, 1) \
             ELSE RESTORE VERIFYONLY FROM DISK = N'D:\\backup\\o''neil.bak' WITH FILE = @copy, CHECKSUM"
        );
    }
}
