//! Verify: what Dataverse holds against what was staged.

use std::fmt::Write as _;
use std::sync::Arc;

use futures::StreamExt as _;
use reconcile::{Association, Report, TableReport, VerifyTable};
use staging_schema::{GuidStrategy, Shape};
use staging_store::Store;

use super::{Journey, Outcome, base, load};
use crate::event::Observer;
use crate::report;
use crate::{Error, Event, Step};

const STEP: Step = Step::Verify;
/// Tables that are read back at the same time: while pages of one are compared, those of the other are on their way.
const AT_ONCE: usize = 2;

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
            // Rows with GUIDs of our own carry no number.
            base: bases
                .get(&table.logical_name)
                .filter(|_| table.guid == GuidStrategy::Server)
                .map(|base| base.base),
            association,
        });
    }
    let mut report = Report::default();
    let mut compared = futures::stream::iter(&tables)
        .map(async |table| {
            journey.part(STEP, "compare", Some(&table.staged.logical_name))?;
            let pages =
                Pages { observer: Arc::clone(&journey.observer), read: std::sync::atomic::AtomicU64::new(0) };
            Ok::<_, Error>(
                reconcile::verify(store, &connected.client, std::slice::from_ref(table), &pages).await?,
            )
        })
        .buffered(AT_ONCE);
    while let Some(one) = compared.next().await {
        let one = one?;
        report.tables.extend(one.tables);
        report.tolerances.extend(one.tolerances);
    }
    let path = journey.project.reports().join("verify.json");
    report::write_json(&path, &report)?;
    let open: Vec<String> = report.tables.iter().filter_map(open_of).collect();
    for tolerance in &report.tolerances {
        tracing::info!(tolerance, "compared with this tolerance");
    }
    Ok(Outcome { sentence: sentence(&report), open, ..Outcome::default() })
}

/// What of a table is not as it should be. Errors and what is owed are told by the account of the run.
fn open_of(table: &TableReport) -> Option<String> {
    let parts = |counts: &[(u64, &str)]| {
        let counted = counts.iter().filter(|(count, _)| *count > 0);
        counted.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
    };
    let different = parts(&[
        (table.missing, "missing in Dataverse"),
        (table.differing, "differing"),
        (table.unexpected.unwrap_or(0), "unknown to staging"),
    ]);
    let pending = parts(&[(table.unaccounted(), "not loaded yet")]);
    match (different.is_empty(), pending.is_empty()) {
        (true, true) => None,
        (true, false) => Some(format!("{}: {pending}", table.table)),
        (false, true) => Some(format!("{}: {different} (see migration.Difference)", table.table)),
        (false, false) => Some(format!("{}: {different} (see migration.Difference); {pending}", table.table)),
    }
}

/// How much agrees, and where every staged row is.
fn sentence(report: &Report) -> String {
    let sum = |of: fn(&TableReport) -> u64| report.tables.iter().map(of).sum::<u64>();
    let (loaded, agreeing) = (sum(|table| table.loaded), sum(|table| table.agreeing));
    let mut sentence = format!(
        "{agreeing} of {loaded} loaded rows agree in {} values; {loaded} loaded",
        sum(|table| table.values)
    );
    for (count, what) in [
        (sum(|table| table.errors), "in error"),
        (sum(|table| table.owed), "owed"),
        (sum(|table| table.deleted), "deleted"),
        (sum(TableReport::unaccounted), "not loaded yet"),
    ] {
        if count > 0 {
            let _ = write!(sentence, " + {count} {what}");
        }
    }
    let _ = write!(sentence, " = {} staged rows", sum(|table| table.staged));
    if report.tables.iter().any(TableReport::differs) {
        sentence.push_str("; not all is as staged: see what is open");
    }
    sentence
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs() -> TableReport {
        TableReport {
            table: "listmember".into(),
            staged: 10,
            loaded: 6,
            found: 6,
            agreeing: 6,
            values: 12,
            errors: 1,
            owed: 3,
            ..TableReport::default()
        }
    }

    #[test]
    fn owed_pairs_add_up_and_are_no_difference() {
        let report = Report { tables: vec![pairs()], ..Report::default() };
        assert_eq!(
            sentence(&report),
            "6 of 6 loaded rows agree in 12 values; 6 loaded + 1 in error + 3 owed = 10 staged rows"
        );
        assert_eq!(open_of(&report.tables[0]), None);
    }

    #[test]
    fn differences_are_told_apart_from_rows_that_were_not_sent() {
        let table = TableReport { staged: 12, agreeing: 5, differing: 1, ..pairs() };
        assert_eq!(
            open_of(&table).as_deref(),
            Some("listmember: 1 differing (see migration.Difference); 2 not loaded yet")
        );
        let report = Report { tables: vec![table], ..Report::default() };
        assert_eq!(
            sentence(&report),
            "5 of 6 loaded rows agree in 12 values; 6 loaded + 1 in error + 3 owed + 2 not loaded yet = 12 staged rows; \
             not all is as staged: see what is open"
        );
    }
}
