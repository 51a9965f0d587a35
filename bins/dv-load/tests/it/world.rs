//! A prepared project in a folder of its own, and an emulated organisation to load it into.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Output, Stdio};
use std::time::Duration;

use assert_cmd::Command;
use dataverse_emulator::{Emulator, FaultKind, FaultPlan, FaultRule, Options};
use migration::{Error, Overrides, Project, RunOptions, Step, Steps, Summary};
use staging_schema::Value;
use staging_store::contract::{ScratchStaging, TEST_SERVER};
use staging_store::{Existing, Store, StoreOptions};
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
        self.run_by(project, project.connection(), steps).unwrap()
    }

    /// Steps with this connection string, where a server keeps the staging database.
    pub(crate) fn run_by(
        &self,
        project: &Rehearsal,
        connection: Option<&str>,
        steps: Steps,
    ) -> Result<Summary, Error> {
        // Nothing here is about answers that come late, as they do on a busy machine.
        let patient = [("lease", "5m"), ("request_timeout", "1m"), ("quiet_time", "2m")]
            .map(|(name, time)| (format!("load.{name}"), time.to_owned()));
        let mut flags = vec![("target.url".to_owned(), self.url())];
        flags.extend(patient);
        let overrides = Overrides { flags, ..Overrides::default() };
        let mut opened = Project::open(project.path(), &overrides).unwrap();
        if let Some(connection) = connection {
            opened = opened.with_staging_connection(connection);
        }
        let options = RunOptions { steps, ..RunOptions::default() };
        self.runtime.block_on(migration::run(&opened, options))
    }
}

/// A project folder, and a staging database on the engine that the environment asks for.
pub(crate) struct Rehearsal {
    staging: ScratchStaging,
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
        let staging = Runtime::new().unwrap().block_on(ScratchStaging::new()).unwrap();
        let rehearsal = Self { staging };
        rehearsal.write("migration.toml", project);
        rehearsal.write("source/Account.csv", accounts);
        rehearsal.write("source/Contact.csv", contacts);
        rehearsal
    }

    pub(crate) fn path(&self) -> &Path {
        self.staging.folder()
    }

    /// The connection string, where a server keeps the staging database.
    pub(crate) fn connection(&self) -> Option<&str> {
        self.staging.connection()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.file(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        if name == "migration.toml" && self.connection().is_some() {
            // Babelfish thinks for seconds when a session brings a long statement for the first time.
            let text = text
                .replace("\nlease = \"2s\"", "\nlease = \"20s\"")
                .replace("\nlease = \"8s\"", "\nlease = \"20s\"");
            // The one line by which a project moves from one engine to the other.
            fs::write(path, format!("{text}\n[staging]\nengine = \"sqlserver\"\n")).unwrap();
        }
    }

    /// All that is in the staging database: its file, or every row of every table.
    pub(crate) fn staging(&self) -> Vec<u8> {
        if self.connection().is_none() {
            return fs::read(self.file("staging.db")).unwrap();
        }
        let tables = "SELECT TABLE_SCHEMA, TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_TYPE = 'BASE TABLE' \
                      AND TABLE_SCHEMA IN ('source', 'target', 'migration') ORDER BY TABLE_SCHEMA, TABLE_NAME";
        let mut all = String::new();
        for table in self.query(tables) {
            let mut rows: Vec<_> = self
                .query(&format!("SELECT * FROM [{}].[{}]", table[0], table[1]))
                .iter()
                .map(|cells| cells.join("|"))
                .collect();
            rows.sort_unstable();
            all.extend([&table.join("."), ":\n", &rows.join("\n"), "\n"]);
        }
        all.into_bytes()
    }

    /// The rows of a query of the staging database, as text; NULL is empty. Tables are named as in SQLite.
    pub(crate) fn query(&self, sql: &str) -> Vec<Vec<String>> {
        let read = ScratchStaging::statement(sql);
        let rows = self.with_store(Existing::ReadOnly, async |store| store.query(&read).await.unwrap());
        let text = |value: Value| match value {
            Value::Text(text) => text,
            Value::Integer(number) => number.to_string(),
            Value::Real(number) => number.to_string(),
            Value::Null | Value::Blob(_) => String::new(),
        };
        rows.into_iter().map(|row| row.into_values().into_iter().map(text).collect()).collect()
    }

    /// Something done with the open staging database.
    fn with_store<T>(&self, existing: Existing, work: impl AsyncFnOnce(&Store) -> T) -> T {
        Runtime::new().unwrap().block_on(async {
            let options = StoreOptions { existing, ..self.staging.options() };
            let store = Store::open(options).await.unwrap();
            let done = work(&store).await;
            store.close().await.unwrap();
            done
        })
    }

    /// `dv-load` on this project and organisation.
    pub(crate) fn command(&self, organisation: &Organisation) -> Command {
        let mut command = dv_load();
        command.arg("--project").arg(self.path()).args(["--url", &organisation.url()]);
        command.envs(self.environment());
        command
    }

    /// The same with these arguments, to its end.
    pub(crate) fn load(&self, organisation: &Organisation, arguments: &[&str]) -> Finished {
        Finished::of(&self.command(organisation).args(arguments).output().unwrap())
    }

    /// What a process needs to find the staging database.
    fn environment(&self) -> Option<(&'static str, &str)> {
        Some(("DV_STAGING_CONNECTION", self.connection()?))
    }

    /// The same in the background, with its events; what else it says on standard error is a text.
    pub(crate) fn start(
        &self,
        organisation: &Organisation,
        arguments: &[&str],
    ) -> (Child, impl Iterator<Item = serde_json::Value> + use<>) {
        let mut child = Process::new(env!("CARGO_BIN_EXE_dv-load"))
            .args(["--events", "--url", &organisation.url(), "--project"])
            .arg(self.path())
            .args(arguments)
            .envs(self.environment())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let event = |line: String| serde_json::from_str(&line).unwrap_or(serde_json::Value::String(line));
        let events = lines.map_while(Result::ok).map(event);
        (child, events)
    }
}

/// Says loudly that a test has nothing to do on this engine.
pub(crate) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// Whether the environment asks for a server; says so loudly when not.
pub(crate) fn is_on_a_server() -> bool {
    let is_set = std::env::var_os(TEST_SERVER).is_some();
    if !is_set {
        skipped(&format!("{TEST_SERVER} is not set"));
    }
    is_set
}

/// The program, without what the environment of the test would add.
pub(crate) fn dv_load() -> Command {
    let mut command = Command::cargo_bin("dv-load").unwrap();
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DV_")) {
        command.env_remove(name);
    }
    // Babelfish reads every statement of a new session for the first time.
    let minutes = if std::env::var_os(TEST_SERVER).is_some() { 15 } else { 2 };
    command.env_remove("RUST_LOG").timeout(Duration::from_mins(minutes));
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
