//! Service protection limits.

use std::time::Duration;

use dataverse_client::wire::fault::FaultClass;
use dataverse_client::{Client, Options, Retries, RetryPolicy, StaticToken, WriteOptions};
use std::sync::Arc;

use crate::server::{Reaction, Server, created, fault, throttled};

#[tokio::test]
async fn a_throttled_create_was_not_executed_and_is_sent_again() {
    let script = vec![throttled("0.02"), throttled("0"), throttled("0.01"), created()];
    let server = Server::scripted(script).await;
    let client = server.client();
    client.create("accounts", "{}", &WriteOptions::default()).await.unwrap();
    assert_eq!(server.arrived().len(), 4);
    assert_eq!(client.limits().throttled, 3);
}

#[tokio::test]
async fn one_throttled_call_holds_all_others_of_the_same_client() {
    let wait = Duration::from_millis(400);
    let server = Server::start(move |_, before| if before == 0 { throttled("0.4") } else { created() }).await;
    let client = server.client();
    let options = WriteOptions { retries: Retries::ByCaller, ..WriteOptions::default() };
    let error = client.create("accounts", "{}", &options).await.unwrap_err();
    assert_eq!((error.class(), error.retry_after()), (FaultClass::Throttled, Some(wait)));
    assert!(error.is_transient());
    assert!(client.limits().paused_for.is_some());

    let default = WriteOptions::default();
    let clones: Vec<Client> = (0..4).map(|_| client.clone()).collect();
    let calls = clones.iter().map(|clone| clone.create("accounts", "{}", &default));
    for result in futures::future::join_all(calls).await {
        result.unwrap();
    }
    let arrived = server.arrived();
    assert_eq!(arrived.len(), 5);
    let first_answer = arrived[0].at;
    // The wait starts when the answer is read, a little after the request arrived.
    assert!(arrived[1..].iter().all(|request| request.at.duration_since(first_answer) >= wait));
}

#[tokio::test]
async fn throttling_without_retry_after_waits_too_and_patience_ends() {
    let server =
        Server::scripted(vec![fault(429, "0x80072326", "Number of concurrent requests exceeded")]).await;
    let options = server.options(Arc::new(StaticToken::new("token")));
    let retry = RetryPolicy { throttle_patience: Duration::from_millis(100), ..options.retry.clone() };
    let client = Client::new(Options { retry, ..options }).unwrap();
    let error = client.create("accounts", "{}", &WriteOptions::default()).await.unwrap_err();
    assert_eq!(error.class(), FaultClass::Throttled);
    let sent = server.arrived().len();
    assert!((2..=6).contains(&sent), "{sent}");
}

#[tokio::test]
async fn a_busy_database_and_a_throttled_query_count_as_throttling() {
    for reaction in [
        fault(503, "0x8004A001", "The server is busy and the request was not completed. Try again later."),
        fault(400, "0x80048544", "query throttled"),
    ] {
        let server = Server::scripted(vec![reaction, created()]).await;
        server.client().create("accounts", "{}", &WriteOptions::default()).await.unwrap();
        assert_eq!(server.arrived().len(), 2);
    }
}

#[tokio::test]
async fn budgets_and_the_recommended_parallelism_are_exposed() {
    let headers = vec![
        ("x-ms-ratelimit-burst-remaining-xrm-requests", "5,998".to_owned()),
        ("x-ms-ratelimit-time-remaining-xrm-requests", "1,199.25".to_owned()),
        ("x-ms-dop-hint", "12".to_owned()),
        ("Set-Cookie", "ARRAffinity=abc; Path=/".to_owned()),
    ];
    let body =
        format!(r#"{{"UserId":"{0}","BusinessUnitId":"{0}","OrganizationId":"{0}"}}"#, uuid::Uuid::nil());
    let server =
        Server::scripted(vec![Reaction::Answer { status: 200, headers, body: body.into_bytes() }]).await;
    let client = server.client();
    assert_eq!(client.who_am_i().await.unwrap().dop_hint, Some(12));
    let limits = client.limits();
    assert_eq!((limits.requests_left, limits.dop_hint, limits.throttled), (Some(5998), Some(12), 0));
    assert_eq!(limits.execution_left, Some(Duration::from_secs_f64(1199.25)));
    client.who_am_i().await.unwrap();
    assert!(server.arrived().iter().all(|request| request.header("cookie").is_none()), "affinity was kept");
}
