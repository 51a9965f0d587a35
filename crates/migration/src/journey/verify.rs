//! Verify: what Dataverse holds against what was staged.

use std::sync::Arc;

use reconcile::{Association, VerifyTable};
use staging_schema::Shape;
use staging_store::Store;

use super::{Journey, Outcome, base, load};
use crate::event::Observer;
use crate::report;
use crate::{Error, Event, Step};

const STEP: Step = Step::Verify;

/// Reads Dataverse back and compares it, field by field.
pub(crate) async fn verify(journey: &Journey<'_>, store: &Store) -> Result<Outcome, Error> {
    let checked = &journey.checked;
    let connected = checked.target(STEP)?;
    let bases = base::reserved(store, connected.organization.id).await?;
    let mut tables = Vec::new();
    for table in &checked.tables {
        let definition = checked.definition(&table.logical_name)?;
        let association = match table.shape {
            Shape::Standard => None,
            Shape::Intersect => Some(Association {
                relationship: load::relationship(checked, table)?.clone(),
                entity_set: definition.entity_set_name.clone(),
            }),
        };
        tables.push(VerifyTable {
            definition: Arc::new(definition.clone()),
            staged: table.clone(),
            base: bases.get(&table.logical_name).map(|base| base.base),
            association,
        });
    }
    let mut report = reconcile::Report::default();
    for table in tables {
        journey.part(STEP, "compare", Some(&table.staged.logical_name))?;
        let pages =
            Pages { observer: Arc::clone(&journey.observer), read: std::sync::atomic::AtomicU64::new(0) };
        let one = reconcile::verify(store, &connected.client, std::slice::from_ref(&table), &pages).await?;
        report.tables.extend(one.tables);
        report.tolerances.extend(one.tolerances);
    }
    let path = journey.project.reports().join("verify.json");
    report::write_json(&path, &report)?;
    let sum = |of: fn(&reconcile::TableReport) -> u64| report.tables.iter().map(of).sum::<u64>();
    let mut open = Vec::new();
    for table in report.tables.iter().filter(|table| !table.is_clean()) {
        let mut parts = Vec::new();
        for (count, what) in [
            (table.missing, "missing"),
            (table.differing, "differing"),
            (table.unexpected.unwrap_or(0), "unknown to staging"),
            (table.unaccounted(), "neither loaded nor in error"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        open.push(format!("{}: {} (see migration.Difference)", table.table, parts.join(", ")));
    }
    let sentence = format!(
        "{} of {} loaded rows agree in {} values; with {} in error that is every one of {} staged rows{}",
        sum(|table| table.agreeing),
        sum(|table| table.loaded),
        sum(|table| table.values),
        sum(|table| table.errors),
        sum(|table| table.staged),
        if open.is_empty() { "" } else { " — no: see what is open" },
    );
    for tolerance in &report.tolerances {
        tracing::info!(tolerance, "compared with this tolerance");
    }
    Ok(Outcome { sentence, open, ..Outcome::default() })
}

struct Pages {
    observer: Arc<dyn Observer>,
    read: std::sync::atomic::AtomicU64,
}

impl reconcile::Progress for Pages {
    fn page(&self, table: &str, rows: u64) {
        let rows = rows + self.read.fetch_add(rows, std::sync::atomic::Ordering::Relaxed);
        self.observer.event(&Event::Progress { step: STEP, table: table.to_owned(), rows, total: None });
    }
}
