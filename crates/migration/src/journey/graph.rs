//! The lookup graph of a project: from its mapping, the metadata and, where rows are staged, their counts.

use std::collections::BTreeMap;

use dataverse_wire::metadata::TableDefinition;
use load_sequence::{Association, Combination, Filled, Lookup, LookupGraph, Table};
use staging_schema::{Mode, Shape, StagedColumn, StagedKind, Statement, TargetTable, control};
use staging_store::Store;

use super::check::{self, Checked};
use super::steps::Steps;
use super::{row_waves, sequence};
use crate::error::in_staging;
use crate::event::Unobserved;
use crate::{Error, Project, Secrets, Step, record};

/// Beyond this many combinations of filled lookups their exact costs are not worth the reading.
const MOST_COMBINATIONS: usize = 5_000;

/// The lookup graph of a project, for pictures and for comparing orders: read from its frozen metadata and, if it is
/// there, its staging database. Nothing is written, nobody is asked.
///
/// Without staged rows every count is 0; rows that point at each other in a circle are told once the step `sequence` has
/// computed their levels.
///
/// # Errors
/// The project does not fit its source, or was never prepared.
pub async fn lookup_graph(project: &Project) -> Result<LookupGraph, Error> {
    let checked =
        check::check(project, &Secrets::default(), Steps::only(Step::Sequence), &Unobserved).await?;
    let store = project.settings().staging.open_for_reading().await?;
    let has_levels = match &store {
        Some(store) => sequence::is_kept(store).await?,
        None => false,
    };
    let mut graph = graph(&checked, store.as_ref(), has_levels).await?;
    if let Some(store) = store {
        if has_levels {
            graph.row_levels = row_waves::kept(&store, &graph).await?;
        }
        store.close().await.map_err(in_staging("closing it"))?;
    }
    Ok(graph)
}

/// The graph of checked tables; `has_levels` when the levels of their rows are computed.
pub(crate) async fn graph(
    checked: &Checked,
    store: Option<&Store>,
    has_levels: bool,
) -> Result<LookupGraph, Error> {
    let mut graph = LookupGraph::default();
    for table in &checked.tables {
        let definition = checked.definition(&table.logical_name)?;
        let store = match store {
            Some(store) if record::exists(store, &table.name()).await? => Some(store),
            _ => None,
        };
        match (table.shape, table.mode) {
            (Shape::Intersect, _) => graph.associations.extend(association(table, store).await?),
            (Shape::Standard, Mode::Match) => {}
            (Shape::Standard, Mode::Load) => {
                add_table(&mut graph, table, definition, store, has_levels).await?;
            }
        }
    }
    Ok(graph)
}

async fn association(table: &TargetTable, store: Option<&Store>) -> Result<Option<Association>, Error> {
    let mut ends = table.lookups().filter_map(|column| targets(column).first().cloned());
    let (Some(first), Some(second)) = (ends.next(), ends.next()) else { return Ok(None) };
    let rows = match store {
        Some(store) => count(store, table).await?,
        None => 0,
    };
    Ok(Some(Association { table: table.logical_name.clone(), first, second, rows }))
}

async fn add_table(
    graph: &mut LookupGraph,
    table: &TargetTable,
    definition: &TableDefinition,
    store: Option<&Store>,
    has_levels: bool,
) -> Result<(), Error> {
    let name = &table.logical_name;
    let mut node = Table::uncounted(name);
    let mut filled: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut on_cycles: BTreeMap<String, u64> = BTreeMap::new();
    if let Some(store) = store {
        node.rows = Some(count(store, table).await?);
        node.inactive_rows = inactive(store, table).await?;
        let combinations = combinations(store, table, has_levels).await?;
        for combination in &combinations {
            for lookup in &combination.filled {
                let key = (lookup.column.clone(), lookup.target.clone());
                *filled.entry(key).or_default() += combination.rows;
                if combination.on_cycle && lookup.target == *name {
                    *on_cycles.entry(lookup.column.clone()).or_default() += combination.rows;
                }
            }
        }
        if combinations.len() <= MOST_COMBINATIONS {
            graph.combinations.extend(combinations.into_iter().filter_map(|found| found.for_graph(name)));
        }
    }
    for column in table.lookups() {
        let metadata = definition.column(&column.name);
        for target in targets(column) {
            let rows = filled.get(&(column.name.clone(), target.clone())).copied().unwrap_or(0);
            let mut lookup = Lookup::new(name, &column.name, target, rows);
            if metadata.is_some_and(|column| column.required.is_enforced()) {
                lookup = lookup.required();
            }
            if metadata.is_some_and(|column| !column.valid_for_update) {
                lookup = lookup.create_only();
            }
            if target == name {
                lookup = lookup.with_rows_on_cycles(on_cycles.get(&column.name).copied().unwrap_or(0));
            }
            graph.lookups.push(lookup);
        }
    }
    // Parties travel with their activity: who takes part must be there before it.
    for column in &table.columns {
        if let StagedKind::Parties { targets } = &column.kind {
            for target in targets.iter().filter(|target| *target != name) {
                graph.lookups.push(Lookup::new(name, &column.name, target, 0).create_only());
            }
        }
    }
    graph.tables.push(node);
    Ok(())
}

