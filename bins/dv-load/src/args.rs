//! What can be typed.

use std::path::PathBuf;

use clap::Parser;
use dv_terminal::Global;
use migration::{DAILY_REQUESTS, Interval, RepairRule, RunChoice};

/// Loads a prepared project into Dataverse: rows, then everything that had to wait for them.
///
/// Each row arrives once, whatever dies on the way: a second call goes on where the first one stopped, and a second
/// process on the same project joins in. Staging, mapping and checking before it are `dv-migrate run --until sequence`.
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
#[derive(Debug, Parser)]
#[command(name = "dv-load", version, about, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    /// Say what a load would do: rows, requests, strategy and time per table and pass. Writes nothing, asks nobody.
    #[arg(long, conflicts_with = "retry_errors")]
    pub(crate) plan: bool,
    /// With --plan: rows per second to expect, instead of what earlier runs measured.
    #[arg(long, value_name = "ROWS", requires = "plan", value_parser = positive)]
    pub(crate) rate: Option<f64>,
    /// With --plan: the requests that the tenant's pool allows in 24 hours.
    #[arg(long, value_name = "REQUESTS", requires = "plan", default_value_t = DAILY_REQUESTS)]
    pub(crate) daily_requests: u64,
    /// Try out N rows of each table, with all that they need (parents, owners, parties) and all that hangs on them
    /// (children, pairs, activities), through every pass. The full load goes on afterwards.
    #[arg(long, value_name = "N", conflicts_with_all = ["plan", "retry_errors"], value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) pilot: Option<u32>,
    /// With --pilot: begin with rows of this table. May be repeated; all tables that are loaded when nothing is said.
    #[arg(long, value_name = "TABLE", requires = "pilot")]
    pub(crate) table: Vec<String>,
    /// Copy the staging database every so often while rows are loaded, such as 30s, 15m or 2h; the load does not wait for it.
    #[arg(long, value_name = "INTERVAL", conflicts_with_all = ["plan", "runs", "rollback"])]
    pub(crate) backup_every: Option<Interval>,
    /// With --backup-every: the folder of the copies, instead of that of the staging database; on SQL Server, one of the server's.
    #[arg(long, value_name = "DIR", requires = "backup_every")]
    pub(crate) backup_to: Option<PathBuf>,
    /// With --backup-every: how many are kept, the latest ones; older ones are removed, or replaced by a server.
    #[arg(long, value_name = "N", requires = "backup_every", default_value_t = 2)]
    pub(crate) backup_keep: usize,
    /// List the runs that created rows which are still there.
    #[arg(long, conflicts_with_all = ["plan", "pilot", "rollback", "retry_errors"])]
    pub(crate) runs: bool,
    /// Delete what a run created (its number, or `last`), children first; not what it adopted or changed.
    ///
    /// Stops where rows that the project does not know would be deleted or lose their parent. Asks before it deletes;
    /// one that was stopped or killed is carried on by the same call. The rows may be loaded again afterwards.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["plan", "pilot", "retry_errors"])]
    pub(crate) rollback: Option<RunChoice>,
    /// With --rollback: do not ask.
    #[arg(long, requires = "rollback")]
    pub(crate) yes: bool,
    /// With --rollback: rows of this table may be taken along by a cascade. May be repeated.
    #[arg(long, value_name = "TABLE", requires = "rollback")]
    pub(crate) take_along: Vec<String>,
    /// Take rows again that Dataverse refused in earlier runs; their cause should be repaired.
    #[arg(long)]
    pub(crate) retry_errors: bool,
    /// With --retry-errors: change refused rows by these rules first, as far as [load.repairs] allows: trim,
    /// default-option, fallback-owner, blank-lookup, placeholder-parent. Each change is kept in migration.Repair.
    #[arg(long, value_name = "RULE", requires = "retry_errors", value_delimiter = ',')]
    pub(crate) repair: Vec<RepairRule>,
}

const AFTER_HELP: &str = "\
Examples:
  dv-migrate run --project crm --until sequence   stage, map and order; sends nothing
  dv-load --project crm --plan                    what the load would do, and how long it takes
  dv-load --project crm --plan --rate 800         the same at 800 rows a second
  dv-load --project crm --pilot 50 --table account
                                                  50 accounts with all that belongs to them, through every pass
  dv-load --project crm                           load and settle; call it again after any stop
  dv-load --project crm --backup-every 15m        and copy the staging database meanwhile
  dv-load --project crm --retry-errors            and take the rows again that Dataverse refused
  dv-load --project crm --retry-errors --repair trim,blank-lookup
                                                  the same, changed by these rules before
  dv-load --project crm --runs                    which runs created what
  dv-load --project crm --rollback last           delete what the latest load created
  dv-migrate run --project crm --only verify      compare what is there with what was staged

Ctrl-C lets requests under way end within load.grace and leaves a state that the next call goes on from.
Secrets are read from the environment only: DV_CLIENT_SECRET or DV_TOKEN, and the variables that [[target.user]] names.

Exit codes: 0 done · 1 done, but rows are in error or owed · 2 input is wrong, nothing was changed
            3 target or staging database not reachable, or it refused us · 4 stopped; 3 and 4 can be resumed";

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("write a number above zero, such as 800".to_owned()),
    }
}
