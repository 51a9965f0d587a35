//! Alternate keys, checked before a row is sent that they could not find again.

use staging_schema::alternate_key::AlternateKey;
use staging_schema::{StagedKind, settle, summary};

use crate::Error;
use crate::context::{Context, staging};
use crate::event::Event;
use crate::plan::{LoadTable, Strategy};

/// Puts rows in error whose key has an empty column, or is the same in Dataverse as that of another staged row; errors of an
/// earlier check that hold no longer are taken back. Answers how many rows are newly in error by this check; of workers that check
/// at the same moment, one writes an error.
pub(crate) async fn check(ctx: &Context<'_>, table: &LoadTable, columns: &[String]) -> Result<u64, Error> {
    let name = table.name();
    let failed = || staging(name, "checking alternate keys");
    let key = AlternateKey { table: &table.staged, columns, accents: ctx.options.key_accents };
    if ctx.store.count(&key.recorded()).await.map_err(failed())? > 0 {
        let again = [key.alone(), key.take_back(), settle::clear_flags(&table.staged)];
        ctx.store.execute_all(&again).await.map_err(failed())?;
    }
    // Asked before anything is written: most keys are right, and nobody is to wait for a lock meanwhile.
    let faults = ctx.store.query(&key.faults()).await.map_err(failed())?;
    if faults.is_empty() {
        return Ok(0);
    }
    let [empty, twins] = key.record();
    let mut record = vec![key.alone(), empty, twins];
    record.extend(summary::flag_findings(&table.staged));
    let changed = ctx.store.execute_all(&record).await.map_err(failed())?;
    let rows = changed[1] + changed[2];
    for fault in &faults {
        let (rule, count) = (fault.text(0).map_err(failed())?, fault.count(1).map_err(failed())?);
        let example = fault.text(2).map_err(failed())?;
        tracing::warn!(
            table = name,
            key = columns.join(","),
            rule,
            rows = count,
            example,
            "alternate keys cannot serve"
        );
        ctx.tell(&Event::KeysUnusable {
            table: name.to_owned(),
            rule: rule.to_owned(),
            rows: count,
            example: example.to_owned(),
        });
    }
    ctx.count(name, |report| report.errors += rows);
    Ok(rows)
}

/// The columns of the key by which rows of a table are found again, if they are loaded by one.
pub(crate) fn key_of(table: &LoadTable) -> Result<Option<&[String]>, Error> {
    let Strategy::AlternateKey(columns) = &table.strategy else { return Ok(None) };
    // What the service rounds is not what is staged.
    let is_rounded = |name: &&String| {
        table.staged.column(name).is_some_and(|column| {
            matches!(
                column.kind,
                StagedKind::Decimal { .. } | StagedKind::Money { .. } | StagedKind::Double { .. }
            )
        })
    };
    match columns.iter().find(is_rounded) {
        Some(rounded) => Err(Error::Plan {
            table: table.name().to_owned(),
            complaint: format!(
                "{rounded} of its alternate key is a number with decimals, which finds no row again"
            ),
        }),
        None => Ok(Some(columns)),
    }
}
