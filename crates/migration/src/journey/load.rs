//! Load and settle: rows into Dataverse, and everything that had to wait.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use batch_loader::{
    BatchOptions, ErrorLimit, LoadTable, Options, PaceOptions, Plan, Report, Strategy, Sweep,
};
use dataverse_wire::metadata::{ManyToMany, TableDefinition};
use load_sequence::Sequence;
use staging_schema::{Accents, GuidStrategy, Mode, Shape, TargetTable};
use staging_store::Store;

use super::base::{self, Base};
use super::check::{Checked, takes_sequence_number, usable_key};
use super::graph::targets;
use super::watch::Watch;
use super::{Journey, Outcome, owners, pilot, retry, row_waves, sequence};
use crate::{Error, Step, TableSummary};

/// Creates the rows, wave by wave.
pub(crate) async fn load(journey: &Journey<'_>, store: &Store, worker: &str) -> Result<Outcome, Error> {
    const STEP: Step = Step::Load;
    let plan = plan(journey, store, STEP).await?;
    match &journey.pilot {
        Some(pilot) => pilot::begin(journey, store, pilot, &plan).await?,
        None => pilot::give_up(store).await?,
    }
    let clients = journey.checked.target(STEP)?.clients();
    let mut open = Vec::new();
    let retried = if journey.retry_errors { retry::retry(journey, store).await? } else { BTreeMap::new() };
    for table in plan.waves.iter().flatten().filter(|table| table.staged.mode == Mode::Match) {
        journey.part(STEP, "find rows", Some(table.name()))?;
        let key = match_key(journey, table.name());
        let matched = batch_loader::match_rows(store, &clients[0], &plan, table, &key).await?;
        if matched.missing + matched.ambiguous + matched.unusable > 0 {
            open.push(format!(
                "{}: {} rows were not found in Dataverse, {} were found more than once, {} have no key of their own; see \
                 target.{}_Error",
                table.name(),
                matched.missing,
                matched.ambiguous,
                matched.unusable,
                table.name()
            ));
        }
    }
    owners::resolve(journey, store).await?;
    journey.part(STEP, "create rows", None)?;
    let watch = Watch::new(STEP, &journey.observer);
    let report =
        batch_loader::load(store, &clients, &plan, &options(journey, worker), &watch, &journey.cancel)
            .await?;
    let sum = |of: fn(&batch_loader::TableReport) -> u64| report.tables.values().map(of).sum::<u64>();
    let (loaded, errors) = (sum(|table| table.loaded + table.adopted), sum(|table| table.errors));
    let mut sentence = format!(
        "{loaded} rows were created in {} requests; {errors} were refused",
        sum(|table| table.requests)
    );
    if journey.retry_errors {
        let _ = write!(sentence, "; {} refused earlier were taken again", retried.values().sum::<u64>());
    }
    strays(&report, &mut open);
    let mut tables = summaries(&report);
    for (table, rows) in retried {
        tables.entry(table).or_default().retried = rows;
    }
    Ok(Outcome { sentence, open, tables })
}

/// Writes what had to wait: lookups, associations, changes, states.
pub(crate) async fn settle(journey: &Journey<'_>, store: &Store, worker: &str) -> Result<Outcome, Error> {
    const STEP: Step = Step::Settle;
    let plan = plan(journey, store, STEP).await?;
    let clients = journey.checked.target(STEP)?.clients();
    journey.part(STEP, "settle", None)?;
    let watch = Watch::new(STEP, &journey.observer);
    let report =
        batch_loader::settle(store, &clients, &plan, &options(journey, worker), &watch, &journey.cancel)
            .await?;
    let sum = |of: fn(&batch_loader::TableReport) -> u64| report.tables.values().map(of).sum::<u64>();
    let sentence = format!(
        "{} writes settled what had to wait; {} lookups are owed, {} rows were refused",
        sum(|table| table.updated),
        sum(|table| table.owed),
        sum(|table| table.errors)
    );
    let mut open = Vec::new();
    strays(&report, &mut open);
    Ok(Outcome { sentence, open, tables: summaries(&report) })
}

