//! Creates rows in bulk, isolates a bad one, and finds out what became of a create whose answer was lost.
//!
//! `cargo run --example client_create_rows` starts an emulator of its own.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::sync::Arc;

use anyhow::Context as _;
use dataverse_client::wire::batch::{BatchRequest, Method, Operation};
use dataverse_client::wire::write::{RowWriter, TargetsWriter};
use dataverse_client::{Client, ContinueOnError, Filter, Options, Query, Row, StaticToken, WriteOptions};
use dataverse_emulator::{Emulator, FaultKind, FaultPlan, FaultRule};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let emulator = Emulator::start(dataverse_emulator::Options::default()).await?;
    let credential = Arc::new(StaticToken::new("user-1"));
    let client = Client::new(Options::new(emulator.url().parse()?, credential))?;
    println!("connected to organisation {}", client.who_am_i().await?.organization_id);
    let contact = client.table_definition("contact").await?.context("the table of contacts")?;
    let options = WriteOptions::default();

    // One request for many rows; their ids come back in the same order.
    let mut targets = TargetsWriter::new(&contact.logical_name);
    for name in ["Anna", "Bo", "Cy"] {
        targets.row().text("lastname", name);
    }
    let ids = client.create_multiple(&contact, targets.finish(), &options).await?;
    println!("created {} contacts", ids.len());

    // A row that is too long spoils a bulk message; a batch tells which one it is.
    let names = ["Dora".to_owned(), "E".repeat(80), "Fay".to_owned()];
    let batch: BatchRequest = names
        .iter()
        .map(|name| {
            let mut row = RowWriter::new();
            row.text("lastname", name);
            Operation::new(Method::Post, "contacts").with_json(row.finish())
        })
        .collect();
    for (position, outcome) in
        client.execute_batch(batch, ContinueOnError::Yes, &options).await?.iter().enumerate()
    {
        match outcome.fault() {
            Some(fault) => println!("row {position} was refused: {fault}"),
            None => println!("row {position} was created"),
        }
    }

    // The service commits, and its answer is lost: nobody may send the row again before looking.
    let lost = FaultRule::new(FaultKind::LoseAnswer).on_path("contacts").times(1);
    emulator.set_faults(FaultPlan::of([lost]));
    let mut row = RowWriter::new();
    row.text("lastname", "Gil").integer("importsequencenumber", 4711);
    match client.create("contacts", row.finish(), &options).await {
        Err(error) if error.is_in_doubt() => {
            println!("{error}");
            let query =
                Query::new("contacts").select(["contactid"]).filter(Filter::eq("importsequencenumber", 4711));
            let found: Vec<Row> = client.query(&query).all().await?;
            println!("found {} row of that number: it was created after all", found.len());
        }
        other => anyhow::bail!("expected a create in doubt, not {other:?}"),
    }
    emulator.shutdown().await?;
    Ok(())
}
