//! What a deletion would take along: rows under those to be deleted that the rollback does not delete itself.

use std::collections::BTreeMap;

use batch_loader::{LoadTable, Strategy};
use dataverse_client::{Client, Condition, Fetch, Link, TableNames};
use dataverse_wire::metadata::CascadeRule;
use serde::Deserialize;
use staging_schema::{TargetTable, rollback as sql};
use uuid::Uuid;

use super::{Rollback, STEP};
use crate::Error;
use crate::error::{at_target, in_staging};

/// Tables whose rows the service makes by itself beside ours, and removes with them.
const SERVICE_MADE: [&str; 25] = [
    "asyncoperation",
    "bulkdeletefailure",
    "customeraddress",
    "duplicaterecord",
    "incidentresolution",
    "leadaddress",
    "mailboxtrackingfolder",
    "opportunityclose",
    "orderclose",
    "postfollow",
    "postregarding",
    "postrole",
    "principalobjectaccess",
    "principalobjectattributeaccess",
    "processsession",
    "quoteclose",
    "recentlyused",
    "slakpiinstance",
    "syncerror",
    "traceregarding",
    "userentityinstancedata",
    "workflowlog",
    "backgroundoperation",
    "fileattachment",
    "imagedescriptor",
];
/// Rows named one by one in a question.
const IDS_PER_QUERY: u32 = 100;
/// The numbers that find rows again.
const SEQUENCE_NUMBER: &str = "importsequencenumber";

#[derive(Deserialize)]
struct Relations {
    value: Vec<Relation>,
}

/// A lookup of another table that points to the table at hand.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Relation {
    referencing_entity: String,
    referencing_attribute: String,
    cascade_configuration: Option<Rules>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rules {
    delete: Option<String>,
}

impl Relation {
    /// What happens to children on delete; `None` where the metadata does not say.
    fn rule(&self) -> Option<CascadeRule> {
        CascadeRule::from_name(self.cascade_configuration.as_ref()?.delete.as_deref()?)
    }
}

/// Children of one relationship that would be touched.
#[derive(Default)]
struct Touched {
    /// Rows that nobody here knows, and one of them.
    unknown: u64,
    example: Option<String>,
    /// Rows of the project that are not to be deleted.
    staying: u64,
}

