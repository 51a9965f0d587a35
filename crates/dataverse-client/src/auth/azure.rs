//! Credentials of the official identity library.

use std::fmt;
use std::sync::Arc;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::ClientOptions;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{Credential, CredentialError, Token};

/// Asks the official library; it caches by itself, and the client's own cache is above.
async fn ask(credential: &dyn TokenCredential, scope: &str) -> Result<Token, CredentialError> {
    let token = credential
        .get_token(&[scope], None)
        .await
        .map_err(|error| CredentialError::with_source("the identity service gave no token", error))?;
    let expires = Timestamp::from_second(token.expires_on.unix_timestamp()).ok();
    Ok(Token { secret: SecretString::from(token.token.secret().to_owned()), expires })
}

fn refused(what: &'static str) -> impl Fn(azure_core::Error) -> CredentialError {
    move |error| CredentialError::with_source(format!("{what} cannot be used"), error)
}

/// The authority where tokens are issued: the public cloud's where none, any other for sovereign clouds.
fn client_options(authority: Option<&Url>) -> ClientOptions {
    let cloud = authority.map(|authority| {
        let mut custom = CustomConfiguration::default();
        authority.as_str().trim_end_matches('/').clone_into(&mut custom.authority_host);
        Arc::new(CloudConfiguration::from(custom))
    });
    ClientOptions { cloud, ..ClientOptions::default() }
}

macro_rules! azure_credential {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Arc<dyn TokenCredential>);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        #[async_trait::async_trait]
        impl Credential for $name {
            async fn token(&self, scope: &str) -> Result<Token, CredentialError> {
                ask(self.0.as_ref(), scope).await
            }
        }
    };
}

azure_credential! {
    /// An application with a client secret.
    ClientSecret
}

impl ClientSecret {
    /// An application of `tenant`. The authority is the public cloud's where none is given.
    ///
    /// # Errors
    /// If the identity library refuses the values, such as an authority that is not https.
    pub fn new(
        tenant: &str,
        client_id: &str,
        secret: &SecretString,
        authority: Option<&Url>,
    ) -> Result<Self, CredentialError> {
        let options =
            azure_identity::ClientSecretCredentialOptions { client_options: client_options(authority) };
        let secret = Secret::new(secret.expose_secret().to_owned());
        let credential =
            azure_identity::ClientSecretCredential::new(tenant, client_id.to_owned(), secret, Some(options))
                .map_err(refused("the client secret"))?;
        Ok(Self(credential))
    }
}

azure_credential! {
    /// The identity that Azure gives to a machine, container or function.
    ManagedIdentity
}

impl ManagedIdentity {
    /// The system-assigned identity, or the user-assigned one of this client id.
    ///
    /// # Errors
    /// If the identity library does not know how to ask on this machine.
    pub fn new(client_id: Option<String>) -> Result<Self, CredentialError> {
        let options = azure_identity::ManagedIdentityCredentialOptions {
            user_assigned_id: client_id.map(azure_identity::UserAssignedId::ClientId),
            ..azure_identity::ManagedIdentityCredentialOptions::default()
        };
        let credential = azure_identity::ManagedIdentityCredential::new(Some(options))
            .map_err(refused("the managed identity"))?;
        Ok(Self(credential))
    }
}

azure_credential! {
    /// A pod or pipeline whose own token is exchanged; settings from `AZURE_CLIENT_ID`, `AZURE_TENANT_ID` and
    /// `AZURE_FEDERATED_TOKEN_FILE`.
    WorkloadIdentity
}

impl WorkloadIdentity {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// If one of them is missing.
    pub fn new() -> Result<Self, CredentialError> {
        let credential = azure_identity::WorkloadIdentityCredential::new(None)
            .map_err(refused("the workload identity"))?;
        Ok(Self(credential))
    }
}

azure_credential! {
    /// The developer who is signed in with `az login`.
    AzureCli
}

impl AzureCli {
    /// Of this tenant, or of the CLI's default.
    ///
    /// # Errors
    /// If the tenant is no valid name.
    pub fn new(tenant: Option<String>) -> Result<Self, CredentialError> {
        let options = azure_identity::AzureCliCredentialOptions {
            tenant_id: tenant,
            ..azure_identity::AzureCliCredentialOptions::default()
        };
        let credential =
            azure_identity::AzureCliCredential::new(Some(options)).map_err(refused("the Azure CLI"))?;
        Ok(Self(credential))
    }
}
