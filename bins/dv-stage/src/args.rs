//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use dv_terminal::Global;

/// The staging database of a project: its SQL as a script, its backup, its upgrade, its end.
///
/// Filling it is `dv-migrate run --until transform`.
#[derive(Debug, Parser)]
#[command(name = "dv-stage", version, about, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  dv-stage sql --project crm                      the script for SQLite, on standard output
  dv-stage sql --project crm --engine sqlserver --out staging.sql
                                                  the same for SQL Server, for a DBA to review
  dv-stage grants --project crm --engine sqlserver
                                                  roles for developers, operators and readers
  dv-stage backup --project crm                   a copy beside the database, also while a load is at work
  dv-stage upgrade --project crm                  of an earlier version: to this one, whole or not at all
  dv-stage discard --project crm                  remove it, once a verification has passed

Exit codes: 0 done · 2 input is wrong, nothing was changed · 3 the staging database could not be read or written";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the project's SQL as one commented script: tables, choices, lookups, GUIDs copied back, views. Changes nothing.
    ///
    /// The project must have been prepared (`dv-migrate run --until prepare`); nobody is asked.
    Sql {
        /// The engine that the script is for.
        #[arg(long, value_enum, default_value_t = Engine::Sqlite)]
        engine: Engine,
        /// A new file for the script, instead of standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Write who may do what: roles for developers, operators and readers, who do not see masked columns. Changes nothing.
    ///
    /// For SQL Server. SQLite has no roles: there it says what protects the file.
    Grants {
        /// The engine that the script is for.
        #[arg(long, value_enum, default_value_t = Engine::Sqlite)]
        engine: Engine,
        /// A new file for the script, instead of standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Copy the staging database into a new file, as of one moment, and check the copy.
    ///
    /// To go back to it, put it in place of the database and run the project: rows that were created since are found by
    /// their numbers before anything is sent, and adopted.
    Backup {
        /// The copy; beside the database and named by the time when not given. An existing file is not touched.
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Make a staging database of an earlier version of this toolkit one of this version, in one transaction.
    ///
    /// What people and runs wrote is kept. Runs do it by themselves; whoever wants a copy first takes a backup before.
    Upgrade,
    /// Remove the staging database, once a verification has passed and nothing was done since.
    ///
    /// Project, source files and reports stay.
    Discard {
        /// Remove it although no verification has passed: what arrived and what did not is then known to nobody.
        #[arg(long)]
        unverified: bool,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// The engine of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// SQLite 3.45 or newer.
    Sqlite,
    /// SQL Server 2016 or newer.
    Sqlserver,
}
