//! Many requests in one: change sets, references between rows, refusals by name.
//!
//! `cargo run --example client_batches` starts an emulator of its own.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::sync::Arc;

use anyhow::Context as _;
use dataverse_client::wire::batch::{BatchItem, BatchRequest, Method, Operation};
use dataverse_client::{Client, ContinueOnError, Options, Query, Row, StaticToken, WriteOptions};
use dataverse_emulator::Emulator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let emulator = Emulator::start(dataverse_emulator::Options::default()).await?;
    let client = Client::new(Options::new(emulator.url().parse()?, Arc::new(StaticToken::new("user-1"))))?;
    let options = WriteOptions::default();

    // A change set is all or nothing; `$1` is the row that its first request creates.
    let set = vec![
        Operation::new(Method::Post, "contacts").with_json(r#"{"lastname":"Anna"}"#).with_content_id("1"),
        Operation::new(Method::Post, "accounts")
            .with_json(r#"{"name":"Contoso","primarycontactid@odata.bind":"$1"}"#),
    ];
    let read =
        Operation::new(Method::Get, "accounts?$select=name&$expand=primarycontactid($select=lastname)");
    let batch = BatchRequest { items: vec![BatchItem::ChangeSet(set), BatchItem::Operation(read)] };
    let outcomes = client.execute_batch(batch, ContinueOnError::No, &options).await?;
    println!("created {:?} and {:?}", outcomes[0].id(), outcomes[1].id());
    if let dataverse_client::PartOutcome::Done { body, .. } = &outcomes[2] {
        println!("read {}", String::from_utf8_lossy(body));
    }

    // Requests by themselves: one that fails does not stop the rest.
    let batch: BatchRequest = ["Bo".to_owned(), "x".repeat(80), "Cy".to_owned()]
        .iter()
        .map(|name| {
            let body = serde_json::json!({ "lastname": name }).to_string();
            Operation::new(Method::Post, "contacts").with_json(body)
        })
        .collect();
    let outcomes = client.execute_batch(batch, ContinueOnError::Yes, &options).await?;
    let done = outcomes.iter().filter(|outcome| outcome.is_done()).count();
    println!("{done} of {} were created", outcomes.len());
    for error in outcomes.errors() {
        println!("{error}: {}", error.fault);
    }
    let rows: Vec<Row> = client.query(&Query::new("contacts").select(["lastname"])).all().await?;
    println!("{} contacts, the last is {:?}", rows.len(), rows.last().context("a row")?.text("lastname"));
    emulator.shutdown().await?;
    Ok(())
}
