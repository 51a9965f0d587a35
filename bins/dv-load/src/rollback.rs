//! `dv-load --rollback` and `dv-load --runs`.

use std::io::{BufRead as _, IsTerminal as _};
use std::sync::Arc;

use dv_terminal::table::{Align, set, thousands};
use dv_terminal::{observe, output, stop};
use migration::{ExitStatus, Project, RollbackOptions, RollbackPlan, RollbackSummary, RunChoice, Secrets};

use crate::args::Cli;

pub(crate) async fn rollback(cli: &Cli, run: RunChoice) -> ExitStatus {
    let global = &cli.global;
    let project = match Project::open(&global.project, &global.overrides()) {
        Ok(project) => project,
        Err(errors) => return output::project_errors(&errors, global.json),
    };
    let agreed = cli.yes;
    let options = RollbackOptions {
        take_along: cli.take_along.clone(),
        confirm: Arc::new(move |plan| agreed || ask(plan)),
        secrets: Secrets::of_project(project.settings()),
        observer: observe::observer(global),
        cancel: stop::on_ctrl_c(),
        ..RollbackOptions::new(run)
    };
    let folder = project.folder().display();
    match migration::rollback(&project, options).await {
        Ok(summary) => {
            if global.json {
                output::json(&summary);
            } else {
                output::text(lines(&summary).join("\n"));
                output::text(format!(
                    "\nNext:\n  dv-load --project {folder}     loads these rows again, once their cause is repaired"
                ));
            }
            summary.exit_status()
        }
        Err(error) => {
            let number = match run {
                RunChoice::Last => "last".to_owned(),
                RunChoice::Number(number) => number.to_string(),
            };
            output::failure(&error, &format!("dv-load --rollback {number} --project {folder}"), global.json)
        }
    }
}

/// Asks whoever sits at the terminal; nobody is no.
fn ask(plan: &RollbackPlan) -> bool {
    let organization = &plan.organization;
    output::say(format!(
        "Run {} created these rows in {} ({}) at {}:",
        plan.run, organization.name, organization.id, organization.url
    ));
    for table in &plan.tables {
        output::say(format!("  {} rows of {}", thousands(table.rows), table.table));
    }
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return false;
    }
    output::say("Delete them? Write yes to go on:");
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).is_ok() && answer.trim().eq_ignore_ascii_case("yes")
}

fn lines(summary: &RollbackSummary) -> Vec<String> {
    const HEADER: [(&str, Align); 4] = [
        ("table", Align::Left),
        ("deleted", Align::Right),
        ("refused", Align::Right),
        ("adopted, stay", Align::Right),
    ];
    let rows: Vec<Vec<String>> = summary
        .tables
        .iter()
        .map(|table| {
            let mut cells = vec![table.table.clone()];
            cells.extend([table.rows, table.kept, table.adopted].map(thousands));
            cells
        })
        .collect();
    let mut lines =
        vec![format!("Run {} was taken back.\n\n{}", summary.run, set(&HEADER, &rows).trim_end())];
    lines.extend(summary.open.iter().map(|open| format!("  {open}")));
    lines
}

pub(crate) async fn runs(cli: &Cli) -> ExitStatus {
    const HEADER: [(&str, Align); 6] = [
        ("run", Align::Right),
        ("step", Align::Left),
        ("started", Align::Left),
        ("ended", Align::Left),
        ("created", Align::Right),
        ("found or adopted", Align::Right),
    ];
    let global = &cli.global;
    let project = match Project::open(&global.project, &global.overrides()) {
        Ok(project) => project,
        Err(errors) => return output::project_errors(&errors, global.json),
    };
    let folder = project.folder().display();
    match migration::load_runs(&project).await {
        Ok(runs) if global.json => output::json(&runs),
        Ok(runs) if runs.is_empty() => output::text("no run has created rows that are still there"),
        Ok(runs) => {
            let rows: Vec<Vec<String>> = runs
                .iter()
                .map(|run| {
                    vec![
                        run.run.to_string(),
                        run.step.clone(),
                        run.started_at.clone(),
                        run.ended_at.clone().unwrap_or_else(|| "–".to_owned()),
                        thousands(run.created),
                        thousands(run.adopted),
                    ]
                })
                .collect();
            output::text(set(&HEADER, &rows));
            output::text(format!(
                "Next:\n  dv-load --project {folder} --rollback RUN     deletes what it created"
            ));
        }
        Err(error) => {
            return output::failure(&error, &format!("dv-load --runs --project {folder}"), global.json);
        }
    }
    ExitStatus::Done
}
