//! What can go wrong before or around serving; what clients are refused with is a `ServiceFault`.

use std::net::SocketAddr;

/// Why an emulator did not start or stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is taken, or not ours to listen on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server ended by itself.
    #[error("the emulator stopped serving")]
    Serve(#[source] std::io::Error),
    /// The content of the organisation could not be kept or taken back.
    #[error("snapshot {}: {reason}", path.display())]
    Snapshot {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The data folder cannot be used.
    #[error("data folder {}: {reason}", path.display())]
    Data {
        /// The folder.
        path: std::path::PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// Limits or faults that make no sense.
    #[error("{0}")]
    Options(String),
    /// There is no certificate to serve with.
    #[error("certificates in {}: {reason}", path.display())]
    Tls {
        /// The folder.
        path: std::path::PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A table definition cannot be served.
    #[error("table definitions: {0}")]
    Metadata(String),
}

impl Error {
    /// What was asked for is at fault, not the machine: other options help.
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            Self::Data { .. }
                | Self::Metadata(_)
                | Self::Snapshot { .. }
                | Self::Tls { .. }
                | Self::Options(_)
        )
    }
}
