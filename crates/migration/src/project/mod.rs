//! The project file: read, layered, checked; every mistake at once.

mod check;
mod document;
mod layer;
mod maps;
mod open;
mod problem;
mod repairs;
mod secret;
mod settings;
mod target;
mod template;
mod users;
mod written;

pub(crate) use check::with_causes;
pub use layer::Overrides;
pub use open::Project;
pub use problem::{PROJECT_FILE, Place, Problem, ProjectErrors};
pub(crate) use target::is_loopback;

pub use repairs::{RepairRule, Repairs};
pub use secret::Secrets;
pub(crate) use secret::{CLIENT_SECRET, TOKEN};
pub use settings::{Auth, Load, Settings, Source, Target, TargetUser};
pub use template::{TEMPLATE, create_project};