fn strays(report: &Report, open: &mut Vec<String>) {
    for (table, done) in &report.tables {
        if !done.strays.is_empty() {
            open.push(format!(
                "{table}: {} rows in Dataverse carry a number of ours and are not known to the staging database",
                done.strays.len()
            ));
        }
    }
}

fn summaries(report: &Report) -> BTreeMap<String, TableSummary> {
    report
        .tables
        .iter()
        .map(|(name, done)| {
            let summary = TableSummary {
                table: name.clone(),
                loaded: done.loaded + done.adopted,
                updated: done.updated,
                requests: done.requests,
                seconds: done.seconds,
                ..TableSummary::default()
            };
            (name.clone(), summary)
        })
        .collect()
}

pub(crate) fn options(journey: &Journey<'_>, worker: &str) -> Options {
    let load = &journey.project.settings().load;
    Options {
        worker: worker.to_owned(),
        chunk_rows: load.chunk,
        in_flight: load.concurrency,
        max_in_flight: load.max_concurrency,
        pace: PaceOptions {
            plans_budget: load.plan_budget,
            window: load.budget_window,
            aim: load.budget_aim,
        },
        memory: journey.pace.clone(),
        batch: BatchOptions {
            adapts: load.adapt_batch,
            ceiling: load.longest_request,
            ..BatchOptions::default()
        },
        lease: load.lease,
        request_timeout: load.request_timeout,
        quiet_time: load.quiet_time,
        grace: load.grace,
        attempts: load.attempts,
        error_limit: ErrorLimit { share: load.error_rate_limit, ..ErrorLimit::default() },
        key_accents: accents(load.key_accents),
        sweep: if load.sweep { Sweep::BeforeAndAfter } else { Sweep::Never },
        ..Options::default()
    }
}

/// Whether accents tell alternate keys apart.
pub(crate) fn accents(are_distinguished: bool) -> Accents {
    if are_distinguished { Accents::Distinguished } else { Accents::Ignored }
}

fn match_key(journey: &Journey<'_>, table: &str) -> Vec<String> {
    let maps = &journey.project.settings().maps;
    maps.iter().find(|map| map.table == table).map(|map| map.match_on.clone()).unwrap_or_default()
}

/// The loader's plan: order and deferred lookups from the step `sequence`, strategies from the tables.
pub(crate) async fn plan(journey: &Journey<'_>, store: &Store, step: Step) -> Result<Plan, Error> {
    let checked = &journey.checked;
    let order = sequence::kept(store, step).await?;
    // The staging database is bound to the organisation whose definitions are frozen.
    let organization = checked.frozen.organization_id;
    let bases = base::reserved(store, organization).await?;
    let mut plan = Plan::default();
    let matched: Vec<LoadTable> = checked
        .tables
        .iter()
        .filter(|table| table.mode == Mode::Match && table.shape == Shape::Standard)
        .map(|table| load_table(journey, table, &order, &bases, step))
        .collect::<Result<_, _>>()?;
    if !matched.is_empty() {
        plan.waves.push(matched);
    }
    for wave in &order.waves {
        let mut tables = Vec::new();
        for name in wave {
            tables.push(load_table(journey, staged(checked, name, step)?, &order, &bases, step)?);
        }
        plan.waves.push(tables);
    }
    let adopted = order.row_waves.iter().filter(|group| group.adopted);
    plan.row_waves = adopted.map(|group| group.tables.clone()).collect();
    for table in checked.tables.iter().filter(|table| table.shape == Shape::Intersect) {
        plan.associations.push(load_table(journey, table, &order, &bases, step)?);
    }
    let planned: BTreeSet<&str> = plan.tables().map(LoadTable::name).collect();
    if let Some(table) = checked.tables.iter().find(|table| !planned.contains(table.logical_name.as_str())) {
        return Err(Error::NotReady {
            step,
            missing: format!("the kept plan does not know {}; run the step sequence", table.logical_name),
        });
    }
    plan.entity_sets = checked
        .frozen
        .value
        .iter()
        .map(|definition| (definition.logical_name.clone(), definition.entity_set_name.clone()))
        .collect();
    Ok(plan)
}

