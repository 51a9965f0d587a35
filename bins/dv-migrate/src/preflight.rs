//! `dv-migrate preflight`.

use migration::{CheckResult, ExitStatus, Project, Secrets};

use dv_terminal::table::{Align, set};
use dv_terminal::{Global, output};

pub(crate) async fn preflight(global: &Global) -> ExitStatus {
    let project = match Project::open(&global.project, &global.overrides()) {
        Ok(project) => project,
        Err(errors) => return output::project_errors(&errors, global.json),
    };
    let preflight = migration::preflight(&project, &Secrets::of_project(project.settings())).await;
    if global.json {
        output::json(&preflight);
    } else {
        let rows: Vec<Vec<String>> = preflight
            .checks
            .iter()
            .map(|check| vec![check.result.as_str().to_owned(), check.about.clone(), check.message.clone()])
            .collect();
        output::text(set(&[("", Align::Left), ("check", Align::Left), ("finding", Align::Left)], &rows));
        for hint in &preflight.hints {
            output::text(format!("hint: {hint}"));
        }
        let failed = preflight.checks.iter().filter(|check| check.result == CheckResult::Fail).count();
        let folder = project.folder().display();
        if failed == 0 {
            output::text(format!("Ready.\n\nNext:\n  dv-migrate run --project {folder} --until transform"));
        } else {
            output::text(format!(
                "{failed} of {} checks failed; nothing was changed.\n\nNext:\n  repair, then: dv-migrate preflight --project {folder}",
                preflight.checks.len()
            ));
        }
    }
    preflight.exit_status()
}
