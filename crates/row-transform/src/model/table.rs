//! One `[[map]]` of the project file.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{ColumnRule, OneOrMany, PartyRule};

/// How the rows of one source table become rows of one Dataverse table.
///
/// Several mappings may feed the same Dataverse table; the pair of table and source is unique.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableMapping {
    /// Logical name of the Dataverse table.
    pub table: String,
    /// Name of the table in `source`.
    pub source: String,
    /// The source column that identifies a row, or several, joined with `|` (a row with one of them empty has no key).
    pub key: OneOrMany,
    /// Whether rows are created or found.
    #[serde(default)]
    pub mode: Mode,
    /// Columns of the natural key, for [`Mode::Match`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_on: Vec<String>,
    /// Raw SQL condition on the source rows (`s` names the source table): rows that do not meet it are not migrated.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Who makes the GUIDs; the loader decides when this is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guid: Option<GuidChoice>,
    /// Column of the Dataverse table → rule.
    #[serde(default)]
    pub columns: IndexMap<String, ColumnRule>,
    /// Activity parties: participation (`to`, `from`, `customers`, `requiredattendees`, …) → who.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub parties: IndexMap<String, Vec<PartyRule>>,
    /// SQL scripts of the user, relative to the project folder, run in order after the rows of *all* mappings are
    /// staged. They may fill columns that have a `script` rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sql: Vec<String>,
    /// Mapped columns of the Dataverse table that readers of a shared staging database must not see (`dv-stage grants`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<String>,
    /// Source columns that are knowingly not migrated: they leave the list of unmapped columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
}

impl TableMapping {
    /// `account from Account`: how messages name a mapping.
    pub fn label(&self) -> String {
        format!("{} from {}", self.table, self.source)
    }
}

/// Whether the rows of a table are created by the migration or are already there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Rows are created.
    #[default]
    Load,
    /// Rows exist already and are found by their natural key.
    Match,
}

/// Who makes the GUID of a new row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuidChoice {
    /// Dataverse.
    Server,
    /// We do, in the order in which SQL Server sorts `uniqueidentifier`.
    Sequential,
    /// The source key is a GUID and is kept.
    Source,
}

/// Defaults for owners: the `[owners]` table of the project file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owners {
    /// Source column that holds the owner in tables that have it and whose mapping has no `ownerid` rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Who owns rows whose owner has no row in `migration.OwnerMapping`. Without it such rows do not load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<OwnerTarget>,
}

/// A user or team of the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnerTarget {
    /// `systemuser` or `team`.
    pub table: String,
    /// Its GUID, or `me` for the user who migrates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its full name, domain name or team name, when the id is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
