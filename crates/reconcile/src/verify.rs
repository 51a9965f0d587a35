//! Reading Dataverse back, table by table, and comparing it with what was staged.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use dataverse_client::Client;
use staging_schema::{GuidStrategy, TargetTable, Value};
use staging_store::{Row, Store};

use crate::page::{Page, ReadRow};
use crate::read;
use crate::rule::as_text;
use crate::statement::{self, Arrived};
use crate::table::Compared;
use crate::{ColumnReport, Error, Report, TableReport, VerifyTable};

/// Told while a verification runs; all methods may do nothing.
pub trait Progress: Send + Sync {
    /// A page of a table was read and compared.
    fn page(&self, table: &str, rows: u64);
}

/// Nobody listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn page(&self, _table: &str, _rows: u64) {}
}

/// Compares every staged row that was loaded with what Dataverse holds, value by value.
///
/// What differs is kept in `migration.Difference`; running it again replaces what the last run found. Dropped half-way, the
/// next run starts over: nothing but these findings is written.
///
/// # Errors
/// When Dataverse cannot be read or the staging database refuses; differences are part of the report.
pub async fn verify(
    store: &Store,
    client: &Client,
    tables: &[VerifyTable],
    progress: &dyn Progress,
) -> Result<Report, Error> {
    let mut report = Report::default();
    for table in tables {
        let verified = match &table.association {
            Some(association) => {
                crate::association::verify_pairs(store, client, table, association, progress).await?
            }
            None => verify_rows(store, client, table, progress, &mut report).await?,
        };
        report.tables.push(verified);
    }
    Ok(report)
}

async fn verify_rows(
    store: &Store,
    client: &Client,
    table: &VerifyTable,
    progress: &dyn Progress,
    report: &mut Report,
) -> Result<TableReport, Error> {
    let started = Instant::now();
    let name = &table.staged.logical_name;
    let compared: Arc<[Compared]> = table.compared().into();
    report.tolerances.extend(compared.iter().map(|column| column.rule.tolerance()));
    let mut found = Findings::begin(store, &table.staged).await?;
    let last_row = store
        .query(&statement::last_row(&table.staged))
        .await
        .map_err(|source| staging(name, source))?
        .first()
        .and_then(|row| row.get(0).as_integer())
        .unwrap_or(0);
    let makes_ids = table.staged.guid != GuidStrategy::Server;
    let mut pages = read::rows(client, table, &compared, last_row);
    while let Some(page) = pages.next().await? {
        let guids = page_guids(&page, &table.definition.primary_id, name)?;
        let strays = if makes_ids {
            let strays = store.query(&statement::sent_with(&table.staged, guids.clone())).await;
            strays.map_err(|source| staging(name, source))?
        } else {
            Vec::new()
        };
        let wanted = statement::staged_rows(&table.staged, &compared, guids);
        let staged = store.query(&wanted).await.map_err(|source| staging(name, source))?;
        // Parsing and comparing a page takes milliseconds: not on a thread that serves sockets.
        let (compared, definition) = (Arc::clone(&compared), Arc::clone(&table.definition));
        let (numbered, label) = (table.base.is_some(), name.clone());
        let mut batch = tokio::task::spawn_blocking(move || {
            compare_page(&page, &staged, &compared, &definition.primary_id, &label, numbered)
        })
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        batch.add_strays(&strays, &table.definition.primary_id);
        progress.page(name, batch.rows);
        found.keep(batch).await?;
    }
    let requests = pages.requests();
    crate::party::verify_parties(store, client, table, &mut found).await?;
    let mut verified = found.finish(&table.definition.primary_id, Arrived::ByGuid).await?;
    verified.unexpected = verified.unexpected.filter(|_| table.base.is_some() || makes_ids);
    verified.requests += requests;
    verified.seconds = started.elapsed().as_secs_f64();
    Ok(verified)
}

fn page_guids(page: &[u8], primary_id: &str, table: &str) -> Result<String, Error> {
    let page: Page<'_> = parse(page, table)?;
    let guids: Vec<_> = page
        .value
        .iter()
        .filter_map(|row| row.guid(primary_id))
        .map(|guid| HashMap::from([("i", guid)]))
        .collect();
    serde_json::to_string(&guids).map_err(|source| Error::Page { table: table.to_owned(), source })
}

