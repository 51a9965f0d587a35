//! A request asks for its permit at the moment its body leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use dataverse_client::{Client, Error, Options, SendPermit, StaticToken, WriteOptions};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::server::{Server, created};
use crate::tls;

const BODY: &str = r#"{"name":"a row of somebody else by now"}"#;

fn with_permit(permit: impl Fn() -> bool + Send + Sync + 'static) -> WriteOptions {
    WriteOptions { permit: Some(SendPermit::new(permit)), ..WriteOptions::default() }
}

/// A permit that is granted so many times.
fn granted_times(times: usize) -> (Arc<AtomicUsize>, WriteOptions) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    (asked, with_permit(move || counted.fetch_add(1, Ordering::SeqCst) < times))
}

#[track_caller]
fn assert_not_permitted<T: std::fmt::Debug>(result: Result<T, Error>) {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::NotPermitted { .. }), "{error:?}");
    assert!(!error.is_in_doubt());
    let request = error.request().unwrap();
    assert_eq!((request.attempts, request.sent_at), (0, None), "it was not sent");
}

/// Accepts one connection and reads what comes until it ends.
async fn read_all(listener: TcpListener) -> Vec<u8> {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut seen = Vec::new();
    // A reset ends it too.
    let _ = stream.read_to_end(&mut seen).await;
    seen
}

fn count_of(haystack: &[u8], needle: &[u8]) -> usize {
    haystack.windows(needle.len()).filter(|window| *window == needle).count()
}

#[tokio::test]
async fn a_process_that_was_stopped_after_its_last_look_sends_no_byte_of_the_body() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = tokio::spawn(read_all(listener));
    let client =
        Client::new(Options::new(url.parse().unwrap(), Arc::new(StaticToken::new("token")))).unwrap();
    // The first look grants it; then comes the pause; the look of the body finds it gone.
    let (asked, options) = granted_times(1);
    assert_not_permitted(client.create("accounts", BODY, &options).await);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    drop(client);
    let seen = seen.await.unwrap();
    assert_eq!(count_of(&seen, b"somebody"), 0, "{}", String::from_utf8_lossy(&seen));
}

#[tokio::test]
async fn a_permit_that_ends_while_the_connection_opens_keeps_the_request_from_being_sent() {
    let (acceptor, certificate) = tls::acceptor();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let granted = Arc::new(AtomicBool::new(true));
    let withdrawn = Arc::clone(&granted);
    let seen = tokio::spawn(async move {
        // The handshake waits until the lease is over.
        let (stream, _) = listener.accept().await.unwrap();
        withdrawn.store(false, Ordering::SeqCst);
        let mut stream = acceptor.accept(stream).await.unwrap();
        let mut seen = Vec::new();
        let _ = stream.read_to_end(&mut seen).await;
        seen
    });
    let client = Client::new(Options {
        root_certificates: vec![certificate],
        ..Options::new(url.parse().unwrap(), Arc::new(StaticToken::new("token")))
    })
    .unwrap();
    let options = with_permit(move || granted.load(Ordering::SeqCst));
    assert_not_permitted(client.create("accounts", BODY, &options).await);
    drop(client);
    let seen = seen.await.unwrap();
    assert_eq!(count_of(&seen, b"somebody"), 0, "{}", String::from_utf8_lossy(&seen));
}

#[tokio::test]
async fn a_permit_that_ends_in_the_middle_of_a_large_body_leaves_the_service_without_a_complete_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = tokio::spawn(read_all(listener));
    let client =
        Client::new(Options::new(url.parse().unwrap(), Arc::new(StaticToken::new("token")))).unwrap();
    let body = vec![b' '; 8 << 20];
    let (_, options) = granted_times(40);
    assert_not_permitted(client.create("accounts", body.clone(), &options).await);
    drop(client);
    let seen = seen.await.unwrap();
    assert!(String::from_utf8_lossy(&seen).contains(&format!("content-length: {}", body.len())));
    assert!(seen.len() < body.len(), "{}", seen.len());
}

#[tokio::test]
async fn a_body_with_a_permit_arrives_whole_with_its_length() {
    let server = Server::scripted(vec![created()]).await;
    let (asked, options) = granted_times(usize::MAX);
    let body = format!(r#"{{"name":"{}"}}"#, "x".repeat(200_000));
    for _ in 0..2 {
        server.client().create("accounts", body.clone(), &options).await.unwrap();
    }
    for request in server.arrived() {
        assert_eq!(request.header("content-length"), Some(body.len().to_string().as_str()));
        assert_eq!(request.header("transfer-encoding"), None);
        assert_eq!(request.body, body.as_bytes());
    }
    assert!(asked.load(Ordering::SeqCst) > 4, "more than one piece each");
}
