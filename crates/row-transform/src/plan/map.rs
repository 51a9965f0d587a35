//! One mapping, planned: which cells it fills and how.

use std::collections::BTreeSet;

use dataverse_wire::metadata::{ColumnType, Ownership, TableDefinition};
use staging_schema::{
    SOURCE_KEY_SUFFIX, SOURCE_TABLE_SUFFIX, StagedColumn, StagedKind, TABLE_SUFFIX, TEXT_SUFFIX,
};

use super::column::{self, Write};
use super::lookup::{Feeds, PlannedLookup, feed_of, plan_lookup};
use super::money::MoneyPlan;
use super::source::{SourceColumns, SourceRef};
use super::staged::staged_kind;
use super::value::plan_value;
use crate::finding::Rule;
use crate::model::{ColumnRule, LookupRule, Missing, Mode, Owners, PartyRule, RuleKind, TableMapping};
use crate::problem::{Problem, Problems};
use crate::sql::Fragment;

/// A planned mapping.
#[derive(Clone, Debug)]
pub(crate) struct MapPlan {
    pub(crate) source: String,
    /// The source key; NULL when a part of it is empty.
    pub(crate) key: Fragment,
    /// The source columns that make the key.
    pub(crate) key_columns: Vec<String>,
    /// Source tables that expressions look into, row by row.
    pub(crate) looked_into: BTreeSet<String>,
    pub(crate) condition: Option<Fragment>,
    pub(crate) mode: Mode,
    /// Whether rows that are matched are to be written at all.
    pub(crate) writes_matches: bool,
    pub(crate) client_id: Option<Fragment>,
    pub(crate) staged: Vec<StagedColumn>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) readings: Vec<Reading>,
    pub(crate) lookups: Vec<LookupPlan>,
    pub(crate) parties: Vec<PartyPlan>,
    /// Dataverse columns that the user's scripts fill.
    pub(crate) script_columns: Vec<String>,
    /// Columns whose multi-select tokens are separated by something else than `;`.
    pub(crate) separators: Vec<(String, String)>,
    /// Money columns, and where their amounts come from.
    pub(crate) money: Vec<MoneyPlan>,
    /// Source columns that are mapped or knowingly ignored.
    pub(crate) used: BTreeSet<String>,
    /// Time zones that dates are read in.
    pub(crate) zones: BTreeSet<String>,
}

/// One staged cell of a mapping.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) column: String,
    pub(crate) value: Fragment,
}

/// A text that is read as something else, and may fail to be.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) column: String,
    pub(crate) text: Fragment,
    pub(crate) value: Fragment,
    pub(crate) rule: Rule,
}

/// A lookup, for its validation.
#[derive(Clone, Debug)]
pub(crate) struct LookupPlan {
    pub(crate) column: String,
    pub(crate) missing: Missing,
    /// Parent table and the source that feeds it.
    pub(crate) parents: Vec<(String, String)>,
}

/// One entry of a party list.
#[derive(Clone, Debug)]
pub(crate) struct PartyPlan {
    pub(crate) part: String,
    pub(crate) lookup: Option<PlannedLookup>,
    pub(crate) address: Option<Fragment>,
}

/// What all mappings have in common.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) owners: &'a Owners,
    pub(crate) sources: &'a SourceColumns,
    pub(crate) feeds: &'a Feeds,
}

