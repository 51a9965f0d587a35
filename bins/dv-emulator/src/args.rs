//! Command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

const LIMITS_HELP: &str = r#"Service protection limits and what requests cost (JSON); what is left out is as on the service:
{"requests":6000,"concurrent":52,"servers":3,"time-scale":60,"latency-ms":20,"latency-per-row-ms":2,
 "latency-by-table":{"contact":{"row-ms":3,"plugin-ms":25}}}
{"enabled":false} counts nothing."#;

const FAULTS_HELP: &str = r#"Faults to raise on purpose (JSON); the same seed and the same requests suffer the same faults:
{"seed":7,"rules":[{"kind":"lose_answer","path":"*CreateMultiple","every":3}]}
Kinds: lose_answer, cut_answer, commit_late, reset_before, reset_during, throttle, query_throttle, unavailable, deadlock,
sql_timeout, token_expired, slow, partial_failure, kill, kill_after_commit.
Rules choose requests by method, path and table, and hits by after, every, probability, count and burst."#;

const AFTER_HELP: &str = "EXAMPLES:
  dv-emulator --listen 127.0.0.1:8080
  dv-emulator --metadata custom-tables.json --faults faults.json --seed 7
  dv-emulator --listen 127.0.0.1:8443 --tls certificates --data organisation

WHILE IT RUNS:
  GET  /emulator/stats    requests by kind and status, rows, throttles, peak concurrency, refused duplicates
  PUT  /emulator/faults   another plan of faults, as in --faults
  PUT  /emulator/limits   other limits, as in --limits
  POST /emulator/reset    a fresh organisation

EXIT CODES:
  0 stopped, 2 wrong input, 3 the address cannot be had or serving failed, 137 killed by a fault";

/// Serves an emulated Dataverse organisation: tables, rows, bulk messages, throttling, faults.
///
/// When it is ready, one line of JSON on standard output says where: {"url":"http://127.0.0.1:PORT"}.
/// It runs until Ctrl-C or SIGTERM. Any bearer token is accepted; `user-2` is the second application user.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = AFTER_HELP
)]
pub(crate) struct Args {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS:PORT")]
    pub(crate) listen: SocketAddr,
    /// Tables beside the standard ones, in the shape of `EntityDefinitions` (JSON, plain or gzipped); may be repeated.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) metadata: Vec<PathBuf>,
    /// Service protection limits and what requests cost (JSON).
    #[arg(long, value_name = "FILE", long_help = LIMITS_HELP)]
    pub(crate) limits: Option<PathBuf>,
    /// Behaviour where the service's is not documented (JSON), such as {"untyped-bulk-items":"tolerate"}.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Faults to raise on purpose (JSON).
    #[arg(long, value_name = "FILE", long_help = FAULTS_HELP)]
    pub(crate) faults: Option<PathBuf>,
    /// Makes ids repeatable: the organisation, its users, and those made for rows.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    /// Application users, each with limits of its own.
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
    /// What to store of each row: `keys` keeps ids, alternate keys, import sequence numbers and who made the row alone, for runs of
    /// tens of millions of rows. Reading other columns is refused with a clear error.
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
