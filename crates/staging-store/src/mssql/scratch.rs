//! A database that lives as long as a test.

use std::time::Duration;

use backon::{ConstantBuilder, ExponentialBuilder, Retryable as _};
use bb8::ManageConnection as _;
use secrecy::ExposeSecret as _;
use staging_schema::{Dialect, Statement};
use uuid::Uuid;

use super::connection::{Manager, Use};
use super::execute::query;
use super::failure::failure;
use crate::Error;
use crate::options::StoreOptions;
use crate::row::Row;

/// Names the environment variable that holds the connection string of a server for tests.
pub const TEST_SERVER: &str = "STAGING_TEST_MSSQL";

/// A database of its own on the server for tests; dropped with this, or by [`remove`](Self::remove).
#[derive(Debug)]
pub struct ScratchDatabase {
    /// How to open it.
    pub options: StoreOptions,
    name: String,
    administration: Option<StoreOptions>,
}

impl ScratchDatabase {
    /// Makes one on the server that [`TEST_SERVER`] names; without it, says so loudly and gives none.
    ///
    /// # Errors
    /// What the server says to `CREATE DATABASE`.
    pub async fn from_environment() -> Result<Option<Self>, Error> {
        if let Ok(connection) = std::env::var(TEST_SERVER) {
            return Self::on(&connection).await.map(Some);
        }
        #[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
        {
            eprintln!("skipped: {TEST_SERVER} is not set");
        }
        Ok(None)
    }

    /// Makes one on a server.
    ///
    /// # Errors
    /// What the server says to `CREATE DATABASE`.
    pub async fn on(connection: &str) -> Result<Self, Error> {
        let name = format!("dvt_{}", Uuid::new_v4().simple());
        let administration = StoreOptions::sql_server(format!("{connection};Database=master"));
        let create = format!("CREATE DATABASE {}", Dialect::Mssql.quote(&name));
        // Some servers make one at a time.
        let policy = ExponentialBuilder::default().with_min_delay(Duration::from_millis(50)).with_jitter();
        (|| run(&administration, &create)).retry(policy.with_max_times(8)).await?;
        let options = StoreOptions::sql_server(format!("{connection};Database={name}"));
        Ok(Self { options, name, administration: Some(administration) })
    }

    /// The connection string, for another process.
    pub fn connection(&self) -> &str {
        self.options.server.connection.expose_secret()
    }

    /// Drops the database; sessions that end just now are waited for.
    ///
    /// # Errors
    /// What the server says to `DROP DATABASE`.
    pub async fn remove(mut self) -> Result<(), Error> {
        match self.administration.take() {
            Some(administration) => remove(&administration, &self.name).await,
            None => Ok(()),
        }
    }
}

/// Runs a script as a tool of the server does, batch by batch, and reads rows after it; the database need not be one of ours.
///
/// # Errors
/// The server cannot be reached, or what it says to a batch or to the query, with its text.
pub async fn ask(options: &StoreOptions, script: &str, read: &Statement) -> Result<Vec<Row>, Error> {
    let mut link = Manager::new(options, Use::Write)?.connect().await?;
    let patience = link.patience.statement;
    let lines: Vec<_> = script.lines().collect();
    for batch in lines.split(|line| line.trim() == "GO").map(|lines| lines.join("\n")) {
        if !batch.trim().is_empty() {
            link.batch(&batch).await.map_err(|error| failure(&batch, error, patience))?;
        }
    }
    query(&mut link, read).await
}

impl Drop for ScratchDatabase {
    fn drop(&mut self) {
        let Some(administration) = self.administration.take() else { return };
        let name = std::mem::take(&mut self.name);
        // The runtime of the test may be ending: a runtime of its own.
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.is_ok_and(|runtime| runtime.block_on(remove(&administration, &name)).is_ok())
        });
        if !thread.join().unwrap_or(false) {
            tracing::warn!("a scratch database stays behind");
        }
    }
}

async fn remove(administration: &StoreOptions, name: &str) -> Result<(), Error> {
    let name_text = Dialect::Mssql.literal(name);
    let drop = format!("IF DB_ID({name_text}) IS NOT NULL DROP DATABASE {}", Dialect::Mssql.quote(name));
    let policy = ConstantBuilder::default().with_delay(Duration::from_millis(100)).with_max_times(30);
    let end_sessions_and_drop = async || {
        let mut link = Manager::new(administration, Use::Write)?.connect().await?;
        // Sessions that a test left open; one that ends just now is no matter.
        let sessions = format!(
            "SELECT CAST(session_id AS int) FROM sys.dm_exec_sessions \
             WHERE session_id IS NOT NULL AND session_id <> @@SPID AND database_id = DB_ID({name_text})"
        );
        for row in query(&mut link, &Statement::same(sessions, Vec::new())).await? {
            let _ = link.batch(&format!("KILL {}", row.integer(0)?)).await;
        }
        link.batch(&drop).await.map_err(|error| failure(&drop, error, link.patience.statement))
    };
    end_sessions_and_drop.retry(policy).await
}

async fn run(administration: &StoreOptions, text: &str) -> Result<(), Error> {
    let manager = Manager::new(administration, Use::Write)?;
    let mut link = manager.connect().await?;
    link.batch(text).await.map_err(|error| failure(text, error, link.patience.statement))
}
