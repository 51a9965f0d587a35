//! The manifest and outcomes.

use std::time::Duration;

use staging_schema::{Pass, Statement};

use super::stage::{
    LEASE, answered, count, lease_all, only, plain, request, rows_of, stage_many, success, take,
};
use crate::{NewRequest, RequestEnd, RequestOutcome, Resolution, RowError, StagedRow, Store};

fn error_of(row: StagedRow, message: &str) -> RowError {
    RowError {
        row_id: row.row_id,
        generation: row.generation,
        attempt: 1,
        message: message.to_owned(),
        ..RowError::default()
    }
}

/// Neither a request nor an outcome is recorded for a lease that has ended or was taken by somebody else.
pub async fn a_lost_lease_records_nothing(store: &Store) {
    let table = plain(store, "lost", vec![]).await;
    stage_many(store, &table, 4).await;
    let dead = lease_all(store, &table, Pass::Insert, Duration::ZERO).await;
    let rows = rows_of(store, &table, &dead).await;
    let late =
        NewRequest { id: uuid::Uuid::new_v4(), rows: rows.clone(), application_user: "app".to_owned() };
    let refused = store.record_requests(&dead, std::slice::from_ref(&late)).await;
    assert!(refused.expect_err("the lease has ended").is_lease_lost());
    // Sent in time, answered too late: by then another worker has the chunk.
    let first = only(take(store, &table, Pass::Insert, "first", LEASE).await);
    let sent = request(store, &first, rows).await;
    assert_eq!(
        store.renew(std::slice::from_ref(&first), Duration::ZERO).await.expect("an end").renewed.len(),
        1
    );
    let _second = only(take(store, &table, Pass::Insert, "second", LEASE).await);
    let outcome = answered(&sent, Pass::Insert, &[]);
    let refused = store.record_outcomes(&first, &table, &[outcome], &[]).await;
    assert!(refused.expect_err("the lease was lost").is_lease_lost());
    let successes =
        Statement::new(|d| format!("SELECT COUNT(*) FROM {}", d.table(&table.success())), Vec::new());
    assert_eq!(store.count(&successes).await.expect("a count"), 0);
    let doubts = store.in_doubt(Some("lost"), Duration::ZERO).await.expect("doubts");
    assert_eq!(doubts.due.iter().map(|doubt| doubt.request).collect::<Vec<_>>(), [sent.id]);
}

/// Outcomes must cover exactly the rows of their request; a split request and its parts change hands in one transaction.
pub async fn outcomes_are_recorded_whole_or_not(store: &Store) {
    let table = plain(store, "outcomes", vec![]).await;
    stage_many(store, &table, 4).await;
    let lease = lease_all(store, &table, Pass::Insert, LEASE).await;
    let rows = rows_of(store, &table, &lease).await;
    let whole = request(store, &lease, rows.clone()).await;
    let mut partial = answered(&whole, Pass::Insert, &[]);
    partial.successes.pop();
    let refused = store.record_outcomes(&lease, &table, &[partial.clone()], &[]).await;
    assert!(refused.expect_err("a row without outcome").is_request_settled());
    partial.successes.push(success(StagedRow { row_id: 99, generation: 1 }, Pass::Insert, &[]));
    let refused = store.record_outcomes(&lease, &table, &[partial], &[]).await;
    assert!(refused.expect_err("a row of another request").is_request_settled());
    // Refused as a whole because of one row: void, and sent again in two parts.
    let void =
        RequestOutcome { request: Some(whole.id), end: RequestEnd::Void, successes: vec![], errors: vec![] };
    let parts = [rows[..1].to_vec(), rows[1..].to_vec()].map(|rows| NewRequest {
        id: uuid::Uuid::new_v4(),
        rows,
        application_user: "app".to_owned(),
    });
    store.record_outcomes(&lease, &table, std::slice::from_ref(&void), &parts).await.expect("split");
    let again = store.record_outcomes(&lease, &table, &[void], &[]).await;
    assert!(again.expect_err("settled already").is_request_settled());
    let bad = RequestOutcome {
        request: Some(parts[0].id),
        end: RequestEnd::Answered,
        successes: vec![],
        errors: vec![error_of(parts[0].rows[0], "the name is too long")],
    };
    let good = answered(&parts[1], Pass::Insert, &[]);
    store.record_outcomes(&lease, &table, &[bad, good], &[]).await.expect("both parts");
    store.finish_chunk(&lease).await.expect("done");
    assert_eq!(count(store, &table, Pass::Insert).await, 0);
    store.settle_table(&table).await.expect("settled");
    assert_eq!(super::stage::flags(store, &table).await, "EPPP");
}

