//! Why a load stopped.

use std::time::Duration;

use staging_schema::Pass;

/// What stopped a load. Faults of single rows are not errors but outcomes, in the table's error table.
///
/// Whatever stopped it, the staging database is resumable: the same call goes on where this one ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The options contradict each other.
    #[error("the settings of the load do not fit: {complaint}")]
    Settings {
        /// What does not fit.
        complaint: &'static str,
    },
    /// The plan asks for something that cannot be done.
    #[error("{table}: {complaint}")]
    Plan {
        /// The table.
        table: String,
        /// What cannot be done.
        complaint: String,
    },
    /// The staging database did not do as asked.
    #[error("{table}: the staging database failed while {doing}")]
    Staging {
        /// The table.
        table: String,
        /// What was being done.
        doing: &'static str,
        /// What it said.
        #[source]
        source: staging_store::Error,
    },
    /// Dataverse refused something that no repetition and no smaller request helps against.
    #[error("{table}: Dataverse refused while {doing}")]
    Refused {
        /// The table.
        table: String,
        /// What was being done.
        doing: &'static str,
        /// What it said.
        #[source]
        source: dataverse_client::Error,
    },
    /// Dataverse could not be reached, or was not able to answer, for too long.
    #[error("{table}: no usable answer from Dataverse in {attempts} attempts while {doing}")]
    Unreachable {
        /// The table.
        table: String,
        /// What was being done.
        doing: &'static str,
        /// How often it was tried.
        attempts: u32,
        /// The last failure.
        #[source]
        source: dataverse_client::Error,
    },
    /// So many answers in a row were lost that sending more would only put more rows in doubt.
    #[error(
        "{table}: the answers to {requests} requests in a row were lost; their rows are looked for by the next run"
    )]
    AnswersLost {
        /// The table.
        table: String,
        /// How many.
        requests: u32,
    },
    /// So many rows of a table are in error that something else must be wrong.
    #[error(
        "{table}: {errors} of {rows} rows are in error in the pass {pass}; repair the cause, then load again"
    )]
    TooManyErrors {
        /// The table.
        table: String,
        /// The pass.
        pass: Pass,
        /// Rows in error.
        errors: u64,
        /// Rows with an outcome.
        rows: u64,
    },
    /// Stopped on request. Requests still in flight after the grace time are in doubt, and looked for by the next run.
    #[error("stopped on request; requests in flight had {grace:.0?} to end")]
    Cancelled {
        /// The time they had.
        grace: Duration,
    },
}

impl Error {
    /// Stopped on request or by the safety limit (exit code 4).
    pub fn is_stop(&self) -> bool {
        matches!(self, Self::Cancelled { .. } | Self::TooManyErrors { .. })
    }

    /// Settings or plan are wrong, and nothing was sent (exit code 2).
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Settings { .. } | Self::Plan { .. })
    }

    /// Target or staging database could not be reached, or refused us (exit code 3).
    pub fn is_unreachable(&self) -> bool {
        !self.is_stop() && !self.is_usage()
    }

    /// The table at which it stopped, where there is one.
    pub fn table(&self) -> Option<&str> {
        match self {
            Self::Plan { table, .. }
            | Self::Staging { table, .. }
            | Self::Refused { table, .. }
            | Self::Unreachable { table, .. }
            | Self::AnswersLost { table, .. }
            | Self::TooManyErrors { table, .. } => Some(table),
            Self::Settings { .. } | Self::Cancelled { .. } => None,
        }
    }
}
