//! A project in a folder of its own, and an emulated organisation.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output};
use std::sync::{Arc, Mutex, OnceLock};

use assert_cmd::Command;
use dataverse_emulator::{Emulator, Options};
use migration::{Error, Event, ExitStatus, Overrides, Project, RunOptions, Status, Step, Steps, Summary};
use staging_schema::{Dialect, Value};
use staging_store::contract::{self, ScratchDatabase, ScratchStaging};
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
    by_hand: OnceLock<ScratchDatabase>,
}

/// A database as people reach it without us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    /// The one that the project stages in.
    Staging,
    /// Another one, in which nothing was made by a run.
    ByHand,
}

/// The variable that the project names for the key of its file.
const KEY_VARIABLE: &str = "DV_TEST_KEY";

impl World {
    /// Two accounts and a contact that belongs to one of them; staged on the engine that the environment asks for.
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let emulator = runtime.block_on(Emulator::start(Options::default())).unwrap();
        let staging = runtime.block_on(ScratchStaging::new()).unwrap();
        let world = Self { runtime, emulator, staging, key: None, by_hand: OnceLock::new() };
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

    /// The same as another login of the server.
    pub(crate) fn run_as(&self, login: &Login, steps: Steps) -> Result<Summary, Error> {
        let project = self.project().with_staging_connection(login.connection.as_str());
        self.runtime.block_on(migration::run(&project, RunOptions { steps, ..RunOptions::default() }))
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

    /// Whether the server is Babelfish, which has not all that SQL Server has.
    pub(crate) fn is_on_babelfish(&self) -> bool {
        let version = |_| self.ask(Database::Staging, "", "SELECT @@VERSION").concat();
        self.connection().map(version).is_some_and(|version| version.contains("Babelfish"))
    }

    /// The name of the engine, as `dv-stage` takes it.
    pub(crate) fn engine(&self) -> &'static str {
        self.connection().map_or("sqlite", |_| "sqlserver")
    }

    /// What stands between two parts of a script.
    pub(crate) fn between(&self) -> &'static str {
        self.connection().map_or("\n", |_| "\nGO\n")
    }

    /// A statement of a test, with tables named as in SQLite, for this engine.
    pub(crate) fn sql(&self, text: &str) -> String {
        let dialect = if self.connection().is_some() { Dialect::Mssql } else { Dialect::Sqlite };
        ScratchStaging::statement(text).text(dialect).to_owned()
    }

    /// What somebody else makes of a script, Python's own SQLite or the server, and what that then answers to a query, which names tables
    /// as in SQLite: a line per row.
    pub(crate) fn ask(&self, database: Database, script: &str, query: &str) -> Vec<String> {
        if self.connection().is_none() {
            let name = if database == Database::Staging { "staging.db" } else { "by-hand.db" };
            return self.sqlite(&self.file(name), script, query);
        }
        let options = &self.database(database).options;
        self.ask_server(options, script, query).unwrap_or_else(|complaint| panic!("{complaint}"))
    }

    fn ask_server(&self, options: &StoreOptions, script: &str, query: &str) -> Result<Vec<String>, String> {
        let read = ScratchStaging::statement(query);
        let rows = self.runtime.block_on(contract::ask(options, script, &read));
        let text = |value: Value| match value {
            Value::Text(text) => text,
            Value::Integer(number) => number.to_string(),
            Value::Real(number) => number.to_string(),
            Value::Null | Value::Blob(_) => String::new(),
        };
        let line =
            |row: staging_store::Row| row.into_values().into_iter().map(text).collect::<Vec<_>>().join("|");
        rows.map(|rows| rows.into_iter().map(line).collect()).map_err(|error| with_causes(&error))
    }

    /// The same by another login of the server; or what it says to that.
    pub(crate) fn ask_as(&self, login: &Login, script: &str, query: &str) -> Result<Vec<String>, String> {
        self.ask_server(&StoreOptions::sql_server(&login.connection), script, query)
    }

    fn database(&self, database: Database) -> &ScratchDatabase {
        match database {
            Database::Staging => self.staging.server().unwrap(),
            Database::ByHand => self
                .by_hand
                .get_or_init(|| self.runtime.block_on(ScratchDatabase::from_environment()).unwrap().unwrap()),
        }
    }

    /// What Python's own SQLite makes of a script, and what it then answers to a query: a line per row.
    fn sqlite(&self, database: &Path, script: &str, query: &str) -> Vec<String> {
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

/// A login of the server that may do in the staging database what a role may; gone with this.
pub(crate) struct Login<'a> {
    world: &'a World,
    name: String,
    connection: String,
}

impl<'a> Login<'a> {
    /// Who made the database.
    pub(crate) fn owner(world: &'a World) -> Self {
        Self { world, name: String::new(), connection: world.connection().unwrap().to_owned() }
    }

    pub(crate) fn with_role(world: &'a World, role: &str) -> Self {
        let everything = world.connection().unwrap();
        let database = world.ask(Database::Staging, "", "SELECT DB_NAME()").remove(0);
        // Babelfish keeps the role of a database under the name of both.
        let name = format!("{role}_in_{database}");
        let password = "Only-4-this-test";
        let make = format!(
            "CREATE LOGIN [{name}] WITH PASSWORD = '{password}'\nGO\nCREATE USER [{name}] FOR LOGIN [{name}]\nGO\n\
             ALTER ROLE [{role}] ADD MEMBER [{name}]"
        );
        world.ask(Database::Staging, &make, "SELECT 1");
        let is_of_login = |pair: &str| {
            let key = pair.split('=').next().unwrap_or_default().trim().to_ascii_lowercase();
            ["user", "user id", "uid", "password", "pwd"].contains(&key.as_str())
        };
        let rest: Vec<_> = everything.split(';').filter(|pair| !is_of_login(pair)).collect();
        let connection = format!("{};User Id={name};Password={password}", rest.join(";"));
        Self { world, name, connection }
    }
}

impl Drop for Login<'_> {
    fn drop(&mut self) {
        if self.name.is_empty() {
            return;
        }
        let drop = format!("DROP USER [{0}]\nGO\nDROP LOGIN [{0}]", self.name);
        // One that stays behind may do nothing once its database is gone.
        let options = &self.world.database(Database::Staging).options;
        let _ = self.world.ask_server(options, &drop, "SELECT 1");
    }
}

fn texts(output: &Output) -> (String, String) {
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
