//! Owners: `migration.OwnerMapping` first, then users and teams that are matched, then the project's fallback.

use std::ops::RangeInclusive;

use dataverse_client::{Client, Filter, Query};
use row_transform::model::OwnerTarget;
use staging_schema::lookup::{self, FallbackOwner, Parent};
use staging_schema::{Mode, StagedKind, Statement, TableName, TargetTable, Value, control, summary};
use staging_store::{SLICE_ROWS, Store};

use super::Journey;
use crate::error::{at_target, in_staging};
use crate::report;
use crate::{Error, Step};

const STEP: Step = Step::Load;
/// Stands for "nobody" within one transaction; no row of Dataverse has it.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
/// The rule in the error table of rows for which there is no owner.
const RULE: &str = "owner";

/// Gives every staged row of owned tables its owner. Rows without one are in error when the project has no fallback.
pub(crate) async fn resolve(journey: &Journey<'_>, store: &Store) -> Result<(), Error> {
    let owned: Vec<(&TargetTable, &str)> = journey
        .checked
        .tables
        .iter()
        .filter(|table| table.mode == Mode::Load)
        .filter_map(|table| {
            let owner = table.columns.iter().find(|column| column.kind == StagedKind::Owner)?;
            Some((table, owner.name.as_str()))
        })
        .collect();
    if owned.is_empty() {
        return Ok(());
    }
    journey.part(STEP, "resolve owners", None)?;
    let client = &journey.checked.target(STEP)?.client;
    name_to_id(client, store).await?;
    let fallback = fallback(journey, client).await?;
    let through: Vec<Parent> = journey
        .checked
        .tables
        .iter()
        .filter(|table| matches!(table.logical_name.as_str(), "systemuser" | "team"))
        .map(|table| Parent::new(&table.logical_name))
        .collect();
    let mut unmapped = Vec::new();
    for (table, column) in owned {
        let doing = || in_staging(format!("giving owners to the rows of {}", table.logical_name));
        store.execute(&forget(table)).await.map_err(doing())?;
        let to = fallback
            .clone()
            .unwrap_or_else(|| FallbackOwner { table: "systemuser".to_owned(), id: NOBODY.to_owned() });
        for slice in store.slices(&table.name(), SLICE_ROWS).await.map_err(doing())? {
            let mut statements = vec![lookup::resolve_owner(table, column, &through, &to, &slice)?];
            if fallback.is_none() {
                statements.extend(refuse_nobody(table, column, &slice));
            }
            store.execute_all(&statements).await.map_err(doing())?;
        }
        store.execute_all(&summary::flag_findings(table)).await.map_err(doing())?;
        let counted = store.query(&lookup::unmapped_owners(table, column)?).await.map_err(doing())?;
        for row in counted {
            let key = row.optional_text(0).map_err(doing())?.unwrap_or_default().to_owned();
            unmapped.push(vec![table.logical_name.clone(), key, row.count(1).map_err(doing())?.to_string()]);
        }
    }
    if !unmapped.is_empty() {
        let owners =
            unmapped.iter().map(|row| row[1].as_str()).collect::<std::collections::BTreeSet<_>>().len();
        let what =
            if fallback.is_some() { "their rows go to the fallback" } else { "their rows do not load" };
        let path = journey.project.reports().join("unmapped-owners.csv");
        journey.notice(
            STEP,
            None,
            format!("{owners} owners have no row in migration.OwnerMapping: {what} (see {})", path.display()),
        );
        report::write_csv(&path, &["TargetTable", "SourceOwner", "Rows"], unmapped)?;
    }
    Ok(())
}

fn forget(table: &TargetTable) -> Statement {
    Statement::new(
        |d| {
            format!(
                "DELETE FROM {} WHERE Pass = 'validate' AND RuleName = {}",
                d.table(&table.error()),
                d.literal(RULE)
            )
        },
        Vec::new(),
    )
}

