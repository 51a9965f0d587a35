//! What a command prints: results on stdout, talk on stderr.
//!
//! Nobody may listen any more (`| head`), or the disk of a log may be full: a migration goes on regardless, and its exit
//! code still says how it ended.

use std::fmt::Display;
use std::io::{ErrorKind, Write as _};
use std::sync::OnceLock;

use migration::{ExitStatus, ProjectErrors, Summary};
use serde::Serialize;

use crate::table::{Align, duration, set, thousands};

/// Prints a result as one JSON object.
pub fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(json) => text(&json),
        Err(problem) => error(&format!("the result could not be written as JSON: {problem}"), None),
    }
}

/// Prints lines of a result.
pub fn text(text: impl Display) {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(problem) if problem.kind() != ErrorKind::BrokenPipe => {
            error(&format!("the result could not be printed: {problem}"), None);
        }
        _ => {}
    }
}

/// Whether stderr is read by a program, line by line.
static EVENTS: OnceLock<()> = OnceLock::new();

/// From now on, what is said on stderr is JSON as well.
pub(crate) fn say_in_json() {
    let _ = EVENTS.set(());
}

/// Says something while working.
pub fn say(text: impl Display) {
    say_as("said", &text);
}

fn say_as(event: &str, text: &impl Display) {
    let mut stderr = std::io::stderr().lock();
    let _ = match (EVENTS.get(), event) {
        (Some(()), _) => {
            writeln!(stderr, "{}", serde_json::json!({ "event": event, "message": text.to_string() }))
        }
        (None, "said") => writeln!(stderr, "{text}"),
        (None, _) => writeln!(stderr, "{event}: {text}"),
    };
}

/// Says what went wrong, and what to do about it.
pub fn error(message: &str, hint: Option<&str>) {
    for line in message.lines() {
        say_as("error", &line);
    }
    if let Some(hint) = hint {
        say_as("hint", &hint);
    }
}

/// Every mistake of a project; exit code 2.
pub fn project_errors(errors: &ProjectErrors, as_json: bool) -> ExitStatus {
    if as_json {
        json(&serde_json::json!({ "error": "project", "problems": errors.problems }));
    }
    error(&errors.to_string(), None);
    let count = errors.problems.len();
    let noun = if count == 1 { "problem" } else { "problems" };
    say(format_args!("{count} {noun}; nothing was changed"));
    ExitStatus::Input
}

/// An error of a journey, with its causes and the next step; `again` is what goes on from there.
pub fn failure(failure: &migration::Error, again: &str, as_json: bool) -> ExitStatus {
    if let migration::Error::Project(errors) = failure {
        return project_errors(errors, as_json);
    }
    let status = failure.exit_status();
    let message = failure.with_causes();
    if as_json {
        json(&serde_json::json!({ "error": status.word(), "message": message, "exit_code": status.code() }));
    }
    let mut hints = Vec::from_iter(failure.hint());
    if failure.is_resumable() {
        hints.push(format!("go on with: {again}"));
    }
    error(&message, (!hints.is_empty()).then(|| hints.join("; then ")).as_deref());
    if failure.changed_nothing() {
        say("nothing was changed");
    } else if status == ExitStatus::Input && !matches!(failure, migration::Error::Load(_)) {
        say("nothing was sent to Dataverse by this step; the staging database keeps what was finished");
    }
    status
}

/// The table at the end of a run, what is open, which files to look at, and what to type next.
pub fn summary(summary: &Summary, next: &[String]) {
    text(lines(summary, next).join("\n"));
}

fn lines(summary: &Summary, next: &[String]) -> Vec<String> {
    const HEADER: [(&str, Align); 11] = [
        ("table", Align::Left),
        ("mode", Align::Left),
        ("staged", Align::Right),
        ("arrived", Align::Right),
        ("loaded now", Align::Right),
        ("updated", Align::Right),
        ("owed", Align::Right),
        ("errors", Align::Right),
        ("requests", Align::Right),
        ("rows/s", Align::Right),
        ("time", Align::Right),
    ];
    let mut lines = Vec::new();
    if !summary.tables.is_empty() {
        let mut rows: Vec<Vec<String>> = summary
            .tables
            .iter()
            .map(|table| {
                vec![
                    table.table.clone(),
                    table.mode.clone(),
                    thousands(table.staged),
                    thousands(table.arrived),
                    thousands(table.loaded),
                    thousands(table.updated),
                    thousands(table.owed),
                    thousands(table.errors),
                    thousands(table.requests),
                    table.rows_per_second.map_or_else(|| "–".to_owned(), |rate| format!("{rate:.0}")),
                    duration(table.seconds),
                ]
            })
            .collect();
        let sum = |of: fn(&migration::TableSummary) -> u64| thousands(summary.tables.iter().map(of).sum());
        rows.push(vec![
            "all".to_owned(),
            String::new(),
            sum(|table| table.staged),
            sum(|table| table.arrived),
            sum(|table| table.loaded),
            sum(|table| table.updated),
            sum(|table| table.owed),
            sum(|table| table.errors),
            sum(|table| table.requests),
            String::new(),
            duration(summary.steps.iter().map(|step| step.seconds).sum()),
        ]);
        lines.push(format!("\n{}", set(&HEADER, &rows)));
    }
    if summary.open.is_empty() {
        lines.push("Every row is accounted for; nothing is owed.".to_owned());
    } else {
        lines.push("Open:".to_owned());
        lines.extend(summary.open.iter().map(|line| format!("  {line}")));
    }
    if !summary.files.is_empty() {
        lines.push("\nFiles to open:".to_owned());
        for file in &summary.files {
            lines.push(format!("  {}  {}", file.path.display(), file.about));
        }
    }
    if !next.is_empty() {
        lines.push("\nNext:".to_owned());
        lines.extend(next.iter().map(|line| format!("  {line}")));
    }
    lines
}
