//! Nothing secret and no value of a row is ever shown.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Arc, Mutex};

use dataverse_client::wire::literal::RowKey;
use dataverse_client::{Client, Filter, Query, Row, StaticToken, WriteOptions};

use crate::server::{Reaction, Server, answer, fault, throttled};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn neither_logs_nor_errors_nor_debug_show_tokens_or_values() {
    // With a single dispatcher, `tracing` remembers for all threads what the first one to pass a call site wants: that
    // may be another test, which wants nothing. A second dispatcher makes it ask both.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::new());
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let server = Server::scripted(vec![
        answer(401, ""),
        throttled("0.001"),
        fault(500, "0x80044150", "Generic SQL error. Sql Number: 1205"),
        answer(502, ""),
        Reaction::Drop,
    ])
    .await;
    let client = Client::new(server.options(Arc::new(StaticToken::new("SECRET-TOKEN")))).unwrap();
    let body = r#"{"name":"SECRET-VALUE"}"#;
    let mut shown = format!("{client:?} {:?}", StaticToken::new("SECRET-TOKEN"));
    let error = client.create("accounts", body, &WriteOptions::default()).await.unwrap_err();
    assert!(error.is_in_doubt());
    write!(shown, "{error} {error:?}").unwrap();
    let key = RowKey::text("accountnumber", "SECRET-VALUE");
    let error = client.retrieve::<Row>("accounts", &key, &[]).await.unwrap_err();
    write!(shown, "{error} {error:?}").unwrap();
    let query = Query::new("accounts").filter(Filter::eq("name", "SECRET-VALUE"));
    let error = client.query(&query).next_page().await.unwrap_err();
    write!(shown, "{error} {error:?}").unwrap();

    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let ours: String = logged.lines().filter(|line| line.contains("dataverse_client")).collect();
    assert!(ours.contains("client_request_id=") && ours.contains("throttled"), "{logged}");
    for text in [&shown, &ours] {
        assert!(!text.contains("SECRET"), "{text}");
    }
}
