//! The project file of a migration into Dataverse, and its steps composed in order.
//!
//! A project is opened with every mistake said at once; then it runs, or a part of it, telling an [`Observer`] what
//! happens. Everything that can be checked without a write is checked before the first one, each step may be repeated,
//! and what ends a run says which of the five exit codes it is.
//!
//! ```
//! use migration::{Overrides, Project, create_project};
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! // The commented project of `dv-migrate init`, with one setting from the environment.
//! create_project(folder)?;
//! let mut overrides = Overrides::default();
//! overrides.environment.insert("DV__TARGET__URL".into(), "https://fabrikam.crm4.dynamics.com".into());
//! let project = Project::open(folder, &overrides)?;
//! assert_eq!(project.settings().target.url.host_str(), Some("fabrikam.crm4.dynamics.com"));
//!
//! // A mistake is said with its place; `migration::run(&project, …).await` is the journey itself.
//! overrides.environment.insert("DV__LOAD__CHUNK".into(), "many".into());
//! let mistakes = Project::open(folder, &overrides).unwrap_err().to_string();
//! assert!(mistakes.starts_with("environment variable DV__LOAD__CHUNK: expected a whole number"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod event;
mod exit;
mod journey;
mod keep;
mod load_plan;
mod lock;
mod preflight;
mod project;
mod record;
mod report;
mod rollback;
mod staging;
mod status;
mod step;
mod summary;

pub use error::Error;
pub use event::{Event, Observer, Unobserved};
pub use exit::ExitStatus;
pub use journey::{Pilot, RunOptions, Steps, lookup_graph, run};
pub use keep::{
    Backup, Backups, Discarded, Interval, Upgraded, backup, discard, grants_script, staging_script, upgrade,
    why_keep,
};
pub use load_plan::{
    DAILY_REQUESTS, DeferredPlan, KeyPlan, LoadPlan, PassPlan, PlanOptions, RateBasis, TablePlan, plan_load,
};
pub use preflight::{Check, CheckResult, Preflight, preflight};
pub use project::{
    Auth, Load, Overrides, PROJECT_FILE, Place, Problem, Project, ProjectErrors, RepairRule, Repairs,
    Secrets, Settings, Source, TEMPLATE, Target, TargetUser, create_project,
};
pub use record::Environment;
pub use rollback::{
    Confirm, LoadRun, RollbackOptions, RollbackPlan, RollbackSummary, RollbackTable, RunChoice, load_runs,
    rollback,
};
pub use staging::{FileKey, Staging};
/// The SQL that a staging engine speaks.
pub use staging_schema::Dialect;
pub use status::{RunStatus, Status, TableStatus, status};
pub use step::Step;
pub use summary::{FileAdvice, Organization, StepSummary, Summary, TableSummary};
/// Stops a journey from outside.
pub use tokio_util::sync::CancellationToken;
