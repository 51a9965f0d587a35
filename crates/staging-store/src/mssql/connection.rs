//! One connection: how it is made, how its session is set up, and when it may be used again.

use std::fmt;
use std::time::{Duration, Instant};

use bb8::ManageConnection;
use secrecy::ExposeSecret as _;
use tiberius::error::{Error as TdsError, IoErrorKind};
use tiberius::{AuthMethod, Client, Config};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};

use super::failure::{connecting, failure};
use crate::Error;
use crate::options::{ServerOptions, StoreOptions};

/// A connection that was used a moment ago is not asked whether it still lives.
const FRESH: Duration = Duration::from_secs(1);

/// What a connection is for; decides what its reads see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Write,
    /// Reads the last commit without waiting for writers, where the database keeps row versions.
    Read {
        versions: bool,
    },
}

/// Makes connections and judges them.
pub(super) struct Manager {
    config: Config,
    purpose: Use,
    busy: Duration,
    pub(super) patience: Patience,
}

/// How long we wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) statement: Duration,
    pub(super) login: Duration,
}

/// A connection.
pub(super) struct Link {
    pub(super) client: Client<Compat<TcpStream>>,
    pub(super) patience: Patience,
    /// Whether the last request was answered to its end: set false before each, so that a dropped future leaves it so.
    sound: bool,
    in_transaction: bool,
    last_used: Instant,
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Manager")
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("sound", &self.sound).finish_non_exhaustive()
    }
}

impl Manager {
    /// Reads the connection string; nothing of it is ever repeated.
    pub(super) fn new(options: &StoreOptions, purpose: Use) -> Result<Self, Error> {
        let server = &options.server;
        let patience = Patience { statement: server.statement_timeout, login: server.login_timeout };
        Ok(Self { config: config(server)?, purpose, busy: options.busy_timeout, patience })
    }

    /// The same for another purpose.
    pub(super) fn for_use(&self, purpose: Use) -> Self {
        Self { config: self.config.clone(), purpose, busy: self.busy, patience: self.patience }
    }

    /// Address and port, for people.
    pub(super) fn server(&self) -> String {
        self.config.get_addr()
    }

    async fn login(&self) -> Result<Client<Compat<TcpStream>>, TdsError> {
        let mut config = self.config.clone();
        // Azure sends a login on to where the database really is, once.
        for _ in 0..2 {
            let tcp = TcpStream::connect(config.get_addr()).await?;
            tcp.set_nodelay(true)?;
            // The handshake is a large future, and a rare one.
            match Box::pin(Client::connect(config.clone(), tcp.compat_write())).await {
                Err(TdsError::Routing { host, port }) => {
                    config.host(host);
                    config.port(port);
                }
                other => return other,
            }
        }
        Err(TdsError::Protocol("the server sends logins in a circle".into()))
    }

    async fn set_up(&self, link: &mut Link) -> Result<(), TdsError> {
        let isolation = match self.purpose {
            Use::Read { versions: true } => "SNAPSHOT",
            Use::Read { versions: false } | Use::Write => "READ COMMITTED",
        };
        // An error rolls back all of its transaction, so that a unit is done as a whole or not at all.
        let session = format!(
            "SET XACT_ABORT ON; SET NOCOUNT OFF; SET LOCK_TIMEOUT {}; SET TRANSACTION ISOLATION LEVEL {isolation}",
            i32::try_from(self.busy.as_millis()).unwrap_or(i32::MAX)
        );
        link.batch(&session).await
    }
}

impl ManageConnection for Manager {
    type Connection = Link;
    type Error = Error;

    async fn connect(&self) -> Result<Link, Error> {
        let server = self.server();
        let client = match tokio::time::timeout(self.patience.login, self.login()).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(connecting(&server, error)),
            Err(_) => {
                let message = format!("no login within {} s", self.patience.login.as_secs());
                return Err(connecting(&server, TdsError::Io { kind: IoErrorKind::TimedOut, message }));
            }
        };
        let mut link = Link {
            client,
            patience: self.patience,
            sound: true,
            in_transaction: false,
            last_used: Instant::now(),
        };
        self.set_up(&mut link).await.map_err(|error| connecting(&server, error))?;
        Ok(link)
    }

    async fn is_valid(&self, link: &mut Link) -> Result<(), Error> {
        if link.last_used.elapsed() < FRESH {
            return Ok(());
        }
        let doing = "asking whether the connection still lives";
        link.batch("SELECT 1").await.map_err(|error| failure(doing, error, self.patience.statement))
    }

    fn has_broken(&self, link: &mut Link) -> bool {
        !link.sound || link.in_transaction
    }
}

impl Link {
    /// Marks the beginning of a request: until its end the connection cannot be used for another.
    pub(super) fn begins(&mut self) {
        self.sound = false;
    }

