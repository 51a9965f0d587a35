//! `dv-migrate`: the whole journey of a CRM into Dataverse, from the command line.

mod arena;
mod args;
mod demo;
mod init;
mod observe;
mod output;
mod preflight;
mod run;
mod status;
mod stop;
mod table;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use migration::ExitStatus;
use tracing_subscriber::EnvFilter;

use crate::args::{Cli, Command, Global};

fn main() -> ExitCode {
    arena::share_one();
    // clap answers wrong usage with exit code 2 and help with 0, as we want it.
    let cli = Cli::parse();
    log(&cli.global);
    if cli.global.events {
        output::say_in_json();
    }
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

/// Warnings always; `RUST_LOG` overrules the flags. Colours on a terminal only.
fn log(global: &Global) {
    let level = match global.verbose {
        0 => "warn",
        1 => "info",
        _ => "debug,hyper=info,h2=info,reqwest=info,rustls=info",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        // It would panic when nobody reads what is logged.
        .log_internal_errors(false);
    if global.events {
        log.json().init();
    } else {
        log.init();
    }
}
