//! The project file of a migration into Dataverse, and its steps composed in order.

mod error;
mod event;
mod exit;
mod journey;
mod preflight;
mod project;
mod record;
mod report;
mod status;
mod step;
mod summary;

pub use error::Error;
pub use event::{Event, Observer, Unobserved};
pub use exit::ExitStatus;
pub use journey::{RunOptions, Steps, lookup_graph, run};
pub use preflight::{Check, CheckResult, Preflight, preflight};
pub use project::{
    Auth, Load, Overrides, PROJECT_FILE, Place, Problem, Project, ProjectErrors, Secrets, Settings, Source,
    Staging, TEMPLATE, Target, create_project,
};
pub use record::Environment;
pub use status::{RunStatus, Status, TableStatus, status};
pub use step::Step;
pub use summary::{FileAdvice, Organization, StepSummary, Summary, TableSummary};
/// Stops a journey from outside.
pub use tokio_util::sync::CancellationToken;
