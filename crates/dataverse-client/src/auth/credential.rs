//! The trait that a source of tokens has.

use std::fmt;

use jiff::Timestamp;
use secrecy::SecretString;

/// An access token.
#[derive(Debug, Clone)]
pub struct Token {
    /// What goes into `Authorization: Bearer …`. Never printed.
    pub secret: SecretString,
    /// When it ends; none if it does not.
    pub expires: Option<Timestamp>,
}

/// Why there is no token, in the credential's words.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CredentialError {
    message: String,
    #[source]
    source: Option<crate::Cause>,
}

impl CredentialError {
    /// A reason in words. It must not contain a secret.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// A reason with what lies below.
    pub fn with_source(message: impl Into<String>, source: impl Into<crate::Cause>) -> Self {
        Self { message: message.into(), source: Some(source.into()) }
    }
}

/// A source of access tokens.
///
/// The client asks ahead of expiry, once for all who wait, and once more after a 401; a credential need not cache.
#[async_trait::async_trait]
pub trait Credential: Send + Sync + fmt::Debug {
    /// A token for `scope`, such as `https://org.crm.dynamics.com/.default`.
    async fn token(&self, scope: &str) -> Result<Token, CredentialError>;
}

/// A token that was obtained elsewhere; for the emulator, and for short jobs. It cannot be refreshed.
#[derive(Debug, Clone)]
pub struct StaticToken(SecretString);

impl StaticToken {
    /// Takes the token, without the word `Bearer`.
    pub fn new(token: impl Into<SecretString>) -> Self {
        Self(token.into())
    }
}

#[async_trait::async_trait]
impl Credential for StaticToken {
    async fn token(&self, _scope: &str) -> Result<Token, CredentialError> {
        Ok(Token { secret: self.0.clone(), expires: None })
    }
}
