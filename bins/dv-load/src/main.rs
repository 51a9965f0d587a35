//! `dv-load`: loads a prepared migration into Dataverse, from the command line.

mod args;
mod load;
mod plan;
mod rollback;

use std::process::ExitCode;

use clap::Parser as _;
use dv_terminal::{arena, log, output};
use migration::ExitStatus;

use crate::args::Cli;

fn main() -> ExitCode {
    arena::share_one();
    // clap answers wrong usage with exit code 2 and help with 0, as we want it.
    let cli = Cli::parse();
    log(&cli.global);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error(&format!("the program could not start its threads: {error}"), None);
            return ExitStatus::Unreachable.into();
        }
    };
    let status = runtime.block_on(async {
        match cli.rollback {
            Some(run) => rollback::rollback(&cli, run).await,
            None if cli.runs => rollback::runs(&cli).await,
            None if cli.plan => plan::plan(&cli).await,
            None => load::load(&cli).await,
        }
    });
    status.into()
}
