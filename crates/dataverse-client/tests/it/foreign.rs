//! Whatever comes back, nothing panics, nothing is made up, and a write is only reported as done where it was.

use std::sync::{Arc, Mutex};

use dataverse_client::wire::batch::{BatchRequest, Method, Operation};
use dataverse_client::wire::literal::{KeyLiteral, RowKey, percent_decode};
use dataverse_client::wire::metadata::TableDefinition;
use dataverse_client::{
    Client, ContinueOnError, Error, Filter, Options, Query, Retries, Row, StaticToken, WriteOptions,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::emulated::start;
use crate::server::{Reaction, Server};

/// Bytes of any kind, and bytes that look nearly like what is expected.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        vec(any::<u8>(), 0..60),
        prop_oneof![
            Just("{"),
            Just("}"),
            Just("["),
            Just("]"),
            Just("\"value\":"),
            Just("\"Ids\":"),
            Just("null"),
            Just("0"),
            Just("\"error\":"),
            Just("\"code\":\"0x80040237\""),
            Just("--b\r\n"),
            Just("--b--\r\n"),
            Just("HTTP/1.1 204 No Content\r\n"),
            Just("Content-Type: application/http\r\n"),
            Just("\r\n\r\n"),
            Just("Content-Type: multipart/mixed; boundary=c\r\n"),
            Just("\"@odata.nextLink\":\"http://x\""),
        ]
        .prop_map(|text: &str| text.as_bytes().to_vec()),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn statuses() -> impl Strategy<Value = u16> {
    prop_oneof![
        Just(200),
        Just(201),
        Just(204),
        Just(400),
        Just(404),
        Just(412),
        Just(500),
        Just(503),
        206_u16..599
    ]
    .prop_filter("a final status of HTTP", |status| *status >= 200)
}

fn content_types() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("application/json".to_owned()),
        Just("multipart/mixed; boundary=b".to_owned()),
        Just("multipart/mixed".to_owned()),
        "[ -~]{0,30}".prop_map(|text| text.trim().to_owned()),
    ]
}

/// A server that gives each request the answer that is laid out for it, and a runtime to ask it in.
struct Laid {
    runtime: tokio::runtime::Runtime,
    _server: Server,
    client: Client,
    answer: Arc<Mutex<Reaction>>,
}

impl Laid {
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let answer = Arc::new(Mutex::new(Reaction::Drop));
        let laid = Arc::clone(&answer);
        let (server, client) = runtime.block_on(async {
            let server = Server::start(move |_, _| laid.lock().unwrap().clone()).await;
            let options = server.options(Arc::new(StaticToken::new("token")));
            let retry = dataverse_client::RetryPolicy {
                attempts: 1,
                throttle_patience: std::time::Duration::ZERO,
                throttle_wait: std::time::Duration::ZERO,
                ..options.retry.clone()
            };
            let client = Client::new(Options { retry, ..options }).unwrap();
            (server, client)
        });
        Self { runtime, _server: server, client, answer }
    }

    fn lay(&self, status: u16, content_type: &str, body: &[u8]) {
        *self.answer.lock().unwrap() = Reaction::Answer {
            status,
            headers: vec![("Content-Type", content_type.to_owned())],
            body: if matches!(status, 204 | 304) { Vec::new() } else { body.to_vec() },
        };
    }
}

