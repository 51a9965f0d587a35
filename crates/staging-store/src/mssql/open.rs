//! Opening a database of a server, making our schemas in it, and telling clearly why it cannot be opened.

use bb8::ManageConnection as _;
use staging_schema::{Dialect, Statement, TableName, ddl};

use super::connection::{Link, Manager, Use};
use super::engine::{SqlServer, pool};
use super::execute::{execute, query};
use super::{functions, session_lock, unit};
use crate::Error;
use crate::options::{Existing, ScalarFunction, StoreOptions, Versions};

/// The databases in which nobody's tables belong.
const SYSTEM_DATABASES: [&str; 4] = ["master", "model", "msdb", "tempdb"];

/// What a database holds.
enum Found {
    Nothing,
    Ours { version: i64 },
    AnothersTables { why: String },
}

impl SqlServer {
    /// Opens the database that the connection string names, and makes our schemas in it where asked to.
    pub(crate) async fn open(options: &StoreOptions) -> Result<Self, Error> {
        let manager = Manager::new(options, Use::Write)?;
        // Not through the pool: what is wrong is told at once and as it is.
        let mut link = manager.connect().await?;
        let name = text(&mut link, "SELECT DB_NAME()").await?;
        let place = format!("{name} on {}", manager.server());
        if SYSTEM_DATABASES.iter().any(|system| name.eq_ignore_ascii_case(system)) {
            let why = "it belongs to the server; name a database of your own as Database=… in the connection string";
            return Err(Error::NotADatabase { database: place, why: why.to_owned() });
        }
        let mut found = look(&mut link).await?;
        let may_write = options.existing != Existing::ReadOnly;
        let lacking = match found {
            Found::Nothing => options.existing == Existing::OpenOrCreate,
            Found::Ours { version: ddl::SCHEMA_VERSION } if may_write => {
                !functions::outdated(&mut link, &options.functions).await?.is_empty()
            }
            Found::Ours { .. } | Found::AnothersTables { .. } => false,
        };
        if lacking {
            make(&mut link, &place, options).await?;
            found = look(&mut link).await?;
        }
        check(found, &place, options.versions)?;
        let readers = manager.for_use(Use::Read { versions: keeps_versions(&mut link, &place).await? });
        let writer = match options.existing {
            Existing::ReadOnly => None,
            Existing::Open | Existing::OpenOrCreate => {
                let links = pool(manager, 1);
                // A pool that has no room for it makes its own.
                let _ = links.add(link);
                Some(links)
            }
        };
        Ok(Self::start(place, writer, readers))
    }
}

/// Whether reads can see the last commit without waiting for writers by a snapshot of their own.
async fn keeps_versions(link: &mut Link, place: &str) -> Result<bool, Error> {
    let state = "SELECT CAST(snapshot_isolation_state AS int), CAST(is_read_committed_snapshot_on AS int) \
                 FROM sys.databases WHERE name = DB_NAME()";
    let rows = query(link, &Statement::same(state, Vec::new())).await?;
    let Some(row) = rows.first() else { return Ok(false) };
    let snapshot = row.optional_integer(0)? == Some(1);
    if !snapshot && row.optional_integer(1)? != Some(1) {
        tracing::warn!(
            database = place,
            "readers and writers wait for each other in this database; \
             ALTER DATABASE … SET READ_COMMITTED_SNAPSHOT ON changes that"
        );
    }
    Ok(snapshot)
}

async fn text(link: &mut Link, text: &str) -> Result<String, Error> {
    let rows = query(link, &Statement::same(text, Vec::new())).await?;
    rows.first().map_or(Ok(String::new()), |row| Ok(row.optional_text(0)?.unwrap_or_default().to_owned()))
}

/// Looks whether our schemas are there, by our own table of settings.
async fn look(link: &mut Link) -> Result<Found, Error> {
    let setting = Dialect::Mssql.table(&TableName::migration("Setting"));
    let there = format!("SELECT OBJECT_ID({}, N'U')", Dialect::Mssql.literal(&setting));
    let rows = query(link, &Statement::same(there, Vec::new())).await?;
    if rows.first().is_none_or(|row| row.get(0).is_null()) {
        let others = "SELECT MIN(TABLE_SCHEMA + N'.' + TABLE_NAME) FROM INFORMATION_SCHEMA.TABLES \
                      WHERE TABLE_SCHEMA IN (N'source', N'target', N'migration')";
        let name = text(link, others).await?;
        if name.is_empty() {
            return Ok(Found::Nothing);
        }
        let why = format!("its table {name} was made by another program; take a database of your own");
        return Ok(Found::AnothersTables { why });
    }
    let version = format!("SELECT [Value] FROM {setting} WHERE [Name] = N'SchemaVersion'");
    let version = match text(link, &version).await {
        Ok(version) => version.parse().ok(),
        // Without these columns it is another program's table.
        Err(Error::Statement { .. }) => None,
        Err(other) => return Err(other),
    };
    Ok(match version {
        Some(version) => Found::Ours { version },
        None => {
            Found::AnothersTables { why: "its table migration.Setting names no schema version".to_owned() }
        }
    })
}

fn check(found: Found, place: &str, versions: Versions) -> Result<(), Error> {
    let database = place.to_owned();
    match found {
        Found::Ours { version: ddl::SCHEMA_VERSION } => Ok(()),
        Found::Ours { version: found } if (ddl::OLDEST_VERSION..ddl::SCHEMA_VERSION).contains(&found) => {
            match versions {
                Versions::Known => Ok(()),
                Versions::Current => {
                    Err(Error::OlderVersion { database, found, needed: ddl::SCHEMA_VERSION })
                }
            }
        }
        Found::Ours { version: found } => {
            Err(Error::SchemaVersion { database, found, needed: ddl::SCHEMA_VERSION })
        }
        Found::Nothing => Err(Error::Missing { database }),
        Found::AnothersTables { why } => Err(Error::NotADatabase { database, why }),
    }
}

/// Makes what is lacking in one transaction while nobody else does; whoever comes second finds it done.
async fn make(link: &mut Link, place: &str, options: &StoreOptions) -> Result<(), Error> {
    unit::begin(link).await?;
    let done = match lock(link, place, options).await {
        Ok(()) => make_what_is_lacking(link, &options.functions).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => unit::commit(link, "the making of the control tables").await,
        Err(error) => {
            link.roll_back().await;
            Err(error)
        }
    }
}

async fn make_what_is_lacking(link: &mut Link, all: &[ScalarFunction]) -> Result<(), Error> {
    if let Found::Nothing = look(link).await? {
        for statement in ddl::control_tables() {
            execute(link, &statement).await?;
        }
    }
    let outdated = functions::outdated(link, all).await?;
    functions::make(link, &outdated).await
}

async fn lock(link: &mut Link, place: &str, options: &StoreOptions) -> Result<(), Error> {
    let wait = i32::try_from(options.busy_timeout.as_millis()).unwrap_or(i32::MAX);
    let lock = format!(
        "{} DECLARE @answer int; EXEC @answer = sp_getapplock @Resource = @resource, @LockMode = N'Exclusive', \
         @LockOwner = N'Transaction', @LockTimeout = {wait}; SELECT @answer",
        session_lock::resource("staging schemas")
    );
    let rows = query(link, &Statement::same(lock, Vec::new())).await?;
    match rows.first().and_then(|row| row.get(0).as_integer()) {
        Some(0..) => Ok(()),
        answer => Err(Error::Busy {
            doing: format!("opening {place}"),
            source: format!("sp_getapplock answered {answer:?}").into(),
        }),
    }
}
