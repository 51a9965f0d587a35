//! Sequence: the order of tables, which lookups wait, and the level of each row.

use std::collections::{BTreeMap, BTreeSet};

use load_sequence::{LookupGraph, Options, RowWavesChoice, Sequence};
use staging_schema::{Mode, Shape, Statement, TableName, TargetTable, Value};
use staging_store::Store;
use tokio_util::sync::CancellationToken;

use super::graph::{self, targets};
use super::{Journey, Outcome, row_waves};
use crate::error::in_staging;
use crate::report;
use crate::{Error, Event, Step, record};

const STEP: Step = Step::Sequence;
/// The setting that holds the plan for the steps that follow it.
const PLAN: &str = "Plan";

/// Computes levels and order, and keeps the plan in the staging database and beside the project.
pub(crate) async fn sequence(journey: &Journey<'_>, store: &Store) -> Result<Outcome, Error> {
    for table in &journey.checked.tables {
        let own = self_lookups(table);
        if own.is_empty() || table.mode == Mode::Match || table.shape == Shape::Intersect {
            continue;
        }
        journey.part(STEP, "compute levels", Some(&table.logical_name))?;
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let doing = || in_staging(format!("computing the levels of {}", table.logical_name));
        let told = |rows, total| levels_known(journey, &table.logical_name, rows, total);
        let computing = store.compute_levels_telling(table, &own, None, &told);
        let levels = unless_stopped(&journey.cancel, computing).await?.map_err(doing())?;
        if levels.on_cycles > 0 {
            journey.notice(
                STEP,
                Some(&table.logical_name),
                format!(
                    "{} rows point at each other in a circle; their parent is written afterwards",
                    levels.on_cycles
                ),
            );
        }
    }
    journey.part(STEP, "count lookups", None)?;
    let graph = graph::graph(&journey.checked, Some(store), true).await?;
    journey.part(STEP, "order tables", None)?;
    let plan = order(journey, store, graph).await?;
    journey.part(STEP, "keep the plan", None)?;
    keep(store, &plan).await?;
    row_waves::settle(journey, store, &plan).await?;
    report::write_json(&journey.project.reports().join("plan.json"), &plan)?;
    let proven = if plan.proven { ", and no order needs fewer" } else { "" };
    Ok(format!(
        "{} tables in {} waves; {} lookups wait, which costs {} second writes{proven}",
        plan.waves.iter().map(Vec::len).sum::<usize>(),
        plan.waves.len(),
        plan.deferred.len(),
        plan.cost,
    )
    .into())
}

/// Tells how many rows of a hierarchy are done.
pub(super) fn levels_known(journey: &Journey<'_>, table: &str, rows: u64, total: u64) {
    journey.observer.event(&Event::Progress {
        step: STEP,
        table: table.to_owned(),
        rows,
        total: Some(total),
    });
}

/// Ends a computation of levels when a stop is asked for: what it was doing is done anew by the next run.
pub(super) async fn unless_stopped<T>(
    cancel: &CancellationToken,
    computing: impl Future<Output = T>,
) -> Result<T, Error> {
    tokio::select! {
        done = computing => Ok(done),
        () = cancel.cancelled() => Err(Error::Stopped { step: STEP }),
    }
}

/// The cheapest order, in which row waves are weighed against what waits.
async fn order(journey: &Journey<'_>, store: &Store, mut graph: LookupGraph) -> Result<Sequence, Error> {
    let load = &journey.project.settings().load;
    let mut options = Options::default();
    if let Some(rows) = load.batch {
        options.rows_per_request = rows.into();
    }
    if load.row_waves {
        options.row_waves = RowWavesChoice::Adopt;
    }
    let plan = load_sequence::sequence(&graph, &options);
    graph.row_levels = row_waves::find(journey, store, &plan).await?;
    row_waves::keep(store, &graph.row_levels).await?;
    if graph.row_levels.is_empty() {
        return Ok(plan?);
    }
    let weighed = load_sequence::sequence(&graph, &options);
    if let (Err(load_sequence::Error::RequiredCycle(_)), false) = (&weighed, load.row_waves) {
        journey.notice(
            STEP,
            None,
            "the rows of these tables form no cycle: row_waves = true under [load] loads them",
        );
    }
    Ok(weighed?)
}

/// Lookups that point to rows of their own table.
pub(crate) fn self_lookups(table: &TargetTable) -> Vec<String> {
    table
        .lookups()
        .filter(|column| targets(column).contains(&table.logical_name))
        .map(|column| column.name.clone())
        .collect()
}