#[test]
fn no_answer_whatever_makes_a_call_panic_or_a_write_look_done() {
    let laid = Laid::new();
    let account = TableDefinition::new("account", "accounts", "accountid");
    let by_caller = WriteOptions { retries: Retries::ByCaller, ..WriteOptions::default() };
    let config = ProptestConfig { cases: 200, ..ProptestConfig::default() };
    proptest!(config, |(status in statuses(), content_type in content_types(), body in answers())| {
        laid.lay(status, &content_type, &body);
        let client = &laid.client;
        laid.runtime.block_on(async {
            let batch = || -> BatchRequest {
                [Operation::new(Method::Post, "accounts").with_json("{}"), Operation::new(Method::Delete, "accounts(1)")]
                    .into_iter()
                    .collect()
            };
            match client.execute_batch(batch(), ContinueOnError::Yes, &by_caller).await {
                Ok(outcomes) => assert_eq!(outcomes.len(), 2, "one outcome for each request"),
                // A redirect or a success that cannot be read says nothing about the rows.
                Err(error) => assert!(error.is_in_doubt() || !(200..300).contains(&status), "{error:?}"),
            }
            if let Err(error) = client.create_multiple(&account, "{}", &by_caller).await {
                let says_nothing = (200..300).contains(&status);
                assert!(error.is_in_doubt() || !says_nothing, "{error:?}");
            }
            let created = client.create("accounts", "{}", &by_caller).await;
            assert!(created.is_err(), "no answer here names a row");
            let _ = client.retrieve::<Row>("accounts", &RowKey::text("a", "b"), &[]).await;
            let _ = client.query(&Query::new("accounts")).next_page().await;
            let _ = client.table_definition("account").await;
            let _ = client.who_am_i().await;
        });
    });
}

#[test]
fn every_text_survives_a_filter_a_key_and_the_url() {
    proptest!(|(text in any::<String>(), other in "\\PC{0,30}")| {
        let filter = Filter::any_of("name", [text.as_str(), other.as_str()]).and(Filter::eq("fax", text.clone()));
        let path = Query::new("accounts").select(["name"]).filter(filter.clone()).to_path();
        prop_assert!(path.is_ascii() && !path.contains(['#', ' ', '+', '"', '<', '\\']), "{path}");
        let options: Vec<&str> = path.split_once('?').unwrap().1.split('&').collect();
        prop_assert_eq!(options.len(), 2, "no value starts an option of its own: {}", path);
        let sent = percent_decode(options[1].strip_prefix("$filter=").unwrap()).unwrap();
        prop_assert_eq!(&sent, filter.as_str());
        // Quotes are doubled: what stands outside of them is ours alone.
        let outside: String = sent.split('\'').step_by(2).collect();
        prop_assert_eq!(outside, "((name eq  or name eq ) and fax eq )");

        let key = RowKey::Alternate(vec![
            ("a".to_owned(), KeyLiteral::Text(text.clone())),
            ("b".to_owned(), KeyLiteral::Text(other.clone())),
        ]);
        let written = key.to_string();
        prop_assert!(!written.contains(['#', ' ', '+', '"', '?', '&', '/']), "{written}");
        prop_assert_eq!(RowKey::parse(&written[1..written.len() - 1]).unwrap(), key);
    });
}

#[test]
fn a_row_is_found_by_the_text_it_was_created_with() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (_emulator, client) = runtime.block_on(start(Vec::new()));
    let config = ProptestConfig { cases: 60, ..ProptestConfig::default() };
    proptest!(config, |(text in "\\PC{1,60}")| {
        prop_assume!(!text.trim().is_empty());
        runtime.block_on(async {
            let mut body = dataverse_client::wire::write::RowWriter::new();
            body.text("name", &text);
            let id = client.create("accounts", body, &WriteOptions::default()).await.unwrap();
            let query = Query::new("accounts").select(["accountid", "name"]).filter(Filter::eq("name", text.as_str()));
            let found: Vec<Row> = client.query(&query).all().await.unwrap();
            let row = found.iter().find(|row| row.id("accountid") == Some(id));
            assert_eq!(row.and_then(|row| row.text("name")), Some(text.as_str()));
        });
    });
}

#[tokio::test]
async fn an_answer_of_another_kind_is_an_error_that_says_so() {
    let server = Server::scripted(vec![crate::server::answer(200, r#"{"value":7}"#)]).await;
    let error = server.client().query(&Query::new("accounts")).next_page().await.unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error:?}");
}
