//! Chunks and leases.

use std::time::Duration;

use staging_schema::{Levels, Pass, Statement, control};

use super::stage::{
    LEASE, answered, change, cut, lease_all, only, plain, request, rows_of, send_all, set, stage, stage_many,
    take,
};
use crate::{ChunkPlan, Cut, Store, Take, Taken};

/// Chunks hold pending rows only, as many as asked for, whatever lies between them; levels are cut apart.
pub async fn chunks_are_cut_over_pending_rows(store: &Store) {
    let table = plain(store, "cutting", vec![]).await;
    stage_many(store, &table, 100).await;
    // Every tenth row is on level 1, every other row is in error.
    let spread = Statement::new(
        |d| {
            format!(
                "UPDATE {} SET DataMigration_Level = CASE WHEN DataMigration_RowId % 10 = 0 THEN 1 ELSE 0 END, \
                 DataMigration_ProcessingFlag = CASE WHEN DataMigration_RowId % 2 = 1 THEN 'E' ELSE 'U' END",
                d.table(&table.name())
            )
        },
        Vec::new(),
    );
    store.execute(&spread).await.expect("levels");
    let plan = ChunkPlan { table: &table, pass: Pass::Insert, levels: Levels::At(1), chunk_rows: 4 };
    assert_eq!(store.cut_chunks(&plan).await.expect("a cut"), Cut::Cut { chunks: 3, rows: 10 });
    let all = Take { chunks: 10, ..Take::new("worker", "cutting", Pass::Insert) };
    let Taken::Chunks(leases) = store.take_chunks(&all).await.expect("chunks") else {
        panic!("three chunks are free")
    };
    assert_eq!(leases.iter().map(|lease| lease.rows).collect::<Vec<_>>(), [4, 4, 2]);
    assert_eq!(leases[0].row_ids(), 10..=40);
    let rows = rows_of(store, &table, &leases[0]).await;
    assert_eq!(rows.iter().map(|row| row.row_id).collect::<Vec<_>>(), [10, 20, 30, 40]);
}

/// While chunks of a pass are open, nobody cuts again; another pass waits for running leases and gives up free chunks.
pub async fn two_planners_cut_once(store: &Store) {
    let table = plain(store, "planned", vec![]).await;
    stage_many(store, &table, 10).await;
    assert_eq!(cut(store, &table, Pass::Insert, 5).await, Cut::Cut { chunks: 2, rows: 10 });
    assert_eq!(cut(store, &table, Pass::Insert, 5).await, Cut::Open { free: 2, leased: 0 });
    let lease = only(take(store, &table, Pass::Insert, "one", LEASE).await);
    match cut(store, &table, Pass::Update, 5).await {
        Cut::OtherPass { leased: 1, next_expiry } => {
            assert!(next_expiry <= LEASE && next_expiry > LEASE / 2);
        }
        other => panic!("somebody works on another pass: {other:?}"),
    }
    store.release_chunk(&lease).await.expect("released");
    assert_eq!(cut(store, &table, Pass::Update, 5).await, Cut::NothingPending);
    assert_eq!(cut(store, &table, Pass::Insert, 5).await, Cut::Cut { chunks: 2, rows: 10 });
}

