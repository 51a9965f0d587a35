//! The life of a row: what is pending when, and what its flag says.

use staging_schema::settle::{self, RetryFilter};
use staging_schema::{
    Mode, Pass, Shape, StagedColumn, StagedKind, TargetTable, Value, control, lookup, pending, summary,
};

use super::stage::{
    ALL, LEASE, change, count, flags, lease_all, lookup, make, plain, request, rows_of, send_all, set, stage,
    stage_many, text,
};
use crate::{RequestEnd, RequestOutcome, RowError, Store, Success};

/// Inserted with an owed lookup, then the lookup, then the state: only then processed, and each sent once.
pub async fn a_row_is_processed_when_nothing_is_owed(store: &Store) {
    let parent = plain(store, "life_parent", vec![]).await;
    let columns = vec![lookup("parentid", "life_parent"), StagedColumn::new("statecode", StagedKind::State)];
    let child = plain(store, "life_child", columns).await;
    stage(store, &parent, &[], &[&[Some("p1")]]).await;
    stage(store, &child, &["parentid_SourceKey"], &[&[Some("c1"), Some("p1")], &[Some("c2"), None]]).await;
    set(store, &child, "statecode", 1.into()).await;
    let by_parent = || {
        let fill = lookup::Fill::new("parentid", [lookup::Parent::new("life_parent")]);
        lookup::preload(&child, &[fill], &ALL).expect("a lookup")
    };
    assert_eq!(store.execute(&by_parent()).await.expect("a preload"), 0, "the parent has no GUID yet");
    let lease = lease_all(store, &child, Pass::Insert, LEASE).await;
    let rows = rows_of(store, &child, &lease).await;
    let sent = request(store, &lease, rows.clone()).await;
    let mut outcome = super::stage::answered(&sent, Pass::Insert, &[]);
    outcome.successes[0].owed = vec!["parentid".to_owned()];
    store.record_outcomes(&lease, &child, &[outcome], &[]).await.expect("outcomes");
    store.finish_chunk(&lease).await.expect("done");
    store.settle_table(&child).await.expect("settled");
    assert_eq!(flags(store, &child).await, "SS");
    assert_eq!(count(store, &child, Pass::Insert).await, 0);
    assert_eq!(count(store, &child, Pass::Lookups).await, 0, "nothing has arrived");
    assert_eq!(count(store, &child, Pass::State).await, 1, "the row that owes nothing");
    send_all(store, &parent, Pass::Insert, &[]).await;
    assert_eq!(store.execute(&by_parent()).await.expect("a preload"), 1);
    assert_eq!(store.execute(&by_parent()).await.expect("a preload"), 0, "nothing the second time");
    let owed = store.query(&summary::owed(&child).expect("lookups")).await.expect("owed");
    assert_eq!(owed[0].values(), [Value::from("parentid"), Value::from(0), Value::from(1)]);
    assert_eq!(send_all(store, &child, Pass::Lookups, &[]).await, 1);
    assert_eq!(flags(store, &child).await, "SS", "states are open");
    assert_eq!(send_all(store, &child, Pass::State, &[]).await, 2);
    assert_eq!(flags(store, &child).await, "PP");
    let left = store.query(&summary::pending(&child)).await.expect("pending");
    assert!(left.iter().all(|row| row.get(1) == &Value::from(0)), "{left:?}");
    let counts = store.query(&summary::table(&child)).await.expect("counts");
    let counts: Vec<_> =
        counts[0].values().iter().map(|value| value.as_integer().expect("a number")).collect();
    assert_eq!(counts, [2, 0, 0, 2, 0, 2, 0, 0, 0], "{:?}", summary::TABLE_COLUMNS);
}

