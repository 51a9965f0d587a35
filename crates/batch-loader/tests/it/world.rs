//! An emulator, a staging database, and short words for both.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use batch_loader::{Error, Event, LoadTable, Observer, Options, Plan, Report, Strategy, Unobserved};
use dataverse_client::wire::metadata::TableDefinition;
use dataverse_client::{Client, Options as ClientOptions, Query, RetryPolicy, StaticToken};
use dataverse_emulator::{Emulator, FaultPlan, FaultRule, Limits, Options as EmulatorOptions, Settings};
use staging_schema::{StagedColumn, StagedKind, TargetTable, Value, control};
use staging_store::contract::ScratchStaging;
use staging_store::{Row, Store};
use tokio_util::sync::CancellationToken;

/// Base of the sequence numbers in these tests.
pub(crate) const BASE: i64 = 1_000_000;

/// Whether this run turns every fact that no document confirms the other way: `DATAVERSE_EMULATOR_SETTINGS=flipped`.
pub(crate) fn is_flipped() -> bool {
    std::env::var_os("DATAVERSE_EMULATOR_SETTINGS").is_some_and(|value| value == "flipped")
}

pub(crate) struct World {
    pub(crate) emulator: Emulator,
    pub(crate) client: Client,
    pub(crate) store: Store,
    pub(crate) options: Options,
    staging: ScratchStaging,
}

/// One row as Dataverse shows it: the columns that were asked for, as text.
pub(crate) type Shown = BTreeMap<String, String>;

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(EmulatorOptions::default()).await
    }

    pub(crate) async fn with(options: EmulatorOptions) -> Self {
        let is_plain = options.settings == Settings::default();
        let settings = if is_flipped() && is_plain { Settings::flipped() } else { options.settings };
        let emulator = Emulator::start(EmulatorOptions { limits: Limits::unlimited(), settings, ..options })
            .await
            .unwrap();
        let client = client(&emulator, "user-1");
        let staging = ScratchStaging::new().await.unwrap();
        let store = Store::open(staging.options()).await.unwrap();
        Self { emulator, client, store, options: quick(), staging }
    }

    pub(crate) fn faults(&self, rules: impl IntoIterator<Item = FaultRule>) {
        self.emulator.set_faults(FaultPlan::of(rules));
    }

    pub(crate) async fn definition(&self, table: &str) -> Arc<TableDefinition> {
        Arc::new(self.client.table_definition(table).await.unwrap().unwrap())
    }

    /// A table of the plan, with sequence numbers.
    pub(crate) async fn table(&self, staged: TargetTable) -> LoadTable {
        let definition = self.definition(&staged.logical_name).await;
        let mut table = LoadTable::new(definition, staged, Strategy::SequenceNumber { base: BASE });
        table.batch = Some(10);
        table
    }

    /// Creates the tables of a plan.
    pub(crate) async fn prepare(&self, plan: &Plan) {
        let all: Vec<TargetTable> = plan.tables().map(|table| table.staged.clone()).collect();
        self.store.ensure_tables(&all).await.unwrap();
    }

    /// Stages rows: source key first, then the columns named.
    pub(crate) async fn stage(&self, table: &TargetTable, columns: &[&str], rows: Vec<Vec<Value>>) {
        let names = [control::SOURCE_TABLE, control::SOURCE_KEY].iter().chain(columns).copied();
        let mut appender = self.store.append(&table.name(), names);
        let mut batch = appender.batch();
        for row in rows {
            batch.push_text("S");
            assert_eq!(row.len(), columns.len() + 1, "a source key and the columns");
            for value in row {
                batch.push(value.as_ref());
            }
        }
        appender.push(batch).await.unwrap();
        appender.finish().await.unwrap();
    }

    /// The staging database as another process has it.
    pub(crate) async fn another_store(&self) -> Store {
        Store::open(self.staging.options()).await.unwrap()
    }

    pub(crate) async fn load(&self, plan: &Plan) -> Result<Report, Error> {
        self.load_seen(plan, &Unobserved).await
    }

    pub(crate) async fn load_seen(&self, plan: &Plan, observer: &dyn Observer) -> Result<Report, Error> {
        let clients = [self.client.clone()];
        batch_loader::load(&self.store, &clients, plan, &self.options, observer, &CancellationToken::new())
            .await
    }

    pub(crate) async fn settle(&self, plan: &Plan) -> Result<Report, Error> {
        self.settle_seen(plan, &Unobserved).await
    }

    pub(crate) async fn settle_seen(&self, plan: &Plan, observer: &dyn Observer) -> Result<Report, Error> {
        let clients = [self.client.clone()];
        batch_loader::settle(&self.store, &clients, plan, &self.options, observer, &CancellationToken::new())
            .await
    }

    /// Everything that an entity set holds, sorted; nulls are left out.
    pub(crate) async fn shown(&self, entity_set: &str, columns: &[&str]) -> Vec<Shown> {
        let query = Query::new(entity_set).select(columns);
        let rows: Vec<dataverse_client::Row> = self.client.query(&query).all().await.unwrap();
        let mut shown: Vec<Shown> = rows
            .into_iter()
            .map(|row| {
                let wanted = row
                    .into_iter()
                    .filter(|(name, value)| columns.contains(&name.as_str()) && !value.is_null());
                wanted
                    .map(|(name, value)| {
                        (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                    })
                    .collect()
            })
            .collect();
        shown.sort();
        shown
    }

    /// The values of one column, sorted.
    pub(crate) async fn values(&self, entity_set: &str, column: &str) -> Vec<String> {
        let shown = self.shown(entity_set, &[column]).await;
        let mut values: Vec<String> = shown.into_iter().filter_map(|mut row| row.remove(column)).collect();
        values.sort();
        values
    }

    /// Runs SQL that both engines read, as somebody does who repairs rows; `target_T` is `target.T` of a server. What puts
    /// texts together is `CONCAT`, and a query below a query has a name.
    pub(crate) async fn execute(&self, sql: &str) {
        self.store.execute(&ScratchStaging::statement(sql)).await.unwrap();
    }

    /// The one number of such a query.
    pub(crate) async fn count(&self, sql: &str) -> u64 {
        self.store.count(&ScratchStaging::statement(sql)).await.unwrap()
    }

    /// The rows of such a query.
    pub(crate) async fn query(&self, sql: &str) -> Vec<Row> {
        self.store.query(&ScratchStaging::statement(sql)).await.unwrap()
    }

    /// Open errors: row, pass, column, message.
    pub(crate) async fn errors(&self, table: &str) -> Vec<(i64, String, Option<String>, String)> {
        let sql = format!(
            "SELECT RowId, Pass, ColumnName, Message FROM target_{table}_Error WHERE Retried = 0 ORDER BY RowId"
        );
        let rows = self.query(&sql).await;
        let text = |value: &Value| value.as_text().map(str::to_owned);
        rows.iter()
            .map(|row| {
                (
                    row.integer(0).unwrap(),
                    text(row.get(1)).unwrap(),
                    text(row.get(2)),
                    text(row.get(3)).unwrap(),
                )
            })
            .collect()
    }
}

