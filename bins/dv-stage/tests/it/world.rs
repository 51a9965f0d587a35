//! A project in a folder of its own, and an emulated organisation.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output};
use std::sync::{Arc, Mutex};

use assert_cmd::Command;
use dataverse_emulator::{Emulator, Options};
use migration::{Error, Event, ExitStatus, Overrides, Project, RunOptions, Status, Step, Steps};
use staging_store::contract::ScratchStaging;
use staging_store::{Existing, LockMode, SessionLock, Store, StoreOptions};
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
    staging: ScratchStaging,
    key: Option<&'static str>,
}

/// The variable that the project names for the key of its file.
const KEY_VARIABLE: &str = "DV_TEST_KEY";

impl World {
    /// Two accounts and a contact that belongs to one of them; staged on the engine that the environment asks for.
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let emulator = runtime.block_on(Emulator::start(Options::default())).unwrap();
        let staging = runtime.block_on(ScratchStaging::new()).unwrap();
        let world = Self { runtime, emulator, staging, key: None };
        fs::create_dir(world.file("source")).unwrap();
        let engine = world.connection().map_or("", |_| "[staging]\nengine = \"sqlserver\"\n");
        fs::write(world.file("migration.toml"), format!("{PROJECT}{engine}")).unwrap();
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
        self.staging.folder().join(name)
    }

    /// Has the project say that its file is encrypted; this is the key from now on, none where it is not set.
    pub(crate) fn encrypt_by(&mut self, key: Option<&'static str>) {
        let text = fs::read_to_string(self.file("migration.toml")).unwrap();
        if !text.contains(KEY_VARIABLE) {
            self.edit("[owners]", &format!("[staging]\nkey_variable = \"{KEY_VARIABLE}\"\n[owners]"));
        }
        self.key = key;
    }

    /// The connection string, where a server keeps the staging database.
    pub(crate) fn connection(&self) -> Option<&str> {
        self.staging.connection()
    }

    /// Whether a test is about files of SQLite and has nothing to do here; says so loudly.
    pub(crate) fn is_on_a_server(&self) -> bool {
        let is_on_a_server = self.connection().is_some();
        if is_on_a_server {
            eprintln!("skipped: this is about a file of SQLite, and STAGING_TEST_MSSQL is set");
        }
        is_on_a_server
    }

    /// Something done while another process loads, as far as the staging database can tell.
    pub(crate) fn while_a_run_is_at_work(&self, work: impl FnOnce()) {
        if self.connection().is_none() {
            let lock = File::options().create(true).append(true).open(self.file("staging.db.lock")).unwrap();
            lock.lock_shared().unwrap();
            return work();
        }
        let options = self.staging.options();
        let lock = SessionLock::take(&options, "dataverse-migration-run", LockMode::Shared);
        let _held = self.runtime.block_on(lock).unwrap().expect("nobody else is at work");
        work();
    }

    /// Whether anything is staged.
    pub(crate) fn is_staged(&self) -> bool {
        let options = StoreOptions { existing: Existing::ReadOnly, ..self.staging.options() };
        self.runtime.block_on(async {
            match Store::open(options).await {
                Ok(store) => store.close().await.map(|()| true).unwrap(),
                Err(staging_store::Error::Missing { .. }) => false,
                Err(error) => panic!("{error}"),
            }
        })
    }

    pub(crate) fn rows(&self, table: &str) -> u64 {
        self.emulator.stats().rows.get(table).copied().unwrap_or(0)
    }

    fn project(&self) -> Project {
        let overrides =
            Overrides { flags: vec![("target.url".to_owned(), self.emulator.url())], ..Overrides::default() };
        let project = Project::open(self.staging.folder(), &overrides).unwrap();
        match (self.connection(), self.key) {
            (Some(connection), _) => project.with_staging_connection(connection),
            (None, Some(key)) => project.with_staging_key(key),
            (None, None) => project,
        }
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
        command.args(arguments).arg("--project").arg(self.staging.folder());
        command.env_remove("DV_STAGING_CONNECTION");
        if let Some(connection) = self.connection() {
            command.env("DV_STAGING_CONNECTION", connection);
        }
        command.env_remove(KEY_VARIABLE);
        if let Some(key) = self.key {
            command.env(KEY_VARIABLE, key);
        }
        let output = command.output().unwrap();
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
