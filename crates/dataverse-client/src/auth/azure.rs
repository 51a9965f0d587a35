//! Credentials of the official identity library.

use std::fmt;
use std::sync::Arc;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::{ClientOptions, Transport};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{Credential, CredentialError, Token};

/// Where tokens are issued. The default is the public cloud.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authority {
    /// Address of the authority, such as `https://login.microsoftonline.us`; the public cloud's where none.
    pub url: Option<Url>,
    /// Additional trusted certificates in PEM form, for companies that inspect their traffic.
    pub root_certificates: Vec<Vec<u8>>,
}

impl From<Url> for Authority {
    fn from(url: Url) -> Self {
        Self { url: Some(url), root_certificates: Vec::new() }
    }
}

impl Authority {
    pub(super) fn client_options(&self) -> Result<ClientOptions, CredentialError> {
        let cloud = self.url.as_ref().map(|url| {
            let mut custom = CustomConfiguration::default();
            url.as_str().trim_end_matches('/').clone_into(&mut custom.authority_host);
            Arc::new(CloudConfiguration::from(custom))
        });
        let mut options = ClientOptions { cloud, ..ClientOptions::default() };
        if !self.root_certificates.is_empty() {
            let mut builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
            for pem in &self.root_certificates {
                let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(|error| {
                    CredentialError::with_source("a root certificate cannot be read", error)
                })?;
                builder = builder.tls_certs_merge(certificates);
            }
            let http = builder.build().map_err(|error| {
                CredentialError::with_source("the HTTP client for the authority cannot be built", error)
            })?;
            options.transport = Some(Transport::new(Arc::new(http)));
        }
        Ok(options)
    }

    /// The host as the identity library takes it.
    pub(super) fn host(&self) -> &str {
        self.url
            .as_ref()
            .map_or("https://login.microsoftonline.com", |url| url.as_str().trim_end_matches('/'))
    }
}

pub(super) fn refused(what: &'static str) -> impl Fn(azure_core::Error) -> CredentialError {
    move |error| CredentialError::with_source(format!("{what} cannot be used"), error)
}

/// A credential of the official library, made anew for each token: it caches by itself, and would give back the very
/// token that the service has just refused. The client's own cache is the only one.
#[derive(Clone)]
pub(super) struct Issuer(Arc<dyn Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync>);

impl Issuer {
    /// Checks once that a credential can be made.
    pub(super) fn new(
        what: &'static str,
        make: impl Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync + 'static,
    ) -> Result<Self, CredentialError> {
        make().map_err(refused(what))?;
        Ok(Self(Arc::new(make)))
    }

    pub(super) async fn token(&self, scope: &str) -> Result<Token, CredentialError> {
        let failed = |error| CredentialError::with_source("the identity service gave no token", error);
        let credential = (self.0)().map_err(failed)?;
        let token = credential.get_token(&[scope], None).await.map_err(failed)?;
        let expires = Timestamp::from_second(token.expires_on.unix_timestamp()).ok();
        Ok(Token { secret: SecretString::from(token.token.secret().to_owned()), expires })
    }
}

macro_rules! azure_credential {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Issuer);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        #[async_trait::async_trait]
        impl Credential for $name {
            async fn token(&self, scope: &str) -> Result<Token, CredentialError> {
                self.0.token(scope).await
            }
        }
    };
}

azure_credential! {
    /// An application with a client secret.
    ClientSecret
}

impl ClientSecret {
    /// An application of `tenant`.
    ///
    /// # Errors
    /// If the identity library refuses the values, such as an authority that is not https.
    pub fn new(
        tenant: &str,
        client_id: &str,
        secret: &SecretString,
        authority: &Authority,
    ) -> Result<Self, CredentialError> {
        let (tenant, client_id, secret) = (tenant.to_owned(), client_id.to_owned(), secret.clone());
        let client_options = authority.client_options()?;
        Issuer::new("the client secret", move || {
            let options =
                azure_identity::ClientSecretCredentialOptions { client_options: client_options.clone() };
            let secret = Secret::new(secret.expose_secret().to_owned());
            let made = azure_identity::ClientSecretCredential::new(
                &tenant,
                client_id.clone(),
                secret,
                Some(options),
            )?;
            Ok(made as Arc<dyn TokenCredential>)
        })
        .map(Self)
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
        Issuer::new("the managed identity", move || {
            let options = azure_identity::ManagedIdentityCredentialOptions {
                user_assigned_id: client_id.clone().map(azure_identity::UserAssignedId::ClientId),
                ..azure_identity::ManagedIdentityCredentialOptions::default()
            };
            Ok(azure_identity::ManagedIdentityCredential::new(Some(options))? as Arc<dyn TokenCredential>)
        })
        .map(Self)
    }
}

azure_credential! {
    /// A pod or pipeline whose own token is exchanged; settings from `AZURE_CLIENT_ID`, `AZURE_TENANT_ID`,
    /// `AZURE_FEDERATED_TOKEN_FILE` and `AZURE_AUTHORITY_HOST`.
    WorkloadIdentity
}

impl WorkloadIdentity {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// If one of them is missing.
    pub fn new() -> Result<Self, CredentialError> {
        Issuer::new("the workload identity", || {
            Ok(azure_identity::WorkloadIdentityCredential::new(None)? as Arc<dyn TokenCredential>)
        })
        .map(Self)
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
        Issuer::new("the Azure CLI", move || {
            let options = azure_identity::AzureCliCredentialOptions {
                tenant_id: tenant.clone(),
                ..azure_identity::AzureCliCredentialOptions::default()
            };
            Ok(azure_identity::AzureCliCredential::new(Some(options))? as Arc<dyn TokenCredential>)
        })
        .map(Self)
    }
}
