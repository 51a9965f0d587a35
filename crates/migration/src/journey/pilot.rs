//! A trial load: some rows, with all that they need and all that hangs on them, through every pass.

use std::collections::BTreeMap;

use batch_loader::Plan;
use serde::{Deserialize, Serialize};
use staging_schema::lookup::Parent;
use staging_schema::{Mode, Shape, StagedColumn, StagedKind, Statement, TargetTable, chunk, pilot as sql};
use staging_store::Store;

use super::Journey;
use super::graph::targets;
use crate::error::in_staging;
use crate::{Error, Step, record};

const STEP: Step = Step::Load;
/// The setting that holds a trial load which has not ended.
const SETTING: &str = "Pilot";

/// Which rows a trial load begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pilot {
    /// How many rows of each table.
    pub rows: u32,
    /// The tables; all that are loaded when none is named.
    pub tables: Vec<String>,
}

/// Refuses tables that are not loaded.
pub(crate) fn check(pilot: &Pilot, tables: &[TargetTable]) -> Result<(), Error> {
    let known: Vec<&str> =
        tables.iter().filter(|table| is_seed(table)).map(|table| table.logical_name.as_str()).collect();
    match pilot.tables.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Error::NoSuchTable { table: name.clone(), known: known.join(", ") }),
        None => Ok(()),
    }
}

fn is_seed(table: &TargetTable) -> bool {
    table.mode == Mode::Load && table.shape == Shape::Standard
}

/// Chooses the rows of a trial load, unless the same one was begun and has not ended.
pub(crate) async fn begin(
    journey: &Journey<'_>,
    store: &Store,
    pilot: &Pilot,
    plan: &Plan,
) -> Result<(), Error> {
    crate::rollback::ensure_control_tables(store).await?;
    let wanted =
        serde_json::to_string(pilot).map_err(|error| Error::Metadata { message: error.to_string() })?;
    if record::setting(store, SETTING).await?.as_deref() == Some(wanted.as_str()) {
        journey.notice(STEP, None, "the trial load that was begun is carried on");
        return Ok(());
    }
    journey.part(STEP, "choose the rows of the trial load", None)?;
    forget(store).await?;
    let tables: Vec<&TargetTable> = plan.tables().map(|table| &table.staged).collect();
    for table in tables.iter().filter(|table| is_seed(table)) {
        if pilot.tables.is_empty() || pilot.tables.contains(&table.logical_name) {
            execute(store, &sql::seed(table, pilot.rows)).await?;
        }
    }
    until_nothing_is_found(journey, store, &down(&tables)).await?;
    until_nothing_is_found(journey, store, &up(&tables)).await?;
    // What was cut for a full load has other rows.
    execute(store, &chunk::give_up_idle()).await?;
    let statements = record::set_setting(SETTING, &wanted);
    store.execute_all(&statements).await.map_err(in_staging("noting the trial load"))?;
    tell(journey, store).await
}

/// The trial load has gone through every pass.
pub(crate) async fn end(store: &Store) -> Result<(), Error> {
    let [delete, _] = record::set_setting(SETTING, "");
    execute(store, &delete).await.map(drop)
}

/// A full load goes on after a trial that was not finished: its chunks have the trial's rows only.
pub(crate) async fn give_up(store: &Store) -> Result<(), Error> {
    if record::setting(store, SETTING).await?.is_some() {
        forget(store).await?;
        execute(store, &chunk::give_up_idle()).await?;
        end(store).await?;
    }
    Ok(())
}

async fn forget(store: &Store) -> Result<(), Error> {
    execute(store, &sql::clear()).await.map(drop)
}

async fn execute(store: &Store, statement: &Statement) -> Result<u64, Error> {
    store.execute(statement).await.map_err(in_staging("choosing the rows of the trial load"))
}

async fn until_nothing_is_found(
    journey: &Journey<'_>,
    store: &Store,
    statements: &[Statement],
) -> Result<(), Error> {
    loop {
        let mut found = 0;
        for statement in statements {
            if journey.cancel.is_cancelled() {
                return Err(Error::Stopped { step: STEP });
            }
            found += execute(store, statement).await?;
        }
        if found == 0 {
            return Ok(());
        }
    }
}

/// From parents to what hangs on them.
fn down(tables: &[&TargetTable]) -> Vec<Statement> {
    let lookups = each_lookup(tables).map(|(table, lookup, parent)| sql::hang(table, lookup, &parent));
    let parties = each_party(tables).map(|(table, parent)| sql::hang_parties(table, &parent));
    lookups.chain(parties).collect()
}

/// From rows to what they need.
fn up(tables: &[&TargetTable]) -> Vec<Statement> {
    let lookups = each_lookup(tables).map(|(table, lookup, parent)| sql::need(table, lookup, &parent));
    let parties = each_party(tables).map(|(table, parent)| sql::need_parties(table, &parent));
    lookups.chain(parties).collect()
}

fn each_lookup<'a>(
    tables: &'a [&'a TargetTable],
) -> impl Iterator<Item = (&'a TargetTable, &'a StagedColumn, Parent)> {
    tables.iter().flat_map(move |table| {
        table.lookups().flat_map(move |lookup| {
            let staged = targets(lookup).iter().filter(move |target| is_staged(tables, target));
            staged.map(move |target| (*table, lookup, Parent::new(target)))
        })
    })
}

fn each_party<'a>(tables: &'a [&'a TargetTable]) -> impl Iterator<Item = (&'a TargetTable, Parent)> {
    tables.iter().flat_map(move |table| {
        let mut parents: Vec<Parent> = Vec::new();
        for column in &table.columns {
            let StagedKind::Parties { targets } = &column.kind else { continue };
            for target in targets.iter().filter(|target| is_staged(tables, target)) {
                let parent = Parent::new(target);
                if !parents.contains(&parent) {
                    parents.push(parent);
                }
            }
        }
        parents.into_iter().map(move |parent| (*table, parent))
    })
}

fn is_staged(tables: &[&TargetTable], name: &str) -> bool {
    tables.iter().any(|table| table.logical_name == name)
}

async fn tell(journey: &Journey<'_>, store: &Store) -> Result<(), Error> {
    let doing = || in_staging("counting the rows of the trial load");
    let mut counted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in store.query(&sql::counts()).await.map_err(doing())? {
        let reason = match row.text(1).map_err(doing())? {
            "seed" => "to try",
            "hangs" => "hang on others",
            _ => "needed by others",
        };
        let rows = row.count(2).map_err(doing())?;
        counted.entry(row.text(0).map_err(doing())?.to_owned()).or_default().push(format!("{rows} {reason}"));
    }
    if counted.is_empty() {
        journey.notice(STEP, None, "no row is left that a trial load could create");
    }
    for (table, counts) in counted {
        journey.notice(STEP, Some(&table), format!("in the trial load: {}", counts.join(", ")));
    }
    Ok(())
}
