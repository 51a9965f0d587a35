//! `dv-migrate status`.

use migration::{ExitStatus, Project, Status};

use crate::args::Global;
use crate::output;
use crate::table::{Align, set, thousands};

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
        Some(environment) => output::text(&format!(
            "{} is bound to {} ({}) at {}",
            project.settings().staging.path.display(),
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
            .map(|run| {
                vec![
                    run.step.clone(),
                    run.started_at.clone(),
                    run.ended_at.clone().unwrap_or_else(|| "not ended".to_owned()),
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
        output::text(&format!("\n{}", set(&header, &rows)));
    }
    if status.tables.is_empty() {
        output::text(&format!("\nNext:\n  dv-migrate run --project {folder}"));
        return;
    }
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
    output::text(&format!("\n{}", set(&header, &rows)));
}
