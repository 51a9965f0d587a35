//! The end of a staging database that shares its server with others: everything of ours is dropped, the database stays.

use crate::ddl::catalog::Catalog;
use crate::name::TableName;
use crate::statement::Statement;

/// Drops views, procedures and all tables of the three schemas, as they were found; in one transaction.
pub fn discard(catalog: &Catalog) -> Vec<Statement> {
    let views = [
        TableName::target("TableStatus"),
        TableName::target("ErrorSummary"),
        TableName::migration("MoneySums"),
    ];
    let drop = |what: &'static str, name: &TableName| {
        Statement::new(|d| format!("DROP {what} IF EXISTS {}", d.table(name)), Vec::new())
    };
    let mut statements: Vec<_> = views.iter().map(|view| drop("VIEW", view)).collect();
    statements.extend(super::procedure::NAMES.map(|name| {
        let name = TableName::migration(name);
        Statement::script(|d| match d {
            crate::Dialect::Sqlite => String::new(),
            crate::Dialect::Mssql => format!("DROP PROCEDURE IF EXISTS {}", d.table(&name)),
        })
    }));
    statements.extend(catalog.tables().map(|table| drop("TABLE", table)));
    statements
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;

    #[test]
    fn what_is_there_is_dropped_and_nothing_else() {
        let mut catalog = Catalog::default();
        catalog.add("target", "contact", "DataMigration_RowId");
        catalog.add("source", "Kontakt", "Id");
        catalog.add("dbo", "Payroll", "Salary");
        let text: Vec<_> = discard(&catalog).iter().map(|s| s.text(Dialect::Mssql).to_owned()).collect();
        assert_eq!(text.len(), 3 + 3 + 2);
        assert!(text.contains(&"DROP TABLE IF EXISTS [source].[Kontakt]".to_owned()), "{text:?}");
        assert!(text.contains(&"DROP VIEW IF EXISTS [migration].[MoneySums]".to_owned()), "{text:?}");
        assert!(!text.iter().any(|statement| statement.contains("Payroll")), "{text:?}");
    }
}