/// A lookup that arrives after another was written gets a pass of its own.
pub async fn a_late_lookup_is_written_once_more(store: &Store) {
    let table = plain(store, "late", vec![lookup("oneid", "x"), lookup("twoid", "x")]).await;
    let keys = ["oneid_SourceKey", "twoid_SourceKey"];
    stage(store, &table, &keys, &[&[Some("r"), Some("x1"), Some("x2")]]).await;
    send_all(store, &table, Pass::Insert, &["oneid", "twoid"]).await;
    set(store, &table, "oneid", "00000000-0000-0000-0000-000000000001".into()).await;
    let reopen = pending::reopen_late_lookups(&table, &ALL);
    assert_eq!(store.execute(&reopen).await.expect("reopened"), 0, "the first time needs no new generation");
    // While its request is on its way, the other arrives: too late for it, too early to have a success.
    set(store, &table, "twoid", "00000000-0000-0000-0000-000000000002".into()).await;
    assert_eq!(send_all(store, &table, Pass::Lookups, &["twoid"]).await, 1);
    assert_eq!(count(store, &table, Pass::Lookups).await, 0);
    assert_eq!(flags(store, &table).await, "S");
    assert_eq!(store.execute(&reopen).await.expect("reopened"), 1);
    assert_eq!(store.execute(&reopen).await.expect("reopened"), 0, "nothing the second time");
    assert_eq!(send_all(store, &table, Pass::Lookups, &[]).await, 1);
    assert_eq!(flags(store, &table).await, "P");
    // Nothing of this made the row look changed.
    assert_eq!(count(store, &table, Pass::Update).await, 0);
    // A lookup that somebody decides against is owed no longer.
    stage(store, &table, &keys, &[&[Some("s"), Some("gone"), None]]).await;
    send_all(store, &table, Pass::Insert, &["oneid"]).await;
    assert_eq!(flags(store, &table).await, "PS");
    set(store, &table, "oneid_SourceKey", Value::Null).await;
    store.settle_table(&table).await.expect("settled");
    assert_eq!(flags(store, &table).await, "PP");
}

/// A delta that comes while the insert is on its way is not lost: the row is updated afterwards.
pub async fn a_change_while_the_insert_is_on_its_way_becomes_an_update(store: &Store) {
    let table = plain(store, "changed", vec![text("name")]).await;
    stage_many(store, &table, 1).await;
    let lease = lease_all(store, &table, Pass::Insert, LEASE).await;
    let rows = rows_of(store, &table, &lease).await;
    let sent = request(store, &lease, rows).await;
    change(store, &table).await;
    let outcome = super::stage::answered(&sent, Pass::Insert, &[]);
    store.record_outcomes(&lease, &table, &[outcome], &[]).await.expect("outcomes");
    store.finish_chunk(&lease).await.expect("done");
    assert_eq!(count(store, &table, Pass::Insert).await, 0, "inserted once, whatever the generation");
    store.settle_table(&table).await.expect("settled");
    assert_eq!(flags(store, &table).await, "U");
    assert_eq!(send_all(store, &table, Pass::Update, &[]).await, 1);
    assert_eq!(flags(store, &table).await, "P");
    change(store, &table).await;
    assert_eq!(count(store, &table, Pass::Update).await, 1, "a second delta is a new generation");
}

/// An error blocks a row in every pass, until it is retried or its content changes.
pub async fn a_row_in_error_waits_until_it_is_retried(store: &Store) {
    let table = plain(store, "failing", vec![text("name")]).await;
    stage_many(store, &table, 2).await;
    for attempt in 1..=2 {
        let lease = lease_all(store, &table, Pass::Insert, LEASE).await;
        let rows = rows_of(store, &table, &lease).await;
        let sent = request(store, &lease, rows.clone()).await;
        let errors = rows
            .iter()
            .map(|row| RowError {
                row_id: row.row_id,
                generation: row.generation,
                attempt,
                code: Some("0x80040237".to_owned()),
                message: "a duplicate".to_owned(),
                ..RowError::default()
            })
            .collect();
        let outcome =
            RequestOutcome { request: Some(sent.id), end: RequestEnd::Answered, successes: vec![], errors };
        store.record_outcomes(&lease, &table, &[outcome], &[]).await.expect("outcomes");
        store.finish_chunk(&lease).await.expect("done");
        assert_eq!(count(store, &table, Pass::Insert).await, 0, "blocked before any flag is set");
        store.settle_table(&table).await.expect("settled");
        assert_eq!(flags(store, &table).await, "EE");
        let other = RetryFilter { code: Some("0x0".to_owned()), ..RetryFilter::default() };
        assert_eq!(store.execute_all(&settle::retry_errors(&table, &other)).await.expect("none"), [0, 0]);
        let one =
            RetryFilter { code: Some("0x80040237".to_owned()), row_id: Some(1), pass: Some(Pass::Insert) };
        assert_eq!(store.execute_all(&settle::retry_errors(&table, &one)).await.expect("one"), [1, 1]);
        let all = RetryFilter::default();
        assert_eq!(store.execute_all(&settle::retry_errors(&table, &all)).await.expect("the other"), [1, 1]);
        assert_eq!(count(store, &table, Pass::Insert).await, 2);
    }
    // A finding goes away with the content that caused it.
    let finding =
        RowError { row_id: 1, generation: 1, message: "too long".to_owned(), ..RowError::default() };
    store.record_rows(&table, Pass::Validate, &[], &[finding]).await.expect("a finding");
    store.execute_all(&summary::flag_findings(&table)).await.expect("flags");
    assert_eq!((flags(store, &table).await.as_str(), count(store, &table, Pass::Insert).await), ("EU", 1));
    change(store, &table).await;
    assert_eq!(count(store, &table, Pass::Insert).await, 2);
}