pub(crate) fn parse<'a>(page: &'a [u8], table: &str) -> Result<Page<'a>, Error> {
    serde_json::from_slice(page).map_err(|source| Error::Page { table: table.to_owned(), source })
}

pub(crate) fn staging(table: &str, source: staging_store::Error) -> Error {
    Error::Staging { table: table.to_owned(), source: Box::new(source) }
}

/// What one page brought.
#[derive(Debug, Default)]
pub(crate) struct PageFindings {
    pub(crate) rows: u64,
    pub(crate) values: u64,
    pub(crate) seen: Vec<i64>,
    pub(crate) unexpected: u64,
    pub(crate) differences: Vec<Difference>,
}

impl PageFindings {
    /// Rows that are there under a GUID that one of ours was given, although staging does not know that it has arrived.
    fn add_strays(&mut self, strays: &[Row], primary_id: &str) {
        self.unexpected += strays.len() as u64;
        self.differences.extend(strays.iter().map(|row| {
            let id = row.get(2).as_text().map(str::to_owned);
            Difference {
                row_id: row.get(0).as_integer(),
                source_key: row.get(1).as_text().map(str::to_owned),
                dataverse_id: id.clone(),
                column: primary_id.to_owned(),
                rule: "there under the GUID of a staged row that is not known to be loaded",
                staged: None,
                read_back: id,
            }
        }));
    }
}

/// One line of `migration.Difference`.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) row_id: Option<i64>,
    pub(crate) source_key: Option<String>,
    pub(crate) dataverse_id: Option<String>,
    pub(crate) column: String,
    pub(crate) rule: &'static str,
    pub(crate) staged: Option<String>,
    pub(crate) read_back: Option<String>,
}

fn compare_page(
    page: &[u8],
    staged: &[Row],
    compared: &[Compared],
    primary_id: &str,
    table: &str,
    numbered: bool,
) -> Result<PageFindings, Error> {
    let page: Page<'_> = parse(page, table)?;
    let by_guid: HashMap<&str, &Row> =
        staged.iter().filter_map(|row| Some((row.get(2).as_text()?, row))).collect();
    let mut findings = PageFindings { rows: page.value.len() as u64, ..PageFindings::default() };
    for read in &page.value {
        let guid = read.guid(primary_id);
        match guid.as_deref().and_then(|guid| by_guid.get(guid)) {
            Some(row) => compare_row(row, read, compared, &mut findings),
            None if numbered => {
                findings.unexpected += 1;
                findings.differences.push(Difference {
                    row_id: None,
                    source_key: None,
                    dataverse_id: guid.clone(),
                    column: primary_id.to_owned(),
                    rule: "in this project's number range, but not staged",
                    staged: None,
                    read_back: guid,
                });
            }
            None => {}
        }
    }
    Ok(findings)
}

fn compare_row(row: &Row, read: &ReadRow<'_>, compared: &[Compared], findings: &mut PageFindings) {
    let row_id = row.get(0).as_integer();
    findings.seen.extend(row_id);
    let mut next = 0;
    for (position, column) in compared.iter().enumerate() {
        let staged = row.get(position + 3);
        if staged.is_null() && column.defaulted {
            continue;
        }
        findings.values += 1;
        let json = read.json_near(&column.property, &mut next);
        if !column.rule.agrees(staged, json) {
            findings.differences.push(Difference {
                row_id,
                source_key: row.get(1).as_text().map(str::to_owned),
                dataverse_id: row.get(2).as_text().map(str::to_owned),
                column: column.column.clone(),
                rule: column.rule.tolerance(),
                staged: as_text(staged),
                read_back: crate::rule::json_text(json),
            });
        }
    }
}

/// Findings of one table on their way into the staging database.
pub(crate) struct Findings<'a> {
    store: &'a Store,
    table: &'a TargetTable,
    values: u64,
    unexpected: u64,
    pub(crate) requests: u64,
}

