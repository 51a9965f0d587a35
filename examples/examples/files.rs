//! Uploads a file in parts, while it is read from disk, and downloads it again, part by part.
//!
//! `cargo run --example files` starts an emulator of its own, with a table that has a file column.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::io::Write as _;
use std::sync::Arc;

use anyhow::Context as _;
use dataverse_client::wire::literal::RowKey;
use dataverse_client::wire::metadata::{ColumnDefinition, ColumnType, TableDefinition};
use dataverse_client::{Client, FileColumn, Options, StaticToken, WriteOptions};
use dataverse_emulator::Emulator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let contract = TableDefinition::new("new_contract", "new_contracts", "new_contractid")
        .with_column(ColumnDefinition::new("new_name", ColumnType::String { max_length: 100 }))
        .with_column(ColumnDefinition::new("new_scan", ColumnType::File));
    let options =
        dataverse_emulator::Options { metadata: vec![contract], ..dataverse_emulator::Options::default() };
    let emulator = Emulator::start(options).await?;
    let client = Client::new(Options::new(emulator.url().parse()?, Arc::new(StaticToken::new("user-1"))))?;
    let options = WriteOptions::default();
    let id = client.create("new_contracts", r#"{"new_name":"2026/17"}"#, &options).await?;

    let mut scan = tempfile::NamedTempFile::new()?;
    for page in 1..=200_000 {
        writeln!(scan, "This is line {page} of a long contract, scanned.")?;
    }
    let length = scan.as_file().metadata()?.len();

    let key = RowKey::Id(id);
    let place = FileColumn::new("new_contracts", &key, "new_scan");
    let file = tokio::fs::File::open(scan.path()).await?;
    client.upload_file_from(&place, "contract.txt", length, file, &options).await?;

    let mut download = client.download_file(&place).await?.context("the file that was just uploaded")?;
    println!(
        "{}, {}, {} bytes",
        download.name().unwrap_or("without a name"),
        download.mime_type().unwrap_or("of unknown kind"),
        download.size()
    );
    while let Some(part) = download.next_chunk().await? {
        println!("a part of {} bytes", part.len());
    }
    client.delete_file(&place, &options).await?;
    println!("gone: {}", client.download_file(&place).await?.is_none());
    emulator.shutdown().await?;
    Ok(())
}
