//! Copies a CSV file into a new staging database and says how fast that was.
//!
//! ```console
//! $ cargo run --release --example extract_csv -- FILE.csv [STAGING.db]
//! ```

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::path::PathBuf;

use anyhow::Context as _;
use source_extract::{Options, SourceTable, extract};
use staging_store::{Store, StoreOptions};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let scratch = tempfile::tempdir()?;
    let file = if let Some(file) = arguments.next() {
        PathBuf::from(file)
    } else {
        let file = scratch.path().join("Account.csv");
        std::fs::write(&file, "Id,Name\n001,\"Baker, Sons & Co\"\n002,Überland\n")?;
        file
    };
    let database = arguments.next().map_or_else(|| scratch.path().join("staging.db"), PathBuf::from);
    let folder = file.parent().context("the file has no folder")?;
    let name = file.file_name().and_then(|name| name.to_str()).context("the file has no name")?;
    let stem = name.split('.').next().unwrap_or(name);
    let table = SourceTable { file: Some(name.to_owned()), ..SourceTable::named(stem) };

    let store = Store::open(StoreOptions::sqlite(database)).await?;
    let extracted = extract(&store, folder, &table, &Options::at(jiff::Timestamp::now())).await?;
    store.close().await?;
    let seconds = extracted.elapsed.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = extracted.rows as f64 / seconds.max(1e-9);
    println!(
        "source.{}: {} rows, {} columns, {seconds:.3} s, {rate:.0} rows/s",
        extracted.table,
        extracted.rows,
        extracted.columns.len()
    );
    Ok(())
}
