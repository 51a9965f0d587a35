//! What a load would do, from the staging database alone: nothing is written, and nobody is asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use batch_loader::{LoadTable, PaceMemory, Plan, Strategy};
use dataverse_wire::metadata::TableType;
use serde::Serialize;
use staging_schema::alternate_key::{self, AlternateKey};
use staging_schema::forecast::{self, Later};
use staging_schema::{Accents, GuidStrategy, Levels, Mode, Pass, pace, pending, summary};
use staging_store::Store;
use tokio_util::sync::CancellationToken;

use crate::error::in_staging;
use crate::event::Unobserved;
use crate::journey::{Journey, Steps, check, load, sequence};
use crate::record::{self, Environment};
use crate::{Error, Project, Secrets, Step};

/// Requests that one application user may make in a second on one server: 6,000 in five minutes.
const REQUESTS_PER_SECOND: f64 = 20.0;
/// Seconds of work that were measured before their rate is believed.
const ENOUGH: u64 = 5;
/// The pool of a tenant with Dynamics 365 Enterprise or Professional licences, without what each licence adds.
pub const DAILY_REQUESTS: u64 = 500_000;

/// How durations are to be estimated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlanOptions {
    /// Rows per second over all application users; what was measured, or else the service's limit, when nothing is said.
    pub rate: Option<f64>,
    /// Requests that the tenant may make in 24 hours.
    pub daily_requests: u64,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self { rate: None, daily_requests: DAILY_REQUESTS }
    }
}

/// What a load would do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoadPlan {
    /// Name of the project.
    pub project: String,
    /// The environment that the staging database is bound to.
    pub environment: Option<Environment>,
    /// Application users that would share the work.
    pub users: usize,
    /// In the order of loading.
    pub tables: Vec<TablePlan>,
    /// Lookups that are written after their rows, with the reason for each.
    pub deferred: Vec<DeferredPlan>,
    /// Rows written, over all tables and passes: each counts once against the daily entitlement.
    pub writes: u64,
    /// Requests over HTTP, over all tables and passes.
    pub requests: u64,
    /// The expected time of all passes, one after the other.
    pub seconds: f64,
    /// Where the expected times come from.
    pub basis: RateBasis,
    /// The daily entitlement that the share was taken of.
    pub daily_requests: u64,
    /// `writes` as a share of it; above 1 the load takes more than a day's.
    pub daily_share: f64,
    /// What people should know before they start.
    pub notes: Vec<String>,
}

/// Where expected times come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RateBasis {
    /// The rate that was given.
    Given,
    /// Requests of earlier runs on this staging database.
    Measured,
    /// The service's limit of requests per user: the load cannot be faster.
    Limit,
}

/// What a load would do with one table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TablePlan {
    /// Logical name.
    pub table: String,
    /// The wave in which it loads, from 1; tables of a wave load at the same time. None for pairs, which come after all waves.
    pub wave: Option<usize>,
    /// Rows that are staged.
    pub staged: u64,
    /// Rows in error, which are left alone.
    pub errors: u64,
    /// Rows of requests without an answer, which are looked for first.
    pub in_doubt: u64,
    /// How rows are recognised.
    pub strategy: &'static str,
    /// Why so.
    pub why: String,
    /// Rows of one request that creates rows: as pinned, as an earlier load found best, or as tables of its kind start with.
    pub rows_per_request: u32,
    /// What is wrong with its rows' alternate keys; none for a table that is found by something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeyPlan>,
    /// Levels of its hierarchy that are loaded one after the other; 1 when there is none.
    pub levels: usize,
    /// One entry per pass that has anything to do.
    pub passes: Vec<PassPlan>,
}

/// Rows of a table whose alternate keys are not as one would wish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KeyPlan {
    /// Rows with an empty column; they would be in error before anything is sent.
    pub empty: u64,
    /// Rows whose key is the same in Dataverse as that of another row; as well.
    pub twins: u64,
    /// Rows whose key no URL can carry. They load, and are found again by a query; others cannot address them by this key.
    pub unaddressable: u64,
}

/// What a pass would do with one table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PassPlan {
    /// The pass.
    pub pass: Pass,
    /// Rows, each of which counts once against the daily entitlement.
    pub rows: u64,
    /// Rows of one request.
    pub rows_per_request: u32,
    /// Requests over HTTP.
    pub requests: u64,
    /// Expected time.
    pub seconds: f64,
}

