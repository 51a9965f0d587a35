//! What the libraries log, on stderr.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::Global;
use crate::output::say_in_json;

/// Begins to log: warnings always; `RUST_LOG` overrules the flags. Colours on a terminal only; JSON lines with `--events`, and
/// from then on everything that is said.
pub fn log(global: &Global) {
    let level = match global.verbose {
        // The driver of SQL Server repeats at each connection that a certificate is trusted, and what our errors say anyway.
        0 => "warn,tiberius=off",
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
        say_in_json();
        log.json().init();
    } else {
        log.init();
    }
}
