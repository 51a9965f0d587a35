//! Field mapping: from source rows, as they were, to typed target rows that fit the metadata.

mod error;
mod finding;
mod functions;
pub mod model;
mod plan;
mod problem;
mod script;
mod sql;
mod stage;
mod unmapped;
mod validate;
pub mod values;

pub use error::Error;
pub use finding::{Finding, FindingCount, Rule, Severity};
pub use functions::functions;
pub use plan::{Plan, SourceColumns, TablePlan, plan};
pub use problem::Problem;
pub use script::Script;
pub use stage::{ScriptRun, Staged, derive_states, run_scripts, stage};
pub use unmapped::{UnmappedColumn, unmapped_columns};
pub use validate::{findings, validate};
