//! The project file: read, layered, checked; every mistake at once.

mod check;
mod document;
mod layer;
mod open;
mod problem;
mod repairs;
mod secret;
mod settings;
mod template;
mod users;
mod written;

pub(crate) use check::{is_loopback, with_causes};
pub use layer::Overrides;
pub use open::Project;
pub use problem::{PROJECT_FILE, Place, Problem, ProjectErrors};

pub use repairs::{RepairRule, Repairs};
pub use secret::Secrets;
pub(crate) use secret::{CLIENT_SECRET, TOKEN};
pub use settings::{Auth, Load, Settings, Source, Staging, Target, TargetUser};
pub use template::{TEMPLATE, create_project};
