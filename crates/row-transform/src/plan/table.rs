//! All mappings together: one plan per Dataverse table.

use std::collections::{BTreeMap, BTreeSet};

use dataverse_wire::metadata::TableDefinition;
use staging_schema::{GuidStrategy, Mode as StagedMode, Shape, StagedColumn, TargetTable};

use super::lookup::Feeds;
use super::map::{Context, MapPlan, plan_map};
pub use super::source::SourceColumns;
use super::staged::merge;
use crate::model::{GuidChoice, Mode, Owners, TableMapping};
use crate::problem::{Problem, Problems};

/// A mapping that fits source and metadata.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) tables: Vec<TablePlan>,
    pub(crate) scripts: Vec<String>,
    pub(crate) sources: SourceColumns,
    pub(crate) has_owner_fallback: bool,
}

/// What is staged for one Dataverse table.
#[derive(Clone, Debug)]
pub struct TablePlan {
    pub(crate) target: TargetTable,
    pub(crate) definition: TableDefinition,
    pub(crate) maps: Vec<MapPlan>,
    pub(crate) masked: BTreeSet<String>,
}

impl Plan {
    /// The planned tables, in the order in which the project first maps them.
    pub fn tables(&self) -> &[TablePlan] {
        &self.tables
    }

    /// The plan of one Dataverse table.
    pub fn table(&self, logical_name: &str) -> Option<&TablePlan> {
        self.tables.iter().find(|table| table.target.logical_name == logical_name)
    }

    /// The user's scripts, each once, in the order in which they run.
    pub fn scripts(&self) -> &[String] {
        &self.scripts
    }

    /// What of this plan SQL Server cannot do (a date format with a directive for weeks, say), and the columns that need it.
    pub fn gaps_on_sql_server(&self) -> BTreeMap<String, Vec<String>> {
        let mut gaps: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for table in &self.tables {
            for cell in table.maps.iter().flat_map(|map| &map.cells) {
                if let Some(what) = cell.value.mssql_gap() {
                    let column = format!("{}.{}", table.target.logical_name, cell.column);
                    gaps.entry(what.to_owned()).or_default().push(column);
                }
            }
        }
        gaps
    }
}

impl TablePlan {
    /// The staging table that this plan fills.
    pub fn target(&self) -> &TargetTable {
        &self.target
    }

    /// The table's definition in Dataverse.
    pub fn definition(&self) -> &TableDefinition {
        &self.definition
    }

    /// The source tables that feed it, in the order of the mappings.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.maps.iter().map(|map| map.source.as_str())
    }

    /// The columns that readers of a shared staging database must not see; of a party list, its part.
    pub fn masked(&self) -> impl Iterator<Item = &str> {
        self.masked.iter().map(String::as_str)
    }

    /// The time zones that its dates are read in, each once.
    pub(crate) fn zones(&self) -> BTreeSet<&str> {
        self.maps.iter().flat_map(|map| map.zones.iter().map(String::as_str)).collect()
    }

    /// What separates the tokens of a multi-select choice of rows from this source, where the project says so.
    pub fn separator(&self, source: &str, column: &str) -> Option<&str> {
        let map = self.maps.iter().find(|map| map.source == source)?;
        map.separators.iter().find(|(name, _)| name == column).map(|(_, separator)| separator.as_str())
    }
}

