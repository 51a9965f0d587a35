//! The binaries proved by scripts that share no code with them (`tests/*.py`, Python's standard library only).
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a proof stops at the first surprise, and says what it skips"
)]

mod emulator;
mod script;

use std::path::Path;

use emulator::EmulatorProcess;
use script::{Outcome, python};

fn migrate(project: &Path) -> Outcome {
    script::run(env!("CARGO_BIN_EXE_dv-migrate"), &["run", "--project", &project.display().to_string()])
}

/// Loads a project of `fixtures/projects` and lets the independent check compare every row and column.
fn arrives(name: &str) {
    let Some(python) = python() else { return };
    let emulator = EmulatorProcess::start();
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join(name);
    let assembled = script::run(
        &python,
        &["tests/project_folder.py", name, &project.display().to_string(), "--url", &emulator.url],
    );
    assert_eq!(assembled.code, 0, "{assembled}");
    let loaded = migrate(&project);
    assert_eq!(loaded.code, 0, "{loaded}");
    let checked =
        script::run(&python, &["tests/independent_check.py", "--url", &emulator.url, "--project", name]);
    assert_eq!(checked.code, 0, "{checked}");
}

#[test]
fn the_salesforce_export_arrives_as_an_independent_check_computes_it() {
    arrives("sf-workshop");
}

#[test]
fn households_and_their_members_arrive_pointing_at_each_other() {
    arrives("npsp");
}

#[test]
fn employees_arrive_reporting_to_employees() {
    arrives("northwind");
}

#[test]
fn every_spoiled_row_is_reported_and_only_those() {
    let Some(python) = python() else { return };
    let emulator = EmulatorProcess::start();
    let folder = tempfile::tempdir().unwrap();
    let (spoiled, project) = (folder.path().join("spoiled"), folder.path().join("project"));
    let text = |path: &Path| path.display().to_string();
    let made = script::run(&python, &["tests/spoiled/make_spoiled.py", &text(&spoiled)]);
    assert_eq!(made.code, 0, "{made}");
    let assembled = script::run(
        &python,
        &["tests/project_folder.py", "sf-workshop", &text(&project), "--url", &emulator.url],
    );
    assert_eq!(assembled.code, 0, "{assembled}");
    for file in std::fs::read_dir(&spoiled).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "csv") {
            std::fs::copy(&file, project.join("source").join(file.file_name().unwrap())).unwrap();
        }
    }
    let loaded = migrate(&project);
    assert_eq!(loaded.code, 1, "bad rows are in error, good rows are loaded: {loaded}");
    let checked = script::run(
        &python,
        &[
            "tests/spoiled/check_findings.py",
            "--staging",
            &text(&project.join("staging.db")),
            "--expected",
            &text(&spoiled.join("expected-findings.json")),
            "--url",
            &emulator.url,
        ],
    );
    assert_eq!(checked.code, 0, "{checked}");
}

/// `DV_KILLS_PER_STEP` and `DV_KILLS_SEED` ask for more of them, or others.
#[test]
fn killed_in_every_step_and_run_again_the_journey_ends_as_if_nothing_had_happened() {
    let Some(python) = python() else { return };
    let binaries = EmulatorProcess::binary().parent().unwrap().display().to_string();
    let asked = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let (per_step, seed) = (asked("DV_KILLS_PER_STEP", "3"), asked("DV_KILLS_SEED", "1"));
    let killed = script::run(
        &python,
        &["tests/kills.py", "--per-step", &per_step, "--seed", &seed, "--jobs", "2", "--bin", &binaries],
    );
    assert_eq!(killed.code, 0, "{killed}");
}

#[test]
fn the_checks_can_fail() {
    let Some(python) = python() else { return };
    let tested = script::run(&python, &["tests/test_checks.py"]);
    assert_eq!(tested.code, 0, "{tested}");
}
