//! A prepared project in a folder of its own, and an emulated organisation to load it into.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Output, Stdio};
use std::time::Duration;

use assert_cmd::Command;
use dataverse_emulator::{Emulator, FaultKind, FaultPlan, FaultRule, Options};
use migration::{Overrides, Project, RunOptions, Step, Steps, Summary};
use staging_schema::{Statement, Value};
use staging_store::{Existing, Store, StoreOptions};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) const PROJECT: &str = r#"
[project]
name = "rehearsal"
[target]
url = "http://127.0.0.1:1"
auth = "static-token"
[owners]
fallback = { table = "systemuser", id = "me" }
[load]
batch = 10
chunk = 50
lease = "2s"
request_timeout = "1s"
quiet_time = "1100ms"
grace = "500ms"
attempts = 2
[[map]]
table = "account"
source = "Account"
key = "Id"
[map.columns]
name = "Name"
parentaccountid = { lookup = "Parent", to = "account" }
primarycontactid = { lookup = "Contact", to = "contact" }
[[map]]
table = "contact"
source = "Contact"
key = "Id"
[map.columns]
lastname = "Name"
parentcustomerid = { lookup = "Account", to = "account" }
"#;

/// An organisation that serves until it is dropped, and the runtime on which tests do what they need to wait for.
pub(crate) struct Organisation {
    runtime: Runtime,
    emulator: Emulator,
}

impl Organisation {
    pub(crate) fn start() -> Self {
        Self::with(Options { seed: 1, users: 3, ..Options::default() })
    }

    pub(crate) fn with(options: Options) -> Self {
        let runtime = Runtime::new().unwrap();
        let emulator = runtime.block_on(Emulator::start(options)).unwrap();
        Self { runtime, emulator }
    }

    pub(crate) fn url(&self) -> String {
        self.emulator.url()
    }

    pub(crate) fn rows(&self, table: &str) -> u64 {
        self.emulator.stats().rows.get(table).copied().unwrap_or(0)
    }

    /// The body of the answer to a GET, below the root of the Web API.
    pub(crate) fn get(&self, path: &str) -> String {
        let answer = self.request("GET", path, "");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// The whole answer to a request, below the root of the Web API.
    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.emulator.address()).unwrap();
        let request = format!(
            "{method} /api/data/v9.2/{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer test\r\n\
             Connection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Requests that create rows take so long.
    pub(crate) fn slow(&self, wait: Duration) {
        let ms = u64::try_from(wait.as_millis()).unwrap();
        let rule = FaultRule { ms, ..FaultRule::new(FaultKind::Slow) }.on_path("*CreateMultiple");
        self.emulator.set_faults(FaultPlan::of([rule]));
    }

    pub(crate) fn set_faults(&self, plan: FaultPlan) {
        self.emulator.set_faults(plan);
    }

    /// Prepares a project up to the load.
    pub(crate) fn prepare(&self, project: &Rehearsal) {
        self.run(project, Steps::until(Step::Sequence));
    }

    /// What the verification finds open.
    pub(crate) fn verify(&self, project: &Rehearsal) -> Vec<String> {
        self.run(project, Steps::only(Step::Verify)).open
    }

    fn run(&self, project: &Rehearsal, steps: Steps) -> Summary {
        let overrides =
            Overrides { flags: vec![("target.url".to_owned(), self.url())], ..Overrides::default() };
        let opened = Project::open(project.path(), &overrides).unwrap();
        let options = RunOptions { steps, ..RunOptions::default() };
        self.runtime.block_on(migration::run(&opened, options)).unwrap()
    }
}

/// A project folder.
pub(crate) struct Rehearsal {
    folder: TempDir,
}

impl Rehearsal {
    /// Three accounts in a line, three contacts.
    pub(crate) fn small() -> Self {
        Self::with(
            PROJECT,
            "Id,Name,Parent,Contact\nA1,Alpha,,C1\nA2,Beta,A1,C2\nA3,Gamma,A2,\n",
            "Id,Name,Account\nC1,Anna,A1\nC2,Bo,A2\nC3,Cleo,A1\n",
        )
    }

    /// So many accounts with a contact each.
    pub(crate) fn large(rows: usize) -> Self {
        let lines = |header: &str, line: fn(usize) -> String| {
            std::iter::once(header.to_owned()).chain((1..=rows).map(line)).collect::<Vec<_>>().join("\n")
        };
        let accounts = lines("Id,Name,Parent,Contact", |n| format!("A{n},Account {n},,C{n}"));
        let contacts = lines("Id,Name,Account", |n| format!("C{n},Contact {n},A{n}"));
        Self::with(PROJECT, &accounts, &contacts)
    }

    pub(crate) fn with(project: &str, accounts: &str, contacts: &str) -> Self {
        let rehearsal = Self { folder: TempDir::new().unwrap() };
        rehearsal.write("migration.toml", project);
        rehearsal.write("source/Account.csv", accounts);
        rehearsal.write("source/Contact.csv", contacts);
        rehearsal
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.file(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn staging(&self) -> Vec<u8> {
        fs::read(self.file("staging.db")).unwrap()
    }

    /// The rows of a query of the staging database, as text; NULL is empty.
    pub(crate) fn query(&self, sql: &str) -> Vec<Vec<String>> {
        let options =
            StoreOptions { existing: Existing::ReadOnly, ..StoreOptions::sqlite(self.file("staging.db")) };
        let read = Statement::new(|_| sql.to_owned(), Vec::new());
        let rows = Runtime::new().unwrap().block_on(async {
            let store = Store::open(options).await.unwrap();
            let rows = store.query(&read).await.unwrap();
            store.close().await.unwrap();
            rows
        });
        let text = |value: Value| match value {
            Value::Text(text) => text,
            Value::Integer(number) => number.to_string(),
            Value::Real(number) => number.to_string(),
            Value::Null | Value::Blob(_) => String::new(),
        };
        rows.into_iter().map(|row| row.into_values().into_iter().map(text).collect()).collect()
    }

    /// `dv-load` with these arguments on this project and organisation.
    pub(crate) fn load(&self, organisation: &Organisation, arguments: &[&str]) -> Finished {
        let mut command = dv_load();
        command.args(arguments).arg("--project").arg(self.path()).args(["--url", &organisation.url()]);
        Finished::of(&command.output().unwrap())
    }

    /// The same in the background, with its events.
    pub(crate) fn start(
        &self,
        organisation: &Organisation,
        arguments: &[&str],
    ) -> (Child, impl Iterator<Item = serde_json::Value> + use<>) {
        let mut child = Process::new(env!("CARGO_BIN_EXE_dv-load"))
            .args(["--events", "--url", &organisation.url(), "--project"])
            .arg(self.path())
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let events = lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok());
        (child, events)
    }
}

/// The program, without what the environment of the test would add.
pub(crate) fn dv_load() -> Command {
    let mut command = Command::cargo_bin("dv-load").unwrap();
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DV_")) {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG").timeout(Duration::from_mins(2));
    command
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).expect("one JSON object on stdout")
    }
}
