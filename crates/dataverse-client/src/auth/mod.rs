//! Where access tokens come from, and how they are kept fresh.

mod azure;
mod cache;
mod certificate;
mod credential;

pub use azure::{Authority, AzureCli, ClientSecret, ManagedIdentity, WorkloadIdentity};
pub(crate) use cache::TokenCache;
pub use certificate::ClientCertificate;
pub use credential::{Credential, CredentialError, StaticToken, Token};