/// Plans one mapping. Problems go to `found`; the plan is worth something only if none were added.
pub(crate) fn plan_map(
    mapping: &TableMapping,
    definition: &TableDefinition,
    context: Context<'_>,
    found: &mut Vec<Problem>,
) -> Option<MapPlan> {
    let mut problems = Problems { map: mapping.label(), found };
    let mut source = SourceRef::find(&mapping.source, context.sources, &mut problems)?;
    let key = plan_key(mapping, &mut source, &mut problems)?;
    let condition = match &mapping.condition {
        Some(condition) => Some(source.expression(condition, None, &mut problems)?),
        None => None,
    };
    check_mode(mapping, definition, &mut problems);
    let mut plan = MapPlan {
        source: mapping.source.clone(),
        client_id: (mapping.guid == Some(crate::model::GuidChoice::Source))
            .then(|| Fragment::function("dv_guid", vec![key.clone()])),
        key,
        key_columns: mapping.key.as_slice().to_vec(),
        looked_into: BTreeSet::new(),
        condition,
        mode: mapping.mode,
        writes_matches: mapping.columns.keys().any(|column| !mapping.match_on.contains(column)),
        staged: Vec::new(),
        cells: Vec::new(),
        readings: Vec::new(),
        lookups: Vec::new(),
        parties: Vec::new(),
        script_columns: Vec::new(),
        separators: Vec::new(),
        money: Vec::new(),
        used: BTreeSet::new(),
        zones: mapping.columns.values().filter_map(|rule| rule.zone.clone()).collect(),
    };
    for (name, rule) in &mapping.columns {
        plan_column(&mut plan, mapping, definition, context, (name, rule), &mut source, &mut problems);
    }
    check_required(&plan, mapping, definition, &mut problems);
    plan_default_owner(&mut plan, mapping, definition, context.owners, &mut source);
    plan_state_of_status(&mut plan, definition);
    for (part, rules) in &mapping.parties {
        plan_parties(&mut plan, part, rules, definition, context, &mut source, &mut problems);
    }
    for name in &mapping.masked {
        if !mapping.columns.contains_key(name) && !mapping.parties.contains_key(name) {
            problems.column(name, "stands in `masked` but is not mapped");
        }
    }
    for name in &mapping.ignore {
        source.column(name, None, &mut problems);
    }
    plan.used = source.used;
    plan.looked_into = source.looked_into;
    Some(plan)
}

fn plan_key(
    mapping: &TableMapping,
    source: &mut SourceRef<'_>,
    problems: &mut Problems<'_>,
) -> Option<Fragment> {
    let names = mapping.key.as_slice();
    if names.is_empty() {
        problems.table("`key` names no column");
        return None;
    }
    let parts: Vec<_> = names.iter().map(|name| source.column(name, None, problems)).collect();
    let parts: Vec<Fragment> = parts.into_iter().collect::<Option<_>>()?;
    if let [only] = parts.as_slice() {
        return Some(only.clone());
    }
    let all = Fragment::join(parts.iter().map(|part| part.clone().text(" IS NOT NULL")), " AND ");
    let bar = || Fragment::word("|");
    let joined = parts
        .into_iter()
        .enumerate()
        .flat_map(|(index, part)| std::iter::once(bar()).filter(move |_| index > 0).chain([part]));
    let joined = Fragment::joined(&joined.collect::<Vec<_>>());
    Some(Fragment::sql("CASE WHEN ").then(all).text(" THEN ").then(joined).text(" END"))
}

fn check_mode(mapping: &TableMapping, definition: &TableDefinition, problems: &mut Problems<'_>) {
    match mapping.mode {
        Mode::Match if mapping.match_on.is_empty() => {
            problems.table("mode \"match\" needs `match_on`, the columns by which rows are found");
        }
        Mode::Match if mapping.guid.is_some() => problems.table("`guid` has no meaning in mode \"match\""),
        Mode::Load if !mapping.match_on.is_empty() => problems.table("`match_on` belongs to mode \"match\""),
        Mode::Match | Mode::Load => {}
    }
    for name in &mapping.match_on {
        if !mapping.columns.contains_key(name) {
            problems.column(name, "stands in `match_on` but is not mapped");
        }
    }
    if definition.is_intersect && mapping.columns.len() != 2 {
        problems.table("an N:N table is loaded as associations: map its two lookups and nothing else");
    }
}

/// Columns that the platform demands and that it does not fill by itself must have a rule.
///
/// The metadata does not say which texts are numbered automatically and which choices have a default; only references
/// and the name of the row are certain.
fn check_required(
    plan: &MapPlan,
    mapping: &TableMapping,
    definition: &TableDefinition,
    problems: &mut Problems<'_>,
) {
    if mapping.mode == Mode::Match || definition.is_intersect {
        return;
    }
    for column in
        definition.columns.values().filter(|column| column.required.is_enforced() && column.valid_for_create)
    {
        let is_certain =
            matches!(column.column_type, ColumnType::Lookup { .. } | ColumnType::Customer { .. })
                || definition.primary_name.as_deref() == Some(&column.logical_name);
        let name = &column.logical_name;
        if is_certain
            && !mapping.columns.contains_key(name)
            && !plan.staged.iter().any(|staged| staged.name == *name)
        {
            problems.column(name, "the platform demands a value, and no rule gives one");
        }
    }
}