fn staged<'c>(checked: &'c Checked, name: &str, step: Step) -> Result<&'c TargetTable, Error> {
    checked.tables.iter().find(|table| table.logical_name == name).ok_or_else(|| Error::NotReady {
        step,
        missing: format!("the kept plan knows {name}, which is not mapped any more; run the step sequence"),
    })
}

fn load_table(
    journey: &Journey<'_>,
    table: &TargetTable,
    order: &Sequence,
    bases: &BTreeMap<String, Base>,
    step: Step,
) -> Result<LoadTable, Error> {
    let name = &table.logical_name;
    let mut definition = journey.checked.definition(name)?.clone();
    let strategy = match (table.shape, table.mode, table.guid) {
        (Shape::Intersect, ..) => {
            let relationship = relationship(&journey.checked, table)?;
            let schema_name = relationship.schema_name.clone();
            if !definition.many_to_many.iter().any(|known| known.schema_name == schema_name) {
                definition.many_to_many.push(relationship.clone());
            }
            Strategy::Associate { relationship: schema_name }
        }
        (_, Mode::Match, _) => Strategy::AlternateKey(match_key(journey, name)),
        (_, _, GuidStrategy::Sequential) => Strategy::Sequential,
        (_, _, GuidStrategy::Source) => Strategy::Source,
        (_, _, GuidStrategy::Server) => server_strategy(table, &definition, bases, step)?,
    };
    let staged = table.clone().with_pilot(journey.pilot.is_some());
    let mut planned = LoadTable::new(Arc::new(definition), staged, strategy);
    planned.self_lookups = row_waves::own_lookups(table, order);
    planned.deferred = deferred(table, order);
    planned.batch = journey.project.settings().load.batch;
    Ok(planned)
}

fn server_strategy(
    table: &TargetTable,
    definition: &TableDefinition,
    bases: &BTreeMap<String, Base>,
    step: Step,
) -> Result<Strategy, Error> {
    if takes_sequence_number(definition) {
        let base = bases.get(&table.logical_name).ok_or_else(|| Error::NotReady {
            step,
            missing: format!("no numbers are reserved for {}; run the step prepare", table.logical_name),
        })?;
        return Ok(Strategy::SequenceNumber { base: base.base });
    }
    usable_key(table, definition).map(|key| Strategy::AlternateKey(key.to_vec())).ok_or_else(|| {
        Error::Metadata {
            message: format!(
                "{}: nothing finds its rows again; use guid = \"sequential\"",
                table.logical_name
            ),
        }
    })
}

/// Lookups of which every target loads later. Those with a target that loads before are filled as far as they can be.
fn deferred(table: &TargetTable, order: &Sequence) -> Vec<String> {
    let waits = |column: &str, target: &str| {
        order.deferred.iter().any(|lookup| {
            lookup.table == table.logical_name && lookup.column == column && lookup.target == target
        })
    };
    table
        .lookups()
        .filter(|column| targets(column).iter().all(|target| waits(&column.name, target)))
        .map(|column| column.name.clone())
        .collect()
}

/// The relationship whose pairs an intersect table holds: the one between the tables that its two lookups point to.
pub(crate) fn relationship<'c>(checked: &'c Checked, table: &TargetTable) -> Result<&'c ManyToMany, Error> {
    let name = &table.logical_name;
    let ends: BTreeSet<&str> = table.lookups().flat_map(targets).map(String::as_str).collect();
    checked
        .frozen
        .value
        .iter()
        .flat_map(|definition| &definition.many_to_many)
        .find(|known| {
            known.intersect_table == *name
                && BTreeSet::from([known.table1.as_str(), known.table2.as_str()]) == ends
        })
        .ok_or_else(|| Error::Metadata {
            message: format!(
                "{name}: the target has no N:N relationship in it between {}",
                ends.into_iter().collect::<Vec<_>>().join(" and ")
            ),
        })
}
