//! A call may be dropped at any moment: nothing is sent twice for it, and the client goes on working.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dataverse_client::wire::write::RowWriter;
use dataverse_client::{
    Client, Credential, CredentialError, Options, Query, Row, StaticToken, Token, WriteOptions,
};
use dataverse_emulator::{FaultKind, FaultPlan, FaultRule};

use crate::emulated::start;
use crate::server::{Server, answer, created, throttled};

#[tokio::test]
async fn a_create_that_was_dropped_anywhere_is_there_once_at_most() {
    let (emulator, client) = start(Vec::new()).await;
    // Each second answer is a refusal to be repeated, so that waits and repetitions are dropped too.
    let rule = FaultRule { probability: Some(0.5), ..FaultRule::new(FaultKind::Deadlock) };
    emulator.set_faults(FaultPlan { rules: vec![rule], ..FaultPlan::default() });
    for number in 0..120_u64 {
        let mut body = RowWriter::new();
        body.text("name", &number.to_string());
        let options = WriteOptions::default();
        let call = client.create("accounts", body, &options);
        let _ = tokio::time::timeout(Duration::from_micros(40 * number), call).await;
    }
    emulator.set_faults(FaultPlan::default());
    let mut body = RowWriter::new();
    body.text("name", "after");
    client.create("accounts", body, &WriteOptions::default()).await.unwrap();
    let rows: Vec<Row> = client.query(&Query::new("accounts").select(["name"])).all().await.unwrap();
    let mut seen: HashMap<&str, u32> = HashMap::new();
    for row in &rows {
        *seen.entry(row.text("name").unwrap()).or_default() += 1;
    }
    assert!(seen.values().all(|count| *count == 1), "{seen:?}");
    assert!(seen.contains_key("after"));
}

/// Hangs the first time it is asked.
#[derive(Debug, Default)]
struct Slow(AtomicU32);

#[async_trait::async_trait]
impl Credential for Slow {
    async fn token(&self, _scope: &str) -> Result<Token, CredentialError> {
        if self.0.fetch_add(1, Ordering::SeqCst) == 0 {
            std::future::pending::<()>().await;
        }
        Ok(Token { secret: "token".to_owned().into(), expires: None })
    }
}

#[tokio::test]
async fn whoever_is_dropped_while_refreshing_the_token_leaves_it_to_the_next() {
    let server = Server::scripted(vec![created()]).await;
    let credential = Arc::new(Slow::default());
    let client = Client::new(server.options(Arc::clone(&credential) as _)).unwrap();
    let options = WriteOptions::default();
    let dropped =
        tokio::time::timeout(Duration::from_millis(20), client.create("accounts", "{}", &options)).await;
    assert!(dropped.is_err());
    client.create("accounts", "{}", &options).await.unwrap();
    assert_eq!((credential.0.load(Ordering::SeqCst), server.arrived().len()), (2, 1));
}

#[tokio::test]
async fn whoever_is_dropped_while_throttled_sends_nothing_later() {
    let server = Server::start(|_, before| if before == 0 { throttled("0.2") } else { created() }).await;
    let client = server.client();
    let options = WriteOptions::default();
    let dropped =
        tokio::time::timeout(Duration::from_millis(50), client.create("accounts", "{}", &options)).await;
    assert!(dropped.is_err());
    client.create("accounts", "{}", &options).await.unwrap();
    assert_eq!(server.arrived().len(), 2, "the dropped one and the next one");
}

#[tokio::test]
async fn a_page_whose_reading_was_dropped_is_read_again() {
    let server = Server::start(|request, before| match before {
        0 => crate::server::Reaction::Hold,
        _ if request.target.contains("skip") => answer(200, r#"{"value":[{"a":2}]}"#),
        _ => {
            let next = format!("http://{}/api/data/v9.2/accounts?skip=1", request.header("host").unwrap());
            answer(200, &format!(r#"{{"value":[{{"a":1}}],"@odata.nextLink":"{next}"}}"#))
        }
    })
    .await;
    let client = Client::new(Options {
        request_timeout: Duration::from_secs(5),
        ..server.options(Arc::new(StaticToken::new("token")))
    })
    .unwrap();
    let mut pages = client.query(&Query::new("accounts"));
    assert!(tokio::time::timeout(Duration::from_millis(50), pages.next_page()).await.is_err());
    let mut read = Vec::new();
    while let Some(page) = pages.next_page().await.unwrap() {
        read.extend(page.rows.iter().filter_map(|row| row.integer("a")));
    }
    assert_eq!(read, [1, 2]);
}
