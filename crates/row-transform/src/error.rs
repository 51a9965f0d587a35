//! Why a transformation stopped.

use std::path::PathBuf;

/// Why a step could not be done. Problems of a mapping are [`Problem`](crate::Problem)s and findings about rows are data; this is the rest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A script of the project cannot be read.
    #[error("the script {} cannot be read", path.display())]
    ScriptUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A `${…}` in a script names no table.
    #[error("the script {}: {message}", path.display())]
    ScriptPlaceholder {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A script of the project failed; what it did was rolled back.
    #[error("the script {name} failed")]
    ScriptFailed {
        /// Its name in the project file.
        name: String,
        /// What the staging database said.
        source: Box<staging_store::Error>,
    },
    /// The mapping needs what this engine does not offer.
    #[error(
        "{table}: {what} cannot be read by SQL Server; write it with other directives, or use the SQLite engine"
    )]
    NotOnThisEngine {
        /// The target table.
        table: String,
        /// What is missing.
        what: String,
    },
    /// The plan has no such table.
    #[error("no mapping feeds the table {table}")]
    NotPlanned {
        /// The target table.
        table: String,
    },
    /// The staging database refused.
    #[error("{table}: the staging database refused while {doing}")]
    Store {
        /// The target table.
        table: String,
        /// What was being done.
        doing: &'static str,
        /// Its answer.
        source: Box<staging_store::Error>,
    },
}

impl Error {
    /// Whether the project has to be corrected (otherwise it is the staging database).
    pub fn is_input(&self) -> bool {
        !matches!(self, Self::Store { .. })
    }
}

/// Says what was being done when the staging database refused.
pub(crate) fn while_doing<'t>(
    table: &'t str,
    doing: &'static str,
) -> impl FnOnce(staging_store::Error) -> Error + use<'t> {
    move |source| Error::Store { table: table.to_owned(), doing, source: Box::new(source) }
}
