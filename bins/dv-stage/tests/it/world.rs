//! A project in a folder of its own, and an emulated organisation.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output};
use std::sync::{Arc, Mutex};

use assert_cmd::Command;
use dataverse_emulator::{Emulator, Options};
use migration::{Error, Event, ExitStatus, Overrides, Project, RunOptions, Status, Step, Steps};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const PROJECT: &str = r#"
[project]
name = "kept"
[target]
url = "http://127.0.0.1:1"
auth = "static-token"
[owners]
fallback = { table = "systemuser", id = "me" }
[[map]]
table = "account"
source = "Account"
key = "Id"
[map.columns]
name = "Name"
industrycode = { from = "Industry" }
revenue = { from = "Revenue", decimal = "," }
[[map]]
table = "contact"
source = "Contact"
key = "Id"
masked = ["emailaddress1"]
[map.columns]
lastname = "Name"
parentcustomerid = { lookup = "Account", to = "account" }
emailaddress1 = { from = "Email" }
"#;

pub(crate) struct World {
    runtime: Runtime,
    emulator: Emulator,
    folder: TempDir,
}

impl World {
    /// Two accounts and a contact that belongs to one of them.
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let emulator = runtime.block_on(Emulator::start(Options::default())).unwrap();
        let world = Self { runtime, emulator, folder: TempDir::new().unwrap() };
        fs::create_dir(world.file("source")).unwrap();
        fs::write(world.file("migration.toml"), PROJECT).unwrap();
        fs::write(
            world.file("source/Account.csv"),
            "Id,Name,Industry,Revenue\nA1,Alpha,Consulting,\"99.999.999.999,0001\"\nA2,Beta,,\"0,9999\"\n",
        )
        .unwrap();
        fs::write(world.file("source/Contact.csv"), "Id,Name,Account,Email\nC1,Anna,A1,anna@example.com\n")
            .unwrap();
        world
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn rows(&self, table: &str) -> u64 {
        self.emulator.stats().rows.get(table).copied().unwrap_or(0)
    }

    fn project(&self) -> Project {
        let overrides =
            Overrides { flags: vec![("target.url".to_owned(), self.emulator.url())], ..Overrides::default() };
        Project::open(self.folder.path(), &overrides).unwrap()
    }

    /// Does the steps up to this one; gives what people should read.
    pub(crate) fn run(&self, until: Step) -> Vec<String> {
        let project = self.project();
        let said = Arc::new(Mutex::new(Vec::new()));
        let notices = Arc::clone(&said);
        let observer = move |event: &Event| {
            if let Event::Notice { message, .. } = event {
                notices.lock().unwrap().push(message.clone());
            }
        };
        let options =
            RunOptions { steps: Steps::until(until), observer: Arc::new(observer), ..RunOptions::default() };
        let summary = self.runtime.block_on(migration::run(&project, options)).unwrap();
        assert!(until != Step::Verify || summary.open.is_empty(), "{:?}", summary.open);
        std::mem::take(&mut *said.lock().unwrap())
    }

    /// Replaces something in the project file.
    pub(crate) fn edit(&self, old: &str, new: &str) {
        let path = self.file("migration.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{text}");
        fs::write(&path, text.replace(old, new)).unwrap();
    }

    /// A run that is refused before anything is written, because of this.
    pub(crate) fn run_fails(&self, until: Step, why: &str) {
        let options = RunOptions { steps: Steps::until(until), ..RunOptions::default() };
        let error = self.runtime.block_on(migration::run(&self.project(), options)).unwrap_err();
        assert!(error.with_causes().contains(why), "{}", error.with_causes());
        assert_eq!(error.exit_status(), ExitStatus::Input);
    }

    /// What `dv-migrate status` reads.
    pub(crate) fn status(&self) -> Result<Status, Error> {
        self.runtime.block_on(migration::status(&self.project()))
    }

    /// `dv-stage` with these arguments on this project; its standard output and standard error.
    pub(crate) fn stage(&self, arguments: &[&str], code: i32) -> (String, String) {
        let mut command = Command::cargo_bin("dv-stage").unwrap();
        let output = command.args(arguments).arg("--project").arg(self.folder.path()).output().unwrap();
        let (out, error) = texts(&output);
        assert_eq!(output.status.code(), Some(code), "{out}\n{error}");
        (out, error)
    }

    /// What Python's own SQLite makes of a script, and what it then answers to a query: a line per row.
    pub(crate) fn sqlite(&self, database: &Path, script: &str, query: &str) -> Vec<String> {
        const PROGRAM: &str = "import sqlite3, sys\n\
            db = sqlite3.connect(sys.argv[1])\n\
            db.executescript(open(sys.argv[2]).read())\n\
            for row in db.execute(sys.argv[3]): print('|'.join('' if cell is None else str(cell) for cell in row))\n";
        let file = self.file("script.sql");
        fs::write(&file, script).unwrap();
        let output = Process::new("python3")
            .arg("-c")
            .arg(PROGRAM)
            .arg(database)
            .arg(&file)
            .arg(query)
            .output()
            .unwrap();
        let (out, error) = texts(&output);
        assert!(output.status.success(), "{error}");
        out.lines().map(str::to_owned).collect()
    }
}

fn texts(output: &Output) -> (String, String) {
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}
