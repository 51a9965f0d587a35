//! Actions and functions, typed and raw, in one's own name and in somebody else's.
//!
//! `cargo run --example client_actions` starts an emulator of its own.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::sync::Arc;

use anyhow::Context as _;
use dataverse_client::wire::literal::RowKey;
use dataverse_client::{
    Bypass, Client, Impersonation, IncidentResolution, OpportunityClose, Options, QualifyLead, Query, Row,
    StaticToken, WriteOptions,
};
use dataverse_emulator::Emulator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let emulator = Emulator::start(dataverse_emulator::Options::default()).await?;
    let client = Client::new(Options::new(emulator.url().parse()?, Arc::new(StaticToken::new("user-1"))))?;
    // A migration leaves out what custom logic would do, and starts no flows.
    let options =
        WriteOptions { bypass: Bypass::SyncAndAsync, suppress_flows: true, ..WriteOptions::default() };

    let lead = r#"{"lastname":"Hara","companyname":"Contoso","subject":"boots"}"#;
    let lead = client.create("leads", lead, &options).await?;
    let wanted = QualifyLead { create_account: true, create_contact: true, create_opportunity: true };
    let made = client.qualify_lead(lead, 3, wanted, &options).await?;
    println!("the lead became {made:?}");

    let close = OpportunityClose { subject: "won at the fair".to_owned(), ..OpportunityClose::default() };
    client.win_opportunity(made.opportunity.context("an opportunity")?, 3, &close, &options).await?;

    let account = made.account.context("an account")?;
    let body = format!(r#"{{"title":"a hole","customerid_account@odata.bind":"/accounts({account})"}}"#);
    let case = client.create("incidents", body, &options).await?;
    let resolution = IncidentResolution { subject: "patched".to_owned(), minutes: Some(15) };
    client.close_incident(case, 5, &resolution, &options).await?;
    let query = Query::new("incidents").select(["statecode"]).annotations("*");
    let closed: Row = client.retrieve_with(&query, &RowKey::Id(case)).await?.context("the case")?;
    println!("the case is {:?}", closed.formatted("statecode"));

    // Any function, with its parameters as they stand in the URL.
    let me: Row = client.function("WhoAmI").await?;
    println!("{:?} asked", me.text("UserId"));
    let counts = client.total_record_counts(&["account", "lead"]).await?;
    println!("as of the last snapshot: {counts:?}");

    // In somebody else's name: a single write, or everything that a client does.
    let colleague = Impersonation::SystemUser(client.who_am_i().await?.user_id);
    let named = WriteOptions { impersonate: Some(colleague), ..options };
    client.create("accounts", r#"{"name":"by a colleague"}"#, &named).await?;
    let pages = client.impersonating(colleague).query(&Query::new("accounts").select(["name"]));
    println!("a colleague sees {} accounts", pages.all::<Row>().await?.len());
    emulator.shutdown().await?;
    Ok(())
}
