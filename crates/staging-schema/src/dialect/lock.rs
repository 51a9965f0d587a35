//! Keeping others out of what a transaction looks at before it writes.

use super::Dialect;

impl Dialect {
    /// Makes a transaction wait until no other of this name is under way in the database; whoever comes next waits for its end. To be
    /// its first statement: then nobody holds anything while he waits, and nobody waits in a circle.
    ///
    /// `INSERT … WHERE NOT EXISTS` needs it on SQL Server wherever several processes may do it at once and no unique index stands
    /// behind it: each would look before the other has written. An application lock and no hint such as `HOLDLOCK`: what is looked
    /// at here are whole tables, of which so many rows would be locked that others who only note an outcome had to wait; and servers
    /// that speak T-SQL do not all heed hints. SQLite has one writer at a time: its transactions begin by waiting for that.
    pub fn alone(self, name: &str) -> String {
        match self {
            Self::Sqlite => String::new(),
            // With the name of the database: some servers have these locks in common. How long it waits is the client's to say.
            Self::Mssql => format!(
                "DECLARE @name nvarchar(255) = {} + N' in ' + DB_NAME(), @answer int; \
                 EXEC @answer = sp_getapplock @Resource = @name, @LockMode = N'Exclusive', @LockOwner = N'Transaction', \
                 @LockTimeout = -1; \
                 IF @answer < 0 RAISERROR(N'the application lock \"%s\" cannot be had', 16, 1, @name)",
                self.literal(name)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_on_a_server_waits_for_others_of_its_name_until_it_ends() {
        assert_eq!(Dialect::Sqlite.alone("keys of contact"), "");
        assert_eq!(
            Dialect::Mssql.alone("keys of o'neil"),
            "DECLARE @name nvarchar(255) = N'keys of o''neil' + N' in ' + DB_NAME(), @answer int; \
             EXEC @answer = sp_getapplock @Resource = @name, @LockMode = N'Exclusive', @LockOwner = N'Transaction', \
             @LockTimeout = -1; \
             IF @answer < 0 RAISERROR(N'the application lock \"%s\" cannot be had', 16, 1, @name)"
        );
    }
}
