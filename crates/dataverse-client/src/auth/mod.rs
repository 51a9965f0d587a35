//! Where access tokens come from, and how they are kept fresh.

mod azure;
mod cache;
mod credential;

pub use azure::{AzureCli, ClientSecret, ManagedIdentity, WorkloadIdentity};
pub(crate) use cache::TokenCache;
pub use credential::{Credential, CredentialError, StaticToken, Token};
