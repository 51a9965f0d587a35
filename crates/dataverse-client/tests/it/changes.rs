//! Change tracking against the emulator.

use std::collections::BTreeMap;

use dataverse_client::wire::literal::RowKey;
use dataverse_client::wire::write::RowWriter;
use dataverse_client::{ChangePage, Changes, Client, DeltaLink, Error, Query, Row, WriteOptions};
use dataverse_emulator::{Emulator, Settings};
use futures::TryStreamExt;
use uuid::Uuid;

use crate::office::{settings, start_with};
use crate::server::{Server, answer};

/// Tables that track their changes, or do not.
async fn start(standard_change_tracking: bool) -> (Emulator, Client) {
    start_with(Vec::new(), Settings { standard_change_tracking, ..settings() }).await
}

fn named(name: &str) -> Vec<u8> {
    let mut row = RowWriter::new();
    row.text("name", name);
    row.finish()
}

async fn create(client: &Client, name: &str) -> Uuid {
    client.create("accounts", named(name), &WriteOptions::default()).await.unwrap()
}

async fn rename(client: &Client, id: Uuid, name: &str) {
    client.update("accounts", &RowKey::Id(id), named(name), &WriteOptions::default()).await.unwrap();
}

async fn delete(client: &Client, id: Uuid) {
    client.delete("accounts", &RowKey::Id(id), &WriteOptions::default()).await.unwrap();
}

fn query() -> Query {
    Query::new("accounts").select(["name"]).page_rows(3)
}

/// What a copy of the table is after these changes.
async fn apply(copy: &mut BTreeMap<Uuid, String>, mut changes: Changes) -> DeltaLink {
    assert_eq!(changes.delta_link(), None);
    while let Some(ChangePage { rows, deleted }) = changes.next_page().await.unwrap() {
        for row in rows {
            copy.insert(row.id("accountid").unwrap(), row.text("name").unwrap().to_owned());
        }
        for id in deleted {
            copy.remove(&id);
        }
    }
    changes.delta_link().unwrap().clone()
}

async fn all(client: &Client) -> BTreeMap<Uuid, String> {
    let rows: Vec<Row> = client.query(&query()).all().await.unwrap();
    rows.iter().map(|row| (row.id("accountid").unwrap(), row.text("name").unwrap().to_owned())).collect()
}

#[tokio::test]
async fn a_copy_follows_the_table_from_link_to_link() {
    let (_emulator, client) = start(true).await;
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(create(&client, &format!("n{number}")).await);
    }
    let mut copy = BTreeMap::new();
    let mut link = apply(&mut copy, client.changes(&query())).await;
    assert_eq!(copy, all(&client).await);
    for round in 0..3 {
        rename(&client, ids[round], &format!("changed {round}")).await;
        create(&client, &format!("new {round}")).await;
        delete(&client, ids[9 - round]).await;
        assert_eq!(client.count_changes(&link).await.unwrap(), 3);
        // The link is kept as text, and read by another process.
        let kept = serde_json::to_string(&link).unwrap();
        let again: DeltaLink = serde_json::from_str(&kept).unwrap();
        assert_eq!(DeltaLink::new(link.as_str()), again);
        link = apply(&mut copy, client.changes_since(&again).page_rows(2)).await;
        assert_eq!(copy, all(&client).await, "round {round}");
    }
    assert_eq!(client.count_changes(&link).await.unwrap(), 0);
}

#[tokio::test]
async fn the_last_page_of_a_stream_has_the_link() {
    let (_emulator, client) = start(true).await;
    for number in 0..5 {
        create(&client, &format!("n{number}")).await;
    }
    let pages: Vec<_> = client.changes(&query()).into_stream().try_collect().await.unwrap();
    assert_eq!(pages.len(), 2);
    assert!(pages[0].1.is_none() && pages[1].1.is_some());
}

#[tokio::test]
async fn a_link_that_has_expired_says_so() {
    let (emulator, client) = start(true).await;
    create(&client, "A").await;
    let link = apply(&mut BTreeMap::new(), client.changes(&query())).await;
    emulator.reset();
    let error = client.changes_since(&link).next_page().await.unwrap_err();
    assert!(error.is_delta_expired(), "{error:?}");
    let (_emulator, client) = start(false).await;
    let error = client.changes(&query()).next_page().await.unwrap_err();
    assert!(!error.is_delta_expired() && matches!(error, Error::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn links_to_other_hosts_and_pages_without_link_are_refused() {
    let elsewhere =
        r#"{"value":[],"@odata.deltaLink":"https://evil.example/api/data/v9.2/accounts?$deltatoken=1"}"#;
    let server = Server::scripted(vec![answer(200, elsewhere), answer(200, r#"{"value":[]}"#)]).await;
    let client = server.client();
    let error = client.changes(&query()).next_page().await.unwrap_err();
    assert!(error.to_string().contains("another host"), "{error}");
    let error = client.changes(&query()).next_page().await.unwrap_err();
    assert!(error.to_string().contains("without a delta link"), "{error}");
    let link = DeltaLink::new("https://evil.example/api/data/v9.2/accounts?x=1");
    let error = client.changes_since(&link).next_page().await.unwrap_err();
    assert!(matches!(error, Error::Input { .. }), "{error:?}");
    assert!(matches!(client.count_changes(&link).await, Err(Error::Input { .. })));
    let arrived = server.arrived();
    assert_eq!(arrived[0].header("prefer"), Some("odata.track-changes,odata.maxpagesize=3"));
    assert_eq!(arrived.len(), 2, "nothing is sent to the other host, or about it");
}