/// Everything that stands in the way of deleting the chosen rows of these tables, one sentence each.
pub(super) async fn obstacles(work: &Rollback<'_>, tables: &[&LoadTable]) -> Result<Vec<String>, Error> {
    let client = &work.journey.checked.target(STEP)?.client;
    let names = client.table_names().await.map_err(at_target("listing the tables"))?;
    let names: BTreeMap<String, TableNames> =
        names.into_iter().map(|names| (names.logical_name.clone(), names)).collect();
    let mut obstacles = Vec::new();
    for table in tables {
        let doing = || in_staging(format!("counting the rows of {} to delete", table.name()));
        let chosen = work.store.query(&sql::chosen(table.name(), work.run)).await.map_err(doing())?;
        let Some(row) = chosen.first().filter(|row| row.get(0).as_integer() != Some(0)) else { continue };
        let range = (row.integer(1).map_err(doing())?, row.integer(2).map_err(doing())?);
        work.journey.part(STEP, "look for what a deletion would take along", Some(table.name()))?;
        for relation in relations(client, table.name()).await? {
            let is_free = relation.rule() == Some(CascadeRule::NoCascade)
                || SERVICE_MADE.contains(&relation.referencing_entity.as_str())
                || work.take_along.contains(&relation.referencing_entity);
            // Pairs go with their ends; tables that the Web API does not serve cannot be asked for.
            let Some(child) =
                names.get(&relation.referencing_entity).filter(|child| !is_free && !child.is_intersect)
            else {
                continue;
            };
            match touched(work, client, table, range, &relation, child).await {
                Ok(touched) => obstacles.extend(sentences(table.name(), &relation, &touched)),
                Err(Error::Target { source, .. }) if !source.is_transient() && source.fault().is_some() => {
                    obstacles.push(format!(
                        "{} ({}): could not be looked at: {source}",
                        relation.referencing_entity, relation.referencing_attribute
                    ));
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(obstacles)
}

async fn relations(client: &Client, table: &str) -> Result<Vec<Relation>, Error> {
    let call = format!(
        "EntityDefinitions(LogicalName='{table}')/OneToManyRelationships?$select=ReferencingEntity,ReferencingAttribute,CascadeConfiguration"
    );
    let found: Relations =
        client.function(&call).await.map_err(at_target(format!("reading which tables point to {table}")))?;
    Ok(found.value)
}

/// Asks Dataverse for the children of the rows to be deleted, and staging whether it knows them.
async fn touched(
    work: &Rollback<'_>,
    client: &Client,
    table: &LoadTable,
    range: (i64, i64),
    relation: &Relation,
    child: &TableNames,
) -> Result<Touched, Error> {
    let mut touched = Touched::default();
    let (Some(set), Some(primary)) = (&child.entity_set_name, &child.primary_id_attribute) else {
        return Ok(touched);
    };
    // A party is known by its activity.
    let is_party = child.logical_name == "activityparty";
    let identity = if is_party { "activityid" } else { primary };
    let shown = if is_party { "_activityid_value" } else { primary };
    let lookup = relation.referencing_attribute.as_str();
    let ask = |condition: Condition| {
        let parent = Link::inner(table.name(), &table.definition.primary_id, lookup).filter(condition);
        Fetch::new(set, &child.logical_name).select([identity, lookup]).link(parent)
    };
    if let Strategy::SequenceNumber { base } = table.strategy {
        let condition = Condition::all([
            Condition::new(SEQUENCE_NUMBER, "ge", [base + range.0]),
            Condition::new(SEQUENCE_NUMBER, "le", [base + range.1]),
        ]);
        read(work, client, table, ask(condition), (shown, lookup), child, &mut touched).await?;
        return Ok(touched);
    }
    let mut behind = 0;
    loop {
        let ids = sql::chosen_ids(table.name(), work.run, behind, IDS_PER_QUERY);
        let doing = || in_staging(format!("reading the rows of {} to delete", table.name()));
        let rows = work.store.query(&ids).await.map_err(doing())?;
        let Some(last) = rows.last() else { break };
        behind = last.integer(0).map_err(doing())?;
        let ids: Vec<&str> = rows.iter().filter_map(|row| row.get(1).as_text()).collect();
        let condition = Condition::new(&table.definition.primary_id, "in", ids);
        read(work, client, table, ask(condition), (shown, lookup), child, &mut touched).await?;
    }
    Ok(touched)
}

async fn read(
    work: &Rollback<'_>,
    client: &Client,
    table: &LoadTable,
    fetch: Fetch,
    (shown, lookup): (&str, &str),
    child: &TableNames,
    touched: &mut Touched,
) -> Result<(), Error> {
    let doing = || at_target(format!("looking for rows of {} under {}", child.logical_name, table.name()));
    let staged = staged(work, &child.logical_name);
    let parent = format!("_{lookup}_value");
    let mut pages = client.fetch(&fetch).map_err(doing())?;
    while let Some(page) = pages.next_page().await.map_err(doing())? {
        if work.journey.cancel.is_cancelled() {
            return Err(Error::Stopped { step: STEP });
        }
        let id = |row: &dataverse_client::Row, name: &str| {
            row.get(name)?.as_str().and_then(|text| Uuid::try_parse(text).ok()).map(|id| id.to_string())
        };
        let pairs: Vec<[String; 2]> =
            page.rows.iter().filter_map(|row| Some([id(row, shown)?, id(row, &parent)?])).collect();
        let pairs = serde_json::json!(pairs).to_string();
        let doing = || in_staging(format!("judging rows of {}", child.logical_name));
        let judged = sql::judge(table.name(), &staged, work.run, &pairs);
        for row in work.store.query(&judged).await.map_err(doing())? {
            match row.integer(1).map_err(doing())? {
                0 => {
                    touched.unknown += 1;
                    touched.example.get_or_insert(row.text(0).map_err(doing())?.to_owned());
                }
                1 => touched.staying += 1,
                _ => {}
            }
        }
    }
    Ok(())
}

/// The staged tables that rows of a child table may be rows of: all activities where it stands for them.
fn staged<'a>(work: &Rollback<'a>, child: &str) -> Vec<&'a TargetTable> {
    let is_any_activity = matches!(child, "activityparty" | "activitypointer");
    let plan = work.plan;
    plan.waves
        .iter()
        .flatten()
        .filter(|table| table.name() == child || (is_any_activity && table.definition.is_activity))
        .map(|table| &table.staged)
        .collect()
}

fn sentences(parent: &str, relation: &Relation, touched: &Touched) -> Vec<String> {
    let (child, column) = (&relation.referencing_entity, &relation.referencing_attribute);
    let what = match relation.rule() {
        Some(CascadeRule::Cascade) => format!("would be deleted with their {parent}"),
        Some(CascadeRule::Restrict) => format!("keep their {parent} from being deleted"),
        Some(_) => format!("would lose their {parent}"),
        None => format!("would be deleted with their {parent}, or lose it: the metadata does not say"),
    };
    let mut sentences = Vec::new();
    if let Some(example) = &touched.example {
        let unknown = touched.unknown;
        sentences.push(format!(
            "{child} ({column}): {unknown} rows that this project does not know, such as {example}, {what}"
        ));
    }
    let is_grave = matches!(relation.rule(), Some(CascadeRule::Cascade | CascadeRule::Restrict));
    if touched.staying > 0 && is_grave {
        let staying = touched.staying;
        sentences.push(format!(
            "{child} ({column}): {staying} rows of this project that the run did not create {what}"
        ));
    }
    sentences
}
