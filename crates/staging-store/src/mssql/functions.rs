//! Functions of ours that the server keeps, made again when their text has changed.

use std::collections::BTreeMap;

use staging_schema::{Dialect, Statement, TableName};

use super::connection::Link;
use super::execute::{execute, query};
use crate::Error;
use crate::options::ScalarFunction;

/// Begins the names of the settings that keep the texts of functions.
const PREFIX: &str = "Function.";

fn setting() -> String {
    Dialect::Mssql.table(&TableName::migration("Setting"))
}

/// The functions that are not there as they should be.
pub(super) async fn outdated<'a>(
    link: &mut Link,
    functions: &'a [ScalarFunction],
) -> Result<Vec<&'a ScalarFunction>, Error> {
    if functions.iter().all(|function| function.tsql.is_none()) {
        return Ok(Vec::new());
    }
    let text = format!(
        "SELECT [Name], [Value] FROM {} WHERE [Name] LIKE N'{PREFIX}%' \
         AND OBJECT_ID(N'[migration].[' + SUBSTRING([Name], {}, 128) + N']') IS NOT NULL",
        setting(),
        PREFIX.len() + 1
    );
    let mut kept = BTreeMap::new();
    for row in query(link, &Statement::same(text, Vec::new())).await? {
        kept.insert(row.text(0)?.to_owned(), row.optional_text(1)?.map(str::to_owned));
    }
    let same = |function: &ScalarFunction| {
        let text = kept.get(&format!("{PREFIX}{}", function.name)).and_then(Option::as_deref);
        function.tsql.is_none() || text == function.tsql
    };
    Ok(functions.iter().filter(|function| !same(function)).collect())
}

/// Makes functions anew; the caller holds the lock and a transaction.
pub(super) async fn make(link: &mut Link, functions: &[&ScalarFunction]) -> Result<(), Error> {
    for function in functions {
        let Some(text) = function.tsql else { continue };
        let name = format!("{}.{}", Dialect::Mssql.quote("migration"), Dialect::Mssql.quote(function.name));
        execute(link, &Statement::same(format!("DROP FUNCTION IF EXISTS {name}"), Vec::new())).await?;
        execute(link, &Statement::same(text, Vec::new())).await?;
        let key = format!("{PREFIX}{}", function.name);
        let forget = format!("DELETE FROM {} WHERE [Name] = @P1", setting());
        execute(link, &Statement::same(forget, vec![key.as_str().into()])).await?;
        let keep = format!("INSERT INTO {} ([Name], [Value]) VALUES (@P1, @P2)", setting());
        execute(link, &Statement::same(keep, vec![key.into(), text.into()])).await?;
    }
    Ok(())
}