    /// Marks the end of a request.
    pub(super) fn ended<T>(&mut self, answer: Result<T, TdsError>) -> Result<T, TdsError> {
        self.last_used = Instant::now();
        self.sound = match &answer {
            Ok(_) => true,
            Err(error) => super::failure::leaves_connection_sound(error),
        };
        answer
    }

    /// Runs a text without parameters, whatever it answers.
    pub(super) async fn batch(&mut self, text: &str) -> Result<(), TdsError> {
        self.begins();
        let answer = match self.client.simple_query(text).await {
            Ok(stream) => stream.into_results().await.map(drop),
            Err(error) => Err(error),
        };
        self.ended(answer)
    }

    pub(super) async fn begin(&mut self) -> Result<(), TdsError> {
        self.in_transaction = true;
        self.batch("BEGIN TRANSACTION").await
    }

    pub(super) async fn commit(&mut self) -> Result<(), TdsError> {
        self.batch("COMMIT TRANSACTION").await?;
        self.in_transaction = false;
        Ok(())
    }

    /// Rolls back what is open; when even that fails, the connection is given up, and the server does it.
    pub(super) async fn roll_back(&mut self) {
        if self.sound && self.batch("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION").await.is_ok() {
            self.in_transaction = false;
        }
    }
}

fn config(server: &ServerOptions) -> Result<Config, Error> {
    let unreadable = |why: &str| Error::ConnectionString { why: why.to_owned() };
    let given = server.connection.expose_secret();
    if given.trim().is_empty() {
        return Err(unreadable("it is empty"));
    }
    if !given.is_ascii() {
        return Err(unreadable("it has characters beyond ASCII"));
    }
    for (key, value) in given.split(';').filter_map(|pair| pair.split_once('=')) {
        match key.trim().to_ascii_lowercase().replace(' ', "").as_str() {
            "server" | "datasource" if value.contains('\\') => {
                return Err(unreadable("a named instance is found by its port: write Server=tcp:host,port"));
            }
            "integratedsecurity" | "trusted_connection" => {
                return Err(unreadable(
                    "logins by the Windows session are not supported; take a SQL login or an access token",
                ));
            }
            _ => {}
        }
    }
    let mut text = given.to_owned();
    if let Some(path) = &server.certificate_authority {
        let path = path.to_str().filter(|path| path.is_ascii() && !path.contains('"'));
        let path =
            path.ok_or_else(|| unreadable("the path of the certificate authority is not plain ASCII"))?;
        text = format!("{text};TrustServerCertificateCA=\"{path}\"");
    }
    // The driver's words may repeat parts of the string.
    let mut config = Config::from_ado_string(&text).map_err(|_| {
        unreadable(
            "write key=value pairs with semicolons between, quote values that hold a semicolon, give a port as \
             Server=tcp:host,1433, and either trust any certificate or name a certificate authority",
        )
    })?;
    if !given.to_ascii_lowercase().replace(' ', "").contains("applicationname=") {
        config.application_name("staging-store");
    }
    if let Some(token) = &server.access_token {
        config.authentication(AuthMethod::aad_token(token.expose_secret()));
    }
    config.handshake_timeout(Some(server.login_timeout));
    config.command_timeout(Some(server.statement_timeout));
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(connection: &str) -> String {
        match Manager::new(&StoreOptions::sql_server(connection), Use::Write) {
            Ok(_) => panic!("it should be refused"),
            Err(error) => format!("{error} {error:?}"),
        }
    }

    #[test]
    fn a_connection_string_that_cannot_be_read_is_refused_without_being_shown() {
        for wrong in
            ["Server=tcp:db,1433;Password", "Password='never closed", "Server=db,14x;Pwd=s3cret", " "]
        {
            let said = refused(wrong);
            assert!(said.starts_with("the connection string of the staging server cannot be used"), "{said}");
            assert!(!said.contains("s3cret") && !said.contains("never"), "{said}");
        }
    }

    #[test]
    fn what_the_driver_would_pass_over_in_silence_is_refused() {
        assert!(refused("Server=db\\SQLEXPRESS;Database=d").contains("Server=tcp:host,port"));
        assert!(refused("Server=db;Integrated Security=SSPI").contains("access token"));
    }

    #[test]
    fn options_never_show_the_connection_string() {
        let options = StoreOptions::sql_server("Server=db;Password=s3cret");
        assert!(!format!("{options:?}").contains("s3cret"));
    }

    #[test]
    fn trusting_anything_and_naming_an_authority_exclude_each_other() {
        let mut options = StoreOptions::sql_server("Server=db;TrustServerCertificate=true");
        options.server.certificate_authority = Some("/etc/ssl/ours.pem".into());
        assert!(matches!(Manager::new(&options, Use::Write), Err(Error::ConnectionString { .. })));
    }
}
