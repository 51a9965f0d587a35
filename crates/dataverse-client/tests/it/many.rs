//! Many rows of a standard table at once, in bulk where it takes that and in a batch where it does not.

use bytes::Bytes;
use dataverse_client::wire::literal::RowKey;
use dataverse_client::wire::metadata::AlternateKey;
use dataverse_client::wire::write::RowWriter;
use dataverse_client::{Client, KeyedRow, Query, Row, RowOutcome, WriteOptions};
use dataverse_emulator::{Emulator, Settings, standard_tables};
use uuid::Uuid;

use crate::office::{settings, start_with};

fn options() -> WriteOptions {
    WriteOptions::default()
}

fn named(name: &str) -> Bytes {
    let mut row = RowWriter::new();
    row.text("name", name);
    row.finish().into()
}

/// Accounts with an alternate key, with or without bulk messages.
async fn accounts(takes_bulk: bool) -> (Emulator, Client) {
    let mut account = standard_tables().unwrap().into_iter().find(|it| it.logical_name == "account").unwrap();
    account.keys.push(AlternateKey::new("new_Number", vec!["accountnumber".to_owned()]));
    let without = if takes_bulk { Vec::new() } else { vec!["account".to_owned()] };
    start_with(vec![account], Settings { tables_without_bulk: without, ..settings() }).await
}

fn is_done(outcomes: &[RowOutcome]) -> Vec<bool> {
    outcomes.iter().map(RowOutcome::is_done).collect()
}

#[tokio::test]
async fn rows_live_from_create_to_delete_whether_the_table_takes_bulk_messages_or_not() {
    for takes_bulk in [true, false] {
        let (emulator, client) = accounts(takes_bulk).await;
        let table = client.table_definition("account").await.unwrap().unwrap();
        let made =
            client.create_rows(&table, &[named("a"), named("b"), named("c")], &options()).await.unwrap();
        let ids: Vec<Uuid> = made.iter().map(|outcome| outcome.id().unwrap()).collect();
        assert!(made.iter().all(|outcome| outcome.created() == Some(true)));
        let by_number = RowKey::text("accountnumber", "A'1");
        let rows = [KeyedRow::new(by_number.clone(), named("d")), KeyedRow::new(ids[0], named("a2"))];
        let outcomes = client.upsert_rows(&table, &rows, &options()).await.unwrap();
        assert_eq!(is_done(&outcomes), [true, true]);
        let rows = [KeyedRow::new(ids[2], named("c2")), KeyedRow::new(by_number.clone(), named("d2"))];
        let outcomes = client.update_rows(&table, &rows, &options()).await.unwrap();
        assert_eq!((is_done(&outcomes), outcomes[0].id()), (vec![true, true], Some(ids[2])));
        let mut found: Vec<String> = client
            .query(&Query::new("accounts").select(["name"]))
            .all::<Row>()
            .await
            .unwrap()
            .iter()
            .map(|row| row.text("name").unwrap().to_owned())
            .collect();
        found.sort_unstable();
        assert_eq!(found, ["a2", "b", "c2", "d2"], "takes bulk: {takes_bulk}");
        let keys = [ids[1].into(), Uuid::from_u128(9).into(), by_number];
        let outcomes = client.delete_rows(&table, &keys, &options()).await.unwrap();
        assert_eq!(is_done(&outcomes), [true, false, true]);
        assert!(outcomes[1].fault().unwrap().is_not_found());
        assert_eq!(emulator.stats().rows["account"], 2);
    }
}

#[tokio::test]
async fn without_bulk_messages_each_row_goes_for_itself() {
    let (emulator, client) = accounts(false).await;
    let table = client.table_definition("account").await.unwrap().unwrap();
    let long = "x".repeat(500);
    let outcomes =
        client.create_rows(&table, &[named("a"), named(&long), named("c")], &options()).await.unwrap();
    assert_eq!(is_done(&outcomes), [true, false, true]);
    assert_eq!(outcomes[1].fault().unwrap().column(), Some("name"));
    assert_eq!(emulator.stats().rows["account"], 2);
}

#[tokio::test]
async fn with_bulk_messages_one_bad_row_keeps_all_rows_out() {
    let (emulator, client) = accounts(true).await;
    let table = client.table_definition("account").await.unwrap().unwrap();
    let long = "x".repeat(500);
    let error = client.create_rows(&table, &[named("a"), named(&long)], &options()).await.unwrap_err();
    assert_eq!(error.fault().unwrap().column(), Some("name"));
    assert_eq!(emulator.stats().rows.get("account"), None);
}

#[tokio::test]
async fn support_is_asked_for_once_per_table() {
    let (emulator, client) = accounts(true).await;
    let table = client.table_definition("account").await.unwrap().unwrap();
    let count = |kind: &str| emulator.stats().by_kind.get(kind).copied().unwrap_or(0);
    for name in ["a", "b", "c"] {
        client.create_rows(&table, &[named(name)], &options()).await.unwrap();
    }
    assert_eq!((count("query"), count("CreateMultiple")), (1, 3));
}

#[tokio::test]
async fn a_row_named_twice_and_too_many_rows_are_not_sent() {
    let (emulator, client) = accounts(true).await;
    let table = client.table_definition("account").await.unwrap().unwrap();
    let sent = emulator.stats().requests;
    let row = KeyedRow::new(Uuid::nil(), named("a"));
    client.update_rows(&table, &[row.clone(), row], &options()).await.unwrap_err();
    client.create_rows(&table, &vec![named("a"); 1_001], &options()).await.unwrap_err();
    client.create_rows(&table, &[], &options()).await.unwrap();
    assert_eq!(emulator.stats().requests, sent);
}
