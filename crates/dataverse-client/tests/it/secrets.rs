//! Nothing secret and no value of a row is ever shown.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Arc, Mutex};

use dataverse_client::wire::batch::{BatchRequest, Method, Operation};
use dataverse_client::wire::literal::Reference;
use dataverse_client::wire::literal::RowKey;
use dataverse_client::wire::metadata::TableDefinition;
use dataverse_client::{
    Authority, Client, ClientSecret, ContinueOnError, Filter, Options, Query, Row, StaticToken, WriteOptions,
};

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

    // What else a client is asked for, refused with a text of its own that does not quote the values.
    let refusing = Server::start(|_, _| fault(400, "0x80048d19", "Error identified in Payload")).await;
    let client = Client::new(refusing.options(Arc::new(StaticToken::new("SECRET-TOKEN")))).unwrap();
    let options = WriteOptions { tag: Some("SECRET-VALUE".to_owned()), ..WriteOptions::default() };
    let part = Operation::new(Method::Patch, "accounts(accountnumber='SECRET-VALUE')").with_json(body);
    let batch: BatchRequest = [part].into_iter().collect();
    let account = TableDefinition::new("account", "accounts", "accountid");
    let row = Reference::new("accounts", key.clone());
    let errors = [
        client.execute_batch(batch, ContinueOnError::Yes, &options).await.unwrap_err(),
        client.update("accounts", &key, body, &options).await.unwrap_err(),
        client.upsert("accounts", &key, body, &options).await.unwrap_err(),
        client.delete("accounts", &key, &options).await.unwrap_err(),
        client.associate(&row, "contacts", &row, &options).await.unwrap_err(),
        client.disassociate(&row, "contacts", &row, &options).await.unwrap_err(),
        client.create_multiple(&account, body, &options).await.unwrap_err(),
        client.action("Merge", body, &options).await.unwrap_err(),
        client.function::<Row>("F(P=@p)?@p='SECRET-VALUE'").await.unwrap_err(),
        client.count("accounts", Some(&Filter::eq("name", "SECRET-VALUE"))).await.unwrap_err(),
    ];
    for error in errors {
        write!(shown, "{error} {error:?}").unwrap();
    }
    let secret = "SECRET-VALUE".to_owned().into();
    let credential = ClientSecret::new("t", "c", &secret, &Authority::default()).unwrap();
    write!(
        shown,
        "{credential:?} {:?}",
        Options::new(refusing.url().parse().unwrap(), Arc::new(credential.clone()))
    )
    .unwrap();

    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let ours: String = logged.lines().filter(|line| line.contains("dataverse_client")).collect();
    assert!(ours.contains("client_request_id=") && ours.contains("throttled"), "{logged}");
    assert!(ours.contains("status=429"), "{logged}");
    for text in [&shown, &ours] {
        assert!(!text.contains("SECRET"), "{text}");
    }
}
