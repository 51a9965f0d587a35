//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use dv_terminal::Global;
use migration::Step;

/// Moves a CRM into Microsoft Dataverse: stage, map, order, load, settle, prove.
#[derive(Debug, Parser)]
#[command(name = "dv-migrate", version, about, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  dv-migrate demo                       a whole journey on this machine, with real data and nothing to install
  dv-migrate init crm                   a commented project to start from, in the folder crm
  dv-migrate preflight --project crm    what can be checked before anything is written
  dv-migrate run --project crm --until transform
                                        stage and validate; nothing is sent yet
  dv-migrate run --project crm          the whole journey; a second run goes on where the first one stopped
  dv-migrate status --project crm       how far it is, also while it runs

Settings come from migration.toml, over it from variables such as DV__TARGET__URL, over those from flags.
Secrets are read from DV_CLIENT_SECRET or DV_TOKEN only.

Exit codes: 0 done · 1 done, but rows are in error or owed · 2 input is wrong, nothing was changed
            3 target or staging database not reachable, or it refused us · 4 stopped; 3 and 4 can be resumed";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take a real Salesforce export all the way into an emulated Dataverse, in a folder of its own.
    ///
    /// Nothing else needs to be installed or running. A second run on the same folder finds everything in place.
    #[command(after_help = "Examples:\n  dv-migrate demo\n  dv-migrate demo /tmp/demo --serve\n\n\
        With --serve the emulated organisation stays reachable until Ctrl-C, so that its rows can be looked at with any client.")]
    Demo {
        /// The folder; made when it does not exist.
        #[arg(value_name = "DIR", default_value = "dv-demo")]
        folder: PathBuf,
        /// Keep the emulated organisation running at the end, until Ctrl-C.
        #[arg(long)]
        serve: bool,
    },
    /// Write a commented project to start from.
    #[command(after_help = "Example:\n  dv-migrate init crm && $EDITOR crm/migration.toml")]
    Init {
        /// The folder; made when it does not exist. Nothing in it is overwritten.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Do the journey, or a part of it: prepare, extract, transform, sequence, load, settle, verify.
    ///
    /// Every step may be repeated: what is done already is not done twice.
    #[command(
        after_help = "Examples:\n  dv-migrate run --project crm --until transform     stage and validate, send nothing\n  \
        dv-migrate run --project crm                       everything, from where it stopped\n  \
        dv-migrate run --project crm --retry-errors        and with it the rows that Dataverse refused before\n  \
        dv-migrate run --project crm --only verify         compare again what is there with what was staged"
    )]
    Run {
        /// Stop after this step.
        #[arg(long, value_name = "STEP", conflicts_with = "only")]
        until: Option<Step>,
        /// Do this step alone; the steps before it must have been done.
        #[arg(long, value_name = "STEP")]
        only: Option<Step>,
        /// Take rows again that Dataverse refused in earlier runs; their cause should be repaired. Needs the step load.
        ///
        /// Rows that the validation refused need no flag: every run validates them anew.
        #[arg(long)]
        retry_errors: bool,
    },
    /// Check what can be checked before a load: who we are, privileges, keys, tables, columns, number ranges. Writes nothing.
    #[command(
        after_help = "Example:\n  dv-migrate preflight --project crm\n\nEach line says ok, warn or fail; with a fail the exit code is 2, \
        or 3 when the target cannot be reached."
    )]
    Preflight,
    /// Show how far a migration is, from its staging database alone; also while another process works on it.
    #[command(after_help = "Example:\n  watch -n 2 dv-migrate status --project crm")]
    Status,
}
