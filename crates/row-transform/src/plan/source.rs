//! The columns of a source table as a mapping refers to them.

use std::collections::{BTreeMap, BTreeSet};

use staging_schema::Dialect;

use super::near::did_you_mean;
use crate::problem::Problems;
use crate::script;
use crate::sql::{Fragment, column};

/// Columns of every source table by its name.
pub type SourceColumns = BTreeMap<String, Vec<String>>;

/// One source table while its mapping is planned: knows its columns and remembers which were used.
pub(crate) struct SourceRef<'a> {
    pub(crate) name: &'a str,
    columns: &'a [String],
    pub(crate) used: BTreeSet<String>,
    /// Source tables that expressions look into.
    pub(crate) looked_into: BTreeSet<String>,
}

impl<'a> SourceRef<'a> {
    /// The table, if the source has it.
    pub(crate) fn find(
        name: &'a str,
        sources: &'a SourceColumns,
        problems: &mut Problems<'_>,
    ) -> Option<Self> {
        if let Some(columns) = sources.get(name) {
            return Some(Self { name, columns, used: BTreeSet::new(), looked_into: BTreeSet::new() });
        }
        let hint = did_you_mean(name, sources.keys().map(String::as_str));
        problems.table(format!("the source has no table {name:?}{hint}"));
        None
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|known| known == name)
    }

    /// A column of the row at hand, or a problem.
    pub(crate) fn column(
        &mut self,
        name: &str,
        target: Option<&str>,
        problems: &mut Problems<'_>,
    ) -> Option<Fragment> {
        if self.has(name) {
            self.used.insert(name.to_owned());
            return Some(column("s", name));
        }
        let hint = match self.columns {
            // A header that was not taken apart.
            [only] if only.contains([';', ',', '\t', '|']) => {
                format!("; its only column is {only:?}: declare the file's `delimiter`")
            }
            columns => did_you_mean(name, columns.iter().map(String::as_str)),
        };
        let message = format!("{} has no column {name:?}{hint}", self.name);
        match target {
            Some(target) => problems.column(target, message),
            None => problems.table(message),
        }
        None
    }

    /// An expression of the user, with `${schema.table}` replaced; the columns that it names count as used.
    pub(crate) fn expression(
        &mut self,
        text: &str,
        target: Option<&str>,
        problems: &mut Problems<'_>,
    ) -> Option<Fragment> {
        let expanded = |dialect: Dialect| script::expand(text, dialect);
        if let Some(message) = Dialect::ALL.into_iter().find_map(|dialect| expanded(dialect).err()) {
            match target {
                Some(target) => problems.column(target, message),
                None => problems.table(message),
            }
            return None;
        }
        let words: BTreeSet<&str> = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        self.used.extend(self.columns.iter().filter(|name| words.contains(name.as_str())).cloned());
        self.looked_into.extend(script::source_tables(text).map(str::to_owned));
        Some(Fragment::each(|dialect| expanded(dialect).unwrap_or_default()))
    }
}
