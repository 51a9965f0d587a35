//! What stops a verification.

/// A verification that could not be carried through. Differences are results, not errors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Dataverse could not be read.
    #[error("reading {table} back from Dataverse failed")]
    Service {
        /// The table that was being read.
        table: String,
        /// What the client says.
        source: Box<dataverse_client::Error>,
    },
    /// The staging database refused a statement.
    #[error("{table}: the staging database failed while verifying")]
    Staging {
        /// The table that was being verified.
        table: String,
        /// What the store says.
        source: Box<staging_store::Error>,
    },
    /// An answer was not what the service documents.
    #[error("{table}: a page of rows could not be understood")]
    Page {
        /// The table that was being read.
        table: String,
        /// Where the JSON failed.
        source: serde_json::Error,
    },
}

impl Error {
    /// Whether a later attempt may succeed without any change.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Service { source, .. } => source.is_transient(),
            Self::Staging { source, .. } => source.is_busy(),
            Self::Page { .. } => false,
        }
    }

    /// The service's refusal or silence, when that is the cause.
    pub fn service(&self) -> Option<&dataverse_client::Error> {
        match self {
            Self::Service { source, .. } => Some(source),
            _ => None,
        }
    }
}
