//! The journeys of the projects with either engine for staging: the same content in Dataverse, also of rows at the edges of what
//! databases tell apart (`tests/edges.py`). With `STAGING_TEST_MSSQL` from both; without it from SQLite alone, which is said.

use std::path::{Path, PathBuf};

use staging_store::contract::{ScratchDatabase, TEST_SERVER};
use tokio::runtime::Runtime;

use crate::emulator::EmulatorProcess;
use crate::script::{self, python};

/// A project with its export and the rows at the edges.
struct Journey<'a> {
    python: &'a str,
    name: &'a str,
    folder: PathBuf,
}

impl Journey<'_> {
    fn of<'a>(python: &'a str, name: &'a str, folder: &Path) -> Journey<'a> {
        let journey = Journey { python, name, folder: folder.to_owned() };
        let (source, metadata) = (journey.path("source"), journey.path("tables.json"));
        journey.succeeds(&["tests/edges.py", name, &source, "--metadata", &metadata]);
        journey
    }

    fn path(&self, file: &str) -> String {
        self.folder.join(file).display().to_string()
    }

    #[track_caller]
    fn succeeds(&self, arguments: &[&str]) {
        let done = script::run(self.python, arguments);
        assert_eq!(done.code, 0, "{done}");
    }

    /// From the export into an organisation of its own, which an independent check then compares with the export.
    fn arrives(&self, engine: &str, connection: Option<&str>) -> EmulatorProcess {
        let emulator = EmulatorProcess::with_tables(&self.path("tables.json"));
        let (project, source) = (self.path(engine), self.path("source"));
        let assemble = ["tests/project_folder.py", self.name, &project, "--url", &emulator.url];
        self.succeeds(&[&assemble[..], &["--source", &source, "--engine", engine]].concat());
        let staging = connection.map(|connection| ("DV_STAGING_CONNECTION", connection));
        let run = ["run", "--project", &project];
        let loaded = script::run_with(env!("CARGO_BIN_EXE_dv-migrate"), &run, staging);
        assert_eq!(loaded.code, 0, "{engine}: {loaded}");
        let check = ["tests/independent_check.py", "--url", &emulator.url, "--project", self.name];
        self.succeeds(&[&check[..], &["--source", &source]].concat());
        emulator
    }
}

fn the_same_from_both(name: &str) {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let journey = Journey::of(&python, name, folder.path());
    let from_a_file = journey.arrives("sqlite", None);
    let server = Runtime::new().unwrap().block_on(ScratchDatabase::from_environment()).unwrap();
    let Some(database) = server else {
        println!("skipped: {TEST_SERVER} is not set, so {name} arrived from SQLite alone");
        return;
    };
    let from_a_server = journey.arrives("sqlserver", Some(database.connection()));
    journey.succeeds(&["tests/snapshot.py", &from_a_file.url, &from_a_server.url]);
}

#[test]
fn the_salesforce_export_arrives_the_same_from_both_engines() {
    the_same_from_both("sf-workshop");
}

#[test]
fn households_and_money_of_nineteen_digits_arrive_the_same_from_both_engines() {
    the_same_from_both("npsp");
}

#[test]
fn employees_arrive_the_same_from_both_engines() {
    the_same_from_both("northwind");
}
