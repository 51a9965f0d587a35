//! Stages a few rows and takes them through a load whose service always agrees.
//!
//! `cargo run --example staging_store`

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use anyhow::Context as _;
use staging_schema::{
    Levels, Pass, StagedColumn, StagedKind, Statement, SuccessKind, TargetTable, control, pending,
};
use staging_store::contract::ScratchStaging;
use staging_store::{
    ChunkPlan, NewRequest, RequestEnd, RequestOutcome, StagedRow, Store, Success, Take, Taken,
};
use uuid::Uuid;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // A file, or a database on the server that `STAGING_TEST_MSSQL` names; of a project of one's own: `StoreOptions::sqlite`.
    let staging = ScratchStaging::new().await?;
    let store = Store::open(staging.options()).await?;
    let account =
        TargetTable::new("account", vec![StagedColumn::new("name", StagedKind::Text { max: 160 })])?;
    store.ensure_tables(std::slice::from_ref(&account)).await?;

    let mut appender = store.append(&account.name(), [control::SOURCE_TABLE, control::SOURCE_KEY, "name"]);
    let mut rows = appender.batch();
    for (key, name) in [("001A", "Contoso"), ("001B", "Fabrikam"), ("001C", "Litware")] {
        rows.push_text("Account");
        rows.push_text(key);
        rows.push_text(name);
    }
    appender.push(rows).await?;
    println!("{} rows staged", appender.finish().await?);

    let plan = ChunkPlan { table: &account, pass: Pass::Insert, levels: Levels::All, chunk_rows: 2 };
    println!("{:?}", store.cut_chunks(&plan).await?);
    let take = Take::new("example", "account", Pass::Insert);
    while let Taken::Chunks(leases) = store.take_chunks(&take).await? {
        for lease in leases {
            let read = pending::read(&account, lease.pass, lease.levels, &lease.row_ids(), &["name"]);
            let mut sent = Vec::new();
            for row in store.query(&read).await? {
                sent.push(StagedRow { row_id: row.integer(0)?, generation: row.integer(1)? });
                println!("chunk {}: {}", lease.chunk, row.text(2)?);
            }
            let request = NewRequest { id: Uuid::new_v4(), rows: sent, application_user: "example".into() };
            store.record_requests(&lease, std::slice::from_ref(&request)).await?;
            // Here the request would be sent; the service answers with a GUID for each row.
            let successes = request.rows.iter().map(|row| Success {
                row: *row,
                kind: SuccessKind::Created,
                dataverse_id: Some(Uuid::new_v4()),
                owed: Vec::new(),
            });
            let outcome = RequestOutcome {
                request: Some(request.id),
                end: RequestEnd::Answered,
                successes: successes.collect(),
                errors: Vec::new(),
            };
            store.record_outcomes(&lease, &account, &[outcome], &[]).await?;
            store.finish_chunk(&lease).await?;
            store.settle_rows(&account, &lease.row_ids()).await?;
        }
    }

    let status = Statement::new(
        |d| format!("SELECT * FROM {}", d.table(&staging_schema::TableName::target("TableStatus"))),
        vec![],
    );
    let status = store.query(&status).await?;
    let row = status.first().context("a row for each table")?;
    for (column, value) in row.columns().iter().zip(row.values()).skip(1) {
        println!("{column}: {}", value.as_integer().unwrap_or_default());
    }
    store.close().await?;
    Ok(())
}
