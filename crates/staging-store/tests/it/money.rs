//! `migration.MoneySums` adds up exactly, however large the amounts and however many.

use proptest::prelude::*;
use staging_schema::ddl::{self, MoneyColumn, NumberStyle, SourceTable};
use staging_schema::{StagedColumn, StagedKind, Statement, TargetTable, control};
use staging_store::Store;
use staging_store::contract::{ScratchStaging, TEST_SERVER};

use crate::world;

fn opportunity() -> TargetTable {
    let columns = vec![StagedColumn::new("estimatedvalue", StagedKind::Money { precision: 2 })];
    TargetTable::new("opportunity", columns).unwrap()
}

fn money(style: NumberStyle) -> MoneyColumn {
    MoneyColumn {
        table: "opportunity".to_owned(),
        column: "estimatedvalue".to_owned(),
        source: "Opportunity".to_owned(),
        from: vec!["Amount".to_owned()],
        style,
        condition: None,
    }
}

/// A source with these texts, and target rows with those amounts.
async fn filled(store: &Store, before: &[&str], after: &[&str]) {
    // Babelfish drops no table that a view reads.
    store.execute_all(&ddl::money_sums(&[])).await.unwrap();
    let source = SourceTable::new("Opportunity", ["Id", "Amount"]).unwrap();
    store.execute(&ddl::drop_table(&source.name())).await.unwrap();
    store.execute(&source.create()).await.unwrap();
    let mut appender = store.append(&source.name(), ["Id", "Amount", control::ARRIVED_AT]);
    let mut batch = appender.batch();
    for (n, text) in before.iter().enumerate() {
        batch.push_display(n);
        batch.push_text(text);
        batch.push_text("2026-11-21T04:00:00.000Z");
    }
    appender.push(batch).await.unwrap();
    appender.finish().await.unwrap();
    let table = opportunity();
    store.ensure_tables(std::slice::from_ref(&table)).await.unwrap();
    store.execute(&ScratchStaging::statement("DELETE FROM target_opportunity")).await.unwrap();
    let mut appender =
        store.append(&table.name(), [control::SOURCE_TABLE, control::SOURCE_KEY, "estimatedvalue"]);
    let mut batch = appender.batch();
    for (n, digits) in after.iter().enumerate() {
        batch.push_text("Opportunity");
        batch.push_display(n);
        batch.push_text(digits);
    }
    appender.push(batch).await.unwrap();
    appender.finish().await.unwrap();
}

/// Rows and sum before, unread texts, rows and sum after, difference.
async fn sums(store: &Store, column: MoneyColumn) -> (i64, String, i64, i64, String, String) {
    store.execute_all(&ddl::money_sums(&[column])).await.unwrap();
    let read = ScratchStaging::statement(
        "SELECT SourceRows, SourceSum, SourceUnread, TargetRows, TargetSum, Difference FROM migration_MoneySums",
    );
    let rows = store.query(&read).await.unwrap();
    let text = |n: usize| rows[0].text(n).unwrap().to_owned();
    let count = |n: usize| rows[0].integer(n).unwrap();
    (count(0), text(1), count(2), count(3), text(4), text(5))
}

fn expected(
    rows: i64,
    before: &str,
    unread: i64,
    after: (i64, &str),
    difference: &str,
) -> (i64, String, i64, i64, String, String) {
    (rows, before.to_owned(), unread, after.0, after.1.to_owned(), difference.to_owned())
}

#[tokio::test]
async fn amounts_of_nineteen_digits_keep_every_digit() {
    let (_staging, store) = world::either_store().await;
    let most = "922337203685477.5807";
    filled(&store, &vec![most; 30_000], &vec![most; 29_999]).await;
    assert_eq!(
        sums(&store, money(NumberStyle::Plain)).await,
        expected(30_000, "27670116110564327421", 0, (29_999, "27669193773360641943.4193"), most)
    );
    filled(&store, &["-922337203685477.5808", "0.0001"], &["-922337203685477.5807"]).await;
    assert_eq!(
        sums(&store, money(NumberStyle::Plain)).await,
        expected(2, "-922337203685477.5807", 0, (1, "-922337203685477.5807"), "0")
    );
}

