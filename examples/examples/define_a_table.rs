//! Makes a table with columns, a choice, a lookup and an alternate key, waits for the key, and writes rows by it.
//!
//! `cargo run --example define_a_table` starts an emulator of its own.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use dataverse_client::wire::literal::RowKey;
use dataverse_client::wire::metadata::{ChoiceOption, ColumnType};
use dataverse_client::wire::write::RowWriter;
use dataverse_client::{
    Client, NewChoice, NewColumn, NewKey, NewLookup, NewTable, Options, Row, StaticToken, WriteOptions,
};
use dataverse_emulator::Emulator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let emulator = Emulator::start(dataverse_emulator::Options::default()).await?;
    let credential = Arc::new(StaticToken::new("user-1"));
    let client = Client::new(Options::new(emulator.url().parse()?, credential))?;
    let define = client.define();

    // A choice that several columns may share, then a table with a column of it.
    let stages = NewChoice {
        name: "new_stages".to_owned(),
        label: "Stages".to_owned(),
        options: vec![ChoiceOption::new(1, "Planned"), ChoiceOption::new(2, "Done")],
    };
    let stages = define.choice(&stages).await?;
    let table = NewTable::new("new_Project", "Project", "Projects")
        .with_column(NewColumn::new("new_Code", "Code", ColumnType::String { max_length: 40 }))
        .with_column(NewColumn::new(
            "new_Budget",
            "Budget",
            ColumnType::Money { min: 0.0, max: 1e9, precision: 2 },
        ))
        .with_column(NewColumn::of_choice("new_Stage", "Stage", stages));
    define.table(&table).await?;
    define.lookup(&NewLookup::new("new_AccountId", "Account", "new_project", "account")).await?;

    // The service names the entity set and the property to bind: read them back.
    let made = client.table_definition("new_project").await?.context("the table that was just made")?;
    let account = made.navigation_property("new_accountid", "account").context("the lookup")?;
    println!(
        "{} rows are written to {}, their account by {account}",
        made.logical_name, made.entity_set_name
    );

    // The index of an alternate key takes its time; only then rows can be written by it.
    define.key("new_project", &NewKey::new("new_CodeKey", "By code", ["new_code"])).await?;
    define.wait_for_key("new_project", "new_CodeKey", Duration::from_mins(10)).await?;

    let options = WriteOptions::default();
    let key = RowKey::parse("new_code='P-1'")?;
    for name in ["First words", "Better words"] {
        let mut row = RowWriter::new();
        row.text("new_name", name).integer("new_stage", 2).number("new_budget", "1500.00");
        client.upsert(&made.entity_set_name, &key, row.finish(), &options).await?;
    }
    let row: Row = client
        .retrieve(&made.entity_set_name, &key, &["new_name", "new_stage"])
        .await?
        .context("the row that was just written")?;
    println!("P-1 is called {:?}", row.text("new_name").unwrap_or_default());
    emulator.shutdown().await?;
    Ok(())
}
