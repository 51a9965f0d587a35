//! The project file of a migration into Dataverse, and its steps composed in order.

mod event;
mod exit;
mod project;
mod step;

pub use event::{Event, Observer, Unobserved};
pub use exit::ExitStatus;
pub use project::{
    Auth, Load, Overrides, PROJECT_FILE, Place, Problem, Project, ProjectErrors, Secrets, Settings, Source,
    Staging, TEMPLATE, Target, create_project,
};
pub use step::Step;
