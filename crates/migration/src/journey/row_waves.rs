//! Tables that point at each other while their rows do not: they can load together, row wave by row wave, and defer nothing.

use std::collections::BTreeSet;

use load_sequence::{Error as SequenceError, LookupGraph, RowLevels, Sequence};
use staging_schema::row_wave::Group;
use staging_schema::{StagedKind, TargetTable};
use staging_store::{Computed, RowWaves, Store};

use super::graph::targets;
use super::{Journey, sequence};
use crate::error::in_staging;
use crate::{Error, Step, record};

const STEP: Step = Step::Sequence;
/// The setting that holds what was found, so that others can compare orders without computing it again.
const FOUND: &str = "RowLevels";

/// The levels of rows across tables for whatever the plan defers, or for the cycles because of which there is none.
pub(crate) async fn find(
    journey: &Journey<'_>,
    store: &Store,
    plan: &Result<Sequence, SequenceError>,
) -> Result<Vec<RowLevels>, Error> {
    let mut found: Vec<RowLevels> = Vec::new();
    for names in wholes(plan) {
        if let Some(levels) = look(journey, store, &names).await? {
            found.push(levels);
            continue;
        }
        // Some rows of the whole form a cycle; between two of its tables there may be none.
        for pair in pairs(plan, &names) {
            found.extend(look(journey, store, &pair).await?);
        }
    }
    Ok(found)
}

/// Keeps what was found, for [`kept`].
pub(crate) async fn keep(store: &Store, found: &[RowLevels]) -> Result<(), Error> {
    let text = serde_json::to_string(found).map_err(|error| Error::Metadata {
        message: format!("the levels of rows across tables cannot be written as JSON: {error}"),
    })?;
    let statements: Vec<_> = record::set_setting(FOUND, &text).into_iter().collect();
    store.execute_all(&statements).await.map(drop).map_err(in_staging("keeping the levels of rows"))
}

/// What the step `sequence` found, as far as it is about tables of this graph.
pub(crate) async fn kept(store: &Store, graph: &LookupGraph) -> Result<Vec<RowLevels>, Error> {
    let Some(text) = record::setting(store, FOUND).await? else { return Ok(Vec::new()) };
    // An unreadable text is that of another version; the step `sequence` writes it anew.
    let mut found: Vec<RowLevels> = serde_json::from_str(&text).unwrap_or_default();
    let known: BTreeSet<&str> = graph.tables.iter().map(|table| table.name.as_str()).collect();
    found.retain(|levels| levels.tables.iter().all(|table| known.contains(table.as_str())));
    Ok(found)
}

/// Writes the levels by which the adopted groups load, and tells of those that would be worth it.
pub(crate) async fn settle(journey: &Journey<'_>, store: &Store, plan: &Sequence) -> Result<(), Error> {
    for group in &plan.row_waves {
        let names = group.tables.join(", ");
        if group.adopted {
            journey.part(STEP, "compute levels across tables", Some(&names))?;
            let tables = staged(journey, &group.tables);
            let doing = || in_staging(format!("writing the levels of {names}"));
            compute(journey, store, tables, &names, Computed::Written).await?.map_err(doing())?;
            let levels = group.levels;
            journey.notice(
                STEP,
                None,
                format!("{names} load together in {levels} row waves and defer nothing"),
            );
        } else if group.worthwhile {
            journey.notice(
                STEP,
                None,
                format!(
                    "{names} could load together in {} row waves: {} requests saved, {} added; row_waves = true under [load] does so",
                    group.levels, group.requests_saved, group.requests_added
                ),
            );
        }
    }
    Ok(())
}

/// The lookups of a table to those with which it loads in row waves, or to itself.
pub(crate) fn own_lookups(table: &TargetTable, order: &Sequence) -> Vec<String> {
    let name = &table.logical_name;
    let group = order.row_waves.iter().find(|group| group.adopted && group.tables.contains(name));
    let is_own = |target: &String| match group {
        Some(group) => group.tables.contains(target),
        None => target == name,
    };
    let own = table.lookups().filter(|column| targets(column).iter().any(is_own));
    own.map(|column| column.name.clone()).collect()
}

/// Groups of tables that point at each other, where that costs something.
fn wholes(plan: &Result<Sequence, SequenceError>) -> Vec<Vec<String>> {
    match plan {
        Ok(plan) => {
            plan.components.iter().filter(|part| part.cost > 0).map(|part| part.tables.clone()).collect()
        }
        Err(SequenceError::RequiredCycle(cycles)) => {
            let tables = |cycle: &load_sequence::Cycle| -> BTreeSet<String> {
                cycle.steps.iter().map(|step| step.table.clone()).collect()
            };
            let groups: BTreeSet<BTreeSet<String>> = cycles.iter().map(tables).collect();
            groups.into_iter().filter(|group| group.len() > 1).map(Vec::from_iter).collect()
        }
        Err(_) => Vec::new(),
    }
}

/// The pairs of tables of a larger group between which a lookup with rows waits.
fn pairs(plan: &Result<Sequence, SequenceError>, of: &[String]) -> BTreeSet<Vec<String>> {
    let Ok(plan) = plan else { return BTreeSet::new() };
    if of.len() < 3 {
        return BTreeSet::new();
    }
    let waits = plan.deferred.iter().filter(|it| it.rows > 0 && it.table != it.target);
    waits
        .filter(|it| of.contains(&it.table) && of.contains(&it.target))
        .map(|it| BTreeSet::from([it.table.clone(), it.target.clone()]).into_iter().collect())
        .collect()
}

async fn look(journey: &Journey<'_>, store: &Store, names: &[String]) -> Result<Option<RowLevels>, Error> {
    let tables = staged(journey, names);
    // Parties travel with their activity and are no lookups of its row.
    let has_parties = |table: &&TargetTable| {
        table.columns.iter().any(|column| match &column.kind {
            StagedKind::Parties { targets } => targets.iter().any(|target| names.contains(target)),
            _ => false,
        })
    };
    if tables.len() != names.len() || tables.iter().any(has_parties) {
        return Ok(None);
    }
    let listed = names.join(", ");
    journey.part(STEP, "compute levels across tables", Some(&listed))?;
    let doing = || in_staging(format!("computing the levels of the rows of {listed}"));
    let found = compute(journey, store, tables, &listed, Computed::Counted).await?.map_err(doing())?;
    let loads = found.without == 0 && !found.levels.is_empty();
    Ok(loads.then(|| RowLevels { tables: names.to_vec(), levels: found.levels }))
}

async fn compute(
    journey: &Journey<'_>,
    store: &Store,
    tables: Vec<&TargetTable>,
    names: &str,
    computed: Computed,
) -> Result<Result<RowWaves, staging_store::Error>, Error> {
    let group = Group::new(tables);
    let told = |rows, total| sequence::levels_known(journey, names, rows, total);
    let computing = store.compute_row_waves_telling(&group, computed, &told);
    sequence::unless_stopped(&journey.cancel, computing).await
}

fn staged<'j>(journey: &'j Journey<'_>, names: &[String]) -> Vec<&'j TargetTable> {
    let known = &journey.checked.tables;
    names.iter().filter_map(|name| known.iter().find(|table| table.logical_name == *name)).collect()
}
