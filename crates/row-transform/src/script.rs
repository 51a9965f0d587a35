//! The user's SQL: scripts beside the project file, with table names as `${schema.table}`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use staging_schema::{Dialect, Schema, TableName};

use crate::Error;

/// Replaces every `${schema.table}` by the engine's name of the table.
pub(crate) fn expand(text: &str, dialect: Dialect) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        expanded.push_str(&rest[..start]);
        let inside = &rest[start + 2..];
        let end = inside.find('}').ok_or("a `${` is never closed by `}`")?;
        let name = &inside[..end];
        let table = name.split_once('.').and_then(|(schema, table)| {
            let schema = Schema::ALL.into_iter().find(|known| known.as_str() == schema)?;
            (!table.is_empty()).then(|| TableName::new(schema, table))
        });
        let table = table.ok_or_else(|| {
            format!("`${{{name}}}` names no table; write ${{source.Name}}, ${{target.name}} or ${{migration.Name}}")
        })?;
        expanded.push_str(&dialect.table(&table));
        rest = &inside[end + 1..];
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// The source tables that a text names as `${source.Name}`, as often as it does.
pub(crate) fn source_tables(text: &str) -> impl Iterator<Item = &str> {
    text.split("${source.").skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

/// A script found for an engine, ready to be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Name as written in the project file.
    pub name: String,
    /// The file that was read.
    pub path: PathBuf,
    /// Its text with table names in place.
    pub text: String,
    /// The source tables that it names.
    pub source_tables: BTreeSet<String>,
}

impl Script {
    /// Reads `folder/name`, or its variant for the engine: of `x.sql` that is `x.sqlite.sql` or `x.mssql.sql`.
    ///
    /// # Errors
    /// Neither file is there, it is not UTF-8, or a `${…}` names no table.
    pub fn read(folder: &Path, name: &str, dialect: Dialect) -> Result<Self, Error> {
        let plain = folder.join(name);
        let own = plain.with_extension(format!("{}.sql", dialect.word()));
        let path = if own.is_file() { own } else { plain };
        let text = std::fs::read_to_string(&path)
            .map_err(|source| Error::ScriptUnreadable { path: path.clone(), source })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let source_tables = source_tables(text).map(str::to_owned).collect();
        let text = expand(text, dialect)
            .map_err(|message| Error::ScriptPlaceholder { path: path.clone(), message })?;
        Ok(Self { name: name.to_owned(), path, text, source_tables })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_names_become_those_of_the_engine() {
        let text = "UPDATE ${target.account} SET x = 1 FROM ${source.My Table}";
        assert_eq!(
            expand(text, Dialect::Sqlite).unwrap(),
            "UPDATE [target_account] SET x = 1 FROM [source_My Table]"
        );
        assert_eq!(
            expand(text, Dialect::Mssql).unwrap(),
            "UPDATE [target].[account] SET x = 1 FROM [source].[My Table]"
        );
    }

    #[test]
    fn the_source_tables_of_a_text_are_told() {
        let text =
            "UPDATE ${target.a} SET x = (SELECT y FROM ${source.My Table}) FROM ${source.b}, ${source.";
        assert_eq!(source_tables(text).collect::<Vec<_>>(), ["My Table", "b"]);
    }

    #[test]
    fn a_name_without_a_schema_is_refused() {
        assert!(expand("SELECT * FROM ${account}", Dialect::Sqlite).is_err());
        assert!(expand("SELECT * FROM ${target.account", Dialect::Sqlite).is_err());
    }
}
