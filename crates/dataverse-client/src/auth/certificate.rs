//! An application that proves who it is with a certificate.
//!
//! The official library signs with OpenSSL only. It takes assertions made elsewhere, though: this file makes them with
//! the cryptography that TLS brings along.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use azure_core::credentials::TokenCredential;
use azure_core::http::ClientMethodOptions;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use uuid::Uuid;

use super::azure::{Authority, Issuer};
use super::{Credential, CredentialError, Token};

/// How long an assertion may be used, in seconds.
const LIFETIME: i64 = 600;
/// How far the authority's clock may be behind ours, in seconds.
const SKEW: i64 = 60;

/// An application with a certificate that its registration in Entra knows.
#[derive(Clone)]
pub struct ClientCertificate(Issuer);

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate")
    }
}

#[async_trait::async_trait]
impl Credential for ClientCertificate {
    async fn token(&self, scope: &str) -> Result<Token, CredentialError> {
        self.0.token(scope).await
    }
}

impl ClientCertificate {
    /// An application of `tenant`, with the text of a PEM file that holds its RSA key, not encrypted, and its
    /// certificate, in any order and with or without the certificates above it.
    ///
    /// # Errors
    /// If the text is something else, such as a PFX file: the error names the command that converts it. If the key is
    /// not that of the certificate, or the authority is not https.
    pub fn new(
        tenant: &str,
        client_id: &str,
        pem: &[u8],
        authority: &Authority,
    ) -> Result<Self, CredentialError> {
        let signer = Arc::new(Signer {
            audience: format!("{}/{tenant}/oauth2/v2.0/token", authority.host()),
            client_id: client_id.to_owned(),
            ..Signer::from_pem(pem)?
        });
        let (tenant, client_id) = (tenant.to_owned(), client_id.to_owned());
        let client_options = authority.client_options()?;
        Issuer::new("the client certificate", move || {
            let options =
                azure_identity::ClientAssertionCredentialOptions { client_options: client_options.clone() };
            let assertion = Assertion(Arc::clone(&signer));
            let made = azure_identity::ClientAssertionCredential::new(
                tenant.clone(),
                client_id.clone(),
                assertion,
                Some(options),
            )?;
            Ok(made as Arc<dyn TokenCredential>)
        })
        .map(Self)
    }
}

/// Makes assertions: JSON Web Tokens that say who asks, signed with RS256.
struct Signer {
    key: RsaKeyPair,
    /// The token's first part, which names the certificate.
    header: String,
    audience: String,
    client_id: String,
}

impl Signer {
    fn from_pem(pem: &[u8]) -> Result<Self, CredentialError> {
        let text = std::str::from_utf8(pem).ok().filter(|text| text.contains("-----BEGIN "));
        let Some(text) = text else {
            return Err(CredentialError::new(
                "the certificate is no PEM file; a PFX is converted with \
                 `openssl pkcs12 -in certificate.pfx -out certificate.pem -nodes`",
            ));
        };
        if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
            return Err(CredentialError::new(
                "the key of the certificate is encrypted; it is decrypted with \
                 `openssl pkey -in key.pem -out plain.pem`, to be followed by the certificate in the same file",
            ));
        }
        let unreadable = |what: &'static str| move |error| CredentialError::with_source(what, error);
        let key = PrivateKeyDer::from_pem_slice(pem)
            .map_err(unreadable("the PEM file holds no private key that can be read"))?;
        let key = match &key {
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            _ => return Err(CredentialError::new("Entra takes RSA keys only, and this is none")),
        };
        let key = key.map_err(|error| {
            CredentialError::new(format!("the private key is no RSA key that can be used: {error}"))
        })?;
        // A certificate holds the public key as it stands here.
        let public = key.public_key().as_ref();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate =
                certificate.map_err(unreadable("a certificate of the PEM file cannot be read"))?;
            if certificate.windows(public.len()).any(|window| window == public) {
                return Ok(Self {
                    header: header(&certificate),
                    key,
                    audience: String::new(),
                    client_id: String::new(),
                });
            }
        }
        Err(CredentialError::new("the PEM file holds no certificate of its private key"))
    }

    fn assertion(&self, now: i64) -> Result<String, aws_lc_rs::error::Unspecified> {
        let claims = serde_json::json!({
            "aud": self.audience,
            "iss": self.client_id,
            "sub": self.client_id,
            "jti": Uuid::new_v4(),
            "nbf": now - SKEW,
            "exp": now + LIFETIME,
        });
        let signed = format!("{}.{}", self.header, encode(claims.to_string()));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)?;
        Ok(format!("{signed}.{}", encode(signature)))
    }
}

fn header(certificate: &CertificateDer<'_>) -> String {
    let hash = |algorithm| encode(digest::digest(algorithm, certificate));
    let header = serde_json::json!({
        "alg": "RS256",
        "typ": "JWT",
        "x5t": hash(&digest::SHA1_FOR_LEGACY_USE_ONLY),
        "x5t#S256": hash(&digest::SHA256),
    });
    encode(header.to_string())
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// What the official library asks for an assertion.
struct Assertion(Arc<Signer>);

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Assertion")
    }
}

#[async_trait::async_trait]
impl azure_identity::ClientAssertion for Assertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.0.assertion(Timestamp::now().as_second()).map_err(|error| {
            azure_core::Error::with_message(
                azure_core::error::ErrorKind::Credential,
                format!("the assertion cannot be signed: {error}"),
            )
        })
    }
}