/// A lookup that is written after its rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeferredPlan {
    /// The table with the lookup.
    pub table: String,
    /// The lookup.
    pub column: String,
    /// The table that it points to, which loads later.
    pub target: String,
    /// Rows that have it.
    pub rows: u64,
    /// Why this one.
    pub why: String,
}

/// Says what `load` and `settle` would do with a prepared project. The staging database is opened for reading only.
///
/// # Errors
/// The project or its files are wrong, or a step before the load was not done.
pub async fn plan_load(
    project: &Project,
    secrets: &Secrets,
    options: &PlanOptions,
) -> Result<LoadPlan, Error> {
    const STEP: Step = Step::Load;
    let staging = &project.settings().staging;
    let Some(store) = staging.open_for_reading().await? else {
        let missing = format!("there is no staging database {staging}; run the step prepare");
        return Err(Error::NotReady { step: STEP, missing });
    };
    // A step that needs no target: what was frozen is what the load goes by.
    let checked = check::check(project, secrets, Steps::only(Step::Sequence), &Unobserved).await?;
    let journey = Journey {
        project,
        checked,
        retry_errors: false,
        repairs: Vec::new(),
        pilot: None,
        observer: Arc::new(Unobserved),
        cancel: CancellationToken::new(),
        pace: PaceMemory::default(),
    };
    let plan = load::plan(&journey, &store, STEP).await?;
    let order = sequence::kept(&store, STEP).await?;
    let users = 1 + project.settings().target.users.len();
    let adapts = project.settings().load.adapt_batch;
    let rates = Rates::read(&store, options, users, adapts).await?;
    let accents = load::accents(project.settings().load.key_accents);
    let mut tables = Vec::new();
    for (wave, table) in numbered(&plan) {
        tables.push(one_table(&store, table, wave, &order, &rates, accents).await?);
    }
    let deferred = order
        .deferred
        .iter()
        .map(|lookup| DeferredPlan {
            table: lookup.table.clone(),
            column: lookup.column.clone(),
            target: lookup.target.clone(),
            rows: lookup.rows,
            why: order
                .explanations
                .iter()
                .find(|why| why.table == lookup.table && why.column.as_deref() == Some(&lookup.column))
                .map(|why| why.text.clone())
                .unwrap_or_default(),
        })
        .collect();
    let passes = || tables.iter().flat_map(|table| &table.passes);
    let writes: u64 = passes().map(|pass| pass.rows).sum();
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    let daily_share = writes as f64 / options.daily_requests.max(1) as f64;
    let found = LoadPlan {
        project: project.settings().name.clone(),
        environment: record::environment(&store).await?,
        users,
        writes,
        requests: passes().map(|pass| pass.requests).sum(),
        seconds: passes().map(|pass| pass.seconds).sum(),
        basis: rates.basis(),
        daily_requests: options.daily_requests,
        daily_share,
        notes: notes(&tables, daily_share),
        deferred,
        tables,
    };
    store.close().await.map_err(in_staging("closing it after a look"))?;
    Ok(found)
}

/// The tables with their waves; matched tables load nothing and are in wave 0 of no plan.
fn numbered(plan: &Plan) -> impl Iterator<Item = (Option<usize>, &LoadTable)> {
    let waves = plan.waves.iter().enumerate();
    let waves = waves.flat_map(|(wave, tables)| tables.iter().map(move |table| (Some(wave + 1), table)));
    waves.chain(plan.associations.iter().map(|table| (None, table)))
}

