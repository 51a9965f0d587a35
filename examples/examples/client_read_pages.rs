//! Reads a table page by page, by filter and by count.
//!
//! `cargo run --example client_read_pages` starts an emulator of its own.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::sync::Arc;

use anyhow::Context as _;
use dataverse_client::wire::write::TargetsWriter;
use dataverse_client::{Client, Filter, Options, Query, StaticToken, WriteOptions};
use dataverse_emulator::Emulator;
use serde::Deserialize;

#[derive(Deserialize)]
struct Account {
    name: String,
    numberofemployees: Option<i64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let emulator = Emulator::start(dataverse_emulator::Options::default()).await?;
    let client = Client::new(Options::new(emulator.url().parse()?, Arc::new(StaticToken::new("user-1"))))?;
    let account = client.table_definition("account").await?.context("the table of accounts")?;
    let mut targets = TargetsWriter::new("account");
    for number in 0..25 {
        targets.row().text("name", &format!("Account {number:02}")).integer("numberofemployees", number);
    }
    client.create_multiple(&account, targets.finish(), &WriteOptions::default()).await?;

    let large = Filter::at_least("numberofemployees", 5);
    let query =
        Query::new("accounts").select(["name", "numberofemployees"]).filter(large.clone()).page_rows(8);
    let mut pages = client.query(&query);
    while let Some(page) = pages.next_page_as::<Account>().await? {
        let employees: i64 = page.rows.iter().filter_map(|row| row.numberofemployees).sum();
        let first = page.rows.first().map_or("", |row| row.name.as_str());
        println!("{} rows from {first}, {employees} employees", page.rows.len());
    }
    println!("{} accounts counted", client.count("accounts", Some(&large)).await?);
    emulator.shutdown().await?;
    Ok(())
}
