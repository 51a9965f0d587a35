//! Alternate keys, compared as Dataverse compares them.

use staging_schema::alternate_key::AlternateKey;
use staging_schema::{
    Accents, Mode, StagedColumn, StagedKind, Statement, TargetTable, Value, control, summary,
};

use super::stage::{flags, make, plain, set, stage, text};
use crate::Store;

/// Counts the rows that are newly in error.
async fn record(store: &Store, key: &AlternateKey<'_>) -> u64 {
    let counted: u64 = store
        .query(&key.faults())
        .await
        .expect("counts")
        .iter()
        .map(|fault| fault.count(1).expect("a count"))
        .sum();
    let recorded: u64 = store.execute_all(&key.record()).await.expect("errors").iter().sum();
    assert_eq!(counted, recorded, "what is foretold is what is written down");
    store.execute_all(&summary::flag_findings(key.table)).await.expect("flags");
    recorded
}

async fn correct(store: &Store, table: &TargetTable, column: &str, value: Value, row: i64) {
    let correct = Statement::new(
        |d| {
            format!(
                "UPDATE {} SET {} = {} WHERE {} = {}",
                d.table(&table.name()),
                d.quote(column),
                d.param(1),
                d.quote(control::ROW_ID),
                d.param(2)
            )
        },
        vec![value, row.into()],
    );
    assert_eq!(store.execute(&correct).await.expect("an update"), 1);
}

/// Keys that differ by case, width, blanks at the end or accents are one; empty ones are none. Errors that hold no longer are
/// taken back.
pub async fn keys_are_told_apart_as_dataverse_does(store: &Store) {
    let table = plain(store, "numbered", vec![text("number")]).await;
    let numbers = [
        Some("A-1"),
        Some("a-1 "),
        Some("\u{ff21}-1"),
        Some("José"),
        Some("JOSE"),
        Some("Zażółć"),
        Some("ZAŻÓŁĆ"),
        Some("x"),
        Some("x/y"),
        Some("a 1"),
        Some(""),
        Some("  "),
        None,
    ];
    let keys: Vec<String> = (1..=numbers.len()).map(|n| format!("k{n}")).collect();
    let cells: Vec<[Option<&str>; 2]> =
        keys.iter().zip(numbers).map(|(key, number)| [Some(key.as_str()), number]).collect();
    let rows: Vec<&[Option<&str>]> = cells.iter().map(<[_; 2]>::as_slice).collect();
    stage(store, &table, &["number"], &rows).await;
    let columns = ["number".to_owned()];
    let strict = AlternateKey { table: &table, columns: &columns, accents: Accents::Distinguished };
    let key = AlternateKey { accents: Accents::Ignored, ..strict };
    assert_eq!(store.count(&key.unaddressable()).await.expect("a count"), 1);
    assert_eq!(record(store, &strict).await, 8);
    assert_eq!(flags(store, &table).await, "EEEUUEEUUUEEE");
    assert_eq!(record(store, &key).await, 2);
    assert_eq!(flags(store, &table).await, "EEEEEEEUUUEEE");
    assert_eq!(record(store, &key).await, 0);
    assert_eq!(store.count(&key.recorded()).await.expect("a count"), 10);
    // One of each pair is corrected, and an empty one filled: their twins are free as well.
    for (row, number) in [(5, "Josef"), (7, "Zaz"), (13, "y")] {
        correct(store, &table, "number", number.into(), row).await;
    }
    assert_eq!(store.execute(&key.take_back()).await.expect("taken back"), 5);
    store.execute_all(&summary::flag_findings(&table)).await.expect("flags");
    assert_eq!(flags(store, &table).await, "EEEUUUUUUUEEU");
    assert_eq!(record(store, &key).await, 0);
}

/// All columns of a key count; what is to be deleted does not, and matched rows only where they are to be written.
pub async fn a_key_of_several_columns_is_one_key(store: &Store) {
    let columns = vec![text("number"), StagedColumn::new("kind", StagedKind::Choice)];
    let table = make(store, TargetTable::new("paired", columns).expect("a model")).await;
    let rows: Vec<[Option<&str>; 2]> = vec![
        [Some("k1"), Some("A")],
        [Some("k2"), Some("a")],
        [Some("k3"), Some("a")],
        [Some("k4"), Some("b")],
    ];
    let rows: Vec<&[Option<&str>]> = rows.iter().map(<[_; 2]>::as_slice).collect();
    stage(store, &table, &["number"], &rows).await;
    set(store, &table, "kind", 1.into()).await;
    correct(store, &table, "kind", 2.into(), 2).await;
    correct(store, &table, "kind", Value::Null, 4).await;
    let columns = ["number".to_owned(), "kind".to_owned()];
    let key = AlternateKey { table: &table, columns: &columns, accents: Accents::Ignored };
    correct(store, &table, control::ACTION_FLAG, "D".into(), 3).await;
    assert_eq!(record(store, &key).await, 1);
    assert_eq!(flags(store, &table).await, "UUUE");
    correct(store, &table, control::ACTION_FLAG, "I".into(), 3).await;
    assert_eq!(record(store, &key).await, 2);
    assert_eq!(flags(store, &table).await, "EUEE");

    let matched = table.clone().with_mode(Mode::Match);
    let key = AlternateKey { table: &matched, ..key };
    store.execute(&key.take_back()).await.expect("taken back");
    store.execute_all(&summary::flag_findings(&table)).await.expect("flags");
    assert_eq!(flags(store, &table).await, "UUUU");
    assert_eq!(record(store, &key).await, 0);
    set(store, &table, control::ACTION_FLAG, "U".into()).await;
    assert_eq!(record(store, &key).await, 3);
    assert_eq!(flags(store, &table).await, "EUEE");
}
