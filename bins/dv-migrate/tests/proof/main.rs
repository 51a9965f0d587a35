//! The binaries proved by scripts that share no code with them (`tests/*.py`, Python's standard library only).
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a proof stops at the first surprise, and says what it skips"
)]

mod emulator;
mod engines;
mod script;

use std::fs;
use std::path::{Path, PathBuf};

use emulator::EmulatorProcess;
use script::{Outcome, python};
use staging_store::contract::{ScratchStaging, TEST_SERVER};
use staging_store::{Error, Existing, Store, StoreOptions};
use tokio::runtime::Runtime;

/// A project of `fixtures/projects` in a folder of its own, staged on the engine that the environment asks for.
struct Journey {
    staging: ScratchStaging,
}

impl Journey {
    fn new(name: &str, python: &str, url: &str) -> Self {
        let journey = Self { staging: wait_for(ScratchStaging::new()).unwrap() };
        let project = text(&journey.project());
        let assembled = script::run(python, &["tests/project_folder.py", name, &project, "--url", url]);
        assert_eq!(assembled.code, 0, "{assembled}");
        journey
    }

    fn project(&self) -> PathBuf {
        self.staging.folder().join("project")
    }

    fn migrate(&self) -> Outcome {
        let on_server = self.staging.connection().map_or_else(Vec::new, |connection| {
            vec![("DV__STAGING__ENGINE", "sqlserver"), ("DV_STAGING_CONNECTION", connection)]
        });
        let arguments = ["run", "--project", &text(&self.project())];
        script::run_with(env!("CARGO_BIN_EXE_dv-migrate"), &arguments, on_server)
    }

    /// What a script reads to know the errors: the file, or what a server holds of them.
    fn errors(&self) -> PathBuf {
        if self.staging.connection().is_none() {
            return self.project().join("staging.db");
        }
        let file = self.staging.folder().join("errors.json");
        fs::write(&file, wait_for(errors(self.staging.options())).unwrap()).unwrap();
        file
    }
}

/// Table, source table, key, column, rule and pass of every open error, as JSON.
async fn errors(options: StoreOptions) -> Result<String, Error> {
    let store = Store::open(StoreOptions { existing: Existing::ReadOnly, ..options }).await?;
    let names = "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'target' AND TABLE_TYPE = 'BASE TABLE' \
                 AND TABLE_NAME LIKE '%[_]Error' ORDER BY TABLE_NAME";
    let mut found = Vec::new();
    for name in store.query(&ScratchStaging::statement(names)).await? {
        let Some(table) = name.text(0)?.strip_suffix("_Error") else { continue };
        let rows = format!(
            "SELECT r.DataMigration_SourceTable, r.DataMigration_SourceKey, e.ColumnName, e.RuleName, e.Pass FROM target.[{table}_Error] e \
             LEFT JOIN target.[{table}] r ON r.DataMigration_RowId = e.RowId WHERE e.Retried = 0"
        );
        for row in store.query(&ScratchStaging::statement(&rows)).await? {
            let cells = row.values().iter().map(|cell| cell.as_text().map(str::to_owned));
            found.push(std::iter::once(Some(table.to_owned())).chain(cells).collect::<Vec<_>>());
        }
    }
    store.close().await?;
    Ok(serde_json::json!(found).to_string())
}

fn wait_for<T>(work: impl Future<Output = T>) -> T {
    Runtime::new().unwrap().block_on(work)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Loads a project of `fixtures/projects` and lets the independent check compare every row and column.
fn arrives(name: &str) {
    let Some(python) = python() else { return };
    let emulator = EmulatorProcess::start();
    let loaded = Journey::new(name, &python, &emulator.url).migrate();
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
    let spoiled = folder.path().join("spoiled");
    let made = script::run(&python, &["tests/spoiled/make_spoiled.py", &text(&spoiled)]);
    assert_eq!(made.code, 0, "{made}");
    let journey = Journey::new("sf-workshop", &python, &emulator.url);
    for file in fs::read_dir(&spoiled).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "csv") {
            fs::copy(&file, journey.project().join("source").join(file.file_name().unwrap())).unwrap();
        }
    }
    let loaded = journey.migrate();
    assert_eq!(loaded.code, 1, "bad rows are in error, good rows are loaded: {loaded}");
    let checked = script::run(
        &python,
        &[
            "tests/spoiled/check_findings.py",
            "--staging",
            &text(&journey.errors()),
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
    // A journey takes a server's minutes where a file takes seconds.
    let is_on_a_server = std::env::var_os(TEST_SERVER).is_some();
    let usual = if is_on_a_server { "1" } else { "3" };
    let (per_step, seed) = (asked("DV_KILLS_PER_STEP", usual), asked("DV_KILLS_SEED", "1"));
    let projects = if is_on_a_server { 1 + 7 * per_step.parse::<usize>().unwrap() } else { 0 };
    let places: Vec<_> = (0..projects).map(|_| wait_for(ScratchStaging::new()).unwrap()).collect();
    let databases: Vec<_> = places.iter().filter_map(ScratchStaging::connection).collect();
    let killed = script::run_with(
        &python,
        &["tests/kills.py", "--per-step", &per_step, "--seed", &seed, "--jobs", "2", "--bin", &binaries],
        [("DV_KILLS_DATABASES", databases.join("\n"))],
    );
    assert_eq!(killed.code, 0, "{killed}");
}

#[test]
fn the_checks_can_fail() {
    let Some(python) = python() else { return };
    let tested = script::run(&python, &["tests/test_checks.py"]);
    assert_eq!(tested.code, 0, "{tested}");
}