fn plan_column(
    plan: &mut MapPlan,
    mapping: &TableMapping,
    definition: &TableDefinition,
    context: Context<'_>,
    (name, rule): (&str, &ColumnRule),
    source: &mut SourceRef<'_>,
    problems: &mut Problems<'_>,
) {
    let write = match mapping.mode {
        Mode::Load => Write::Create,
        Mode::Match if mapping.match_on.iter().any(|key| key == name) => Write::Nothing,
        Mode::Match => Write::Update,
    };
    let Some(metadata) = column::find(name, definition, write, problems) else { return };
    let kind = match rule.kind() {
        Ok(kind) => kind,
        Err(messages) => {
            for message in messages {
                problems.column(name, message);
            }
            return;
        }
    };
    let column_type = &metadata.column_type;
    let is_reference = matches!(column_type, ColumnType::Lookup { .. } | ColumnType::Customer { .. })
        || (definition.is_intersect && matches!(column_type, ColumnType::UniqueIdentifier));
    match kind {
        RuleKind::Lookup(lookup, missing) if is_reference => {
            let allowed = column_type.targets();
            if let Some(planned) = plan_lookup(name, &lookup, allowed, context.feeds, source, problems) {
                add_lookup(plan, name, planned, missing, context.feeds);
            }
        }
        RuleKind::Lookup(..) if matches!(column_type, ColumnType::Owner { .. }) => {
            problems.column(name, "is the owner: write { owner = \"SourceColumn\" }");
        }
        RuleKind::Lookup(..) => {
            problems.column(name, format!("is no lookup but of type {}", column_type.type_name()));
        }
        RuleKind::Owner(column) if matches!(column_type, ColumnType::Owner { .. }) => {
            if let Some(key) = source.column(&column, Some(name), problems) {
                add_owner(plan, name, key);
            }
        }
        RuleKind::Owner(_) => problems.column(name, "only the owner column takes an `owner` rule"),
        RuleKind::Script(script) => {
            plan.script_columns.push(name.to_owned());
            if is_reference {
                let allowed = column_type.targets();
                let to = script.to.or_else(|| (allowed.len() == 1).then(|| allowed[0].clone()));
                let Some(to) = to else {
                    problems.column(name, "`to` is missing: which table does the script's key belong to?");
                    return;
                };
                let source = script.source.as_deref();
                let Some(feed) = feed_of(name, &to, source, allowed, context.feeds, problems) else { return };
                let multi_source = context.feeds.get(&to).is_some_and(|feeds| feeds.len() > 1);
                let kind = StagedKind::Lookup { targets: vec![to.clone()], multi_table: false, multi_source };
                plan.staged.push(StagedColumn::new(name, kind));
                // Staged only where other mappings make them necessary.
                for (suffix, word) in [(TABLE_SUFFIX, to.clone()), (SOURCE_TABLE_SUFFIX, feed.clone())] {
                    let value = Fragment::word(word.as_str());
                    plan.cells.push(Cell { column: format!("{name}{suffix}"), value });
                }
                let parents = vec![(to, feed)];
                plan.lookups.push(LookupPlan { column: name.to_owned(), missing: script.missing, parents });
            } else if let Some(kind) = staged_kind(column_type) {
                plan.staged.push(StagedColumn::new(name, kind));
            } else {
                problems.column(
                    name,
                    format!("a column of type {} cannot be staged yet", column_type.type_name()),
                );
            }
        }
        RuleKind::Value(value) => {
            let planned = plan_value(name, rule, &value, column_type, source, problems);
            let (Some(planned), Some(kind)) = (planned, staged_kind(column_type)) else { return };
            let column =
                if kind.has_choice_text() { format!("{name}{TEXT_SUFFIX}") } else { name.to_owned() };
            if let (ColumnType::MultiChoice { .. }, Some(separator)) = (column_type, &rule.separator) {
                plan.separators.push((name.to_owned(), separator.clone()));
            }
            if let StagedKind::Money { .. } = kind {
                plan.money.push(MoneyPlan::new(name, rule, &value.source));
            }
            plan.staged.push(StagedColumn::new(name, kind));
            plan.cells.push(Cell { column, value: planned.value });
            plan.readings.extend(planned.reading);
        }
    }
}

