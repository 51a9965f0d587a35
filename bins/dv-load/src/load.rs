//! The load itself.

use dv_terminal::{observe, output, stop};
use migration::{Backups, ExitStatus, Pilot, Project, RunOptions, Secrets, Step, Steps, Summary};

use crate::args::Cli;

pub(crate) async fn load(cli: &Cli) -> ExitStatus {
    let global = &cli.global;
    let project = match Project::open(&global.project, &global.overrides()) {
        Ok(project) => project,
        Err(errors) => return output::project_errors(&errors, global.json),
    };
    let options = RunOptions {
        steps: Steps::between(Step::Load, Step::Settle),
        retry_errors: cli.retry_errors,
        repairs: cli.repair.clone(),
        pilot: cli.pilot.map(|rows| Pilot { rows, tables: cli.table.clone() }),
        backups: cli.backup_every.map(|every| Backups {
            every,
            folder: cli.backup_to.clone(),
            keep: cli.backup_keep,
        }),
        secrets: Secrets::of_project(project.settings()),
        observer: observe::observer(global),
        cancel: stop::on_ctrl_c(),
    };
    match migration::run(&project, options).await {
        Ok(summary) => {
            if global.json {
                output::json(&summary);
            } else {
                output::summary(&summary, &next(cli, &project, &summary));
            }
            summary.exit_status()
        }
        Err(error) => output::failure(&error, &again(&project), global.json),
    }
}

/// The command that goes on with a project.
pub(crate) fn again(project: &Project) -> String {
    format!("dv-load --project {}", project.folder().display())
}

fn next(cli: &Cli, project: &Project, summary: &Summary) -> Vec<String> {
    let folder = project.folder().display();
    let refused: u64 = summary.tables.iter().map(|table| table.refused).sum();
    let mut lines = Vec::new();
    if refused > 0 {
        lines.push(format!(
            "dv-load --project {folder} --retry-errors     once the cause is repaired: takes the {refused} refused rows again"
        ));
    }
    if cli.pilot.is_some() {
        lines.push(format!(
            "dv-load --project {folder}     loads the rest; nothing of the trial is sent again"
        ));
        lines.push(format!("dv-load --project {folder} --rollback last     takes the trial back"));
        return lines;
    }
    lines.push(format!(
        "dv-migrate run --project {folder} --only verify     compares what is there with what was staged"
    ));
    lines
}
