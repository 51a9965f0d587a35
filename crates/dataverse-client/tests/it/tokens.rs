//! Tokens on the wire.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dataverse_client::wire::fault::FaultClass;
use dataverse_client::{Client, Credential, CredentialError, Error, Token, WriteOptions};

use crate::server::{Server, answer, created};

/// Issues `t1`, `t2`, … and notes what it was asked for.
#[derive(Debug, Default)]
struct Numbered(AtomicU32);

#[async_trait::async_trait]
impl Credential for Numbered {
    async fn token(&self, scope: &str) -> Result<Token, CredentialError> {
        assert!(
            scope.starts_with("http://127.0.0.1:") && scope.ends_with("/.default") && !scope.contains("//.")
        );
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Token { secret: format!("t{number}").into(), expires: None })
    }
}

async fn create(client: &Client) -> Result<uuid::Uuid, Error> {
    client.create("accounts", "{}", &WriteOptions::default()).await
}

#[tokio::test]
async fn a_401_asks_for_a_new_token_once_and_sends_even_a_create_again() {
    let server = Server::start(|request, _| match request.header("authorization") {
        Some("Bearer t1") => answer(401, ""),
        _ => created(),
    })
    .await;
    let credential = Arc::new(Numbered::default());
    let client = Client::new(server.options(Arc::clone(&credential) as _)).unwrap();
    let results = futures::future::join_all((0..8).map(|_| create(&client))).await;
    assert!(results.iter().all(Result::is_ok));
    create(&client).await.unwrap();
    assert_eq!(credential.0.load(Ordering::SeqCst), 2, "many who are refused share one new token");
}

#[tokio::test]
async fn a_second_401_is_final() {
    let server = Server::scripted(vec![answer(401, "")]).await;
    let client = Client::new(server.options(Arc::new(Numbered::default()))).unwrap();
    let error = create(&client).await.unwrap_err();
    assert_eq!((error.class(), server.arrived().len()), (FaultClass::Fatal, 2));
}

#[derive(Debug)]
struct Refusing;

#[async_trait::async_trait]
impl Credential for Refusing {
    async fn token(&self, _scope: &str) -> Result<Token, CredentialError> {
        Err(CredentialError::new("the secret has expired"))
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let server = Server::scripted(vec![created()]).await;
    let client = Client::new(server.options(Arc::new(Refusing))).unwrap();
    let error = create(&client).await.unwrap_err();
    assert!(matches!(error, Error::Credential { .. }));
    assert_eq!(error.class(), FaultClass::Fatal);
    assert!(server.arrived().is_empty());
}