fn add_lookup(plan: &mut MapPlan, name: &str, planned: PlannedLookup, missing: Missing, feeds: &Feeds) {
    let multi_source =
        planned.targets.iter().any(|table| feeds.get(table).is_some_and(|sources| sources.len() > 1));
    let multi_table = planned.targets.len() > 1;
    let kind = StagedKind::Lookup { targets: planned.targets, multi_table, multi_source };
    plan.staged.push(StagedColumn::new(name, kind));
    // The table and the source are staged where another mapping makes them necessary, so they are always planned.
    plan.cells.push(Cell { column: format!("{name}{SOURCE_KEY_SUFFIX}"), value: planned.key });
    plan.cells.push(Cell { column: format!("{name}{TABLE_SUFFIX}"), value: planned.table });
    plan.cells.push(Cell { column: format!("{name}{SOURCE_TABLE_SUFFIX}"), value: planned.source });
    plan.lookups.push(LookupPlan { column: name.to_owned(), missing, parents: planned.sources });
}

fn add_owner(plan: &mut MapPlan, name: &str, key: Fragment) {
    plan.staged.push(StagedColumn::new(name, StagedKind::Owner));
    plan.cells.push(Cell { column: format!("{name}{SOURCE_KEY_SUFFIX}"), value: key });
}

/// Rows of owned tables always get an owner at insert: from the project's owner column, or its fallback.
fn plan_default_owner(
    plan: &mut MapPlan,
    mapping: &TableMapping,
    definition: &TableDefinition,
    owners: &Owners,
    source: &mut SourceRef<'_>,
) {
    let is_owned = matches!(definition.ownership, Ownership::User | Ownership::Team);
    let owner = definition.column("ownerid").filter(|owner| owner.valid_for_create);
    if mapping.mode == Mode::Match || !is_owned || owner.is_none() || mapping.columns.contains_key("ownerid")
    {
        return;
    }
    match &owners.column {
        Some(column) if source.has(column) => {
            source.used.insert(column.clone());
            add_owner(plan, "ownerid", crate::sql::column("s", column));
        }
        _ if owners.fallback.is_some() => add_owner(plan, "ownerid", Fragment::no_text()),
        _ => {}
    }
}

/// A status belongs to a state: where only the status is mapped, the state is staged as well and derived.
fn plan_state_of_status(plan: &mut MapPlan, definition: &TableDefinition) {
    let has = |plan: &MapPlan, kind: &StagedKind| plan.staged.iter().any(|column| column.kind == *kind);
    if has(plan, &StagedKind::Status)
        && !has(plan, &StagedKind::State)
        && definition.column("statecode").is_some()
    {
        plan.staged.push(StagedColumn::new("statecode", StagedKind::State));
    }
}

fn plan_parties(
    plan: &mut MapPlan,
    part: &str,
    rules: &[PartyRule],
    definition: &TableDefinition,
    context: Context<'_>,
    source: &mut SourceRef<'_>,
    problems: &mut Problems<'_>,
) {
    let Some(metadata) = definition.column(part) else {
        problems.column(part, format!("{} has no party list of this name", definition.logical_name));
        return;
    };
    let ColumnType::PartyList { targets } = &metadata.column_type else {
        problems.column(part, format!("is no party list but of type {}", metadata.column_type.type_name()));
        return;
    };
    let mut tables: Vec<String> = Vec::new();
    for rule in rules {
        let lookup = match &rule.lookup {
            Some(lookup) => {
                let rule = LookupRule {
                    lookup: lookup.clone(),
                    to: rule.to.clone(),
                    by_prefix: rule.by_prefix.clone(),
                    source: rule.source.clone(),
                    otherwise: None,
                };
                let Some(planned) = plan_lookup(part, &rule, targets, context.feeds, source, problems) else {
                    continue;
                };
                tables.extend(
                    planned
                        .targets
                        .iter()
                        .filter(|table| !tables.contains(table))
                        .cloned()
                        .collect::<Vec<_>>(),
                );
                Some(planned)
            }
            None => None,
        };
        let address = match &rule.address {
            Some(address) => source.column(address, Some(part), problems),
            None => None,
        };
        if lookup.is_none() && address.is_none() {
            problems.column(part, "a party needs a `lookup` or an `address`");
            continue;
        }
        plan.parties.push(PartyPlan { part: part.to_owned(), lookup, address });
    }
    plan.staged.push(StagedColumn::new(part, StagedKind::Parties { targets: tables }));
}
