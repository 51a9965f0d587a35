//! Elastic tables: partitions, session tokens, times to live, and rows that fail by themselves.

use dataverse_client::wire::fault::FaultClass;
use dataverse_client::wire::literal::RowKey;
use dataverse_client::wire::metadata::{ColumnDefinition, ColumnType, TableDefinition, TableType};
use dataverse_client::wire::write::{RowWriter, TargetsWriter};
use dataverse_client::{Client, CosmosQuery, KeyedRow, Query, Row, RowOutcome, WriteOptions};
use dataverse_emulator::{Emulator, FaultKind, FaultPlan, FaultRule, Settings};
use serde_json::json;
use uuid::Uuid;

use crate::office::{settings, start_with};

const SET: &str = "new_readings";

fn readings() -> TableDefinition {
    let text = |name: &str, max_length| ColumnDefinition::new(name, ColumnType::String { max_length });
    let mut table = TableDefinition::new("new_reading", SET, "new_readingid")
        .with_column(text("new_name", 100))
        .with_column(text("new_payload", 1_048_576))
        .with_column(ColumnDefinition::new("new_value", ColumnType::Integer { min: 0, max: 1_000 }));
    table.table_type = TableType::Elastic;
    table
}

async fn start(settings: Settings) -> (Emulator, Client, TableDefinition) {
    let (emulator, client) = start_with(vec![readings()], settings).await;
    let table = client.table_definition("new_reading").await.unwrap().unwrap();
    (emulator, client, table)
}

fn options() -> WriteOptions {
    WriteOptions::default()
}

fn key(id: Uuid, partition: &str) -> RowKey {
    RowKey::in_partition("new_readingid", id, partition)
}

fn body(write: impl FnOnce(&mut RowWriter)) -> Vec<u8> {
    let mut row = RowWriter::new();
    write(&mut row);
    row.finish()
}

fn value(n: i64) -> Vec<u8> {
    body(|row| {
        row.integer("new_value", n);
    })
}

#[tokio::test]
async fn a_row_lives_in_its_partition_from_create_to_delete() {
    let (_emulator, client, table) = start(settings()).await;
    assert_eq!(table.table_type, TableType::Elastic);
    let document = json!({"power": 12, "unit": "kW"});
    let row = body(|row| {
        row.text("new_name", "first").text("partitionid", "device-1").integer("ttlinseconds", 86_400);
        row.json("new_payload", &document);
    });
    let id = client.create(SET, row, &options()).await.unwrap();
    let key = key(id, "device-1");
    let row: Row = client.retrieve(SET, &key, &[]).await.unwrap().unwrap();
    assert_eq!((row.text("partitionid"), row.integer("ttlinseconds")), (Some("device-1"), Some(86_400)));
    assert_eq!(row.json::<serde_json::Value>("new_payload").unwrap(), Some(document));
    let without: Option<Row> = client.retrieve(SET, &RowKey::Id(id), &[]).await.unwrap();
    assert_eq!(without, None, "the id alone does not name it");
    client.update(SET, &key, value(7), &options()).await.unwrap();
    let row: Row = client.retrieve(SET, &key, &[]).await.unwrap().unwrap();
    assert_eq!((row.integer("new_value"), row.text("new_name")), (Some(7), Some("first")));
    client.upsert(SET, &key, value(8), &options()).await.unwrap();
    let row: Row = client.retrieve(SET, &key, &[]).await.unwrap().unwrap();
    assert_eq!((row.integer("new_value"), row.text("new_name")), (Some(8), None), "an upsert replaces");
    client.delete(SET, &key, &options()).await.unwrap();
}

