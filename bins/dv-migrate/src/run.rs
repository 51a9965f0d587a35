//! `dv-migrate run`.

use migration::{ExitStatus, Project, RunOptions, Secrets, Step, Steps, Summary};

use dv_terminal::{Global, observe, output, stop};

pub(crate) async fn run(
    global: &Global,
    until: Option<Step>,
    only: Option<Step>,
    retry_errors: bool,
) -> ExitStatus {
    let steps = match (until, only) {
        (_, Some(step)) => Steps::only(step),
        (Some(step), None) => Steps::until(step),
        (None, None) => Steps::all(),
    };
    let project = match Project::open(&global.project, &global.overrides()) {
        Ok(project) => project,
        Err(errors) => return output::project_errors(&errors, global.json),
    };
    let options = RunOptions {
        steps,
        retry_errors,
        repairs: Vec::new(),
        pilot: None,
        backups: None,
        secrets: Secrets::of_project(project.settings()),
        observer: observe::observer(global),
        cancel: stop::on_ctrl_c(),
    };
    match migration::run(&project, options).await {
        Ok(summary) => {
            report(global, &project, &summary, &next(&project, &summary, steps));
            summary.exit_status()
        }
        Err(error) => output::failure(&error, &again(&project), global.json),
    }
}

/// Prints the summary the way that was asked for.
pub(crate) fn report(global: &Global, project: &Project, summary: &Summary, next: &[String]) {
    if global.json {
        output::json(summary);
    } else {
        output::say(format!("project {} in {}", summary.project, project.folder().display()));
        output::summary(summary, next);
    }
}

/// The command that goes on with a project.
pub(crate) fn again(project: &Project) -> String {
    format!("dv-migrate run --project {}", project.folder().display())
}

fn next(project: &Project, summary: &Summary, steps: Steps) -> Vec<String> {
    let folder = project.folder().display();
    let errors = project.settings().staging.read_view("ErrorSummary");
    let mut lines = Vec::new();
    if summary.tables.iter().any(|table| table.errors > 0) {
        lines.push(format!("{errors}     what went wrong, counted"));
    }
    let refused: u64 = summary.tables.iter().map(|table| table.refused).sum();
    if refused > 0 {
        let rows = if refused == 1 { "the row" } else { "the rows" };
        lines.push(format!(
            "dv-migrate run --project {folder} --retry-errors     once the cause is repaired: takes {rows} again that Dataverse refused ({refused})"
        ));
    }
    match steps.last() {
        Step::Verify if summary.open.is_empty() => {
            lines.push(format!("dv-migrate status --project {folder}"));
        }
        Step::Verify => lines.push(format!(
            "dv-migrate run --project {folder}     again, after the repair: only what is open is done"
        )),
        last => lines.push(format!("dv-migrate run --project {folder}     goes on after {last}")),
    }
    lines
}
