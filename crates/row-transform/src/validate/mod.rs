//! Staged rows against the metadata, set by set, before a request is spent on them.
//!
//! What is found stands in `migration.Finding`, the same for errors and warnings, as of the last validation. Errors also
//! become rows of pass `validate` in `target.<table>_Error`, and their rows get the flag `E`; when a finding no longer
//! holds, its error is marked as dealt with and the row is free again.

mod checks;
mod record;
mod source_checks;

use staging_schema::TableName;
use staging_store::{SLICE_ROWS, Store};

use crate::error::while_doing;
use crate::finding::{Finding, FindingCount, Rule, Severity};
use crate::plan::{Plan, TablePlan};
use crate::{Error, stage};

/// Validates the rows of one table that Dataverse has not accepted yet at their generation.
///
/// To be called when every table is staged and choices have their values, since lookups are checked against the staged
/// parents. A second call finds the same and changes nothing.
///
/// # Errors
/// The staging database refused, or the plan has no such table.
pub async fn validate(store: &Store, plan: &Plan, table: &str) -> Result<Vec<FindingCount>, Error> {
    let planned = plan.table(table).ok_or_else(|| Error::NotPlanned { table: table.to_owned() })?;
    let failed = |doing| while_doing(table, doing);
    let checks = checks::checks(plan, planned);
    if !store.dialect().borrows_functions()
        && let Some(what) = checks.iter().find_map(|check| check.broken.mssql_gap())
    {
        return Err(Error::NotOnThisEngine { table: table.to_owned(), what: what.to_owned() });
    }
    let mut prepare = stage::scratch_tables();
    prepare.extend(record::create());
    store.execute_all(&prepare).await.map_err(failed("preparing the table of findings"))?;
    store.execute(&record::forget(planned)).await.map_err(failed("clearing old findings"))?;
    for map in &planned.maps {
        for slice in store
            .slices(&TableName::source(&map.source), SLICE_ROWS)
            .await
            .map_err(failed("reading the snapshot"))?
        {
            source_checks::run(store, planned, map, &slice)
                .await
                .map_err(failed("validating what was read"))?;
        }
    }
    for slice in
        store.slices(&planned.target.name(), SLICE_ROWS).await.map_err(failed("reading staged rows"))?
    {
        let suspects = record::suspects(planned, &checks, &slice);
        let listed = store.execute_all(&suspects).await.map_err(failed("validating staged rows"))?;
        if listed.last().copied().unwrap_or_default() > 0 {
            let findings: Vec<_> = checks.iter().map(|check| record::findings(planned, check)).collect();
            store.execute_all(&findings).await.map_err(failed("recording findings"))?;
        }
    }
    store.execute_all(&record::settle(planned)).await.map_err(failed("recording findings"))?;
    let counts = read_counts(store, planned).await?;
    let rows: u64 = counts.iter().map(|count| count.rows).sum();
    tracing::info!(table, findings = rows, "validated");
    Ok(counts)
}

async fn read_counts(store: &Store, planned: &TablePlan) -> Result<Vec<FindingCount>, Error> {
    let table = planned.target.logical_name.as_str();
    let failed = || while_doing(table, "counting findings");
    let rows = store.query(&record::counts(planned)).await.map_err(failed())?;
    let mut counts = Vec::new();
    for row in rows {
        let rule = Rule::from_word(row.text(1).map_err(failed())?);
        let severity = Severity::from_word(row.text(2).map_err(failed())?);
        let (Some(rule), Some(severity)) = (rule, severity) else { continue };
        counts.push(FindingCount {
            table: table.to_owned(),
            column: row.optional_text(0).map_err(failed())?.map(str::to_owned),
            rule,
            severity,
            rows: row.count(3).map_err(failed())?,
        });
    }
    Ok(counts)
}

/// The findings of a table as of its last validation, in the order of its rows, at most `limit`.
///
/// # Errors
/// The staging database refused, or the plan has no such table.
pub async fn findings(store: &Store, plan: &Plan, table: &str, limit: u32) -> Result<Vec<Finding>, Error> {
    let planned = plan.table(table).ok_or_else(|| Error::NotPlanned { table: table.to_owned() })?;
    let failed = || while_doing(table, "reading findings");
    store.execute_all(&record::create()).await.map_err(failed())?;
    let rows = store.query(&record::listed(planned, limit)).await.map_err(failed())?;
    let mut findings = Vec::new();
    for row in rows {
        let read = || -> Result<Option<Finding>, staging_store::Error> {
            let (Some(rule), Some(severity)) =
                (Rule::from_word(row.text(4)?), Severity::from_word(row.text(5)?))
            else {
                return Ok(None);
            };
            Ok(Some(Finding {
                table: table.to_owned(),
                row_id: row.integer(0)?,
                source_table: row.text(1)?.to_owned(),
                source_key: row.text(2)?.to_owned(),
                column: row.optional_text(3)?.map(str::to_owned),
                rule,
                severity,
                value: row.optional_text(6)?.map(str::to_owned),
            }))
        };
        findings.extend(read().map_err(failed())?);
    }
    Ok(findings)
}
