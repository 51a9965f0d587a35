//! Rows that Dataverse refused, once their cause is repaired.

use std::collections::BTreeMap;

use staging_schema::settle::{RetryFilter, retry_errors};
use staging_schema::{TargetTable, summary};
use staging_store::{Step as Statements, StepOutcome, Store};

use super::Journey;
use super::repair::Repairer;
use crate::error::in_staging;
use crate::{Error, Step, record};

/// Makes rows that Dataverse refused pending again, table by table. Returns how many of which table.
///
/// Their errors stay, marked as retried. A table is one transaction: killed before it, the next retry finds the errors
/// as they were; killed after it, the next load of any kind takes the rows.
pub(crate) async fn retry(journey: &Journey<'_>, store: &Store) -> Result<BTreeMap<String, u64>, Error> {
    const STEP: Step = Step::Load;
    let mut retried = BTreeMap::new();
    let mut repairer =
        if journey.repairs.is_empty() { None } else { Some(Repairer::new(journey, store).await?) };
    for table in &journey.checked.tables {
        let name = &table.logical_name;
        journey.part(STEP, "take refused rows again", Some(name))?;
        let [mark, clear] = retry_errors(table, &RetryFilter::default());
        let mut steps = vec![Statements::Query(summary::refused_rows(table))];
        if let Some(repairer) = &mut repairer {
            let (statements, counts) = repairer.statements(table).await?;
            steps.extend(statements.into_iter().map(Statements::execute));
            for (rule, rows) in counts {
                let message = format!("{rows} repaired by {rule}; see migration.Repair for what was changed");
                journey.notice(STEP, Some(name), message);
            }
        }
        steps.extend([Statements::execute(mark), Statements::execute(clear)]);
        let doing = || in_staging(format!("taking refused rows of {name} again"));
        let outcomes = store.transaction(steps).await.map_err(doing())?;
        let counted = outcomes.into_iter().flat_map(StepOutcome::into_rows).next();
        let rows = counted.map_or(Ok(0), |row| row.count(0)).map_err(doing())?;
        if rows > 0 {
            let noun =
                if rows == 1 { "row that Dataverse refused is" } else { "rows that Dataverse refused are" };
            journey.notice(STEP, Some(name), format!("{rows} {noun} taken again"));
            retried.insert(name.clone(), rows);
        }
    }
    if retried.is_empty() {
        journey.notice(STEP, None, "no row that Dataverse refused is left to be taken again");
    }
    Ok(retried)
}

/// Rows that a retry would take again.
pub(crate) async fn refused(store: &Store, table: &TargetTable) -> Result<u64, Error> {
    if !record::exists(store, &table.error()).await? {
        return Ok(0);
    }
    let count = store.count(&summary::refused_rows(table)).await;
    count.map_err(in_staging(format!("counting the rows of {} that Dataverse refused", table.logical_name)))
}
