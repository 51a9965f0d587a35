//! Definitions of tables: read with one call, kept in a file, asked for columns, choices and lookups.
//!
//! `cargo run --example client_metadata` starts an emulator of its own.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::sync::Arc;

use anyhow::Context as _;
use dataverse_client::wire::metadata::{TableDefinition, parse_definitions};
use dataverse_client::{BulkMessage, Client, Options, StaticToken};
use dataverse_emulator::Emulator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let emulator = Emulator::start(dataverse_emulator::Options::default()).await?;
    let client = Client::new(Options::new(emulator.url().parse()?, Arc::new(StaticToken::new("user-1"))))?;
    println!("{} tables are there", client.table_names().await?.len());

    let names = ["account", "contact", "incident", "no_such_table"];
    let found = client.table_definitions(&names).await?;
    for (name, table) in names.iter().zip(&found) {
        match table {
            Some(table) => println!("{name}: {} columns, {} keys", table.columns.len(), table.keys.len()),
            None => println!("{name}: not there"),
        }
    }

    // The definitions in the service's own form: read them back instead of asking again.
    let tables: Vec<TableDefinition> = found.into_iter().flatten().collect();
    let file = tempfile::NamedTempFile::new()?;
    serde_json::to_writer(&file, &serde_json::json!({ "value": tables }))?;
    let again = parse_definitions(&std::fs::read(file.path())?)?;
    println!("read back unchanged: {}", again == tables);

    let incident = again.last().context("the table of cases")?;
    for target in ["account", "contact"] {
        println!(
            "a case of a row of {target} is bound by {:?}",
            incident.navigation_property("customerid", target)
        );
    }
    for status in incident.statuses() {
        println!("status {} {} belongs to state {:?}", status.value, status.label, status.state);
    }
    println!("takes CreateMultiple: {}", client.supports_bulk(incident, BulkMessage::Create).await?);
    emulator.shutdown().await?;
    Ok(())
}
