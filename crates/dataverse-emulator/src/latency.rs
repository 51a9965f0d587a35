//! What requests cost: the latency model behind service protection's execution time.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::route::{Headers, Request};
use crate::schema::Schema;
use crate::state::Transaction;
use crate::state::row::TableId;
use crate::throttle::Limits;

/// What one table costs, in emulated milliseconds; what is not named costs what [`Limits`] says for all tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TableLatency {
    /// Each request to the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_ms: Option<f64>,
    /// Each row that is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_ms: Option<f64>,
    /// What synchronous plug-ins add to each row, unless the request bypasses them (default 0).
    pub plugin_ms: f64,
}

/// Rows that a request wrote, by table and by whether plug-ins ran.
#[derive(Debug, Default)]
pub(crate) struct Written(Vec<(TableId, bool, u64)>);

impl Written {
    /// Adds what a transaction is about to keep.
    pub(crate) fn add(&mut self, tx: &Transaction<'_>, headers: &Headers) {
        let runs_plugins = !bypasses_plugins(headers);
        for table in tx.tables_written() {
            match self.0.iter_mut().rev().find(|(known, runs, _)| *known == table && *runs == runs_plugins) {
                Some((_, _, rows)) => *rows += 1,
                None => self.0.push((table, runs_plugins, 1)),
            }
        }
    }
}

/// Custom synchronous plug-ins are left out by these headers (reference §6).
fn bypasses_plugins(headers: &Headers) -> bool {
    let says = |name: &str, wanted: &str| {
        headers
            .get(name)
            .is_some_and(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(wanted)))
    };
    says("mscrm.bypasscustompluginexecution", "true")
        || says("mscrm.bypassbusinesslogicexecution", "CustomSync")
}

impl Limits {
    /// The execution time of a request, in emulated milliseconds.
    pub(crate) fn cost_ms(&self, schema: impl FnOnce() -> Arc<Schema>, path: &str, written: &Written) -> f64 {
        if self.latency_by_table.is_empty() {
            let rows: u64 = written.0.iter().map(|(_, _, rows)| rows).sum();
            return self.latency_ms + self.latency_per_row_ms * as_number(rows);
        }
        let schema = schema();
        let tables: &BTreeMap<String, TableLatency> = &self.latency_by_table;
        let of = |table: TableId| tables.get(&schema.table(table).name).copied().unwrap_or_default();
        let entity_set = path.split(['(', '/']).next().unwrap_or_default();
        let addressed =
            schema.by_entity_set(entity_set).map(|table| of(table.id)).and_then(|table| table.request_ms);
        let rows: f64 = written
            .0
            .iter()
            .map(|(table, runs_plugins, rows)| {
                let table = of(*table);
                let plugins = if *runs_plugins { table.plugin_ms } else { 0.0 };
                as_number(*rows) * (table.row_ms.unwrap_or(self.latency_per_row_ms) + plugins)
            })
            .sum();
        addressed.unwrap_or(self.latency_ms) + rows
    }

    /// What makes no sense, if anything does not.
    pub(crate) fn problem(&self) -> Option<String> {
        let millis = |name: &str, value: f64| {
            let is_wrong = !value.is_finite() || value < 0.0;
            is_wrong.then(|| format!("{name} is {value}; milliseconds are zero or more"))
        };
        let tables = self.latency_by_table.iter().find_map(|(table, latency)| {
            [
                ("request-ms", latency.request_ms),
                ("row-ms", latency.row_ms),
                ("plugin-ms", Some(latency.plugin_ms)),
            ]
            .iter()
            .find_map(|(name, value)| millis(&format!("{name} of {table}"), (*value)?))
        });
        let scale = self.time_scale;
        if !scale.is_finite() || scale <= 0.0 {
            return Some(format!("time-scale is {scale}; it is a number above zero, 1 for real time"));
        }
        for (name, number) in [("servers", self.servers as u64), ("window-seconds", self.window_seconds)] {
            if number == 0 {
                return Some(format!("{name} is 0; it is at least 1"));
            }
        }
        millis("latency-ms", self.latency_ms)
            .or_else(|| millis("latency-per-row-ms", self.latency_per_row_ms))
            .or(tables)
    }
}

#[expect(clippy::cast_precision_loss, reason = "rows of one request")]
fn as_number(rows: u64) -> f64 {
    rows as f64
}

/// The web server that the affinity cookie names.
pub(crate) fn server_of_cookie(request: &Request) -> Option<usize> {
    let cookies = request.headers.get("cookie")?;
    cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("ARRAffinity=")?.parse().ok())
}