/// A client that gives up soon.
pub(crate) fn client(emulator: &Emulator, token: &str) -> Client {
    client_at(&emulator.url(), token)
}

/// A client of whoever answers there.
pub(crate) fn client_at(url: &str, token: &str) -> Client {
    let retry = RetryPolicy {
        attempts: 3,
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_millis(20),
        ..RetryPolicy::default()
    };
    let options = ClientOptions::new(url.parse().unwrap(), Arc::new(StaticToken::new(token)));
    Client::new(ClientOptions { retry, ..options }).unwrap()
}

/// A time that the engine keeps up with: a server answers later than a file, most of all where a connection is new.
pub(crate) fn patient(milliseconds: u64) -> Duration {
    let is_server = std::env::var_os(staging_store::contract::TEST_SERVER).is_some();
    Duration::from_millis(milliseconds) * if is_server { 10 } else { 1 }
}

/// Short leases and quiet times.
pub(crate) fn quick() -> Options {
    Options {
        chunk_rows: 25,
        lease: patient(1_500),
        request_timeout: patient(500),
        quiet_time: patient(300),
        grace: Duration::from_millis(500),
        back_off: Duration::from_millis(10),
        in_flight: Some(4),
        ..Options::default()
    }
}

pub(crate) fn text(name: &str, max: u32) -> StagedColumn {
    StagedColumn::new(name, StagedKind::Text { max })
}

pub(crate) fn lookup(name: &str, target: &str) -> StagedColumn {
    let kind =
        StagedKind::Lookup { targets: vec![target.to_owned()], multi_table: false, multi_source: false };
    StagedColumn::new(name, kind)
}

/// Names with a number, as rows: source key, name.
pub(crate) fn named(prefix: &str, count: usize) -> Vec<Vec<Value>> {
    (0..count).map(|n| vec![format!("{prefix}{n}").into(), format!("{prefix} {n:04}").into()]).collect()
}

pub(crate) fn waves(waves: Vec<Vec<LoadTable>>) -> Plan {
    Plan { waves, ..Plan::default() }
}

/// Keeps events.
#[derive(Default)]
pub(crate) struct Seen(pub(crate) Mutex<Vec<Event>>);

impl Observer for Seen {
    fn event(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Seen {
    pub(crate) fn count(&self, is: impl Fn(&Event) -> bool) -> usize {
        self.0.lock().unwrap().iter().filter(|event| is(event)).count()
    }
}
