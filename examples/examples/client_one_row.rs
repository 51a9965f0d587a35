//! The life of single rows: types of one's own, lookups, children, versions, parties.
//!
//! `cargo run --example client_one_row` starts an emulator of its own.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::sync::Arc;

use anyhow::Context as _;
use dataverse_client::wire::literal::{Reference, RowKey};
use dataverse_client::wire::write::{Party, PartyKind, RowWriter};
use dataverse_client::{Client, IfChanged, Options, Query, Row, StaticToken, Upserted, WriteOptions};
use dataverse_emulator::Emulator;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Contact {
    lastname: String,
    firstname: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let emulator = Emulator::start(dataverse_emulator::Options::default()).await?;
    let client = Client::new(Options::new(emulator.url().parse()?, Arc::new(StaticToken::new("user-1"))))?;
    let options = WriteOptions::default();
    let mut tables = client.table_definitions(&["account", "contact", "email"]).await?.into_iter().flatten();
    let mut next = || tables.next().context("the standard tables");
    let (account, contact, email) = (next()?, next()?, next()?);

    // An account with two tasks, in one request and one transaction.
    let mut row = RowWriter::new();
    row.text("name", "Contoso").array("Account_Tasks", |tasks| {
        tasks.item().text("subject", "call");
        tasks.item().text("subject", "visit");
    });
    let contoso = client.create("accounts", row, &options).await?;

    // A type of one's own, and a lookup of several tables: the metadata knows its navigation property.
    let mut row = RowWriter::new();
    row.values(&Contact { lastname: "Hara".to_owned(), firstname: Some("Joe".to_owned()) })?;
    row.lookup(&contact, "parentcustomerid", &account, &contoso)?;
    let joe = RowKey::Id(client.create("contacts", row, &options).await?);

    // Read back as a row without a type: labels and lookups by the column's own name.
    let query =
        Query::new("contacts").select(["lastname", "_parentcustomerid_value", "statecode"]).annotations("*");
    let read: Row = client.retrieve_with(&query, &joe).await?.context("the contact")?;
    let parent = read.lookup("parentcustomerid").context("a parent")?;
    println!("{:?} belongs to the {:?} {:?}", read.text("lastname"), parent.table, parent.name);
    println!("it is {:?}", read.formatted("statecode"));

    // Nobody else's change is overwritten, and nothing is read that is known.
    let query = Query::new("contacts").select(["firstname", "lastname"]);
    let known: Row = client.retrieve_with(&query, &joe).await?.context("the contact")?;
    let etag = known.etag().context("a version")?;
    let same: IfChanged<Row> = client.retrieve_if_changed(&query, &joe, etag).await?;
    println!("unchanged: {}", same == IfChanged::Unchanged);
    client.update_unchanged("contacts", &joe, etag, r#"{"firstname":"Jo"}"#, &options).await?;
    let stale = client.update_unchanged("contacts", &joe, etag, r#"{"firstname":"J."}"#, &options).await;
    println!("the second change: {:#}", anyhow::Error::from(stale.err().context("a refusal")?));

    // An upsert tells what it did; an update never creates.
    let key = RowKey::Id(uuid::Uuid::from_u128(1));
    let body = r#"{"lastname":"New"}"#;
    match client.upsert_returning::<Contact>("contacts", &key, body, &["lastname"], &options).await? {
        Upserted::Created(row) => println!("created {}", row.lastname),
        Upserted::Updated(row) => println!("updated {}", row.lastname),
    }

    // An e-mail with its parties.
    let me = client.who_am_i().await?.user_id;
    let mut row = RowWriter::new();
    row.text("subject", "hello").parties(
        &email,
        &[
            Party {
                part: "from",
                who: PartyKind::Row { table: "systemuser", row: Reference::new("systemusers", me) },
            },
            Party { part: "to", who: PartyKind::Address("joe@contoso.example") },
        ],
    )?;
    client.create("emails", row, &options).await?;

    println!("{:?}", client.delete("contacts", &joe, &options).await?);
    emulator.shutdown().await?;
    Ok(())
}