async fn one_table(
    store: &Store,
    table: &LoadTable,
    wave: Option<usize>,
    order: &load_sequence::Sequence,
    rates: &Rates,
    accents: Accents,
) -> Result<TablePlan, Error> {
    let name = table.name();
    let doing = || in_staging(format!("counting the rows of {name}"));
    let counts = store.query(&summary::table(&table.staged)).await.map_err(doing())?;
    let count = |column: &str| -> u64 {
        let at = summary::TABLE_COLUMNS.iter().position(|known| *known == column);
        at.and_then(|at| counts.first()?.count(at).ok()).unwrap_or(0)
    };
    let mut later: Vec<Later> = order
        .deferred
        .iter()
        .filter(|lookup| lookup.table == name)
        .map(|lookup| Later {
            column: lookup.column.clone(),
            target: Some(lookup.target.clone()),
            on_cycles: false,
        })
        .collect();
    later.extend(table.self_lookups.iter().map(|column| Later {
        column: column.clone(),
        target: Some(name.to_owned()),
        on_cycles: true,
    }));
    let size = |pass: Pass| table.batch.or(rates.size(name, pass)).unwrap_or(table.profile().rows).max(1);
    let mut passes = Vec::new();
    let mut levels = 1;
    for pass in table.staged.passes() {
        let requests = |rows: u64| rows.div_ceil(u64::from(size(pass)));
        let (rows, requests) = if pass == Pass::Insert && !table.self_lookups.is_empty() {
            let found = store.query(&pending::levels(&table.staged)).await.map_err(doing())?;
            let rows: Vec<u64> =
                found.iter().map(|row| row.count(1)).collect::<Result<_, _>>().map_err(doing())?;
            levels = rows.len().max(1);
            (rows.iter().sum(), rows.iter().map(|rows| requests(*rows)).sum())
        } else {
            let statement = match pass {
                Pass::Insert => pending::count(&table.staged, pass, Levels::All),
                _ => forecast::count(&table.staged, pass, &later),
            };
            let rows = store.count(&statement).await.map_err(doing())?;
            (rows, requests(rows))
        };
        if rows > 0 {
            passes.push(PassPlan {
                pass,
                rows,
                rows_per_request: size(pass),
                requests,
                seconds: rates.seconds(name, pass, rows, requests),
            });
        }
    }
    let (strategy, why) = strategy(table);
    let keys = keys(store, table, accents).await?;
    Ok(TablePlan {
        table: name.to_owned(),
        wave,
        staged: count("Staged"),
        errors: count("InError"),
        in_doubt: count("InDoubt"),
        strategy,
        why,
        rows_per_request: size(Pass::Insert),
        keys,
        levels,
        passes,
    })
}

async fn keys(store: &Store, table: &LoadTable, accents: Accents) -> Result<Option<KeyPlan>, Error> {
    let Strategy::AlternateKey(columns) = &table.strategy else { return Ok(None) };
    let doing = || in_staging(format!("checking the alternate keys of {}", table.name()));
    let key = AlternateKey { table: &table.staged, columns, accents };
    let mut found = KeyPlan::default();
    for fault in store.query(&key.faults()).await.map_err(doing())? {
        let rows = fault.count(1).map_err(doing())?;
        match fault.text(0).map_err(doing())? {
            alternate_key::EMPTY => found.empty = rows,
            _ => found.twins = rows,
        }
    }
    found.unaddressable = store.count(&key.unaddressable()).await.map_err(doing())?;
    Ok(Some(found))
}

fn strategy(table: &LoadTable) -> (&'static str, String) {
    match (&table.strategy, table.staged.mode) {
        (Strategy::AlternateKey(columns), Mode::Match) => {
            ("match", format!("its rows are there already and found by {}", columns.join(", ")))
        }
        (Strategy::SequenceNumber { base }, _) => (
            "sequence-number",
            format!("Dataverse makes the GUIDs; importsequencenumber from {base} finds a row again"),
        ),
        (Strategy::AlternateKey(columns), _) => (
            "alternate-key",
            format!(
                "it takes no importsequencenumber; its alternate key ({}) finds a row again",
                columns.join(", ")
            ),
        ),
        (Strategy::Sequential, _) => {
            let automatic = table.staged.guid == GuidStrategy::Sequential
                && !table.definition.has_sequence_number()
                && table.definition.keys.is_empty();
            let why = if table.definition.table_type == TableType::Elastic {
                "an elastic table: we make the GUIDs, and each row is written by itself"
            } else if automatic {
                "it has neither importsequencenumber nor alternate key: we make the GUIDs, in SQL Server's order"
            } else {
                "we make the GUIDs, in SQL Server's order; a repeated create is recognised by them"
            };
            ("sequential", why.to_owned())
        }
        (Strategy::Source, _) => ("source", "the source's own GUIDs are kept".to_owned()),
        (Strategy::Associate { relationship }, _) => {
            ("associate", format!("pairs of {relationship}; one that is there already is a success"))
        }
    }
}