#[tokio::test]
async fn what_is_no_number_in_the_declared_spelling_is_counted_and_not_guessed_at() {
    let (_staging, store) = world::either_store().await;
    let texts = [
        "1.234,50",
        " 7 ",
        "-0,25",
        "1234,5",
        "",
        "1.23,4",
        "12.3456",
        "1,5.000",
        ".5",
        "1e3",
        "--5",
        "n/a",
        "1.234.567",
    ];
    filled(&store, &texts, &["1"]).await;
    // 1234.5 + 7 - 0.25 + 1234.5 + 1234567; the empty one is no amount, seven are unread.
    assert_eq!(
        sums(&store, money(NumberStyle::Comma)).await,
        expected(12, "1237042.75", 7, (1, "1"), "1237041.75")
    );
    filled(&store, &["1,234.5", "1234.5", "1234,5", "12,34", "1234567,890", ",5", "0.5"], &[]).await;
    assert_eq!(sums(&store, money(NumberStyle::Point)).await, expected(7, "2469.5", 4, (0, "0"), "2469.5"));
    filled(&store, &["1,234.5", "12", "+3", "1.12345678901", "1234567890123456789", ".5", "5."], &[]).await;
    assert_eq!(sums(&store, money(NumberStyle::Plain)).await, expected(7, "17.5", 4, (0, "0"), "17.5"));
}

#[tokio::test]
async fn a_computed_value_has_only_a_sum_after_and_a_condition_keeps_rows_out() {
    let (_staging, store) = world::either_store().await;
    filled(&store, &["1", "2", "3"], &["2.5", "3"]).await;
    let computed = MoneyColumn { from: vec![], ..money(NumberStyle::Plain) };
    store.execute_all(&ddl::money_sums(&[computed])).await.unwrap();
    let read = ScratchStaging::statement("SELECT TargetSum, SourceSum, Difference FROM migration_MoneySums");
    let rows = store.query(&read).await.unwrap();
    assert_eq!(rows[0].text(0).unwrap(), "5.5");
    assert!(rows[0].get(1).is_null() && rows[0].get(2).is_null(), "{:?}", rows[0].values());
    let condition = Statement::new(|d| format!("s.[Id] <> {}", d.param(1)), vec!["0".into()]);
    let some = MoneyColumn { condition: Some(condition), ..money(NumberStyle::Plain) };
    assert_eq!(sums(&store, some).await, expected(2, "5", 0, (2, "5.5"), "-0.5"));
}

/// Each case has a database of its own, which a server does not make in a moment.
fn cases() -> u32 {
    if std::env::var_os(TEST_SERVER).is_some() { 4 } else { 40 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    /// Amounts in ten-thousandths: their sum is that of whole numbers.
    #[test]
    fn sums_are_those_of_whole_numbers(amounts in prop::collection::vec(any::<i64>(), 0..40)) {
        let digits = |n: i128| {
            let text = format!("{}{}.{:04}", if n < 0 { "-" } else { "" }, n.abs() / 10_000, n.abs() % 10_000);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        let texts: Vec<_> = amounts.iter().map(|n| digits((*n).into())).collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let half = &texts[..texts.len() / 2];
        let sum = |n: usize| digits(amounts[..n].iter().map(|n| i128::from(*n)).sum());
        let difference = digits(amounts[half.len()..].iter().map(|n| i128::from(*n)).sum());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(async {
            let (_staging, store) = world::either_store().await;
            filled(&store, &texts, half).await;
            sums(&store, money(NumberStyle::Plain)).await
        });
        let rows = i64::try_from(texts.len()).unwrap();
        let after = sum(half.len());
        let after = (i64::try_from(half.len()).unwrap(), after.as_str());
        prop_assert_eq!(found, expected(rows, &sum(texts.len()), 0, after, &difference));
    }
}
