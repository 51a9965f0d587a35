//! `dv-stage`: the staging database of a migration, from the command line.

mod args;
mod backup;
mod discard;
mod grants;
mod sql;
mod upgrade;

use std::process::ExitCode;

use clap::Parser as _;
use dv_terminal::{Global, log, output};
use migration::{ExitStatus, Project};

use crate::args::{Cli, Command};

fn main() -> ExitCode {
    // clap answers wrong usage with exit code 2 and help with 0, as we want it.
    let cli = Cli::parse();
    log(&cli.global);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error(&format!("the program could not start: {error}"), None);
            return ExitStatus::Unreachable.into();
        }
    };
    let project = match open(&cli.global) {
        Ok(project) => project,
        Err(status) => return status.into(),
    };
    let status = runtime.block_on(async {
        match &cli.command {
            Command::Sql { engine, out } => sql::sql(&cli.global, &project, *engine, out.as_deref()).await,
            Command::Grants { engine, out } => {
                grants::grants(&cli.global, &project, *engine, out.as_deref()).await
            }
            Command::Backup { file } => backup::backup(&cli.global, &project, file.as_deref()).await,
            Command::Upgrade => upgrade::upgrade(&cli.global, &project).await,
            Command::Discard { unverified, yes } => {
                discard::discard(&cli.global, &project, *unverified, *yes).await
            }
        }
    });
    status.into()
}

fn open(global: &Global) -> Result<Project, ExitStatus> {
    Project::open(&global.project, &global.overrides())
        .map_err(|errors| output::project_errors(&errors, global.json))
}
