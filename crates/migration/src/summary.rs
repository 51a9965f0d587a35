//! What a journey did, for the table at its end.

use std::path::PathBuf;

use serde::Serialize;
use uuid::Uuid;

use crate::{ExitStatus, Step};

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Name of the project.
    pub project: String,
    /// The organisation, where the run talked to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<Organization>,
    /// The steps that were done, in order.
    pub steps: Vec<StepSummary>,
    /// One entry per target table, in the order of loading.
    pub tables: Vec<TableSummary>,
    /// Files worth opening, with what is in them.
    pub files: Vec<FileAdvice>,
    /// What keeps this from being exit code 0, one sentence each.
    pub open: Vec<String>,
}

/// Who we are and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Organization {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: Uuid,
    /// Address of the environment.
    pub url: String,
    /// The user that writes.
    pub user_id: Uuid,
}

/// One step that was done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepSummary {
    /// The step.
    pub step: Step,
    /// How long it took.
    pub seconds: f64,
    /// What came of it, in one sentence.
    pub outcome: String,
}

/// One target table. Counts are of rows unless they say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TableSummary {
    /// Logical name.
    pub table: String,
    /// `load`, `match` or `pairs`.
    pub mode: String,
    /// Rows that are staged.
    pub staged: u64,
    /// Rows that are in Dataverse: loaded now or by earlier runs, or found there.
    pub arrived: u64,
    /// Rows refused by earlier runs that this run took again.
    pub retried: u64,
    /// Created (or taken over after a lost answer) by this run.
    pub loaded: u64,
    /// Written again by this run: lookups, states, changes.
    pub updated: u64,
    /// Rows with a lookup that is still empty although its source key is not.
    pub owed: u64,
    /// Rows in error.
    pub errors: u64,
    /// Of those, rows that Dataverse refused: a run that retries errors takes them again.
    pub refused: u64,
    /// Requests that wrote, in this run.
    pub requests: u64,
    /// Rows per second while the table was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_per_second: Option<f64>,
    /// How long the table was written.
    pub seconds: f64,
}

/// A file worth opening.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileAdvice {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub about: String,
}

impl Summary {
    /// Exit code of the run: [`ExitStatus::Partly`] when anything is open.
    pub fn exit_status(&self) -> ExitStatus {
        if self.open.is_empty() { ExitStatus::Done } else { ExitStatus::Partly }
    }
}
