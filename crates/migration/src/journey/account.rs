//! The account at the end of a run: every row of every table.

use std::collections::BTreeMap;

use staging_schema::{Mode, Shape};
use staging_store::Store;

use super::{Journey, Steps, errors, retry};
use crate::status;
use crate::{Error, FileAdvice, Step, Summary, TableSummary};

/// Completes a summary from the staging database; `done` is what the steps did in this run.
pub(crate) async fn complete(
    journey: &Journey<'_>,
    store: &Store,
    steps: Steps,
    done: &BTreeMap<String, TableSummary>,
    summary: &mut Summary,
) -> Result<(), Error> {
    let present = status::tables(store).await?;
    for table in &journey.checked.tables {
        let name = &table.logical_name;
        let Some(now) = present.iter().find(|status| status.table == *name) else { continue };
        let did = done.get(name).cloned().unwrap_or_default();
        let mode = match (table.shape, table.mode) {
            (Shape::Intersect, _) => "pairs",
            (Shape::Standard, Mode::Match) => "match",
            (Shape::Standard, Mode::Load) => "load",
        };
        let arrived = match table.shape {
            // Pairs have no GUID of their own.
            Shape::Intersect => now.accepted + now.processed,
            Shape::Standard => now.arrived,
        };
        if now.errors > 0 {
            summary.open.push(format!("{name}: {} of {} rows are in error", now.errors, now.staged));
        }
        // A trial leaves pairs for later whose ends it does not load.
        let is_later = journey.pilot.is_some() && table.shape == Shape::Intersect;
        if now.owed > 0 && !is_later {
            let what = match (table.shape, now.owed) {
                (Shape::Standard, 1) => "row has a lookup whose parent has not arrived",
                (Shape::Standard, _) => "rows have a lookup whose parent has not arrived",
                (Shape::Intersect, 1) => "pair waits for an end that has not arrived",
                (Shape::Intersect, _) => "pairs wait for an end that has not arrived",
            };
            summary.open.push(format!("{name}: {} {what}", now.owed));
        }
        if now.in_doubt > 0 {
            summary.open.push(format!("{name}: {} rows are in doubt", now.in_doubt));
        }
        let refused = retry::refused(store, table).await?;
        let written = did.loaded + did.updated;
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rows_per_second = (written > 0 && did.seconds > 0.0).then(|| written as f64 / did.seconds);
        summary.tables.push(TableSummary {
            table: name.clone(),
            mode: mode.to_owned(),
            staged: now.staged,
            arrived,
            owed: now.owed,
            errors: now.errors,
            refused,
            rows_per_second,
            ..did
        });
    }
    files(journey, store, steps, summary).await
}

async fn files(
    journey: &Journey<'_>,
    store: &Store,
    steps: Steps,
    summary: &mut Summary,
) -> Result<(), Error> {
    let reports = journey.project.reports();
    let mut add = |path, about: &str| summary.files.push(FileAdvice { path, about: about.to_owned() });
    if (steps.contains(Step::Transform) || steps.last() > Step::Transform)
        && let Some((path, lines)) = errors::write_errors(journey, store).await?
    {
        add(path, &format!("{lines} errors: table, row, column, rule, value and what to do"));
    }
    if steps.last() >= Step::Load
        && let Some((path, lines)) = errors::write_owed(journey, store).await?
    {
        add(
            path,
            &format!("{lines} lookups that wait for a parent: table, row, lookup and the parent's key"),
        );
    }
    for (file, about) in [
        ("findings.csv", "what the validation found, counted per table, column and rule"),
        ("unmapped-columns.csv", "source columns that are mapped nowhere, with their counts of values"),
        ("unmapped-choices.csv", "choice texts without a value"),
        ("unmapped-owners.csv", "owners without a row in migration.OwnerMapping"),
        ("plan.json", "the order of tables, which lookups wait, and why"),
        ("verify.json", "what was compared, table by table, with its tolerances"),
    ] {
        let path = reports.join(file);
        if path.is_file() {
            add(path, about);
        }
    }
    if let Some(path) = journey.project.settings().staging.path() {
        add(path.to_owned(), "the staging database, with any SQLite tool");
    }
    Ok(())
}
