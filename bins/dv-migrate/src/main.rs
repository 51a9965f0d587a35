//! `dv-migrate`: the whole journey of a CRM into Dataverse, from the command line.

mod args;
mod demo;
mod init;
mod preflight;
mod run;
mod status;

use std::process::ExitCode;

use clap::Parser as _;
use dv_terminal::{arena, log, output};
use migration::ExitStatus;

use crate::args::{Cli, Command};

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
        match &cli.command {
            Command::Demo { folder, serve } => demo::demo(&cli.global, folder, *serve).await,
            Command::Init { folder } => init::init(&cli.global, folder),
            Command::Run { until, only, retry_errors } => {
                run::run(&cli.global, *until, *only, *retry_errors).await
            }
            Command::Preflight => preflight::preflight(&cli.global).await,
            Command::Status => status::status(&cli.global).await,
        }
    });
    status.into()
}
