//! `dv-migrate status`.

use migration::{ExitStatus, Project, Status, Step};

use dv_terminal::table::{Align, set, thousands};
use dv_terminal::{Global, output};

pub(crate) async fn status(global: &Global) -> ExitStatus {
    let project = match Project::open(&global.project, &global.overrides()) {
        Ok(project) => project,
        Err(errors) => return output::project_errors(&errors, global.json),
    };
    match migration::status(&project).await {
        Ok(status) => {
            if global.json {
                output::json(&status);
            } else {
                print(&project, &status);
            }
            ExitStatus::Done
        }
        Err(error) => output::failure(&error, &crate::run::again(&project), global.json),
    }
}

fn print(project: &Project, status: &Status) {
    let folder = project.folder().display();
    match &status.environment {
        Some(environment) => output::text(format!(
            "{} is bound to {} ({}) at {}",
            project.settings().staging,
            environment.name,
            environment.id,
            environment.url
        )),
        None => output::text("nothing is prepared yet"),
    }
    if !status.runs.is_empty() {
        let rows: Vec<Vec<String>> = status
            .runs
            .iter()
            .enumerate()
            .map(|(index, run)| {
                // Steps are done one after the other: only the latest can be under way.
                let under_way = status.at_work && index + 1 == status.runs.len();
                let without_end = if under_way { "at work" } else { "was killed" };
                vec![
                    run.step.clone(),
                    run.started_at.clone(),
                    run.ended_at.clone().unwrap_or_else(|| without_end.to_owned()),
                    run.summary.clone().unwrap_or_default(),
                ]
            })
            .collect();
        let header = [
            ("step", Align::Left),
            ("started", Align::Left),
            ("ended", Align::Left),
            ("outcome", Align::Left),
        ];
        output::text(format!("\n{}", set(&header, &rows).trim_end()));
    }
    if !status.tables.is_empty() {
        tables(status);
    }
    let is_done =
        status.runs.last().is_some_and(|run| run.step == Step::Verify.as_str() && run.exit_code == Some(0));
    if !status.at_work && !is_done {
        output::text(format!("\nNext:\n  dv-migrate run --project {folder}"));
    }
}

fn tables(status: &Status) {
    let header = [
        ("table", Align::Left),
        ("staged", Align::Right),
        ("unprocessed", Align::Right),
        ("accepted", Align::Right),
        ("processed", Align::Right),
        ("errors", Align::Right),
        ("owed", Align::Right),
        ("in doubt", Align::Right),
        ("open chunks", Align::Right),
    ];
    let rows: Vec<Vec<String>> = status
        .tables
        .iter()
        .map(|table| {
            let mut cells = vec![table.table.clone()];
            cells.extend(
                [
                    table.staged,
                    table.unprocessed,
                    table.accepted,
                    table.processed,
                    table.errors,
                    table.owed,
                    table.in_doubt,
                    table.open_chunks,
                ]
                .map(thousands),
            );
            cells
        })
        .collect();
    output::text(format!("\n{}", set(&header, &rows).trim_end()));
}
