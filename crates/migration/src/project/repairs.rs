//! `[load.repairs]`: what may be changed in rows that Dataverse refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde_path_to_error::Segment;
use uuid::Uuid;

use super::check::{Check, key};
use super::problem::did_you_mean;
use row_transform::model::TableMapping;

/// A rule by which a refused row may be changed before it is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RepairRule {
    /// A text that is too long for its column is cut.
    Trim,
    /// A choice that does not exist becomes another one, named per column.
    DefaultOption,
    /// An owner who cannot own becomes the fallback of the project.
    FallbackOwner,
    /// A lookup whose row does not exist is emptied.
    BlankLookup,
    /// A lookup whose row does not exist points to another one, named per table.
    PlaceholderParent,
}

impl RepairRule {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Trim, Self::DefaultOption, Self::FallbackOwner, Self::BlankLookup, Self::PlaceholderParent];

    /// Its name on the command line and in `migration.Repair`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trim => "trim",
            Self::DefaultOption => "default-option",
            Self::FallbackOwner => "fallback-owner",
            Self::BlankLookup => "blank-lookup",
            Self::PlaceholderParent => "placeholder-parent",
        }
    }
}

impl fmt::Display for RepairRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RepairRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == text).ok_or_else(|| {
            format!("`{text}` is no repair; those are {}", Self::ALL.map(Self::as_str).join(", "))
        })
    }
}

/// The repairs that a project allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Texts may be cut.
    pub trim: bool,
    /// The option that a refused choice becomes, by table and column.
    pub default_option: BTreeMap<(String, String), i64>,
    /// Owners may become the fallback.
    pub fallback_owner: bool,
    /// Lookups that may be emptied, by table and column.
    pub blank_lookup: BTreeSet<(String, String)>,
    /// The row that stands for missing parents, by table.
    pub placeholder_parent: BTreeMap<String, Uuid>,
}

impl Repairs {
    /// Whether a rule may be applied at all.
    pub fn allows(&self, rule: RepairRule) -> bool {
        match rule {
            RepairRule::Trim => self.trim,
            RepairRule::DefaultOption => !self.default_option.is_empty(),
            RepairRule::FallbackOwner => self.fallback_owner,
            RepairRule::BlankLookup => !self.blank_lookup.is_empty(),
            RepairRule::PlaceholderParent => !self.placeholder_parent.is_empty(),
        }
    }
}

/// The section as people write it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WrittenRepairs {
    pub(crate) trim: bool,
    pub(crate) default_option: BTreeMap<String, i64>,
    pub(crate) fallback_owner: bool,
    pub(crate) blank_lookup: Vec<String>,
    pub(crate) placeholder_parent: BTreeMap<String, String>,
}

impl Check<'_> {
    /// Checks `[load.repairs]` against what is mapped.
    pub(super) fn repairs(
        &mut self,
        written: &WrittenRepairs,
        maps: &[TableMapping],
        has_fallback: bool,
    ) -> Repairs {
        let mut repairs =
            Repairs { trim: written.trim, fallback_owner: written.fallback_owner, ..Repairs::default() };
        if written.fallback_owner && !has_fallback {
            self.note_at(
                &path("fallback_owner"),
                "there is no fallback that an owner could become".to_owned(),
                Some("name one: fallback in the section [owners]"),
            );
        }
        for (column, option) in &written.default_option {
            if let Some(place) = self.mapped(&path("default_option"), column, maps) {
                repairs.default_option.insert(place, *option);
            }
        }
        for column in &written.blank_lookup {
            if let Some(place) = self.mapped(&path("blank_lookup"), column, maps) {
                repairs.blank_lookup.insert(place);
            }
        }
        for (table, id) in &written.placeholder_parent {
            match Uuid::try_parse(id) {
                Ok(id) => drop(repairs.placeholder_parent.insert(table.clone(), id)),
                Err(_) => self.note_at(
                    &path("placeholder_parent"),
                    format!("the placeholder of {table} is no GUID"),
                    Some("create the row in Dataverse and write its GUID here"),
                ),
            }
        }
        repairs
    }

    fn mapped(&mut self, path: &[Segment], text: &str, maps: &[TableMapping]) -> Option<(String, String)> {
        let known: Vec<String> = maps
            .iter()
            .flat_map(|map| map.columns.keys().map(|column| format!("{}.{column}", map.table)))
            .collect();
        if let Some((table, column)) =
            text.split_once('.').filter(|_| known.iter().any(|known| known == text))
        {
            return Some((table.to_owned(), column.to_owned()));
        }
        let hint = did_you_mean(text, known.iter().map(String::as_str))
            .unwrap_or_else(|| "write table.column, both by their logical names".to_owned());
        self.note_at(path, format!("`{text}` is no column that is mapped"), Some(&hint));
        None
    }
}

fn path(name: &str) -> Vec<Segment> {
    vec![key("load"), key("repairs"), key(name)]
}