#[tokio::test]
async fn a_client_reads_what_it_has_written_and_another_needs_its_token() {
    let lagging = Settings { elastic_lag_seconds: 3_600, ..settings() };
    let (emulator, client, table) = start(lagging).await;
    let other = crate::office::client_of(&emulator);
    let key = key(Uuid::from_u128(1), "p");
    client.upsert(SET, &key, value(1), &options()).await.unwrap();
    let query = Query::new(SET).select(["new_value"]);
    assert_eq!(client.query(&query).all::<Row>().await.unwrap().len(), 1);
    assert!(client.retrieve::<Row>(SET, &key, &[]).await.unwrap().is_some());
    assert!(other.retrieve::<Row>(SET, &key, &[]).await.unwrap().is_none(), "it lags behind");
    other.set_session_token(SET, &client.session_token(SET).unwrap());
    assert!(other.retrieve::<Row>(SET, &key, &[]).await.unwrap().is_some());
    // Bulk messages tell a token as well.
    let before = client.session_token(SET);
    client.create_rows(&table, &[value(2).into()], &options()).await.unwrap();
    assert_ne!(client.session_token(SET), before);
    assert_eq!(client.query(&query).all::<Row>().await.unwrap().len(), 2);
}

fn is_done(outcomes: &[RowOutcome]) -> Vec<bool> {
    outcomes.iter().map(RowOutcome::is_done).collect()
}

/// However the service tells of partial failure: the failed rows or all of them, as 400 or as 500.
fn ways_to_fail() -> Vec<Settings> {
    [(false, false), (true, false), (false, true), (true, true)]
        .map(|(all_rows, as_500)| Settings {
            elastic_details_of_all_rows: all_rows,
            elastic_failure_as_500: as_500,
            ..settings()
        })
        .into()
}

#[tokio::test]
async fn each_row_of_a_create_has_its_outcome_in_the_order_given() {
    for settings in ways_to_fail() {
        let (_emulator, client, table) = start(settings).await;
        let own = Uuid::from_u128(5);
        let named = body(|row| {
            row.guid("new_readingid", &own).integer("new_value", 3);
        });
        let rows = [value(1), value(5_000), named, value(-1)].map(Into::into);
        let outcomes = client.create_rows(&table, &rows, &options()).await.unwrap();
        assert_eq!(is_done(&outcomes), [true, false, true, false]);
        assert_eq!((outcomes[2].id(), outcomes[2].created()), (Some(own), Some(true)));
        assert_eq!(outcomes[1].fault().unwrap().class(), FaultClass::Row);
        for (outcome, n) in [(&outcomes[0], 1), (&outcomes[2], 3)] {
            let key = RowKey::Id(outcome.id().unwrap());
            let row: Row = client.retrieve(SET, &key, &[]).await.unwrap().unwrap();
            assert_eq!(row.integer("new_value"), Some(n), "the id is that of this row");
        }
    }
}

#[tokio::test]
async fn each_row_of_an_update_an_upsert_and_a_delete_has_its_outcome() {
    for settings in ways_to_fail() {
        let (_emulator, client, table) = start(settings).await;
        let key = |n: u128| key(Uuid::from_u128(n), "p");
        let rows = [1, 2].map(|n| KeyedRow::new(key(n), value(1)));
        let outcomes = client.upsert_rows(&table, &rows, &options()).await.unwrap();
        assert_eq!(is_done(&outcomes), [true, true]);
        let rows = [1, 9, 2].map(|n| KeyedRow::new(key(n), value(2)));
        let outcomes = client.update_rows(&table, &rows, &options()).await.unwrap();
        assert_eq!(is_done(&outcomes), [true, false, true]);
        assert_eq!(outcomes[0].id(), Some(Uuid::from_u128(1)));
        assert!(outcomes[1].fault().unwrap().is_not_found());
        let outcomes = client.delete_rows(&table, &[key(9), key(1), key(2)], &options()).await.unwrap();
        assert_eq!(is_done(&outcomes), [false, true, true]);
        assert_eq!(client.query(&Query::new(SET)).all::<Row>().await.unwrap().len(), 0);
    }
}