impl<'a> Findings<'a> {
    pub(crate) async fn begin(store: &'a Store, table: &'a TargetTable) -> Result<Self, Error> {
        store
            .execute_all(&statement::forget(table))
            .await
            .map_err(|source| staging(&table.logical_name, source))?;
        Ok(Self { store, table, values: 0, unexpected: 0, requests: 0 })
    }

    pub(crate) async fn keep(&mut self, page: PageFindings) -> Result<(), Error> {
        self.keep_under(self.table.logical_name.clone(), page).await
    }

    /// Keeps what was found among parties: the rows seen are rows of the party table.
    pub(crate) async fn keep_parties(&mut self, page: PageFindings) -> Result<(), Error> {
        self.keep_under(statement::parties_label(self.table), page).await
    }

    async fn keep_under(&mut self, label: String, page: PageFindings) -> Result<(), Error> {
        let table = &self.table.logical_name;
        self.values += page.values;
        self.unexpected += page.unexpected;
        let mut seen = self.store.append(&statement::verified_table(), statement::VERIFIED_COLUMNS.to_vec());
        let mut rows = seen.batch();
        for row_id in page.seen {
            rows.push_text(&label);
            rows.push_integer(row_id);
        }
        seen.push(rows).await.map_err(|source| staging(table, source))?;
        seen.finish().await.map_err(|source| staging(table, source))?;
        if page.differences.is_empty() {
            return Ok(());
        }
        let mut appender =
            self.store.append(&statement::difference_table(), statement::DIFFERENCE_COLUMNS.to_vec());
        let mut rows = appender.batch();
        for difference in &page.differences {
            rows.push_text(table);
            match difference.row_id {
                Some(row_id) => rows.push_integer(row_id),
                None => rows.push_null(),
            }
            rows.push_option(difference.source_key.as_deref());
            rows.push_option(difference.dataverse_id.as_deref());
            rows.push_text(&difference.column);
            rows.push_text(difference.rule);
            rows.push_option(difference.staged.as_deref());
            rows.push_option(difference.read_back.as_deref());
        }
        appender.push(rows).await.map_err(|source| staging(table, source))?;
        appender.finish().await.map_err(|source| staging(table, source))?;
        Ok(())
    }

    /// Looks for what is missing and adds up.
    pub(crate) async fn finish(self, column: &str, arrived: Arrived) -> Result<TableReport, Error> {
        let table = &self.table.logical_name;
        let failed = |source| staging(table, source);
        let missing = self
            .store
            .execute(&statement::record_missing(self.table, arrived, column))
            .await
            .map_err(failed)?;
        let undeleted = statement::record_undeleted(self.table, column);
        self.store.execute(&undeleted).await.map_err(failed)?;
        let accounts = self.store.query(&statement::accounts(self.table, arrived)).await.map_err(failed)?;
        let account = |n: usize| accounts.first().and_then(|row| row.count(n).ok()).unwrap_or(0);
        let affected = self.store.count(&statement::differing_rows(self.table)).await.map_err(failed)?;
        let found = account(3);
        let differing = affected.saturating_sub(missing);
        let columns = self
            .store
            .query(&statement::differences_by_column(self.table))
            .await
            .map_err(failed)?
            .iter()
            .map(|row| {
                Ok(ColumnReport {
                    column: row.text(0)?.to_owned(),
                    rule: row.text(1)?.to_owned(),
                    differences: row.count(2)?,
                    example: row.optional_text(4)?.map(str::to_owned),
                })
            })
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        Ok(TableReport {
            table: table.clone(),
            staged: account(0),
            loaded: account(1),
            errors: account(2),
            owed: account(4),
            deleted: account(5),
            found,
            missing,
            agreeing: found.saturating_sub(differing),
            differing,
            unexpected: Some(self.unexpected),
            values: self.values,
            requests: self.requests,
            seconds: 0.0,
            columns,
        })
    }
}

/// A staged value as a JSON string, for parameters.
pub(crate) fn guid_of(value: &Value) -> Option<String> {
    value.as_text().map(str::to_ascii_lowercase)
}
