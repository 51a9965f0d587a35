//! An elastic table from its creation on: partitions, times to live, JSON columns, rows that fail by themselves, and reads
//! that see what was written.
//!
//! `cargo run --example elastic` starts an emulator of its own, whose reads lag behind as those of the service may.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::sync::Arc;

use anyhow::Context as _;
use dataverse_client::wire::literal::RowKey;
use dataverse_client::wire::metadata::{ColumnType, TableType};
use dataverse_client::wire::write::RowWriter;
use dataverse_client::{
    Client, CosmosQuery, KeyedRow, NewColumn, NewTable, Options, Query, Row, StaticToken, WriteOptions,
};
use dataverse_emulator::{Emulator, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let settings = Settings { elastic_lag_seconds: 60, ..Settings::default() };
    let emulator =
        Emulator::start(dataverse_emulator::Options { settings, ..dataverse_emulator::Options::default() })
            .await?;
    let client = || {
        let credential = Arc::new(StaticToken::new("user-1"));
        anyhow::Ok(Client::new(Options::new(emulator.url().parse()?, credential))?)
    };
    let (writer, reader) = (client()?, client()?);
    let options = WriteOptions::default();

    let value = NewColumn::new("new_Value", "Value", ColumnType::Integer { min: 0, max: 1_000 });
    let payload = NewColumn::new("new_Payload", "Payload", ColumnType::String { max_length: 4_000 });
    let mut table =
        NewTable::new("new_Reading", "Reading", "Readings").with_column(value).with_column(payload);
    table.table_type = TableType::Elastic;
    writer.define().table(&table).await?;
    let table = writer.table_definition("new_reading").await?.context("the table that was just made")?;
    let set = table.entity_set_name.clone();

    // Rows of one device share a partition, and go after a day.
    let reading = |device: &str, value: i64| {
        let mut row = RowWriter::new();
        row.text("partitionid", device).integer("ttlinseconds", 86_400).integer("new_value", value);
        row.json("new_payload", &serde_json::json!({"unit": "kW", "power": value * 10}));
        row.finish()
    };
    let rows = [("pump-1", 4), ("pump-1", 5_000), ("pump-2", 7)]
        .map(|(device, value)| reading(device, value).into());
    let outcomes = writer.create_rows(&table, &rows, &options).await?;
    for (position, outcome) in outcomes.iter().enumerate() {
        match outcome.fault() {
            Some(fault) => println!("row {position} was refused, the others were not: {fault}"),
            None => println!("row {position} was created"),
        }
    }

    // The writer sends its session token with every read; another client lags behind until it is told.
    let query = Query::new(&set).select(["new_value", "partitionid"]);
    println!("the writer sees {} rows", writer.query(&query).all::<Row>().await?.len());
    println!("the reader sees {} rows", reader.query(&query).all::<Row>().await?.len());
    let token = writer.session_token(&set).context("a session token")?;
    reader.set_session_token(&set, &token);
    println!("with the writer's token it sees {}", reader.query(&query).all::<Row>().await?.len());

    // A row is named by id and partition, and an upsert replaces it as a whole.
    let id = outcomes[0].id().context("the id of the first row")?;
    let key = RowKey::in_partition(&table.primary_id, id, "pump-1");
    let upsert = KeyedRow::new(key.clone(), {
        let mut row = RowWriter::new();
        row.integer("new_value", 9);
        row.finish()
    });
    writer.upsert_rows(&table, &[upsert], &options).await?;
    let row: Row = writer.retrieve(&set, &key, &["new_value", "new_payload"]).await?.context("the row")?;
    println!("replaced: value {:?}, payload {:?}", row.integer("new_value"), row.text("new_payload"));

    // Cosmos SQL looks into JSON columns.
    let query = CosmosQuery::new(
        "select c.props.partitionid as device, c.props.new_payload.power as power from c \
         where c.props.new_payload.power > @least",
    )
    .parameter("@least", 50)
    .page_size(100);
    for row in writer.cosmos_page(&table, &query, None).await?.rows {
        println!("{:?} has a power of {:?}", row.text("device"), row.integer("power"));
    }

    let gone = writer.delete_rows(&table, &[key], &options).await?;
    println!("deleted: {}", gone[0].is_done());
    emulator.shutdown().await?;
    Ok(())
}
