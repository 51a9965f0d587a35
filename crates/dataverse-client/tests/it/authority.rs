//! Tokens from an authority, over a real connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_lc_rs::digest;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use dataverse_client::{Authority, Client, ClientCertificate, ClientSecret, Credential};
use rcgen::{CertificateParams, KeyPair, PublicKeyData, RsaKeySize};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::server::{Reaction, Server, answer, created};

const TENANT: &str = "11111111-1111-1111-1111-111111111111";
const APPLICATION: &str = "22222222-2222-2222-2222-222222222222";

/// An authority that issues `t1`, `t2`, …, and what its clients trust.
async fn authority() -> (Server, Authority) {
    let issued = AtomicU32::new(0);
    let (server, certificate) = Server::start_tls(move |_, _| {
        let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
        answer(200, &format!(r#"{{"token_type":"Bearer","expires_in":3600,"access_token":"t{number}"}}"#))
    })
    .await;
    let authority =
        Authority { url: Some(server.url().parse().unwrap()), root_certificates: vec![certificate] };
    (server, authority)
}

/// A certificate as a person would have one made, and its key.
fn certificate() -> (KeyPair, rcgen::Certificate) {
    let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
    (key, certificate)
}

fn form(body: &[u8]) -> HashMap<String, String> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

fn decoded(part: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()
}

fn hash(algorithm: &'static digest::Algorithm, der: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest::digest(algorithm, der))
}

#[tokio::test]
async fn a_certificate_signs_an_assertion_that_the_authority_can_verify() {
    let (server, authority) = authority().await;
    let (key, certificate) = certificate();
    // Somebody else's certificate stands before it, as in a chain written the other way round.
    let other = rcgen::generate_simple_self_signed(["other".to_owned()]).unwrap();
    let pem = format!("{}{}{}", other.cert.pem(), key.serialize_pem(), certificate.pem());
    let credential = ClientCertificate::new(TENANT, APPLICATION, pem.as_bytes(), &authority).unwrap();
    let token = credential.token("https://org.crm.dynamics.com/.default").await.unwrap();
    assert_eq!(token.secret.expose_secret(), "t1");
    assert!(token.expires.unwrap() > jiff::Timestamp::now());

    let arrived = server.arrived();
    let path = format!("/{TENANT}/oauth2/v2.0/token");
    assert_eq!((arrived[0].method.as_str(), arrived[0].target.as_str()), ("POST", path.as_str()));
    let sent = form(&arrived[0].body);
    for (name, value) in [
        ("client_id", APPLICATION),
        ("grant_type", "client_credentials"),
        ("scope", "https://org.crm.dynamics.com/.default"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
    ] {
        assert_eq!(sent[name], value, "{name}");
    }
    let parts: Vec<&str> = sent["client_assertion"].split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("three parts") };
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.der_bytes());
    public.verify(format!("{header}.{claims}").as_bytes(), &decoded(signature)).unwrap();
    let header: Value = serde_json::from_slice(&decoded(header)).unwrap();
    assert_eq!((&header["alg"], &header["typ"]), (&"RS256".into(), &"JWT".into()));
    assert_eq!(header["x5t"], hash(&digest::SHA1_FOR_LEGACY_USE_ONLY, certificate.der()));
    assert_eq!(header["x5t#S256"], hash(&digest::SHA256, certificate.der()));
    let claims: Value = serde_json::from_slice(&decoded(claims)).unwrap();
    assert_eq!(claims["aud"], format!("{}{path}", server.url()));
    assert_eq!((&claims["iss"], &claims["sub"]), (&APPLICATION.into(), &APPLICATION.into()));
    let now = jiff::Timestamp::now().as_second();
    assert!(claims["nbf"].as_i64().unwrap() <= now && claims["exp"].as_i64().unwrap() > now);
    assert!(claims["jti"].is_string());
}

#[tokio::test]
async fn a_refused_token_is_replaced_although_the_identity_library_would_keep_it() {
    let (issuer, authority) = authority().await;
    let server = Server::start(|request, _| match request.header("authorization") {
        Some("Bearer t2") => created(),
        _ => answer(401, ""),
    })
    .await;
    let secret = "s".to_owned().into();
    let credential = ClientSecret::new(TENANT, APPLICATION, &secret, &authority).unwrap();
    let client = Client::new(server.options(Arc::new(credential))).unwrap();
    for _ in 0..2 {
        client.create("accounts", "{}", &dataverse_client::WriteOptions::default()).await.unwrap();
    }
    assert_eq!(issuer.arrived().len(), 2);
    assert_eq!(server.arrived().len(), 3);
    assert_eq!(form(&issuer.arrived()[0].body)["client_secret"], "s");
}

#[tokio::test]
async fn an_authority_that_refuses_is_quoted_and_the_key_is_not() {
    let (server, trusted) = Server::start_tls(|_, _| Reaction::Answer {
        status: 401,
        headers: Vec::new(),
        body: br#"{"error":"invalid_client","error_description":"AADSTS700027: The certificate is not registered."}"#
            .to_vec(),
    })
    .await;
    let authority = Authority { url: Some(server.url().parse().unwrap()), root_certificates: vec![trusted] };
    let (key, certificate) = certificate();
    let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
    let credential = ClientCertificate::new(TENANT, APPLICATION, pem.as_bytes(), &authority).unwrap();
    let error = credential.token("s").await.unwrap_err();
    let mut shown = format!("{error:?} {credential:?}");
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        shown.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(shown.contains("AADSTS700027"), "{shown}");
    assert!(!shown.contains("PRIVATE KEY"));
}

#[test]
fn what_is_no_usable_certificate_is_refused_with_what_to_do() {
    let (key, certificate) = certificate();
    let (other, _) = self::certificate();
    let curve = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap();
    let authority = Authority::default();
    for (pem, expected) in [
        (b"\x30\x82\x0a\x00binary".to_vec(), "openssl pkcs12 -in"),
        (b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n".to_vec(), "openssl pkey -in"),
        (certificate.pem().into_bytes(), "no private key"),
        (key.serialize_pem().into_bytes(), "no certificate of its private key"),
        (format!("{}{}", other.serialize_pem(), certificate.pem()).into_bytes(), "no certificate of its"),
        (format!("{}{}", curve.signing_key.serialize_pem(), curve.cert.pem()).into_bytes(), "no RSA key"),
    ] {
        let error = ClientCertificate::new(TENANT, APPLICATION, &pem, &authority).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let pem = format!("{}{}", key.serialize_pem(), certificate.pem());
    let plain = Authority::from("http://127.0.0.1:1".parse::<url::Url>().unwrap());
    assert!(ClientCertificate::new(TENANT, APPLICATION, pem.as_bytes(), &plain).is_err(), "https only");
}
