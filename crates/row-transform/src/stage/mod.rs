//! Filling the target tables from the snapshot, slice by slice.

mod scratch;
mod script_changes;
mod slice;
mod source_keys;
mod statements;
mod stored;
mod vanished;
mod zones;

pub(crate) use scratch::create as scratch_tables;
pub(crate) use statements::{effective_key, from_source, is_duplicate, is_row_of, is_too_long};
pub(crate) use stored::{is_longer, misfits, type_of};

use staging_schema::{Statement, TableName, Value, control};
use staging_store::{SLICE_ROWS, Store};

use crate::Error;
use crate::error::while_doing;
use crate::plan::{MapPlan, Plan, TablePlan};
use crate::script::Script;
use slice::Slice;

/// What staging one source into one table came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staged {
    /// The target table.
    pub table: String,
    /// The source table.
    pub source: String,
    /// Source rows that the mapping takes.
    pub rows: u64,
    /// Rows that were new.
    pub inserted: u64,
    /// Rows whose content changed; each began a new generation.
    pub changed: u64,
    /// Rows that left the source before anything of them was sent, and were removed.
    pub removed: u64,
    /// Rows that left the source although they, or a part of them, are in Dataverse; left as they are.
    pub vanished: u64,
}

/// Stages one Dataverse table: new rows are inserted, changed ones updated with a new generation, all others left alone.
///
/// The target tables must be there. Each slice of source rows is one transaction; dropped or killed half-way, a
/// repetition finishes what is missing.
///
/// # Errors
/// The staging database refused, or the plan needs what its engine does not have.
pub async fn stage(store: &Store, plan: &Plan, table: &str) -> Result<Vec<Staged>, Error> {
    let planned = plan.table(table).ok_or_else(|| Error::NotPlanned { table: table.to_owned() })?;
    check_engine(store, planned)?;
    let failed = while_doing(table, "preparing its scratch tables");
    store.execute_all(&scratch::create()).await.map_err(failed)?;
    if !store.dialect().borrows_functions() {
        let failed = while_doing(table, "writing down the offsets of its time zones");
        store.execute_all(&zones::prepare(planned)).await.map_err(failed)?;
    }
    let looked_into = planned.maps.iter().flat_map(|map| &map.looked_into);
    let failed = while_doing(table, "indexing the source tables that its expressions look into");
    store.execute_all(&source_keys::index(plan, looked_into)).await.map_err(failed)?;
    let mut results = Vec::new();
    for map in &planned.maps {
        results.push(stage_map(store, planned, map).await?);
    }
    Ok(results)
}

/// The statements by which [`stage`] fills a target table on SQL Server, over all source rows at once, for a script that is
/// run by hand. They call [`functions`](crate::functions), which the database has to have.
pub fn statements_for_sql_server(planned: &TablePlan) -> Vec<Statement> {
    let mut steps = scratch::create();
    steps.extend(zones::prepare(planned));
    for map in &planned.maps {
        let rows = Slice::new(planned, map, 1..=i64::MAX);
        steps.extend(statements::duplicates(planned, map));
        steps.extend(rows.update_changed());
        steps.push(rows.insert_new());
        steps.extend(rows.insert_parties());
    }
    steps
}

fn check_engine(store: &Store, planned: &TablePlan) -> Result<(), Error> {
    let gap = planned.maps.iter().flat_map(|map| &map.cells).find_map(|cell| cell.value.mssql_gap());
    match gap {
        Some(what) if !store.dialect().borrows_functions() => {
            Err(Error::NotOnThisEngine { table: planned.target.logical_name.clone(), what: what.to_owned() })
        }
        _ => Ok(()),
    }
}