/// A row that is to be deleted but was never sent has nothing to wait for.
pub async fn a_deleted_row_that_was_never_sent_is_done(store: &Store) {
    let table = plain(store, "deleted", vec![]).await;
    stage_many(store, &table, 1).await;
    set(store, &table, control::ACTION_FLAG, "D".into()).await;
    store.settle_table(&table).await.expect("settled");
    assert_eq!(flags(store, &table).await, "P");
    stage(store, &table, &[], &[&[Some("sent")]]).await;
    send_all(store, &table, Pass::Insert, &[]).await;
    set(store, &table, control::ACTION_FLAG, "D".into()).await;
    change(store, &table).await;
    assert_eq!(send_all(store, &table, Pass::Delete, &[]).await, 1);
    assert_eq!(flags(store, &table).await, "PP");
}

/// Rows of a table in mode `match` get their GUIDs from what is there, are never inserted, and are written only as updates.
pub async fn matched_rows_are_never_inserted(store: &Store) {
    let model = TargetTable::new("matched", vec![text("name")]).expect("a model").with_mode(Mode::Match);
    let table = make(store, model).await;
    stage_many(store, &table, 2).await;
    assert_eq!(count(store, &table, Pass::Insert).await, 0);
    let ids = [(1, "00000000-0000-0000-0000-00000000000a".to_owned())];
    assert_eq!(store.execute(&settle::assign_ids(&table, &ids)).await.expect("a GUID"), 1);
    assert_eq!(
        store.execute(&settle::assign_ids(&table, &ids)).await.expect("a GUID"),
        0,
        "nothing the second time"
    );
    store.settle_table(&table).await.expect("settled");
    assert_eq!(flags(store, &table).await, "PU");
}

/// An association is pending when both ends have GUIDs, and processed when it is made.
pub async fn associations_wait_for_both_ends(store: &Store) {
    let columns = vec![lookup("leftid", "x"), lookup("rightid", "x")];
    let model = TargetTable::new("pairs", columns).expect("a model").with_shape(Shape::Intersect);
    let table = make(store, model).await;
    stage(store, &table, &["leftid_SourceKey", "rightid_SourceKey"], &[&[Some("p"), Some("l"), Some("r")]])
        .await;
    set(store, &table, "leftid", "00000000-0000-0000-0000-000000000001".into()).await;
    assert_eq!(count(store, &table, Pass::Associate).await, 0);
    set(store, &table, "rightid", "00000000-0000-0000-0000-000000000002".into()).await;
    assert_eq!(count(store, &table, Pass::Insert).await, 0);
    assert_eq!(send_all(store, &table, Pass::Associate, &[]).await, 1);
    assert_eq!(flags(store, &table).await, "P");
    // A success without a GUID is no reason to copy one back.
    let again = Success {
        ..super::stage::success(crate::StagedRow { row_id: 1, generation: 1 }, Pass::Associate, &[])
    };
    let refused = store.record_rows(&table, Pass::Associate, &[again], &[]).await;
    assert!(refused.expect_err("one success per row, pass and generation").is_constraint());
}