/// Whether the step `sequence` was done.
pub(crate) async fn is_kept(store: &Store) -> Result<bool, Error> {
    let is_prepared = record::exists(store, &TableName::migration("Setting")).await?;
    Ok(is_prepared && record::setting(store, PLAN).await?.is_some())
}

/// The plan that the step `sequence` kept.
pub(crate) async fn kept(store: &Store, step: Step) -> Result<Sequence, Error> {
    let text = record::setting(store, PLAN).await?;
    let text = text.ok_or_else(|| Error::NotReady {
        step,
        missing: "no plan is kept; run the step sequence".to_owned(),
    })?;
    serde_json::from_str(&text).map_err(|error| Error::NotReady {
        step,
        missing: format!("the plan that is kept cannot be read ({error}); run the step sequence"),
    })
}

async fn keep(store: &Store, plan: &Sequence) -> Result<(), Error> {
    let (plan_table, plan_lookup) = (TableName::migration("PlanTable"), TableName::migration("PlanLookup"));
    let mut statements = Vec::new();
    for table in [&plan_table, &plan_lookup] {
        statements.push(Statement::new(|d| format!("DELETE FROM {}", d.table(table)), Vec::new()));
    }
    let reasons: BTreeMap<(&str, Option<&str>), &str> = plan
        .explanations
        .iter()
        .map(|explanation| {
            ((explanation.table.as_str(), explanation.column.as_deref()), explanation.text.as_str())
        })
        .collect();
    let reason = |table: &str, column: Option<&str>| match reasons.get(&(table, column)) {
        Some(text) => Value::Text((*text).to_owned()),
        None => Value::Null,
    };
    let mut position = 0_i64;
    for (wave, tables) in plan.waves.iter().enumerate() {
        for table in tables {
            position += 1;
            let wave = i64::try_from(wave + 1).unwrap_or(i64::MAX);
            statements.push(insert(
                &plan_table,
                &["TargetTable", "Wave", "Position", "Reason"],
                vec![
                    table.as_str().into(),
                    Value::Integer(wave),
                    Value::Integer(position),
                    reason(table, None),
                ],
            ));
        }
    }
    let columns = ["TargetTable", "ColumnName", "ParentTable", "Treatment", "FilledRows", "Reason"];
    for lookup in &plan.deferred {
        let rows = i64::try_from(lookup.rows).unwrap_or(i64::MAX);
        statements.push(insert(
            &plan_lookup,
            &columns,
            vec![
                lookup.table.as_str().into(),
                lookup.column.as_str().into(),
                lookup.target.as_str().into(),
                "deferred".into(),
                Value::Integer(rows),
                reason(&lookup.table, Some(&lookup.column)),
            ],
        ));
    }
    let deferred: BTreeSet<(&str, &str, &str)> = plan
        .deferred
        .iter()
        .map(|lookup| (lookup.table.as_str(), lookup.column.as_str(), lookup.target.as_str()))
        .collect();
    for level in &plan.levels {
        if deferred.contains(&(level.table.as_str(), level.column.as_str(), level.table.as_str())) {
            continue;
        }
        statements.push(insert(
            &plan_lookup,
            &columns,
            vec![
                level.table.as_str().into(),
                level.column.as_str().into(),
                level.table.as_str().into(),
                "levels".into(),
                Value::Integer(0),
                reason(&level.table, Some(&level.column)),
            ],
        ));
    }
    let text = serde_json::to_string(plan).map_err(|error| Error::Metadata {
        message: format!("the plan cannot be written as JSON: {error}"),
    })?;
    statements.extend(record::set_setting(PLAN, &text));
    store.execute_all(&statements).await.map_err(in_staging("keeping the plan"))?;
    Ok(())
}

fn insert(table: &TableName, columns: &[&str], values: Vec<Value>) -> Statement {
    Statement::new(
        |d| {
            let names: Vec<String> = columns.iter().map(|name| d.quote(name)).collect();
            let params: Vec<String> = (1..=columns.len()).map(|n| d.param(n)).collect();
            format!("INSERT INTO {} ({}) VALUES ({})", d.table(table), names.join(", "), params.join(", "))
        },
        values,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_ends_a_long_computation_of_levels() {
        let cancel = CancellationToken::new();
        assert_eq!(unless_stopped(&cancel, async { 7 }).await.unwrap(), 7);
        let computing = unless_stopped(&cancel, std::future::pending::<()>());
        let (stopped, ()) = tokio::join!(computing, async { cancel.cancel() });
        assert!(matches!(stopped, Err(Error::Stopped { step: Step::Sequence })));
    }
}