async fn stage_map(store: &Store, planned: &TablePlan, map: &MapPlan) -> Result<Staged, Error> {
    let table = planned.target.logical_name.as_str();
    let staging = |doing| while_doing(table, doing);
    store
        .execute_all(&statements::duplicates(planned, map))
        .await
        .map_err(staging("looking for duplicate source keys"))?;
    let before =
        store.count(&statements::staged_rows(planned, map)).await.map_err(staging("counting staged rows"))?;
    let mut result = Staged { table: table.to_owned(), source: map.source.clone(), ..Staged::default() };
    let source = TableName::source(&map.source);
    for slice in store.slices(&source, SLICE_ROWS).await.map_err(staging("reading the snapshot"))? {
        let slice = Slice::new(planned, map, slice);
        let mut steps = Vec::new();
        if before > 0 {
            steps.extend(slice.update_changed());
        }
        let at_insert = steps.len();
        steps.push(slice.insert_new());
        steps.extend(slice.insert_parties());
        let changed = store.execute_all(&steps).await.map_err(staging("filling it from the snapshot"))?;
        result.inserted += changed[at_insert];
        // `update_changed` clears the list of changes, fills it, then updates.
        result.changed += if at_insert > 0 { changed[1] } else { 0 };
    }
    result.rows =
        store.count(&statements::source_rows(map)).await.map_err(staging("counting source rows"))?;
    let staged =
        store.count(&statements::staged_rows(planned, map)).await.map_err(staging("counting staged rows"))?;
    if staged > result.rows {
        result.removed = vanished::remove_unsent(store, planned, map).await?;
        result.vanished = staged - result.rows - result.removed;
    }
    tracing::info!(
        table,
        source = %map.source,
        rows = result.rows,
        inserted = result.inserted,
        changed = result.changed,
        removed = result.removed,
        vanished = result.vanished,
        "staged"
    );
    Ok(result)
}

/// What one script did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptRun {
    /// Its name in the project file.
    pub name: String,
    /// Rows that its statements touched, as far as the engine counts them.
    pub touched: u64,
}

/// Runs the user's scripts in order, each in one transaction, and then notices which staged rows they changed.
///
/// A script that writes the same values again changes nothing: only rows whose content differs begin a new generation.
///
/// # Errors
/// A script cannot be read (checked for all before the first runs) or fails.
pub async fn run_scripts(store: &Store, plan: &Plan, scripts: &[Script]) -> Result<Vec<ScriptRun>, Error> {
    let mut runs = Vec::new();
    for script in scripts {
        let statement = Statement::script(|_| script.text.clone());
        let failed = |source| Error::ScriptFailed { name: script.name.clone(), source: Box::new(source) };
        store.execute_all(&source_keys::index(plan, &script.source_tables)).await.map_err(failed)?;
        let touched = store.execute_all(&[statement]).await.map_err(failed)?;
        runs.push(ScriptRun { name: script.name.clone(), touched: touched.iter().sum() });
    }
    for planned in &plan.tables {
        for map in planned.maps.iter().filter(|map| !map.script_columns.is_empty()) {
            script_changes::notice(store, planned, map).await?;
        }
    }
    Ok(runs)
}

/// Gives rows whose status is known the state that it belongs to. Returns the rows changed.
///
/// To be called after choice texts have become values.
///
/// # Errors
/// The staging database refused.
pub async fn derive_states(store: &Store, plan: &Plan) -> Result<u64, Error> {
    let mut changed = 0;
    for planned in &plan.tables {
        if let Some(statement) = statements::state_of_status(planned) {
            let table = planned.target.logical_name.as_str();
            changed += store
                .in_slices(&planned.target.name(), SLICE_ROWS, statement)
                .await
                .map_err(while_doing(table, "deriving states from statuses"))?;
        }
    }
    Ok(changed)
}

/// The two parameters of a range of RowIds.
pub(crate) fn bounds(slice: &std::ops::RangeInclusive<i64>) -> [Value; 2] {
    [Value::Integer(*slice.start()), Value::Integer(*slice.end())]
}

/// `x.RowId BETWEEN … AND …`.
pub(crate) fn row_id(alias: &str) -> crate::sql::Fragment {
    crate::sql::column(alias, control::ROW_ID)
}
