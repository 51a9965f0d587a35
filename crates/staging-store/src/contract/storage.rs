//! Values of every kind, in the storage forms that all engines share.

use staging_schema::{Dialect, StagedColumn, StagedKind, Statement, TargetTable, Value, control};

use super::stage::{lookup, make, text};
use crate::{RowBatch, Store};

/// A column of every kind, with values at their limits.
fn columns() -> Vec<(StagedColumn, [Value; 3])> {
    let column = StagedColumn::new;
    let guids = ["00000000-0000-0000-0000-000000000000", "0a1b2c3d-4e5f-4000-8000-00000000abcd"];
    vec![
        (text("name"), ["Zażółć \u{1f600}".into(), "".into(), "tab\tquote\"slash\\line\r\n'".into()]),
        (text("twin"), ["001Aa".into(), "001aA".into(), "001aa".into()]),
        (
            column("memo", StagedKind::Text { max: 1_048_576 }),
            ["x".repeat(5_000).into(), "ü\u{1f600}".repeat(25_000).into(), Value::Null],
        ),
        (column("whole", StagedKind::Integer), [i32::MIN.into(), i32::MAX.into(), Value::Null]),
        (column("big", StagedKind::BigInt), [i64::MIN.into(), i64::MAX.into(), 0.into()]),
        (column("double", StagedKind::Double { precision: 5 }), [0.1.into(), 1.5e300.into(), Value::Null]),
        (
            column("decimal", StagedKind::Decimal { precision: 10 }),
            ["-100000000000".into(), "99999999999.0123456789".into(), Value::Null],
        ),
        (
            column("money", StagedKind::Money { precision: 4 }),
            ["922337203685477.5807".into(), "-922337203685477.5808".into(), "0.01".into()],
        ),
        (column("yes", StagedKind::Boolean), [true.into(), false.into(), Value::Null]),
        (
            column("moment", StagedKind::DateTime),
            ["1753-01-01T00:00:00Z".into(), "9999-12-31T23:59:59Z".into(), "2026-11-21T04:00:00Z".into()],
        ),
        (column("day", StagedKind::Date), ["0001-01-01".into(), "9999-12-31".into(), Value::Null]),
        (column("choice", StagedKind::Choice), [1.into(), 100_000_000.into(), Value::Null]),
        (column("several", StagedKind::MultiChoice), ["1,3,9".into(), Value::Null, "7".into()]),
        (lookup("parentid", "parent"), [guids[0].into(), guids[1].into(), Value::Null]),
    ]
}

async fn table(store: &Store, name: &str) -> TargetTable {
    let columns = columns().into_iter().map(|(column, _)| column).collect();
    make(store, TargetTable::new(name, columns).expect("a model")).await
}

/// What is appended, by parameters or in bulk, is read back by queries and streams exactly as it was.
pub async fn values_keep_their_storage_forms(store: &Store) {
    for (name, rows) in [("stored_few", 3), ("stored_many", 300)] {
        let table = table(store, name).await;
        let columns = columns();
        let names: Vec<_> = columns.iter().map(|(column, _)| column.name.clone()).collect();
        let keys = [control::SOURCE_TABLE, control::SOURCE_KEY, control::LEVEL].map(str::to_owned);
        let mut appender = store.append(&table.name(), keys.iter().chain(&names).cloned());
        let mut batch = appender.batch();
        for row in 0..rows {
            batch.push_text("Source");
            batch.push_display(row);
            // NULL, although the column has a default.
            batch.push_null();
            for (_, values) in &columns {
                batch.push(values[row % 3].as_ref());
            }
        }
        appender.push(batch).await.expect("rows are taken");
        assert_eq!(appender.finish().await.expect("rows are appended"), rows as u64);
        let read = Statement::new(
            |d: Dialect| {
                let columns: Vec<_> = names
                    .iter()
                    .map(String::as_str)
                    .chain([control::LEVEL])
                    .map(|name| d.quote(name))
                    .collect();
                format!(
                    "SELECT {} FROM {} ORDER BY {}",
                    columns.join(", "),
                    d.table(&table.name()),
                    d.quote(control::ROW_ID)
                )
            },
            Vec::new(),
        );
        let mut streamed = Vec::new();
        let mut stream = store.stream(&read).await.expect("a stream");
        while let Some(batch) = stream.next().await.expect("a batch") {
            streamed.extend(
                batch
                    .rows()
                    .map(|row| row.values().map(staging_schema::ValueRef::to_owned).collect::<Vec<_>>()),
            );
        }
        let queried = store.query(&read).await.expect("rows");
        for (row, (queried, streamed)) in queried.iter().zip(&streamed).enumerate() {
            for (column, (of, values)) in columns.iter().enumerate() {
                assert_same(&of.name, queried.get(column), &values[row % 3]);
                assert_same(&of.name, &streamed[column], &values[row % 3]);
            }
            assert!(queried.get(columns.len()).is_null(), "NULL, and not the default");
        }
        assert_eq!((queried.len(), streamed.len()), (rows, rows));
    }
}

/// Cells show their content here: they are the test's own.
#[track_caller]
fn assert_same(column: &str, found: &Value, expected: &Value) {
    let show = |value: &Value| value.as_text().map_or_else(|| format!("{value:?}"), str::to_owned);
    assert!(found == expected, "{column}: {} instead of {}", show(found), show(expected));
}

/// Values given as parameters find the rows in which they are stored.
pub async fn parameters_find_what_is_stored(store: &Store) {
    let table = table(store, "sought").await;
    let columns = columns();
    let names = [control::SOURCE_TABLE, control::SOURCE_KEY]
        .into_iter()
        .chain(columns.iter().map(|(column, _)| column.name.as_str()));
    let mut appender = store.append(&table.name(), names);
    let mut batch = RowBatch::new(columns.len() + 2);
    batch.push_text("Source");
    batch.push_text("key");
    for (_, values) in &columns {
        batch.push(values[0].as_ref());
    }
    appender.push(batch).await.expect("rows are taken");
    appender.finish().await.expect("rows are appended");
    for (column, values) in &columns {
        for (value, rows) in [(&values[0], 1), (&values[1], 0)] {
            let sought = Statement::new(
                |d| {
                    format!(
                        "SELECT COUNT(*) FROM {} WHERE {} = {}",
                        d.table(&table.name()),
                        d.quote(&column.name),
                        d.param(1)
                    )
                },
                vec![value.clone()],
            );
            assert_eq!(store.count(&sought).await.expect("a count"), rows, "{}", column.name);
        }
        // As a parameter into a column, NULL included.
        for value in [&values[2], &values[1]] {
            super::stage::set(store, &table, &column.name, value.clone()).await;
            let read = Statement::new(
                |d| format!("SELECT {} FROM {}", d.quote(&column.name), d.table(&table.name())),
                vec![],
            );
            let rows = store.query(&read).await.expect("a row");
            assert_same(&column.name, rows[0].get(0), value);
        }
    }
}
