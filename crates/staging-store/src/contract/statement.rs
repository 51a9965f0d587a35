//! Statements, transactions, appends and streams.

use staging_schema::{SqlType, Statement, TableName, Value, ValueRef, control, ddl};

use super::stage::{plain, stage_many};
use crate::{Error, Expect, RowBatch, Step, Store};

async fn scratch(store: &Store, name: &str) -> TableName {
    let table = ddl::SourceTable::new(name, ["a", "b"]).expect("a model");
    store.execute(&table.create()).await.expect("a table");
    table.name()
}

/// A transaction that misses what is expected of a step, or fails, changes nothing.
pub async fn transactions_are_whole_or_not(store: &Store) {
    let table = plain(store, "whole", vec![]).await;
    stage_many(store, &table, 3).await;
    let delete = |n: i64| {
        Statement::new(
            |d| format!("DELETE FROM {} WHERE DataMigration_RowId <= {}", d.table(&table.name()), d.param(1)),
            vec![n.into()],
        )
    };
    let rows = Statement::new(|d| format!("SELECT COUNT(*) FROM {}", d.table(&table.name())), Vec::new());
    let steps = vec![Step::execute(delete(1)), Step::Execute(delete(3), Expect::Exactly(3))];
    match store.transaction(steps).await {
        Err(Error::Unexpected { step: 1, changed: 2, expected: 3 }) => {}
        other => panic!("the second step changes two rows, not three: {other:?}"),
    }
    assert_eq!(store.count(&rows).await.expect("a count"), 3, "everything was rolled back");
    let broken = Statement::same("SELECT nothing FROM nowhere", vec![]);
    store.execute_all(&[delete(1), broken]).await.expect_err("a statement fails");
    assert_eq!(store.count(&rows).await.expect("a count"), 3, "everything was rolled back");
    assert_eq!(store.execute_all(&[delete(1), delete(3)]).await.expect("both"), [1, 2]);
}

/// Texts, numbers and NULL come back as they were appended, and a batch that does not fit is refused.
pub async fn appended_rows_come_back_as_they_were(store: &Store) {
    let table = scratch(store, "appended").await;
    let names = ["a", "b", "DataMigration_ArrivedAt", "DataMigration_Line"];
    let mut appender = store.append(&table, names);
    let mut batch = appender.batch();
    batch.push_text("Grüße, \u{1f600}\n\"quoted\" 'text'");
    batch.push_null();
    batch.push_text("2026-11-21T04:00:00.000Z");
    batch.push_integer(i64::MAX);
    appender.push(batch).await.expect("a batch");
    appender.push(RowBatch::new(3)).await.expect_err("another width");
    let mut short = appender.batch();
    short.push_null();
    appender.push(short).await.expect_err("an incomplete row");
    assert_eq!(appender.finish().await.expect("rows"), 1);
    let read =
        Statement::new(|d| format!("SELECT a, b, DataMigration_Line FROM {}", d.table(&table)), Vec::new());
    let rows = store.query(&read).await.expect("rows");
    assert_eq!(rows[0].values()[0], Value::from("Grüße, \u{1f600}\n\"quoted\" 'text'"));
    assert_eq!(rows[0].values()[1..], [Value::Null, Value::from(i64::MAX)]);
}

/// Columns that an append does not name get their defaults, however many rows come at once.
pub async fn columns_that_are_not_appended_get_their_defaults(store: &Store) {
    let table = plain(store, "defaulted", vec![]).await;
    for rows in [1, 1_000] {
        stage_many(store, &table, rows).await;
        let complete = Statement::new(
            |d| {
                format!(
                    "SELECT COUNT(*) FROM {} WHERE {} = 'I' AND {} = 'U' AND {} = 1 AND {} = 0 AND {} > '2026-01-01'",
                    d.table(&table.name()),
                    control::ACTION_FLAG,
                    control::PROCESSING_FLAG,
                    control::GENERATION,
                    control::LEVEL,
                    control::CREATED,
                )
            },
            Vec::new(),
        );
        assert_eq!(store.count(&complete).await.expect("a count"), rows as u64, "of {rows} rows");
        let all = Statement::new(|d| format!("DELETE FROM {}", d.table(&table.name())), Vec::new());
        store.execute(&all).await.expect("room for the next");
    }
}

/// A stream gives every row once, in order, in batches.
pub async fn streams_give_every_row_once(store: &Store) {
    let table = plain(store, "streamed", vec![]).await;
    stage_many(store, &table, 2_500).await;
    let read = Statement::new(
        |d| {
            format!(
                "SELECT DataMigration_RowId, DataMigration_SourceKey FROM {} WHERE DataMigration_RowId > {} ORDER BY DataMigration_RowId",
                d.table(&table.name()),
                d.param(1)
            )
        },
        vec![0.into()],
    );
    let mut stream = store.stream(&read).await.expect("a stream");
    assert_eq!(stream.columns(), ["DataMigration_RowId", "DataMigration_SourceKey"]);
    let mut next = 1;
    while let Some(batch) = stream.next().await.expect("a batch") {
        for row in batch.rows() {
            assert_eq!(row.get(0), ValueRef::Integer(next));
            assert_eq!(row.text(1).expect("a key"), format!("k{next}"));
            next += 1;
        }
    }
    assert_eq!(next, 2_501);
    let broken = Statement::same("SELECT nothing FROM nowhere", vec![]);
    store.stream(&broken).await.expect_err("a statement that fails says so at once");
}

/// Slices cover the range of RowIds without gap or overlap, and an empty table has none.
pub async fn slices_cover_every_row_once(store: &Store) {
    let table = plain(store, "sliced", vec![]).await;
    assert!(store.slices(&table.name(), 10).await.expect("slices").is_empty());
    stage_many(store, &table, 25).await;
    assert_eq!(store.slices(&table.name(), 10).await.expect("slices"), [1..=10, 11..=20, 21..=25]);
    let touched = store
        .in_slices(&table.name(), 10, |rows| {
            Statement::new(
                |d| {
                    format!(
                        "UPDATE {} SET DataMigration_Level = 1 WHERE DataMigration_RowId BETWEEN {} AND {}",
                        d.table(&table.name()),
                        d.param(1),
                        d.param(2)
                    )
                },
                vec![(*rows.start()).into(), (*rows.end()).into()],
            )
        })
        .await;
    assert_eq!(touched.expect("all slices"), 25);
    let column = staging_schema::PhysicalColumn::new("more", SqlType::Text(None));
    store.execute(&ddl::add_column(&table.name(), &column)).await.expect("a column");
    let columns = store.query(&ddl::columns_of(&table.name())).await.expect("columns");
    assert_eq!(columns.last().and_then(|row| row.get(0).as_text()), Some("more"));
}