/// Checks mappings against metadata and source columns and plans them.
///
/// # Errors
/// Every problem there is, each naming map and column; nothing has run then.
pub fn plan(
    mappings: &[TableMapping],
    owners: &Owners,
    definitions: &[TableDefinition],
    sources: &SourceColumns,
) -> Result<Plan, Vec<Problem>> {
    let by_name: BTreeMap<&str, &TableDefinition> =
        definitions.iter().map(|definition| (definition.logical_name.as_str(), definition)).collect();
    let mut feeds = Feeds::new();
    for mapping in mappings {
        feeds.entry(mapping.table.clone()).or_default().push(mapping.source.clone());
    }
    let mut found = Vec::new();
    if let Some(fallback) = &owners.fallback {
        check_fallback(fallback, &mut found);
    }
    let mut seen = BTreeSet::new();
    let mut tables: Vec<TablePlan> = Vec::new();
    let mut scripts: Vec<String> = Vec::new();
    for mapping in mappings {
        for script in &mapping.sql {
            if !scripts.contains(script) {
                scripts.push(script.clone());
            }
        }
        let mut problems = Problems { map: mapping.label(), found: &mut found };
        if !seen.insert((mapping.table.as_str(), mapping.source.as_str())) {
            problems.table("two mappings feed this table from the same source: make them one");
            continue;
        }
        let Some(definition) = by_name.get(mapping.table.as_str()) else {
            problems.table(format!("the target has no table {:?}", mapping.table));
            continue;
        };
        let context = Context { owners, sources, feeds: &feeds };
        let Some(planned) = plan_map(mapping, definition, context, &mut found) else { continue };
        let mut problems = Problems { map: mapping.label(), found: &mut found };
        match tables.iter_mut().find(|table| table.target.logical_name == mapping.table) {
            Some(table) => join(table, planned, mapping, &mut problems),
            None => begin(&mut tables, definition, planned, mapping, &mut problems),
        }
        if let Some(table) = tables.iter_mut().find(|table| table.target.logical_name == mapping.table) {
            table.masked.extend(mapping.masked.iter().cloned());
        }
    }
    if !found.is_empty() {
        return Err(found);
    }
    for table in &mut tables {
        keep_staged_cells(table);
    }
    Ok(Plan { tables, scripts, sources: sources.clone(), has_owner_fallback: owners.fallback.is_some() })
}

fn check_fallback(fallback: &crate::model::OwnerTarget, found: &mut Vec<Problem>) {
    let mut problems = Problems { map: "owners".to_owned(), found };
    if !matches!(fallback.table.as_str(), "systemuser" | "team") {
        problems.table(format!("the fallback's table is systemuser or team, not {:?}", fallback.table));
    }
    if fallback.id.is_some() == fallback.name.is_some() {
        problems.table("the fallback needs an `id` or a `name`, one of the two");
    }
}

fn begin(
    tables: &mut Vec<TablePlan>,
    definition: &TableDefinition,
    planned: MapPlan,
    mapping: &TableMapping,
    problems: &mut Problems<'_>,
) {
    let shape = if definition.is_intersect { Shape::Intersect } else { Shape::Standard };
    match staging_table(mapping, &planned.staged) {
        Ok(target) => {
            let target = target.with_shape(shape);
            let definition = definition.clone();
            tables.push(TablePlan { target, definition, maps: vec![planned], masked: BTreeSet::new() });
        }
        Err(error) => problems.table(error.to_string()),
    }
}

fn join(table: &mut TablePlan, planned: MapPlan, mapping: &TableMapping, problems: &mut Problems<'_>) {
    let mut columns = table.target.columns.clone();
    for column in &planned.staged {
        match columns.iter_mut().find(|known| known.name == column.name) {
            Some(known) => {
                if let Err(message) = merge(&mut known.kind, &column.kind) {
                    problems.column(&column.name, message);
                }
            }
            None => columns.push(column.clone()),
        }
    }
    match staging_table(mapping, &columns) {
        Ok(target) if target.mode != table.target.mode || target.guid != table.target.guid => {
            problems.table("all mappings of one table must have the same `mode` and `guid`");
        }
        Ok(target) => {
            table.target = target.with_shape(table.target.shape);
            table.maps.push(planned);
        }
        Err(error) => problems.table(error.to_string()),
    }
}

fn staging_table(
    mapping: &TableMapping,
    columns: &[StagedColumn],
) -> Result<TargetTable, staging_schema::Error> {
    let mode = match mapping.mode {
        Mode::Load => StagedMode::Load,
        Mode::Match => StagedMode::Match,
    };
    let guid = match mapping.guid {
        None | Some(GuidChoice::Server) => GuidStrategy::Server,
        Some(GuidChoice::Sequential) => GuidStrategy::Sequential,
        Some(GuidChoice::Source) => GuidStrategy::Source,
    };
    Ok(TargetTable::new(&mapping.table, columns.to_vec())?.with_mode(mode).with_guid(guid))
}

/// A lookup's table and source are planned always and staged only where there are several.
fn keep_staged_cells(table: &mut TablePlan) {
    let staged: BTreeSet<String> = table.target.staged_names().into_iter().collect();
    for map in &mut table.maps {
        map.cells.retain(|cell| staged.contains(&cell.column));
    }
}