/// Errors for the rows whose owner is nobody, and their owner taken away again.
fn refuse_nobody(table: &TargetTable, column: &str, rows: &RangeInclusive<i64>) -> [Statement; 2] {
    let params =
        || vec![Value::Integer(*rows.start()), Value::Integer(*rows.end()), Value::Text(NOBODY.to_owned())];
    let condition = |d: staging_schema::Dialect| {
        let id = d.quote(control::ROW_ID);
        format!("{id} BETWEEN {} AND {} AND {} = {}", d.param(1), d.param(2), d.quote(column), d.param(3))
    };
    let message =
        "the owner has no row in migration.OwnerMapping and the project has no fallback: add one of the two";
    let insert = Statement::new(
        |d| {
            let key = d.quote(&format!("{column}{}", staging_schema::SOURCE_KEY_SUFFIX));
            format!(
                "INSERT INTO {} (RowId, Pass, Generation, Message, ColumnName, RuleName, Value) \
                 SELECT {}, 'validate', {}, {}, {}, {}, {key} FROM {} WHERE {}",
                d.table(&table.error()),
                d.quote(control::ROW_ID),
                d.quote(control::GENERATION),
                d.literal(message),
                d.literal(column),
                d.literal(RULE),
                d.table(&table.name()),
                condition(d),
            )
        },
        params(),
    );
    let take_away = Statement::new(
        |d| {
            format!(
                "UPDATE {} SET {} = NULL, {} = NULL WHERE {}",
                d.table(&table.name()),
                d.quote(column),
                d.quote(&format!("{column}{}", staging_schema::TABLE_SUFFIX)),
                condition(d)
            )
        },
        params(),
    );
    [insert, take_away]
}

/// Fills the GUIDs of mappings that name their owner.
async fn name_to_id(client: &Client, store: &Store) -> Result<(), Error> {
    let doing = || in_staging("reading migration.OwnerMapping");
    let table = TableName::migration("OwnerMapping");
    let read = Statement::new(
        |d| {
            format!(
                "SELECT DISTINCT {t}, {n} FROM {} WHERE {} IS NULL AND {n} IS NOT NULL",
                d.table(&table),
                d.quote("OwnerId"),
                t = d.quote("OwnerTable"),
                n = d.quote("OwnerName"),
            )
        },
        Vec::new(),
    );
    for row in store.query(&read).await.map_err(doing())? {
        let (of, name) = (row.text(0).map_err(doing())?, row.text(1).map_err(doing())?);
        let Some(id) = find_owner(client, of, name).await? else {
            return Err(Error::Metadata {
                message: format!(
                    "migration.OwnerMapping names the {of} {name:?}, of which the target has none or several"
                ),
            });
        };
        let write = Statement::new(
            |d| {
                format!(
                    "UPDATE {} SET {} = {} WHERE {} = {} AND {} = {} AND {} IS NULL",
                    d.table(&table),
                    d.quote("OwnerId"),
                    d.param(1),
                    d.quote("OwnerTable"),
                    d.param(2),
                    d.quote("OwnerName"),
                    d.param(3),
                    d.quote("OwnerId"),
                )
            },
            vec![id.into(), of.into(), name.into()],
        );
        store.execute(&write).await.map_err(in_staging("writing migration.OwnerMapping"))?;
    }
    Ok(())
}

/// The project's fallback with its GUID.
pub(crate) async fn fallback(journey: &Journey<'_>, client: &Client) -> Result<Option<FallbackOwner>, Error> {
    let Some(OwnerTarget { table, id, name }) = &journey.project.settings().owners.fallback else {
        return Ok(None);
    };
    let id = match (id.as_deref(), name) {
        (Some("me"), _) => journey.checked.target(STEP)?.organization.user_id.to_string(),
        (Some(id), _) => id.to_lowercase(),
        (None, Some(name)) => find_owner(client, table, name).await?.ok_or_else(|| Error::Metadata {
            message: format!("owners.fallback: the target has no {table} {name:?}, or several"),
        })?,
        (None, None) => return Ok(None),
    };
    Ok(Some(FallbackOwner { table: table.clone(), id }))
}

/// The one user or team of this name.
async fn find_owner(client: &Client, table: &str, name: &str) -> Result<Option<String>, Error> {
    let (set, key, columns): (_, _, &[&str]) = match table {
        "team" => ("teams", "teamid", &["name"]),
        _ => ("systemusers", "systemuserid", &["fullname", "domainname", "internalemailaddress"]),
    };
    let Some(filter) = columns.iter().map(|column| Filter::eq(column, name)).reduce(Filter::or) else {
        return Ok(None);
    };
    let query = Query::new(set).select([key]).filter(filter).top(2);
    let page = client
        .query(&query)
        .next_page()
        .await
        .map_err(at_target(format!("looking for the {table} {name:?}")))?;
    let rows = page.map(|page| page.rows).unwrap_or_default();
    match rows.as_slice() {
        [one] => Ok(one.get(key).and_then(|id| id.as_str()).map(str::to_lowercase)),
        _ => Ok(None),
    }
}
