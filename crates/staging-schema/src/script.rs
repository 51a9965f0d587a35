//! Names of tables in people's own SQL: `${target.contact}` becomes the right name on each engine.

use crate::Error;
use crate::dialect::Dialect;
use crate::name::{Schema, TableName};
use crate::statement::Statement;

/// Reads a script that suits both engines.
pub fn parse(text: &str) -> Result<Statement, Error> {
    let sqlite = expand(text, Dialect::Sqlite)?;
    let mssql = expand(text, Dialect::Mssql)?;
    Ok(Statement::script(|d| match d {
        Dialect::Sqlite => sqlite.clone(),
        Dialect::Mssql => mssql.clone(),
    }))
}

/// Replaces the names of tables in a script for one engine.
pub fn expand(text: &str, dialect: Dialect) -> Result<String, Error> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, opened) = rest.split_at(start);
        expanded.push_str(before);
        let line = 1 + text[..text.len() - opened.len()].matches('\n').count();
        let bad = |name: &str| Error::BadPlaceholder { line, name: name.to_owned() };
        let end = opened.find('}').ok_or_else(|| bad(opened.lines().next().unwrap_or_default()))?;
        let name = &opened[2..end];
        let table = table(name).ok_or_else(|| bad(name))?;
        expanded.push_str(&dialect.table(&table));
        rest = &opened[end + 1..];
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn table(name: &str) -> Option<TableName> {
    let (schema, name) = name.split_once('.')?;
    let schema = Schema::ALL.into_iter().find(|known| known.as_str() == schema)?;
    crate::check_identifier(name).is_ok().then(|| TableName::new(schema, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_names_its_tables_once_for_both_engines() {
        let text = "UPDATE ${target.contact} SET a = (SELECT 1 FROM ${source.Con tact})";
        let script = parse(text).unwrap();
        assert_eq!(
            script.text(Dialect::Sqlite),
            "UPDATE [target_contact] SET a = (SELECT 1 FROM [source_Con tact])"
        );
        assert_eq!(
            script.text(Dialect::Mssql),
            "UPDATE [target].[contact] SET a = (SELECT 1 FROM [source].[Con tact])"
        );
    }

    #[test]
    fn a_name_that_is_none_is_told_with_its_line() {
        for (text, line) in
            [("a\nb ${contact}", 2), ("${other.x}", 1), ("\n\n${target.", 3), ("${target.}", 1)]
        {
            match expand(text, Dialect::Sqlite) {
                Err(Error::BadPlaceholder { line: found, .. }) => assert_eq!(found, line, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
