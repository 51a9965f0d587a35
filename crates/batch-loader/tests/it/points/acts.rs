//! What is played with trouble at every point: one pass of the loader each, over a handful of rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use batch_loader::{Error, LoadTable, Options, Plan, Report, Strategy, Unobserved};
use dataverse_client::Client;
use dataverse_emulator::Emulator;
use staging_schema::{Statement, TargetTable, Value, control};
use staging_store::Store;
use staging_store::contract::ScratchStaging;
use tokio_util::sync::CancellationToken;

use crate::world::BASE;

/// One play.
#[derive(Debug)]
pub(super) struct Act {
    pub(super) name: &'static str,
    pub(super) plan: Plan,
    pub(super) run: Run,
    /// What Dataverse must hold in the end.
    pub(super) sheets: Vec<Sheet>,
    /// Rows that must be in error: table, source key, pass, a part of the reason.
    pub(super) errors: Vec<[&'static str; 4]>,
    /// Rows that must owe a lookup, by table; none where a table is not named.
    pub(super) owed: BTreeMap<&'static str, u64>,
}

/// What the loader is asked to do.
#[derive(Debug, Clone)]
pub(super) enum Run {
    Load,
    Settle,
    /// Both, one after the other.
    Whole,
    /// Rows in error are repaired by these statements and taken again.
    Retry(Vec<String>),
    /// Doubts are settled, rows are marked by these statements, and those of these tables are deleted, one table after the
    /// other.
    TakeBack(Vec<String>, Vec<&'static str>),
    /// Rows of a table are found by a column.
    Match(&'static str, &'static str),
}

/// What one entity set holds, as text: each row's columns, lookups by the name of the row that they point to.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) set: &'static str,
    pub(super) columns: &'static [&'static str],
    pub(super) rows: Vec<String>,
}

/// Where a play is prepared.
#[derive(Debug)]
pub(super) struct Workshop<'a> {
    pub(super) store: &'a Store,
    /// Straight to the emulator.
    pub(super) client: &'a Client,
    pub(super) emulator: &'a Emulator,
    pub(super) options: &'a Options,
}

impl Run {
    /// One process: what is left is done, or an error says why not. May be called again at any time.
    pub(super) async fn go(
        &self,
        store: &Store,
        client: &Client,
        plan: &Plan,
        options: &Options,
        cancel: &CancellationToken,
    ) -> Result<Report, Error> {
        let clients = [client.clone()];
        let load = || batch_loader::load(store, &clients, plan, options, &Unobserved, cancel);
        let settle = || batch_loader::settle(store, &clients, plan, options, &Unobserved, cancel);
        match self {
            Self::Load => load().await,
            Self::Settle => settle().await,
            Self::Whole => {
                let mut report = Box::pin(load()).await?;
                report.merge(Box::pin(settle()).await?);
                Ok(report)
            }
            Self::Retry(repairs) => {
                let mut statements: Vec<Statement> = repairs.iter().map(|sql| sql_text(sql)).collect();
                for table in plan.tables() {
                    statements.extend(staging_schema::settle::retry_errors(
                        &table.staged,
                        &staging_schema::settle::RetryFilter::default(),
                    ));
                }
                marked(store, &statements).await?;
                let mut report = Box::pin(load()).await?;
                report.merge(Box::pin(settle()).await?);
                Ok(report)
            }
            Self::TakeBack(marks, tables) => {
                let settled =
                    batch_loader::settle_doubts(store, &clients, plan, options, &Unobserved, cancel);
                let mut report = Box::pin(settled).await?;
                let statements: Vec<Statement> = marks.iter().map(|sql| sql_text(sql)).collect();
                marked(store, &statements).await?;
                for table in tables {
                    let tables = [*table];
                    let deleted =
                        batch_loader::delete(store, &clients, plan, &tables, options, &Unobserved, cancel);
                    report.merge(Box::pin(deleted).await?);
                }
                Ok(report)
            }
            Self::Match(table, column) => {
                let table = plan.tables().find(|known| known.name() == *table).unwrap();
                let key = [(*column).to_owned()];
                batch_loader::match_rows(store, client, plan, table, &key).await?;
                Ok(Report::default())
            }
        }
    }
}

impl Workshop<'_> {
    /// A table of a plan with sequence numbers; three rows a request.
    pub(super) async fn table(&self, staged: &TargetTable) -> LoadTable {
        let definition = self.client.table_definition(&staged.logical_name).await.unwrap().unwrap();
        let strategy = Strategy::SequenceNumber { base: BASE };
        let mut table = LoadTable::new(Arc::new(definition), staged.clone(), strategy);
        table.batch = Some(3);
        table
    }

    /// Creates the tables of a plan.
    pub(super) async fn ensure(&self, plan: &Plan) {
        let all: Vec<TargetTable> = plan.tables().map(|table| table.staged.clone()).collect();
        self.store.ensure_tables(&all).await.unwrap();
    }

    /// Stages rows: the source key and the columns named; an empty word is NULL, digits are a number.
    pub(super) async fn stage(&self, table: &TargetTable, columns: &[&str], rows: &[&[&str]]) {
        let names = [control::SOURCE_TABLE, control::SOURCE_KEY].iter().chain(columns).copied();
        let mut appender = self.store.append(&table.name(), names);
        let mut batch = appender.batch();
        for row in rows {
            batch.push_text("S");
            assert_eq!(row.len(), columns.len() + 1, "a source key and the columns");
            for word in *row {
                match (word.is_empty(), word.parse::<i64>()) {
                    (true, _) => batch.push_null(),
                    (false, Ok(number)) => batch.push_integer(number),
                    (false, Err(_)) => batch.push_text(word),
                }
            }
        }
        appender.push(batch).await.unwrap();
        appender.finish().await.unwrap();
    }

    /// Stages parties of a table's rows.
    pub(super) async fn stage_parties(&self, table: &TargetTable, parties: &[[Value; 6]]) {
        let columns = ["RowId", "Part", "Position", "PartyTable", "PartySourceKey", "AddressUsed"];
        let mut appender = self.store.append(&table.party(), columns);
        let mut batch = appender.batch();
        for value in parties.iter().flatten() {
            batch.push(value.as_ref());
        }
        appender.push(batch).await.unwrap();
        appender.finish().await.unwrap();
    }

    /// Does a part of the work beforehand, without trouble.
    pub(super) async fn beforehand(&self, run: Run, plan: &Plan) {
        Box::pin(run.go(self.store, self.client, plan, self.options, &CancellationToken::new()))
            .await
            .unwrap();
    }

    pub(super) async fn sql(&self, sql: &str) {
        self.store.execute(&sql_text(sql)).await.unwrap();
    }
}

impl Sheet {
    pub(super) fn new(set: &'static str, columns: &'static [&'static str], rows: &[&str]) -> Self {
        let mut rows: Vec<String> = rows.iter().map(|row| (*row).to_owned()).collect();
        rows.sort();
        Self { set, columns, rows }
    }
}

/// What others do with the staging database between two calls.
async fn marked(store: &Store, statements: &[Statement]) -> Result<(), Error> {
    let failed = |source| Error::Staging { table: "all".to_owned(), doing: "marking rows", source };
    store.execute_all(statements).await.map(drop).map_err(failed)
}

fn sql_text(sql: &str) -> Statement {
    ScratchStaging::statement(sql)
}