#[tokio::test]
async fn an_upsert_says_what_was_created_where_the_service_does() {
    for tells in [true, false] {
        let (_emulator, client, table) = start(Settings { upsert_multiple_tells: tells, ..settings() }).await;
        let key = |n: u128| key(Uuid::from_u128(n), "p");
        client.upsert(SET, &key(1), value(1), &options()).await.unwrap();
        let rows = [2, 1].map(|n| KeyedRow::new(key(n), value(2)));
        let outcomes = client.upsert_rows(&table, &rows, &options()).await.unwrap();
        let expected = if tells { [Some(true), Some(false)] } else { [None, None] };
        assert_eq!([outcomes[0].created(), outcomes[1].created()], expected);
    }
}

#[tokio::test]
async fn a_bulk_body_made_by_hand_tells_of_its_rows_in_the_fault() {
    let (_emulator, client, table) = start(settings()).await;
    let mut targets = TargetsWriter::new("new_reading");
    targets.row().integer("new_value", 1);
    targets.row().integer("new_value", 5_000);
    let error = client.create_multiple(&table, targets.finish(), &options()).await.unwrap_err();
    assert!(error.fault().unwrap().rows.iter().any(|row| row.request_index == 1));
    assert!(!error.is_in_doubt());
}

#[tokio::test]
async fn cosmos_sql_comes_in_pages_with_parameters_of_every_kind() {
    let (_emulator, client, table) = start(settings()).await;
    let row = |n: i64, partition: &str| {
        body(|row| {
            let document = json!({"power": n, "even": n % 2 == 0, "unit": "it's kW", "share": 0.5});
            row.text("partitionid", partition).json("new_payload", &document);
        })
    };
    let rows: Vec<_> = (0..10).map(|n| row(n, if n < 8 { "a" } else { "b" }).into()).collect();
    client.create_rows(&table, &rows, &options()).await.unwrap();
    let query = CosmosQuery::new(
        "select c.props.new_payload.power as power from c where c.props.new_payload.power >= @least and \
         c.props.new_payload.even = @even and c.props.new_payload.unit = @unit and c.props.new_payload.share < @share \
         order by c.props.new_payload.power",
    )
    .parameter("@least", 2)
    .parameter("@even", true)
    .parameter("@unit", "it's kW")
    .parameter("@share", 0.75)
    .in_partition("a")
    .page_size(2);
    let mut found = Vec::new();
    let mut cookie = None;
    loop {
        let page = client.cosmos_page(&table, &query, cookie.as_deref()).await.unwrap();
        assert!(page.rows.len() <= 2);
        found.extend(page.rows.iter().map(|row| row.integer("power").unwrap()));
        cookie = page.cookie;
        if cookie.is_none() {
            break;
        }
    }
    assert_eq!(found, [2, 4, 6]);
    let list = CosmosQuery::new("select * from c").parameter("@p", json!([1]));
    client.cosmos_page(&table, &list, None).await.unwrap_err();
}

#[tokio::test]
async fn rows_that_failed_by_themselves_are_sent_again_by_themselves() {
    for settings in ways_to_fail() {
        let (emulator, client, table) = start(settings).await;
        let rule = FaultRule {
            rows: 3,
            ..FaultRule::new(FaultKind::PartialFailure).on_path("*CreateMultiple").times(1)
        };
        emulator.set_faults(FaultPlan::of([rule]));
        let mut open: Vec<_> = (1..=10).map(|n| value(n).into()).collect();
        let mut sent = 0;
        while !open.is_empty() {
            sent += 1;
            let outcomes = client.create_rows(&table, &open, &options()).await.unwrap();
            let failed = open.into_iter().zip(&outcomes).filter(|(_, outcome)| !outcome.is_done());
            open = failed.map(|(row, _)| row).collect();
        }
        assert_eq!(sent, 2);
        let mut values: Vec<i64> = client
            .query(&Query::new(SET).select(["new_value"]))
            .all::<Row>()
            .await
            .unwrap()
            .iter()
            .filter_map(|row| row.integer("new_value"))
            .collect();
        values.sort_unstable();
        assert_eq!(values, (1..=10).collect::<Vec<_>>(), "each row once");
    }
}