fn notes(tables: &[TablePlan], daily_share: f64) -> Vec<String> {
    let mut notes = Vec::new();
    if daily_share > 1.0 {
        notes.push(format!(
            "the load takes {daily_share:.1} times the daily entitlement: spread it over days, or buy capacity for them"
        ));
    }
    for table in tables {
        if table.errors > 0 {
            notes.push(format!("{}: {} rows are in error and are left alone", table.table, table.errors));
        }
        let keys = table.keys.unwrap_or_default();
        if keys.empty > 0 {
            notes.push(format!(
                "{}: {} rows have an empty column in their alternate key and would be in error; fill it, or say guid = \"sequential\"",
                table.table, keys.empty
            ));
        }
        if keys.twins > 0 {
            notes.push(format!(
                "{}: Dataverse takes the alternate keys of {} rows for those of others; they would be in error, each with the \
                 key of the other row",
                table.table, keys.twins
            ));
        }
        if keys.unaddressable > 0 {
            notes.push(format!(
                "{}: the alternate keys of {} rows hold one of / < > * % & : \\ ? +, which no URL can carry; they load, but \
                 nobody can address them by this key",
                table.table, keys.unaddressable
            ));
        }
        if table.in_doubt > 0 {
            let doubt = table.in_doubt;
            notes.push(format!("{}: {doubt} rows are in doubt and are looked for first", table.table));
        }
    }
    notes
}

/// Rows per second, as they were given or measured, and rows per request as measured.
struct Rates {
    given: Option<f64>,
    measured: BTreeMap<(String, String), f64>,
    overall: Option<f64>,
    limit: f64,
    /// Rows of a request, as an earlier load left them, per table and pass.
    sizes: BTreeMap<(String, String), u32>,
}

impl Rates {
    /// `adapts`: whether the size of requests follows what is measured.
    async fn read(store: &Store, options: &PlanOptions, users: usize, adapts: bool) -> Result<Self, Error> {
        let doing = || in_staging("reading how fast earlier requests were");
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rate = |rows: u64, seconds: u64| rows as f64 / seconds.max(1) as f64;
        let (mut measured, mut all_rows, mut all_seconds) = (BTreeMap::new(), 0, 0);
        for row in store.query(&forecast::measured()).await.map_err(doing())? {
            let (rows, seconds) = (row.count(2).map_err(doing())?, row.count(4).map_err(doing())?);
            all_rows += rows;
            all_seconds += seconds;
            if seconds >= ENOUGH {
                let text = |at| row.text(at).map(str::to_owned).map_err(doing());
                measured.insert((text(0)?, text(1)?), rate(rows, seconds));
            }
        }
        let overall = (all_seconds >= ENOUGH).then(|| rate(all_rows, all_seconds));
        #[expect(clippy::cast_precision_loss, reason = "there are few users")]
        let limit = REQUESTS_PER_SECOND * users as f64;
        let mut sizes = BTreeMap::new();
        if adapts && record::exists(store, &pace::name()).await? {
            for row in store.query(&pace::sizes()).await.map_err(doing())? {
                let text = |at| row.text(at).map(str::to_owned).map_err(doing());
                let size = u32::try_from(row.count(2).map_err(doing())?).unwrap_or(u32::MAX);
                sizes.insert((text(0)?, text(1)?), size);
            }
        }
        Ok(Self { given: options.rate, measured, overall, limit, sizes })
    }

    fn size(&self, table: &str, pass: Pass) -> Option<u32> {
        self.sizes.get(&(table.to_owned(), pass.as_str().to_owned())).copied()
    }

    fn basis(&self) -> RateBasis {
        match (self.given, self.overall) {
            (Some(_), _) => RateBasis::Given,
            (None, Some(_)) => RateBasis::Measured,
            (None, None) => RateBasis::Limit,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn seconds(&self, table: &str, pass: Pass, rows: u64, requests: u64) -> f64 {
        let own = self.measured.get(&(table.to_owned(), pass.as_str().to_owned())).copied();
        match self.given.or_else(|| own.or(self.overall)) {
            Some(rate) if rate > 0.0 => rows as f64 / rate,
            _ => requests as f64 / self.limit,
        }
    }
}
