//! `migration.Pace`: how fast a load went and why, a row per minute for each application user and for each table at work.

use crate::ddl;
use crate::flag::Pass;
use crate::name::TableName;
use crate::physical::DefaultValue::Now;
use crate::physical::{PhysicalColumn, PhysicalTable, PrimaryKey, SqlType};
use crate::statement::Statement;
use crate::value::Value;

/// What one minute of a load was like, for an application user or for a pass of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Minute<'a> {
    /// Who worked.
    pub worker: &'a str,
    /// Of which application user, or of which table and pass.
    pub of: Of<'a>,
    /// How long it really was.
    pub milliseconds: i64,
    /// Requests that were answered.
    pub requests: i64,
    /// Rows that got an outcome.
    pub rows: i64,
    /// The sum of what requests took.
    pub execution_milliseconds: i64,
}

/// Whose minute it was, with what was decided at its end.
#[derive(Debug, Clone, PartialEq)]
pub enum Of<'a> {
    /// An application user's.
    User {
        /// Its GUID.
        user: &'a str,
        /// Requests that may be in flight.
        in_flight: i64,
        /// Answers of this minute that were throttled.
        throttled: i64,
        /// How much longer the service wants it to wait.
        paused_milliseconds: i64,
        /// Requests that fit into a window over all web servers, as far as known.
        window_requests: Option<i64>,
        /// Milliseconds of execution that fit.
        window_milliseconds: Option<i64>,
    },
    /// A table's.
    Table {
        /// Logical name.
        table: &'a str,
        /// The pass.
        pass: Pass,
        /// Rows of a request.
        batch_rows: i64,
        /// Rows in error.
        errors: i64,
    },
}

/// `migration.Pace`.
pub fn name() -> TableName {
    TableName::migration("Pace")
}

/// Creates the table, unless it is there: staging databases of earlier versions do not have it.
pub fn create() -> Statement {
    ddl::create(&table())
}

/// Adds a row.
pub fn append(minute: &Minute<'_>) -> Statement {
    let mut row: Vec<(&str, Value)> = vec![
        ("Worker", minute.worker.into()),
        ("Milliseconds", minute.milliseconds.into()),
        ("Requests", minute.requests.into()),
        ("Rows", minute.rows.into()),
        ("ExecutionMilliseconds", minute.execution_milliseconds.into()),
    ];
    match &minute.of {
        Of::User {
            user,
            in_flight,
            throttled,
            paused_milliseconds,
            window_requests,
            window_milliseconds,
        } => row.extend([
            ("ApplicationUser", Value::from(*user)),
            ("InFlight", (*in_flight).into()),
            ("Throttled", (*throttled).into()),
            ("PausedMilliseconds", (*paused_milliseconds).into()),
            ("WindowRequests", (*window_requests).into()),
            ("WindowMilliseconds", (*window_milliseconds).into()),
        ]),
        Of::Table { table, pass, batch_rows, errors } => row.extend([
            ("TargetTable", Value::from(*table)),
            ("Pass", pass.as_str().into()),
            ("BatchRows", (*batch_rows).into()),
            ("Errors", (*errors).into()),
        ]),
    }
    Statement::new(
        |d| {
            let names: Vec<String> = row.iter().map(|(name, _)| d.quote(name)).collect();
            let values: Vec<String> = (1..=row.len()).map(|number| d.param(number)).collect();
            format!("INSERT INTO {} ({}) VALUES ({})", d.table(&name()), names.join(", "), values.join(", "))
        },
        row.iter().map(|(_, value)| value.clone()).collect(),
    )
}

/// The size that requests had last, per table and pass: table, pass, rows of a request.
pub fn sizes() -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT p.TargetTable, p.Pass, p.BatchRows FROM {pace} AS p WHERE p.PaceId IN (SELECT MAX(x.PaceId) FROM {pace} AS x \
                 WHERE x.TargetTable IS NOT NULL AND x.BatchRows IS NOT NULL GROUP BY x.TargetTable, x.Pass)",
                pace = d.table(&name())
            )
        },
        Vec::new(),
    )
}

pub(crate) fn table() -> PhysicalTable {
    let passes = Pass::ALL.iter().map(|pass| pass.as_str()).collect();
    let optional = |name: &str| PhysicalColumn::new(name, SqlType::BigInt);
    let required = |name: &str| PhysicalColumn::required(name, SqlType::BigInt);
    PhysicalTable {
        name: name(),
        key: PrimaryKey::Identity("PaceId"),
        columns: vec![
            PhysicalColumn::required("Worker", SqlType::Word),
            PhysicalColumn::required("EndedAt", SqlType::Milliseconds).or(Now),
            PhysicalColumn::new("ApplicationUser", SqlType::Text(Some(400))),
            PhysicalColumn::new("TargetTable", SqlType::Word),
            PhysicalColumn::new("Pass", SqlType::Word).one_of(passes),
            required("Milliseconds"),
            required("Requests"),
            required("Rows"),
            required("ExecutionMilliseconds"),
            optional("InFlight"),
            optional("Throttled"),
            optional("PausedMilliseconds"),
            optional("WindowRequests"),
            optional("WindowMilliseconds"),
            optional("BatchRows"),
            optional("Errors"),
        ],
        indexes: Vec::new(),
    }
}
