//! Queries, page by page.

use std::sync::OnceLock;

use dataverse_client::{Filter, Query, Row};
use futures::StreamExt;

use crate::server::{Arrived, Server, answer, fault};

/// Three pages of two rows; links as the service makes them.
async fn paged() -> Server {
    let root: &'static OnceLock<String> = Box::leak(Box::new(OnceLock::new()));
    let server = Server::start(move |request: &Arrived, _| {
        let page = ["pagenumber=%222%22", "pagenumber=%223%22"].iter().position(|p| request.target.contains(p));
        let (rows, next) = match page {
            None => (r#"{"n":1},{"n":2}"#, Some(2)),
            Some(0) => (r#"{"n":3},{"n":4}"#, Some(3)),
            Some(_) => (r#"{"n":5}"#, None),
        };
        let link = next.map_or(String::new(), |number| {
            let cookie = "%253ccookie%2520page%253d%25221%2522%253e";
            format!(
                r#","@odata.nextLink":"{}/api/data/v9.2/accounts?$select=n&$skiptoken=%3Ccookie%20pagenumber=%22{number}%22%20pagingcookie=%22{cookie}%22%20/%3E""#,
                root.get().unwrap()
            )
        });
        answer(200, &format!(r#"{{"@odata.context":"x","@odata.count":5,"value":[{rows}]{link}}}"#))
    })
    .await;
    root.set(server.url().to_owned()).unwrap();
    server
}

fn query() -> Query {
    Query::new("accounts").select(["n"]).page_rows(2)
}

fn numbers(rows: &[Row]) -> Vec<i64> {
    rows.iter().map(|row| row["n"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn every_page_is_asked_for_with_the_same_preference_and_links_stay_as_they_are() {
    let server = paged().await;
    let mut pages = server.client().query(&query());
    let mut all = Vec::new();
    while let Some(page) = pages.next_page().await.unwrap() {
        assert_eq!(page.count, Some(5));
        all.extend(numbers(&page.rows));
    }
    assert_eq!(all, [1, 2, 3, 4, 5]);
    assert!(pages.next_page().await.unwrap().is_none());
    let arrived = server.arrived();
    assert_eq!(arrived.len(), 3);
    assert!(arrived.iter().all(|request| request.header("prefer") == Some("odata.maxpagesize=2")));
    assert_eq!(
        arrived[1].target,
        "/api/data/v9.2/accounts?$select=n&$skiptoken=%3Ccookie%20pagenumber=%222%22%20pagingcookie=%22%253ccookie%2520page%253d%25221%2522%253e%22%20/%3E"
    );
}

#[tokio::test]
async fn pages_come_as_a_stream_as_bytes_and_in_the_callers_type() {
    #[derive(serde::Deserialize)]
    struct Numbered {
        n: i64,
    }
    let server = paged().await;
    let client = server.client();
    let pages: Vec<_> = client.query(&query()).into_stream().collect().await;
    let all: Vec<i64> = pages.into_iter().flat_map(|page| numbers(&page.unwrap().rows)).collect();
    assert_eq!(all, [1, 2, 3, 4, 5]);

    let mut pages = client.query(&query());
    let mut bytes = Vec::new();
    while let Some(page) = pages.next_page_bytes().await.unwrap() {
        bytes.push(page);
    }
    assert_eq!(bytes.len(), 3);
    assert!(bytes[0].starts_with(br#"{"@odata.context""#));

    let typed: Vec<Numbered> = client.query(&query()).all().await.unwrap();
    assert_eq!(typed.iter().map(|row| row.n).sum::<i64>(), 15);
}

#[tokio::test]
async fn a_link_to_another_host_is_not_followed() {
    let body = r#"{"value":[],"@odata.nextLink":"https://evil.example/api/data/v9.2/accounts?x"}"#;
    let server = Server::scripted(vec![answer(200, body)]).await;
    let error = server.client().query(&query()).next_page().await.unwrap_err();
    assert!(error.to_string().contains("another host"), "{error}");
    assert_eq!(server.arrived().len(), 1);
}

#[tokio::test]
async fn a_page_that_failed_can_be_asked_for_again() {
    let refused = fault(403, "0x80040220", "missing prvReadAccount privilege");
    let server = Server::scripted(vec![refused, answer(200, r#"{"value":[{"n":1}]}"#)]).await;
    let mut pages = server.client().query(&query());
    pages.next_page().await.unwrap_err();
    assert_eq!(numbers(&pages.next_page().await.unwrap().unwrap().rows), [1]);
}

#[tokio::test]
async fn counts_are_aggregated_and_totals_come_in_the_order_asked() {
    let server = Server::start(|request, _| {
        if request.target.contains("RetrieveTotalRecordCount") {
            answer(200, r#"{"EntityRecordCountCollection":{"Count":1,"IsReadOnly":false,"Keys":["account"],"Values":[12345]}}"#)
        } else {
            answer(200, r#"{"value":[{"count":7}]}"#)
        }
    })
    .await;
    let client = server.client();
    let filter = Filter::at_least("importsequencenumber", 5);
    assert_eq!(client.count("accounts", Some(&filter)).await.unwrap(), 7);
    assert_eq!(client.total_record_counts(&["contact", "account"]).await.unwrap(), [None, Some(12345)]);
    let arrived = server.arrived();
    assert_eq!(
        arrived[0].target,
        "/api/data/v9.2/accounts?$apply=filter(importsequencenumber%20ge%205)%2Faggregate($count%20as%20count)"
    );
}

#[tokio::test]
async fn a_query_too_long_for_a_url_travels_in_a_batch() {
    let server = Server::start(|request, _| {
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/api/data/v9.2/$batch"));
        let body = String::from_utf8(request.body.clone()).unwrap();
        assert!(body.contains("GET http") && body.contains("Prefer: odata.maxpagesize=2\r\n"));
        let part = "--r\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"value\":[{\"n\":9}]}\r\n--r--\r\n";
        crate::server::Reaction::Answer {
            status: 200,
            headers: vec![("Content-Type", "multipart/mixed; boundary=r".to_owned())],
            body: part.as_bytes().to_vec(),
        }
    })
    .await;
    let ids = (0..600).map(uuid::Uuid::from_u128);
    let long = query().filter(Filter::any_of("accountid", ids));
    let page = server.client().query(&long).next_page().await.unwrap().unwrap();
    assert_eq!(numbers(&page.rows), [9]);
}
