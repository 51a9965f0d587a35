//! A small project in a folder of its own, and an emulated organisation to run it against.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output};
use std::time::Duration;

use assert_cmd::Command;
use dataverse_emulator::{Emulator, FaultPlan, Options, Settings};
use staging_store::contract::{ScratchStaging, TEST_SERVER};
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
quiet_time = "300ms"
attempts = 2
[[map]]
table = "account"
source = "Account"
key = "Id"
[map.columns]
name = "Name"
industrycode = "Industry"
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

const ACCOUNTS: &str = "Id,Name,Industry,Parent,Contact\n\
    A1,Alpha,Accounting,,C1\n\
    A2,Beta,Consulting,A1,C2\n\
    A3,Gamma,,A2,\n";
const CONTACTS: &str = "Id,Name,Account\nC1,Anna,A1\nC2,Bo,A2\nC3,Cleo,A1\n";

/// An organisation that serves until it is dropped.
pub(crate) struct Organisation {
    // The emulator lives on this runtime.
    _runtime: Runtime,
    emulator: Emulator,
}

impl Organisation {
    pub(crate) fn start(seed: u64) -> Self {
        let runtime = Runtime::new().unwrap();
        // `DATAVERSE_EMULATOR_SETTINGS=flipped` turns every fact that no document confirms the other way.
        let is_flipped =
            std::env::var_os("DATAVERSE_EMULATOR_SETTINGS").is_some_and(|value| value == "flipped");
        let settings = if is_flipped { Settings::flipped() } else { Settings::default() };
        let options = Options { seed, settings, ..Options::default() };
        let emulator = runtime.block_on(Emulator::start(options)).unwrap();
        Self { _runtime: runtime, emulator }
    }

    pub(crate) fn url(&self) -> String {
        self.emulator.url()
    }

    pub(crate) fn rows(&self, table: &str) -> u64 {
        self.emulator.stats().rows.get(table).copied().unwrap_or(0)
    }

    /// Gives a table a text column of its own, in the place of one of that name.
    pub(crate) fn set_text_column(&self, table: &str, name: &str, max_length: u32) {
        let columns = format!("/api/data/v9.2/EntityDefinitions(LogicalName='{table}')/Attributes");
        // The first time, there is none to delete.
        self.request("DELETE", &format!("{columns}(LogicalName='{name}')"), "");
        let column = serde_json::json!({
            "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata",
            "SchemaName": name,
            "MaxLength": max_length,
        });
        let answer = self.request("POST", &columns, &column.to_string());
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }

    fn request(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.emulator.address()).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer test\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub(crate) fn set_faults(&self, plan: FaultPlan) {
        self.emulator.set_faults(plan);
    }
}

/// A project folder, and a staging database on the engine that the environment asks for.
pub(crate) struct Rehearsal {
    staging: ScratchStaging,
}

impl Rehearsal {
    pub(crate) fn new() -> Self {
        let rehearsal = Self { staging: wait_for(ScratchStaging::new()).unwrap() };
        rehearsal.write("migration.toml", PROJECT);
        rehearsal.write("source/Account.csv", ACCOUNTS);
        rehearsal.write("source/Contact.csv", CONTACTS);
        rehearsal
    }

    pub(crate) fn path(&self) -> &Path {
        self.staging.folder()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.file(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// All that is in the staging database, if there is one.
    pub(crate) fn staging(&self) -> Option<Vec<u8>> {
        wait_for(self.staging.content()).unwrap()
    }

    /// The staging database is gone.
    pub(crate) fn lose_staging(&mut self) {
        wait_for(self.staging.lose()).unwrap();
    }

    /// What a process needs to find the staging database of a server: the one setting by which a project moves to it, and
    /// how to connect.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let connection = self.staging.connection();
        connection
            .into_iter()
            .flat_map(|text| [("DV__STAGING__ENGINE", "sqlserver"), ("DV_STAGING_CONNECTION", text)])
    }

    /// `dv-migrate` with these arguments on this project and organisation.
    pub(crate) fn command(&self, url: &str, arguments: &[&str]) -> Command {
        let mut command = dv_migrate();
        command.args(arguments).arg("--project").arg(self.path()).arg("--url").arg(url);
        command.envs(self.environment());
        command
    }

    /// The same for a process that the test starts and stops by itself.
    pub(crate) fn process(&self, url: &str, arguments: &[&str]) -> Process {
        let mut process = Process::new(env!("CARGO_BIN_EXE_dv-migrate"));
        process
            .args(arguments)
            .arg("--project")
            .arg(self.path())
            .args(["--url", url])
            .envs(self.environment());
        process
    }

    pub(crate) fn run(&self, url: &str, arguments: &[&str]) -> Finished {
        Finished::of(&self.command(url, arguments).output().unwrap())
    }
}

fn wait_for<T>(work: impl Future<Output = T>) -> T {
    Runtime::new().unwrap().block_on(work)
}

/// Whether the environment asks for a server.
pub(crate) fn is_on_a_server() -> bool {
    std::env::var_os(TEST_SERVER).is_some()
}

/// Says loudly that a test of a file has nothing to do where a server keeps the staging database.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
pub(crate) fn is_without_a_file() -> bool {
    if is_on_a_server() {
        eprintln!("skipped: this is about a file of SQLite, and {TEST_SERVER} is set");
    }
    is_on_a_server()
}

/// The program, without what the environment of the test would add.
pub(crate) fn dv_migrate() -> Command {
    let mut command = Command::cargo_bin("dv-migrate").unwrap();
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DV_")) {
        command.env_remove(name);
    }
    // Babelfish thinks for seconds when a session brings a long statement for the first time.
    let patience = if is_on_a_server() { Duration::from_mins(10) } else { Duration::from_mins(2) };
    command.env_remove("RUST_LOG").timeout(patience);
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
