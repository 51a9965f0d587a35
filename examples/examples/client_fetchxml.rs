//! Joins, conditions and groups that OData cannot say: FetchXML, built and raw, with rows as a stream.
//!
//! `cargo run --example client_fetchxml` starts an emulator of its own.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::pin::pin;
use std::sync::Arc;

use dataverse_client::wire::write::RowWriter;
use dataverse_client::{Aggregate, Client, Condition, Fetch, Link, Options, Row, StaticToken, WriteOptions};
use dataverse_emulator::Emulator;
use futures::TryStreamExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let emulator = Emulator::start(dataverse_emulator::Options::default()).await?;
    let client = Client::new(Options::new(emulator.url().parse()?, Arc::new(StaticToken::new("user-1"))))?;
    fill(&client).await?;

    // Contacts with their account; values are escaped, pages follow each other by themselves.
    let fetch = Fetch::new("contacts", "contact")
        .select(["fullname"])
        .filter(Condition::any([
            Condition::new("lastname", "like", ["O'%"]),
            Condition::new("createdon", "last-x-days", [7]),
        ]))
        .link(Link::outer("account", "accountid", "parentcustomerid").alias("employer").select(["name"]))
        .order_by("fullname")
        .page_rows(2);
    let mut rows = pin!(client.fetch(&fetch)?.into_rows::<Row>());
    while let Some(row) = rows.try_next().await? {
        let name = row.text("fullname").unwrap_or_default();
        println!("{name} works at {}", row.text("employer.name").unwrap_or("nobody's"));
    }

    // Groups and sums.
    let fetch = Fetch::new("accounts", "account")
        .group_by("address1_city", "city")
        .aggregate("numberofemployees", Aggregate::Sum, "employees")
        .aggregate("accountid", Aggregate::Count, "accounts")
        .order_by_alias("city");
    for row in client.fetch(&fetch)?.all::<Row>().await? {
        let number = |alias| row.integer(alias).unwrap_or_default();
        let city = row.text("city").unwrap_or("nowhere");
        println!("{city}: {} accounts, {} employees", number("accounts"), number("employees"));
    }

    // What somebody exported from a view.
    let xml = "<fetch top='1'><entity name='account'><attribute name='name'/><order attribute='name'/></entity></fetch>";
    let first: Vec<Row> = client.fetch(&Fetch::raw("accounts", xml))?.all().await?;
    println!("first of all: {}", first.first().and_then(|row| row.text("name")).unwrap_or("none"));
    emulator.shutdown().await?;
    Ok(())
}

async fn fill(client: &Client) -> anyhow::Result<()> {
    for (account, city, employees) in [("Alpha & Co", "Graz", 40), ("Beta", "Graz", 2), ("Gamma", "Linz", 7)]
    {
        let mut row = RowWriter::new();
        row.text("name", account).text("address1_city", city).integer("numberofemployees", employees);
        let id = client.create("accounts", row.finish(), &WriteOptions::default()).await?;
        let mut row = RowWriter::new();
        row.text("firstname", "Pat").text("lastname", &format!("O'{city}"));
        row.bind("parentcustomerid_account", "accounts", &id);
        client.create("contacts", row.finish(), &WriteOptions::default()).await?;
    }
    Ok(())
}
