//! `dv-load --plan`.

use dv_terminal::output;
use dv_terminal::table::{Align, duration, set, thousands};
use migration::{ExitStatus, LoadPlan, PlanOptions, Project, RateBasis, Secrets};

use crate::args::Cli;
use crate::load::again;

pub(crate) async fn plan(cli: &Cli) -> ExitStatus {
    let global = &cli.global;
    let project = match Project::open(&global.project, &global.overrides()) {
        Ok(project) => project,
        Err(errors) => return output::project_errors(&errors, global.json),
    };
    let options = PlanOptions { rate: cli.rate, daily_requests: cli.daily_requests };
    match migration::plan_load(&project, &Secrets::of_project(project.settings()), &options).await {
        Ok(plan) => {
            if global.json {
                output::json(&plan);
            } else {
                output::text(lines(&project, &plan).join("\n"));
            }
            ExitStatus::Done
        }
        Err(error) => output::failure(&error, &again(&project), global.json),
    }
}

fn lines(project: &Project, plan: &LoadPlan) -> Vec<String> {
    const HEADER: [(&str, Align); 8] = [
        ("wave", Align::Right),
        ("table", Align::Left),
        ("pass", Align::Left),
        ("rows", Align::Right),
        ("requests", Align::Right),
        ("rows each", Align::Right),
        ("time", Align::Right),
        ("of the day", Align::Right),
    ];
    let mut lines = Vec::new();
    if let Some(environment) = &plan.environment {
        lines.push(format!("into {} ({}) at {}\n", environment.name, environment.id, environment.url));
    }
    let mut rows = Vec::new();
    for table in &plan.tables {
        let wave = table.wave.map_or_else(|| "pairs".to_owned(), |wave| wave.to_string());
        for pass in &table.passes {
            rows.push(vec![
                wave.clone(),
                table.table.clone(),
                pass.pass.to_string(),
                thousands(pass.rows),
                thousands(pass.requests),
                pass.rows_per_request.to_string(),
                duration(pass.seconds),
                share(pass.rows, plan.daily_requests),
            ]);
        }
    }
    if rows.is_empty() {
        lines.push("Nothing is left to be sent.".to_owned());
        return lines;
    }
    rows.push(vec![
        String::new(),
        "all".to_owned(),
        String::new(),
        thousands(plan.writes),
        thousands(plan.requests),
        String::new(),
        duration(plan.seconds),
        share(plan.writes, plan.daily_requests),
    ]);
    lines.push(set(&HEADER, &rows));
    lines.push(
        match plan.basis {
            RateBasis::Given => "Times follow from --rate.",
            RateBasis::Measured => "Times follow from what earlier runs measured.",
            RateBasis::Limit => {
                "Nothing was measured yet: times are those of the service's limit of 6,000 requests per user in five \
                 minutes, and the load cannot be faster; give --rate to know better."
            }
        }
        .to_owned(),
    );
    lines.push(format!(
        "Each row written counts against the daily entitlement ({} requests), however it is sent.",
        thousands(plan.daily_requests)
    ));
    lines.push("\nStrategies:".to_owned());
    for table in &plan.tables {
        let levels = match table.levels {
            1 => String::new(),
            levels => format!("; {levels} levels, parents before children"),
        };
        lines.push(format!("  {}: {}: {}{levels}", table.table, table.strategy, table.why));
    }
    if !plan.deferred.is_empty() {
        lines.push("\nLookups that wait for their parents and are written afterwards:".to_owned());
        for lookup in &plan.deferred {
            lines.push(format!(
                "  {}.{} to {} ({} rows): {}",
                lookup.table,
                lookup.column,
                lookup.target,
                thousands(lookup.rows),
                lookup.why
            ));
        }
    }
    if !plan.notes.is_empty() {
        lines.push("\nMind:".to_owned());
        lines.extend(plan.notes.iter().map(|note| format!("  {note}")));
    }
    lines.push(format!("\nNothing was written.\n\nNext:\n  {}", again(project)));
    lines
}

fn share(rows: u64, daily: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    let percent = rows as f64 * 100.0 / daily.max(1) as f64;
    format!("{percent:.1} %")
}