/// The tables that a lookup may point to.
pub(crate) fn targets(column: &StagedColumn) -> &[String] {
    match &column.kind {
        StagedKind::Lookup { targets, .. } => targets,
        _ => &[],
    }
}

async fn count(store: &Store, table: &TargetTable) -> Result<u64, Error> {
    let count = Statement::new(|d| format!("SELECT COUNT(*) FROM {}", d.table(&table.name())), Vec::new());
    store.count(&count).await.map_err(in_staging(format!("counting target.{}", table.logical_name)))
}

async fn inactive(store: &Store, table: &TargetTable) -> Result<u64, Error> {
    let Some(state) = table.state_column() else { return Ok(0) };
    let count = Statement::new(
        |d| format!("SELECT COUNT(*) FROM {} WHERE {} <> 0", d.table(&table.name()), d.quote(&state.name)),
        Vec::new(),
    );
    store.count(&count).await.map_err(in_staging(format!("counting inactive rows of {}", table.logical_name)))
}

/// Rows that have the same lookups filled.
struct Found {
    filled: Vec<Filled>,
    on_cycle: bool,
    rows: u64,
}

impl Found {
    /// As the graph wants it: a self-reference is named only for rows on a cycle of rows.
    fn for_graph(self, table: &str) -> Option<Combination> {
        let on_cycle = self.on_cycle;
        let filled: Vec<Filled> =
            self.filled.into_iter().filter(|lookup| lookup.target != table || on_cycle).collect();
        (!filled.is_empty()).then(|| Combination { table: table.to_owned(), filled, rows: self.rows })
    }
}

async fn combinations(store: &Store, table: &TargetTable, has_levels: bool) -> Result<Vec<Found>, Error> {
    let lookups: Vec<&StagedColumn> = table.lookups().collect();
    if lookups.is_empty() {
        return Ok(Vec::new());
    }
    let doing = || in_staging(format!("counting the lookups of {}", table.logical_name));
    let read = Statement::new(
        |d| {
            let mut columns =
                vec![format!("CASE WHEN {} IS NULL THEN 1 ELSE 0 END", d.quote(control::LEVEL))];
            for lookup in &lookups {
                let key = d.quote(&lookup.source_key_column().unwrap_or_default());
                // Which target, where there are several, else whether it is filled at all.
                columns.push(match lookup.table_column() {
                    Some(of) => format!("CASE WHEN {key} IS NOT NULL THEN {} END", d.quote(&of)),
                    None => format!(
                        "CASE WHEN {key} IS NOT NULL THEN {} END",
                        d.literal(targets(lookup).first().map_or("", String::as_str))
                    ),
                });
            }
            let list = columns.join(", ");
            format!("SELECT {list}, COUNT(*) FROM {} GROUP BY {list}", d.table(&table.name()))
        },
        Vec::new(),
    );
    let mut found = Vec::new();
    for row in store.query(&read).await.map_err(doing())? {
        let mut filled = Vec::new();
        for (index, lookup) in lookups.iter().enumerate() {
            if let Some(target) = row.optional_text(index + 1).map_err(doing())? {
                filled.push(Filled { column: lookup.name.clone(), target: target.to_owned() });
            }
        }
        if !filled.is_empty() {
            let on_cycle = has_levels && row.integer(0).map_err(doing())? != 0;
            found.push(Found { filled, on_cycle, rows: row.count(lookups.len() + 1).map_err(doing())? });
        }
    }
    Ok(found)
}
