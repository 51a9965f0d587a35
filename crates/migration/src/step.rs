//! The seven steps of the journey.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A step of a migration. The order of the variants is the order of the journey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Bind the staging database to the environment, freeze its metadata, create the tables.
    Prepare,
    /// Copy the source into the snapshot.
    Extract,
    /// Fill the target tables, map choices, validate.
    Transform,
    /// Decide the order of tables and the level of rows.
    Sequence,
    /// Create the rows.
    Load,
    /// Write what had to wait: deferred lookups, associations, states.
    Settle,
    /// Compare what Dataverse holds with what was staged.
    Verify,
}

impl Step {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [
        Self::Prepare,
        Self::Extract,
        Self::Transform,
        Self::Sequence,
        Self::Load,
        Self::Settle,
        Self::Verify,
    ];

    /// Its name on the command line and in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Extract => "extract",
            Self::Transform => "transform",
            Self::Sequence => "sequence",
            Self::Load => "load",
            Self::Settle => "settle",
            Self::Verify => "verify",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|step| step.as_str() == text).ok_or_else(|| {
            format!("`{text}` is not a step; the steps are {}", Self::ALL.map(Self::as_str).join(", "))
        })
    }
}
