//! A small world to check in: tables, rows, and a loader that always succeeds.

use std::ops::RangeInclusive;
use std::time::Duration;

use staging_schema::{
    Levels, Pass, StagedColumn, StagedKind, Statement, SuccessKind, TargetTable, Value, control, pending,
};
use uuid::Uuid;

use crate::{
    ChunkPlan, Cut, Lease, NewRequest, RequestEnd, RequestOutcome, RowBatch, StagedRow, Store, Success, Take,
    Taken,
};

pub(super) const ALL: RangeInclusive<i64> = i64::MIN..=i64::MAX;
pub(super) const LEASE: Duration = Duration::from_mins(1);

pub(super) fn lookup(name: &str, target: &str) -> StagedColumn {
    let targets = vec![target.to_owned()];
    StagedColumn::new(name, StagedKind::Lookup { targets, multi_table: false, multi_source: false })
}

pub(super) fn text(name: &str) -> StagedColumn {
    StagedColumn::new(name, StagedKind::Text { max: 100 })
}

/// Makes a table; later mentions of it are by the model.
pub(super) async fn make(store: &Store, table: TargetTable) -> TargetTable {
    store.ensure_tables(std::slice::from_ref(&table)).await.expect("tables are made");
    table
}

pub(super) async fn plain(store: &Store, name: &str, columns: Vec<StagedColumn>) -> TargetTable {
    make(store, TargetTable::new(name, columns).expect("a model")).await
}

/// Stages rows with keys and other columns of text.
pub(super) async fn stage(store: &Store, table: &TargetTable, columns: &[&str], rows: &[&[Option<&str>]]) {
    let names = [control::SOURCE_TABLE, control::SOURCE_KEY].into_iter().chain(columns.iter().copied());
    let mut appender = store.append(&table.name(), names);
    let mut batch = appender.batch();
    for row in rows {
        batch.push_text("Source");
        for cell in *row {
            batch.push_option(*cell);
        }
    }
    appender.push(batch).await.expect("rows are taken");
    assert_eq!(appender.finish().await.expect("rows are appended"), rows.len() as u64);
}

/// Stages `count` rows with keys `k1`, `k2`, ….
pub(super) async fn stage_many(store: &Store, table: &TargetTable, count: usize) {
    let mut appender = store.append(&table.name(), [control::SOURCE_TABLE, control::SOURCE_KEY]);
    let mut batch = RowBatch::new(2);
    for n in 1..=count {
        batch.push_text("Source");
        batch.push_display(format_args!("k{n}"));
    }
    appender.push(batch).await.expect("rows are taken");
    appender.finish().await.expect("rows are appended");
}

pub(super) async fn count(store: &Store, table: &TargetTable, pass: Pass) -> u64 {
    store.count(&pending::count(table, pass, Levels::All)).await.expect("a count")
}

pub(super) async fn cut(store: &Store, table: &TargetTable, pass: Pass, chunk_rows: u32) -> Cut {
    store.cut_chunks(&ChunkPlan { table, pass, levels: Levels::All, chunk_rows }).await.expect("a cut")
}

pub(super) async fn take(
    store: &Store,
    table: &TargetTable,
    pass: Pass,
    worker: &str,
    lease: Duration,
) -> Taken {
    let take = Take { chunks: 1, lease, ..Take::new(worker, &table.logical_name, pass) };
    store.take_chunks(&take).await.expect("an answer")
}

pub(super) fn only(taken: Taken) -> Lease {
    match taken {
        Taken::Chunks(mut leases) if leases.len() == 1 => leases.remove(0),
        other => panic!("one chunk is expected: {other:?}"),
    }
}

/// Cuts everything pending into one chunk and takes it.
pub(super) async fn lease_all(store: &Store, table: &TargetTable, pass: Pass, lease: Duration) -> Lease {
    assert!(matches!(cut(store, table, pass, 1_000_000).await, Cut::Cut { chunks: 1, .. }));
    only(take(store, table, pass, "worker", lease).await)
}

/// The pending rows of a chunk.
pub(super) async fn rows_of(store: &Store, table: &TargetTable, lease: &Lease) -> Vec<StagedRow> {
    let none: [&str; 0] = [];
    let read = pending::read(table, lease.pass, lease.levels, &lease.row_ids(), &none);
    let rows = store.query(&read).await.expect("rows");
    rows.iter()
        .map(|row| StagedRow {
            row_id: row.integer(0).expect("a RowId"),
            generation: row.integer(1).expect("a generation"),
        })
        .collect()
}

pub(super) async fn request(store: &Store, lease: &Lease, rows: Vec<StagedRow>) -> NewRequest {
    let request = NewRequest { id: Uuid::new_v4(), rows, application_user: "app".to_owned() };
    store.record_requests(lease, std::slice::from_ref(&request)).await.expect("a manifest");
    request
}

pub(super) fn success(row: StagedRow, pass: Pass, owed: &[&str]) -> Success {
    Success {
        row,
        kind: if pass == Pass::Insert { SuccessKind::Created } else { SuccessKind::Changed },
        dataverse_id: (pass == Pass::Insert).then(Uuid::new_v4),
        owed: owed.iter().map(|column| (*column).to_owned()).collect(),
    }
}

pub(super) fn answered(request: &NewRequest, pass: Pass, owed: &[&str]) -> RequestOutcome {
    RequestOutcome {
        request: Some(request.id),
        end: RequestEnd::Answered,
        successes: request.rows.iter().map(|row| success(*row, pass, owed)).collect(),
        errors: Vec::new(),
    }
}

/// Sends everything pending in a pass, with success, and settles. Returns the rows sent.
pub(super) async fn send_all(store: &Store, table: &TargetTable, pass: Pass, owed: &[&str]) -> u64 {
    let lease = lease_all(store, table, pass, LEASE).await;
    let rows = rows_of(store, table, &lease).await;
    let sent = rows.len() as u64;
    let request = request(store, &lease, rows).await;
    let outcome = answered(&request, pass, owed);
    store.record_outcomes(&lease, table, &[outcome], &[]).await.expect("outcomes");
    store.finish_chunk(&lease).await.expect("a chunk is done");
    store.settle_table(table).await.expect("settled");
    sent
}

/// The flags of all rows, one letter each, in the order of RowIds.
pub(super) async fn flags(store: &Store, table: &TargetTable) -> String {
    let all = Statement::new(
        |d| {
            format!(
                "SELECT {} FROM {} ORDER BY {}",
                d.quote(control::PROCESSING_FLAG),
                d.table(&table.name()),
                d.quote(control::ROW_ID)
            )
        },
        Vec::new(),
    );
    let rows = store.query(&all).await.expect("flags");
    rows.iter().map(|row| row.text(0).expect("a flag")).collect()
}

/// Sets a column of all rows.
pub(super) async fn set(store: &Store, table: &TargetTable, column: &str, value: Value) {
    let set = Statement::new(
        |d| format!("UPDATE {} SET {} = {}", d.table(&table.name()), d.quote(column), d.param(1)),
        vec![value],
    );
    store.execute(&set).await.expect("an update");
}

/// Raises the generation of all rows, as a transform does that changed them.
pub(super) async fn change(store: &Store, table: &TargetTable) {
    let change = Statement::new(
        |d| {
            format!(
                "UPDATE {} SET {generation} = {generation} + 1, {} = 'U'",
                d.table(&table.name()),
                d.quote(control::PROCESSING_FLAG),
                generation = d.quote(control::GENERATION),
            )
        },
        Vec::new(),
    );
    store.execute(&change).await.expect("a change");
}