/// Rows of a request without outcome are pending in no pass, until it is known not to have been executed.
pub async fn a_request_without_outcome_blocks_its_rows(store: &Store) {
    let table = plain(store, "blocked", vec![]).await;
    stage_many(store, &table, 5).await;
    let lease = lease_all(store, &table, Pass::Insert, LEASE).await;
    let rows = rows_of(store, &table, &lease).await;
    let sent = request(store, &lease, rows[..2].to_vec()).await;
    assert_eq!(count(store, &table, Pass::Insert).await, 3);
    assert_eq!(rows_of(store, &table, &lease).await, rows[2..]);
    store.restamp_requests(&lease, &[sent.id]).await.expect("sent again");
    let void =
        RequestOutcome { request: Some(sent.id), end: RequestEnd::Void, successes: vec![], errors: vec![] };
    store.record_outcomes(&lease, &table, &[void], &[]).await.expect("not executed");
    assert_eq!(count(store, &table, Pass::Insert).await, 5);
    assert!(store.restamp_requests(&lease, &[sent.id]).await.expect_err("settled").is_request_settled());
}

/// A request in doubt is due when it was quiet and its lease is over; it is settled once, with the generations that were
/// sent.
pub async fn requests_in_doubt_are_settled_once(store: &Store) {
    let table = plain(store, "doubt", vec![]).await;
    stage_many(store, &table, 3).await;
    let raise = Statement::new(
        |d| {
            format!(
                "UPDATE {} SET DataMigration_Generation = 7 WHERE DataMigration_RowId = 2",
                d.table(&table.name())
            )
        },
        Vec::new(),
    );
    store.execute(&raise).await.expect("a change");
    let lease = lease_all(store, &table, Pass::Insert, LEASE).await;
    let rows = rows_of(store, &table, &lease).await;
    let sent = request(store, &lease, rows.clone()).await;
    let waiting = store.in_doubt(Some("doubt"), Duration::ZERO).await.expect("doubts");
    assert_eq!((waiting.due.len(), waiting.waiting), (0, 1), "its lease still runs");
    store.finish_chunk(&lease).await.expect("the other rows are done");
    let early = store.in_doubt(Some("doubt"), Duration::from_hours(1)).await.expect("doubts");
    assert_eq!((early.due.len(), early.waiting), (0, 1), "it has not been quiet for long enough");
    assert!(early.next_due.expect("a time") > Duration::from_mins(50));
    assert!(store.in_doubt(Some("other"), Duration::ZERO).await.expect("doubts").due.is_empty());
    let doubt = store
        .in_doubt(None, Duration::ZERO)
        .await
        .expect("doubts")
        .due
        .into_iter()
        .find(|d| d.request == sent.id);
    let doubt = doubt.expect("due");
    assert_eq!((&doubt.rows, doubt.pass, doubt.application_user.as_str()), (&rows, Pass::Insert, "app"));
    let resolution = Resolution {
        request: doubt,
        end: RequestEnd::Answered,
        successes: rows[..2].iter().map(|row| success(*row, Pass::Insert, &[])).collect(),
        errors: vec![error_of(rows[2], "two rows in Dataverse have its number")],
    };
    store.resolve(&table, &resolution).await.expect("settled");
    assert!(store.resolve(&table, &resolution).await.expect_err("settled already").is_request_settled());
    store.settle_table(&table).await.expect("settled");
    assert_eq!(super::stage::flags(store, &table).await, "PPE");
}
