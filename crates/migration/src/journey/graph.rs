//! The lookup graph of a project: from its mapping, the metadata and, where rows are staged, their counts.

use std::collections::BTreeMap;

use dataverse_wire::metadata::{CascadeRule, TableDefinition};
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

/// Tables that belong to the very end, where a project maps them: they tell what happened to rows, and no row needs them.
///
/// Posts hang on rows of any table, and Dataverse writes posts of its own for many a row that is made. Closing activities tell how
/// a row was closed. The loader does not make them out of mapped rows: it closes a row by an action, which makes an activity of its own
/// (`batch-loader`, closing states). Whoever maps the activities of the source as well wants them beside those; they are
/// inserted like any other activity, before any row is closed, since states come after all waves.
const AT_THE_END: [&str; 8] = [
    "post",
    "postcomment",
    "postlike",
    "postfollow",
    "incidentresolution",
    "opportunityclose",
    "quoteclose",
    "orderclose",
];

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
    graph_of(&checked.tables, |table| checked.definition(table), store, has_levels).await
}

async fn graph_of<'d>(
    tables: &[TargetTable],
    definition: impl Fn(&str) -> Result<&'d TableDefinition, Error>,
    store: Option<&Store>,
    has_levels: bool,
) -> Result<LookupGraph, Error> {
    let mut graph = LookupGraph::default();
    for table in tables {
        let definition = definition(&table.logical_name)?;
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
    node.special = AT_THE_END.contains(&name.as_str());
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
            if is_parental(definition, &column.name, target) {
                lookup = lookup.parental();
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

/// Whether rows belong to the row that the lookup points to: a change of owner there reaches them, and so does its deletion.
fn is_parental(definition: &TableDefinition, column: &str, target: &str) -> bool {
    let mut relations = definition
        .many_to_one
        .iter()
        .filter(|relation| relation.column == column && relation.referenced_table == target);
    let is_cascade = |rule| rule == CascadeRule::Cascade;
    relations.any(|relation| {
        relation.cascade.is_some_and(|cascade| is_cascade(cascade.assign) && is_cascade(cascade.delete))
    })
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

#[cfg(test)]
mod tests {
    use dataverse_wire::metadata::{Cascade, ManyToOne};
    use load_sequence::{Options, Sequence};

    use super::*;

    fn definition(name: &str) -> TableDefinition {
        TableDefinition::new(name, format!("{name}s"), format!("{name}id"))
    }

    fn table(name: &str, lookups: &[(&str, &str)]) -> TargetTable {
        let columns = lookups.iter().map(|(column, target)| {
            let targets = vec![(*target).to_owned()];
            StagedColumn::new(
                *column,
                StagedKind::Lookup { targets, multi_table: false, multi_source: false },
            )
        });
        TargetTable::new(name, columns.collect()).unwrap()
    }

    fn relation(
        table: &str,
        column: &str,
        target: &str,
        cascade: Option<(CascadeRule, CascadeRule)>,
    ) -> ManyToOne {
        ManyToOne {
            schema_name: format!("{table}_{column}"),
            referencing_table: table.to_owned(),
            column: column.to_owned(),
            referenced_table: target.to_owned(),
            referenced_column: format!("{target}id"),
            navigation_property: column.to_owned(),
            collection_property: None,
            cascade: cascade.map(|(assign, delete)| Cascade { assign, delete }),
        }
    }

    async fn plan(tables: &[TargetTable], definitions: &[TableDefinition]) -> Sequence {
        let known = |name: &str| Ok(definitions.iter().find(|it| it.logical_name == name).unwrap());
        let graph = graph_of(tables, known, None, false).await.unwrap();
        load_sequence::sequence(&graph, &Options::default()).unwrap()
    }

    /// Which lookup waits when two tables point at each other and either order costs the same.
    async fn waits(of_a: (CascadeRule, CascadeRule), of_b: (CascadeRule, CascadeRule)) -> String {
        let tables = [table("a", &[("x", "b")]), table("b", &[("y", "a")])];
        let mut definitions = [definition("a"), definition("b")];
        definitions[0].many_to_one = vec![relation("a", "x", "b", Some(of_a)), relation("a", "x", "c", None)];
        definitions[1].many_to_one = vec![relation("b", "y", "a", Some(of_b))];
        let plan = plan(&tables, &definitions).await;
        assert_eq!(plan.deferred.len(), 1);
        plan.deferred[0].column.clone()
    }

    #[tokio::test]
    async fn of_two_lookups_that_cost_the_same_the_one_to_the_parent_is_kept() {
        let parental = (CascadeRule::Cascade, CascadeRule::Cascade);
        let cleared = (CascadeRule::NoCascade, CascadeRule::RemoveLink);
        assert_eq!(waits(parental, cleared).await, "y");
        assert_eq!(waits(cleared, parental).await, "x");
        // To go along with the owner alone, or with the deletion alone, makes no parent.
        let usual = waits(cleared, cleared).await;
        for half in
            [(CascadeRule::Cascade, CascadeRule::RemoveLink), (CascadeRule::NoCascade, CascadeRule::Cascade)]
        {
            assert_eq!(waits(half, cleared).await, usual);
            assert_eq!(waits(cleared, half).await, usual);
        }
    }

    #[tokio::test]
    async fn posts_and_closing_activities_come_last() {
        let tables = [
            table("post", &[]),
            table("incident", &[("resolvedby", "incidentresolution"), ("customerid", "account")]),
            table("incidentresolution", &[]),
            table("account", &[]),
        ];
        let definitions = ["post", "incident", "incidentresolution", "account"].map(definition);
        let plan = plan(&tables, &definitions).await;
        assert_eq!(plan.special, ["incidentresolution", "post"]);
        assert_eq!(plan.waves, [vec!["account"], vec!["incident"], vec!["incidentresolution", "post"]]);
        let waiting: Vec<_> = plan.deferred.iter().map(|it| it.column.as_str()).collect();
        assert_eq!(waiting, ["resolvedby"], "what needs them can wait");
    }
}
