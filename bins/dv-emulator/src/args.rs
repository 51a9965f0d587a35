//! Command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

/// Serves an emulated Dataverse organisation: tables, rows, bulk messages, throttling, faults.
///
/// When it is ready, one line of JSON on standard output says where: {"url":"http://127.0.0.1:PORT"}.
/// It runs until Ctrl-C or SIGTERM. Any bearer token is accepted; `user-2` is the second application user.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "EXAMPLES:\n  dv-emulator --listen 127.0.0.1:8080\n  dv-emulator --metadata \
    custom-tables.json --faults faults.json --seed 7"
)]
pub(crate) struct Args {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS:PORT")]
    pub(crate) listen: SocketAddr,
    /// Tables beside the standard ones, in the shape of `EntityDefinitions` (JSON, plain or gzipped); may be repeated.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) metadata: Vec<PathBuf>,
    /// Service protection limits (JSON).
    #[arg(long, value_name = "FILE")]
    pub(crate) limits: Option<PathBuf>,
    /// Behaviour where the service's is not documented (JSON).
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Faults to raise on purpose (JSON).
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// Makes ids repeatable.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    /// Application users.
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) users: u32,
    /// Stop when standard input ends: for parents that may be killed.
    #[arg(long)]
    pub(crate) until_stdin_closes: bool,
    /// Keep every row in this folder: what was acknowledged survives the end of this process, however it ends.
    ///
    /// Started again with the same folder, --seed, --users and --metadata, it goes on from there; tables and keys made at run
    /// time come back too. `POST /emulator/reset` empties the folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Serve HTTPS. Clients are to trust DIR/ca.pem, which is made there when it is missing.
    #[arg(long, value_name = "DIR")]
    pub(crate) tls: Option<PathBuf>,
    /// What to store of each row: `keys` keeps ids, alternate keys and import sequence numbers alone, for runs of tens of
    /// millions of rows. Reading other columns is refused with a clear error.
    #[arg(long, value_enum, default_value_t = Keep::Rows, value_name = "WHAT")]
    pub(crate) keep: Keep,
}

/// How much of each row is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Keep {
    /// All of it.
    Rows,
    /// What rows are found by.
    Keys,
}
