//! Keeps a copy of a table up to date: a first synchronisation, then only what was written or deleted.
//!
//! `cargo run --example client_change_tracking` starts an emulator of its own.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use dataverse_client::wire::literal::RowKey;
use dataverse_client::wire::write::RowWriter;
use dataverse_client::{Changes, Client, DeltaLink, Options, Query, StaticToken, WriteOptions};
use dataverse_emulator::Emulator;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Deserialize)]
struct Account {
    accountid: Uuid,
    name: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let emulator = Emulator::start(dataverse_emulator::Options::default()).await?;
    let client = Client::new(Options::new(emulator.url().parse()?, Arc::new(StaticToken::new("user-1"))))?;
    let options = WriteOptions::default();
    let first = client.create("accounts", named("Alpha"), &options).await?;
    let second = client.create("accounts", named("Beta"), &options).await?;

    let mut copy = BTreeMap::new();
    let query = Query::new("accounts").select(["name"]);
    let link = synchronise(&mut copy, client.changes(&query)).await?;
    println!("{} accounts to begin with", copy.len());

    client.update("accounts", &RowKey::Id(first), named("Alpha & Sons"), &options).await?;
    client.delete("accounts", &RowKey::Id(second), &options).await?;
    client.create("accounts", named("Gamma"), &options).await?;
    println!("{} changes since", client.count_changes(&link).await?);

    // The link is text: keep it wherever the copy is kept.
    let kept = serde_json::to_string(&link)?;
    let link: DeltaLink = serde_json::from_str(&kept)?;
    let mut changes = client.changes_since(&link);
    let link = match changes.next_page_as::<Account>().await {
        // A link expires after a week: then everything is read again.
        Err(error) if error.is_delta_expired() => {
            copy.clear();
            synchronise(&mut copy, client.changes(&query)).await?
        }
        page => {
            let page = page?.context("a first page")?;
            apply(&mut copy, page.rows, &page.deleted);
            synchronise(&mut copy, changes).await?
        }
    };
    println!("now: {}", copy.values().cloned().collect::<Vec<_>>().join(", "));
    println!("{} changes since", client.count_changes(&link).await?);
    emulator.shutdown().await?;
    Ok(())
}

/// Takes over all pages that are left, and says where to go on the next time.
async fn synchronise(copy: &mut BTreeMap<Uuid, String>, mut changes: Changes) -> anyhow::Result<DeltaLink> {
    while let Some(page) = changes.next_page_as::<Account>().await? {
        apply(copy, page.rows, &page.deleted);
    }
    changes.delta_link().cloned().context("the last page has a link")
}

fn apply(copy: &mut BTreeMap<Uuid, String>, rows: Vec<Account>, deleted: &[Uuid]) {
    copy.extend(rows.into_iter().map(|account| (account.accountid, account.name)));
    for id in deleted {
        copy.remove(id);
    }
}

fn named(name: &str) -> Vec<u8> {
    let mut row = RowWriter::new();
    row.text("name", name);
    row.finish()
}
