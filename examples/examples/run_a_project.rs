//! Runs a small project against an emulated organisation: `cargo run -p toolkit-examples --example run_a_project`.

#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::sync::Arc;

use dataverse_emulator::{Emulator, Options};
use migration::{Event, Overrides, Project, RunOptions, create_project};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let emulator = Emulator::start(Options::default()).await?;
    let folder = tempfile::tempdir()?;
    create_project(folder.path())?;

    // The commented project of `dv-migrate init` names a real environment: flags lead it to the emulator.
    let flags = [("target.url", emulator.url()), ("target.auth", "static-token".to_owned())];
    let flags = flags.map(|(key, value)| (key.to_owned(), value)).to_vec();
    let project = Project::open(folder.path(), &Overrides { flags, ..Overrides::default() })?;

    let observer = Arc::new(|event: &Event| {
        if let Event::StepFinished { step, outcome, .. } = event {
            println!("{step}: {outcome}");
        }
    });
    let summary = migration::run(&project, RunOptions { observer, ..RunOptions::default() }).await?;
    for table in &summary.tables {
        println!("{}: {} of {} rows arrived", table.table, table.arrived, table.staged);
    }
    anyhow::ensure!(summary.open.is_empty(), "something is open: {:?}", summary.open);
    emulator.shutdown().await?;
    Ok(())
}
