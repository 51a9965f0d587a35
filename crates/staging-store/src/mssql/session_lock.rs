//! A lock that a process holds on a server's database for as long as it lives, for machines that share no file.

use std::time::Duration;

use bb8::ManageConnection as _;
use staging_schema::{Dialect, Statement};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::connection::{Link, Manager, Use};
use super::execute::query;
use crate::Error;
use crate::options::StoreOptions;

/// How often an idle connection says something: firewalls forget those that say nothing for minutes.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

/// With whom a [`SessionLock`] can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// With nobody.
    Exclusive,
    /// With others that share it.
    Shared,
}

/// A lock of a name in a database (`sp_getapplock`), held by a connection of its own until it is dropped. The server lets go
/// of it when the process ends or the connection breaks; it keeps people from disturbing each other, and no promise of the
/// loader rests on it.
#[derive(Debug)]
pub struct SessionLock {
    alive: JoinHandle<()>,
    /// Dropped, it tells the other to end.
    end: oneshot::Sender<()>,
}

impl SessionLock {
    /// Takes the lock; `None` when somebody holds it in a way that excludes this.
    ///
    /// # Errors
    /// The server cannot be reached, or says no to us.
    pub async fn take(options: &StoreOptions, name: &str, mode: LockMode) -> Result<Option<Self>, Error> {
        let mut link = Manager::new(options, Use::Write)?.connect().await?;
        let mode = match mode {
            LockMode::Exclusive => "Exclusive",
            LockMode::Shared => "Shared",
        };
        let resource = resource(name);
        let lock = format!(
            "{resource} DECLARE @answer int; EXEC @answer = sp_getapplock @Resource = @resource, @LockMode = N'{mode}', \
             @LockOwner = N'Session', @LockTimeout = 0; SELECT @answer"
        );
        let rows = query(&mut link, &Statement::same(lock, Vec::new())).await?;
        let is_ours = matches!(rows.first().and_then(|row| row.get(0).as_integer()), Some(0..));
        Ok(is_ours.then(|| {
            let (end, ended) = oneshot::channel();
            let alive = tokio::spawn(keep_alive(link, resource, ended));
            Self { alive, end }
        }))
    }

    /// Lets go of it, and returns when the server has done so. Dropped instead, that happens a moment later.
    pub async fn release(self) {
        drop(self.end);
        // Whoever kept it alive has failed with its connection: then it is free as well.
        let _ = self.alive.await;
    }
}

/// Declares the name of a lock with that of its database: SQL Server has locks of their own in each database, Babelfish has them
/// in common.
pub(super) fn resource(name: &str) -> String {
    let name = Dialect::Mssql.literal(name);
    format!("DECLARE @resource nvarchar(255) = {name} + N' in ' + DB_NAME();")
}

async fn keep_alive(mut link: Link, resource: String, mut ended: oneshot::Receiver<()>) {
    loop {
        tokio::select! {
            _ = &mut ended => break,
            () = tokio::time::sleep(SIGN_OF_LIFE) => {}
        }
        if let Err(error) = link.batch("SELECT 1").await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the connection that tells others of this run is lost; another run is not kept out any more"
            );
            return;
        }
    }
    let release = format!("{resource} EXEC sp_releaseapplock @Resource = @resource, @LockOwner = N'Session'");
    if let Err(error) = link.batch(&release).await {
        // It goes with the connection.
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "a lock is released by closing its connection"
        );
    }
}
