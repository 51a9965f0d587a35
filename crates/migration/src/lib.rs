//! The project file of a migration into Dataverse, and its steps composed in order.

mod project;
mod step;

pub use project::{
    Auth, Load, Overrides, PROJECT_FILE, Place, Problem, Project, ProjectErrors, Secrets, Settings, Source,
    SourceTable, Staging, TEMPLATE, Target, create_project,
};
pub use step::Step;
