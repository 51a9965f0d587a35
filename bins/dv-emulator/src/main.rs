//! `dv-emulator`: an emulated Dataverse organisation on a local port.

mod args;

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use dataverse_emulator::{Emulator, Options, tables_from};

use crate::args::{Args, Keep};

/// Usage or input is wrong.
const WRONG_INPUT: u8 = 2;
/// The address could not be had, or serving failed.
const FAILED: u8 = 3;

/// A fault killed it, as the shell says of SIGKILL.
const KILLED: u8 = 137;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn")),
        )
        .with_writer(std::io::stderr)
        .with_ansi(
            std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty()),
        )
        // It would panic when nobody reads what is logged.
        .log_internal_errors(false)
        .init();
    let args = Args::parse();
    let options = match options(&args) {
        Ok(options) => options,
        Err(error) => {
            return complain(&error, WRONG_INPUT);
        }
    };
    match serve(options, args.until_stdin_closes).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let is_input = error.downcast_ref().is_some_and(dataverse_emulator::Error::is_input);
            complain(&error, if is_input { WRONG_INPUT } else { FAILED })
        }
    }
}

#[expect(clippy::print_stderr, reason = "a command says why it ends")]
fn complain(error: &anyhow::Error, code: u8) -> ExitCode {
    eprintln!("dv-emulator: {error:#}");
    ExitCode::from(code)
}

fn options(args: &Args) -> anyhow::Result<Options> {
    let mut options = Options {
        listen: args.listen,
        seed: args.seed,
        users: args.users,
        data: args.data.clone(),
        tls: args.tls.clone(),
        ..Options::default()
    };
    for path in &args.metadata {
        let tables = tables_from(&read(path)?).with_context(|| format!("in {}", path.display()))?;
        options.metadata.extend(tables);
    }
    if let Some(path) = &args.limits {
        options.limits = json(path)?;
    }
    if let Some(path) = &args.settings {
        options.settings = json(path)?;
    }
    if args.keep == Keep::Keys {
        options.settings.keep = dataverse_emulator::Keep::Keys;
    }
    if let Some(path) = &args.faults {
        options.faults = json(path)?;
    }
    Ok(options)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn json<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    serde_json::from_slice(&read(path)?)
        .with_context(|| format!("{} is not of the expected form", path.display()))
}

async fn serve(options: Options, until_stdin_closes: bool) -> anyhow::Result<()> {
    let emulator = Emulator::start(options).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", serde_json::json!({ "url": emulator.url() }))?;
    out.flush()?;
    tokio::select! {
        () = emulator.killed() => die(),
        () = stop_signal() => {}
        () = stdin_end(), if until_stdin_closes => {}
    }
    Ok(emulator.shutdown().await?)
}

/// Ends at once, as a killed process does: nothing is answered, nothing is tidied up.
#[expect(clippy::exit, clippy::print_stderr, reason = "the plan of faults asked for just that")]
fn die() {
    eprintln!("dv-emulator: killed by its plan of faults");
    std::process::exit(KILLED.into());
}

async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        match terminate {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = interrupt => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(_) => drop(interrupt.await),
        }
    }
    #[cfg(not(unix))]
    drop(interrupt.await);
}

/// Ends when nobody holds the other end of standard input any more.
async fn stdin_end() {
    let (ended, waits) = tokio::sync::oneshot::channel::<()>();
    // A thread of its own: a blocked read would keep the runtime from stopping.
    std::thread::spawn(move || {
        let mut ignored = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut ignored);
        let _ = ended.send(());
    });
    let _ = waits.await;
}