/// Who comes to a pass in which nothing is pending goes on to the later one on which another worker is, and shares its chunks. Who
/// has rows pending waits, and so does who is ahead of the others.
pub async fn a_late_planner_goes_on_to_the_pass_that_others_work_on(store: &Store) {
    let table = plain(store, "followed", vec![]).await;
    stage_many(store, &table, 10).await;
    send_all(store, &table, Pass::Insert, &[]).await;
    set(store, &table, control::ACTION_FLAG, "U".into()).await;
    change(store, &table).await;
    assert_eq!(cut(store, &table, Pass::Update, 5).await, Cut::Cut { chunks: 2, rows: 10 });
    let first = only(take(store, &table, Pass::Update, "one", LEASE).await);
    let rows = rows_of(store, &table, &first).await;
    let sent = request(store, &first, rows).await;
    // Nothing is pending or in doubt in what comes before, and the chunk that is free stays so.
    assert_eq!(cut(store, &table, Pass::Insert, 5).await, Cut::NothingPending);
    let quiet = Duration::ZERO;
    let before = store.in_doubt_until("followed", Pass::Insert, quiet).await.expect("an answer");
    assert_eq!((before.due.len(), before.waiting), (0, 0));
    let now = store.in_doubt_until("followed", Pass::Update, quiet).await.expect("an answer");
    assert_eq!((now.due.len(), now.waiting), (0, 1));
    assert_eq!(cut(store, &table, Pass::Update, 5).await, Cut::Open { free: 1, leased: 1 });
    let second = only(take(store, &table, Pass::Update, "two", LEASE).await);
    // What comes later waits, though nothing is pending in it: order is kept.
    assert!(matches!(cut(store, &table, Pass::Delete, 5).await, Cut::OtherPass { leased: 2, .. }));
    // New rows wait for a turn of their own.
    stage(store, &table, &[], &[&[Some("new")]]).await;
    assert!(matches!(cut(store, &table, Pass::Insert, 5).await, Cut::OtherPass { leased: 2, .. }));
    let outcome = answered(&sent, Pass::Update, &[]);
    store.record_outcomes(&first, &table, &[outcome], &[]).await.expect("outcomes");
    store.finish_chunk(&first).await.expect("done");
    let rows = rows_of(store, &table, &second).await;
    request(store, &second, rows).await;
    store.release_chunk(&second).await.expect("released");
    // Nobody works on it any more: what it left in doubt is everybody's.
    let left = store.in_doubt_until("followed", Pass::Insert, quiet).await.expect("an answer");
    assert_eq!((left.due.len(), left.waiting), (1, 0));
    assert_eq!(cut(store, &table, Pass::Insert, 5).await, Cut::Cut { chunks: 1, rows: 1 });
}

/// A lease that has ended cannot be renewed or finished, and its chunk comes back to somebody else.
pub async fn expired_leases_come_back(store: &Store) {
    let table = plain(store, "expired", vec![]).await;
    stage_many(store, &table, 10).await;
    let dead = lease_all(store, &table, Pass::Insert, Duration::ZERO).await;
    assert_eq!(store.renew(std::slice::from_ref(&dead), LEASE).await.expect("an answer").lost, [dead.chunk]);
    assert!(store.finish_chunk(&dead).await.expect_err("too late").is_lease_lost());
    let second = only(take(store, &table, Pass::Insert, "second", LEASE).await);
    assert_eq!((second.chunk, second.number), (dead.chunk, dead.number + 1));
    assert!(store.release_chunk(&dead).await.expect_err("not ours").is_lease_lost());
    assert_eq!(
        store.renew(std::slice::from_ref(&second), LEASE).await.expect("an answer").renewed,
        [second.chunk]
    );
    // The same worker's own earlier lease is not this one either.
    let same = crate::Lease { number: second.number - 1, ..second.clone() };
    assert!(store.finish_chunk(&same).await.expect_err("an earlier lease").is_lease_lost());
    store.finish_chunk(&second).await.expect("done");
}

/// While others hold all chunks, a worker learns when to ask again; when all are done, that nothing is left.
pub async fn nothing_claimed_is_not_nothing_left(store: &Store) {
    let table = plain(store, "claimed", vec![]).await;
    assert_eq!(take(store, &table, Pass::Insert, "one", LEASE).await, Taken::NothingLeft);
    stage_many(store, &table, 10).await;
    let lease = lease_all(store, &table, Pass::Insert, LEASE).await;
    match take(store, &table, Pass::Insert, "two", LEASE).await {
        Taken::AllLeased { leased: 1, next_expiry } => {
            assert!(next_expiry <= LEASE && next_expiry > LEASE / 2);
        }
        other => panic!("another worker holds the chunk: {other:?}"),
    }
    assert_eq!(take(store, &table, Pass::Update, "two", LEASE).await, Taken::NothingLeft);
    let rows = rows_of(store, &table, &lease).await;
    let request = request(store, &lease, rows).await;
    let outcome = answered(&request, Pass::Insert, &[]);
    store.record_outcomes(&lease, &table, &[outcome], &[]).await.expect("outcomes");
    store.finish_chunk(&lease).await.expect("done");
    assert_eq!(take(store, &table, Pass::Insert, "two", LEASE).await, Taken::NothingLeft);
    assert_eq!(cut(store, &table, Pass::Insert, 5).await, Cut::NothingPending);
}
