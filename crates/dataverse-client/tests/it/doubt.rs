//! What is sent again, what is not, and what the error says then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dataverse_client::wire::fault::FaultClass;
use dataverse_client::wire::literal::RowKey;
use dataverse_client::wire::metadata::TableDefinition;
use dataverse_client::{Client, Error, Options, Query, Retries, SendPermit, StaticToken, WriteOptions};
use uuid::Uuid;

use crate::server::{Reaction, Server, answer, created, fault};

const DEADLOCK: &str =
    "Generic SQL error. CRM ErrorCode: -2147204784 Sql ErrorCode: -2146232060 Sql Number: 1205";
const HTML: &str = "<html><head><title>502 Bad Gateway</title></head></html>";

fn account() -> TableDefinition {
    TableDefinition::new("account", "accounts", "accountid")
}

fn id() -> RowKey {
    RowKey::Id(Uuid::nil())
}

async fn create(client: &Client) -> Result<Uuid, Error> {
    client.create("accounts", "{}", &WriteOptions::default()).await
}

/// The create was sent once, and the error says that nobody knows.
#[track_caller]
fn assert_in_doubt<T: std::fmt::Debug>(result: Result<T, Error>, server: &Server) {
    let error = result.unwrap_err();
    assert!(error.is_in_doubt(), "{error:?}");
    assert!(!error.is_transient());
    let request = error.request().unwrap();
    assert_eq!(request.attempts, 1);
    assert!(request.sent_at.is_some());
    let arrived = server.arrived();
    assert_eq!(arrived.len(), 1);
    assert_eq!(
        arrived[0].header("x-ms-client-request-id"),
        Some(request.client_request_id.to_string().as_str())
    );
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_in_doubt_and_not_sent_again() {
    for reaction in [
        Reaction::Drop,
        Reaction::CutOff { status: 204, body: Vec::new() },
        Reaction::CutOff { status: 500, body: b"{".to_vec() },
        answer(502, HTML),
        answer(503, ""),
        answer(504, "upstream request timeout"),
        fault(500, "0x80040216", "An unexpected error occurred."),
        fault(500, "0x80044150", "Generic SQL error. Sql Number: 10054"),
    ] {
        let server = Server::scripted(vec![reaction, created()]).await;
        assert_in_doubt(create(&server.client()).await, &server);
    }
}

#[tokio::test]
async fn a_bulk_create_whose_answer_cannot_be_read_is_in_doubt() {
    for reaction in [
        Reaction::Drop,
        Reaction::CutOff { status: 200, body: br#"{"Ids":["1111"#.to_vec() },
        answer(200, r#"{"Ids":["no id"]}"#),
        answer(200, ""),
        answer(200, HTML),
    ] {
        let server = Server::scripted(vec![reaction]).await;
        let result = server.client().create_multiple(&account(), "{}", &WriteOptions::default()).await;
        assert_in_doubt(result, &server);
    }
}

#[tokio::test]
async fn a_create_that_is_not_answered_in_time_is_in_doubt() {
    let server = Server::scripted(vec![Reaction::Hold]).await;
    let options = WriteOptions { timeout: Some(Duration::from_millis(100)), ..WriteOptions::default() };
    assert_in_doubt(server.client().create("accounts", "{}", &options).await, &server);
}

#[tokio::test]
async fn what_may_be_repeated_is_repeated_until_it_succeeds() {
    let failures = [Reaction::Drop, answer(502, HTML), answer(503, ""), fault(500, "0x80040216", "x")];
    let script = |last: Reaction| failures.iter().cloned().chain([last]).collect::<Vec<_>>();
    let options = WriteOptions::default();

    let server = Server::scripted(script(answer(204, ""))).await;
    server.client().update("accounts", &id(), "{}", &options).await.unwrap();
    assert_eq!(server.arrived().len(), 5);
    assert!(server.arrived().iter().all(|request| request.header("if-match") == Some("*")));

    let server = Server::scripted(script(answer(204, ""))).await;
    server.client().upsert("accounts", &id(), "{}", &options).await.unwrap();
    assert!(server.arrived().iter().all(|request| request.header("if-match").is_none()));

    let server = Server::scripted(script(answer(204, ""))).await;
    server.client().update_multiple(&account(), "{}", &options).await.unwrap();

    let server =
        Server::scripted(script(fault(404, "0x80040217", "account With Id = 0 Does Not Exist"))).await;
    let deleted = server.client().delete("accounts", &id(), &options).await.unwrap();
    assert_eq!(deleted, dataverse_client::Deleted::WasGone);

    let server = Server::scripted(script(answer(200, r#"{"value":[{"a":1}]}"#))).await;
    let page = server.client().query(&Query::new("accounts")).next_page().await.unwrap().unwrap();
    assert_eq!(page.rows.len(), 1);
}

#[tokio::test]
async fn a_repeatable_request_gives_up_in_the_end_and_is_not_in_doubt() {
    let server = Server::scripted(vec![Reaction::Drop]).await;
    let error = server.client().update("accounts", &id(), "{}", &WriteOptions::default()).await.unwrap_err();
    assert!(matches!(error, Error::NoAnswer { .. }), "{error:?}");
    assert!(error.is_transient() && !error.is_in_doubt());
    assert_eq!((server.arrived().len(), error.request().unwrap().attempts), (5, 5));
}

#[tokio::test]
async fn a_deadlock_is_rolled_back_so_even_a_create_is_sent_again() {
    let server = Server::scripted(vec![fault(500, "0x80044150", DEADLOCK), created()]).await;
    create(&server.client()).await.unwrap();
    assert_eq!(server.arrived().len(), 2);
}

#[tokio::test]
async fn a_refusal_is_final_and_tells_code_class_and_request_id() {
    let message =
        "A validation error occurred.  The length of the 'name' attribute of the 'account' entity exceeded";
    let body = format!(r#"{{"error":{{"code":"0x80044331","message":"{message}"}}}}"#);
    let headers = vec![("x-ms-service-request-id", "r-1".to_owned())];
    let server =
        Server::scripted(vec![Reaction::Answer { status: 400, headers, body: body.into_bytes() }]).await;
    let error = create(&server.client()).await.unwrap_err();
    assert_eq!((error.class(), error.request_id()), (FaultClass::Row, Some("r-1")));
    assert_eq!(error.fault().unwrap().column(), Some("name"));
    assert!(!error.is_in_doubt() && !error.is_transient());
    assert_eq!(server.arrived().len(), 1);
    assert_eq!(error.to_string(), "create of accounts: refused (request r-1)");
}

#[tokio::test]
async fn a_timeout_of_the_database_comes_back_at_once_to_be_split() {
    let server =
        Server::scripted(vec![fault(500, "0x80044151", "SQL timeout expired. Sql Number: -2")]).await;
    let error = create(&server.client()).await.unwrap_err();
    assert_eq!(error.class(), FaultClass::Request);
    assert_eq!(server.arrived().len(), 1);
}

#[tokio::test]
async fn without_a_connection_nothing_is_in_doubt() {
    let server = Server::scripted(vec![created()]).await;
    let options = server.options(Arc::new(StaticToken::new("token")));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(Options { url: url.parse().unwrap(), ..options }).unwrap();
    let error = create(&client).await.unwrap_err();
    assert!(matches!(error, Error::NoAnswer { .. }), "{error:?}");
    assert_eq!(error.request().unwrap().attempts, 5);
}

#[tokio::test]
async fn a_withdrawn_permit_keeps_the_next_attempt_from_being_sent() {
    let granted = Arc::new(AtomicBool::new(true));
    let withdrawn = Arc::clone(&granted);
    let server = Server::start(move |_, _| {
        withdrawn.store(false, Ordering::SeqCst);
        fault(500, "0x80044150", DEADLOCK)
    })
    .await;
    let permit = SendPermit::new(move || granted.load(Ordering::SeqCst));
    let options = WriteOptions { permit: Some(permit), ..WriteOptions::default() };
    let error = server.client().create("accounts", "{}", &options).await.unwrap_err();
    assert!(matches!(error, Error::NotPermitted { .. }), "{error:?}");
    assert_eq!(server.arrived().len(), 1);
}

#[tokio::test]
async fn a_caller_who_repeats_by_himself_gets_every_failure_at_once() {
    let options = WriteOptions { retries: Retries::ByCaller, ..WriteOptions::default() };
    let server = Server::scripted(vec![answer(503, "")]).await;
    let error = server.client().update("accounts", &id(), "{}", &options).await.unwrap_err();
    assert!(error.is_transient());
    assert_eq!(server.arrived().len(), 1);
}

#[tokio::test]
async fn a_call_that_was_dropped_leaves_the_client_working() {
    let server = Server::start(|_, before| if before == 0 { Reaction::Hold } else { created() }).await;
    let client = server.client();
    let dropped = tokio::time::timeout(Duration::from_millis(100), create(&client)).await;
    assert!(dropped.is_err());
    create(&client).await.unwrap();
    assert_eq!(server.arrived().len(), 2);
}
