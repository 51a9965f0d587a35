//! Tables in mode `match`: rows that are in Dataverse already are found by a natural key.

use dataverse_client::Client;
use staging_schema::{Pass, Statement, control, settle};
use staging_store::{RowError, Store};
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::context::{Context, staging};
use crate::event::Unobserved;
use crate::keys;
use crate::operation::Operation;
use crate::options::Options;
use crate::plan::{LoadTable, Plan};
use crate::probe;
use crate::reading::stream;

/// The rule that errors of unmatched rows name.
const RULE: &str = "match";

/// What came of matching a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Matched {
    /// Rows whose GUID is known now.
    pub matched: u64,
    /// Rows that Dataverse does not have; each has an error of the rule `match`.
    pub missing: u64,
    /// Rows whose key several rows of Dataverse carry; each has an error of the rule `match`.
    pub ambiguous: u64,
    /// Rows whose key has an empty column, or is that of another row that is to be written as well; each has an error of the
    /// pass `validate`.
    pub unusable: u64,
}

/// Finds the staged rows of a table that have no GUID yet by the columns of `key` and stores the GUIDs.
///
/// Texts compare as the service compares keys: without regard to case and trailing blanks. Rows that are not found, or
/// not found once, get an error that names the columns; errors of an earlier call are taken back first, so that it can
/// simply be called again. Several rows may stand for one of Dataverse, unless more than one of them is to be written.
/// Reads only; may be dropped half-way.
pub async fn match_rows(
    store: &Store,
    client: &Client,
    plan: &Plan,
    table: &LoadTable,
    key: &[String],
) -> Result<Matched, Error> {
    let (options, cancel) = (Options::default(), CancellationToken::new());
    let clients = std::slice::from_ref(client);
    let ctx = Context::open(store, clients, plan, &options, &Unobserved, &cancel).await?;
    let name = table.name();
    let failed = || staging(name, "matching rows");
    if key.is_empty() {
        return Err(Error::Plan {
            table: name.to_owned(),
            complaint: "it is matched on no column".to_owned(),
        });
    }
    let op = Operation::matching(&ctx, table, key).await?;
    if let Some(missing) =
        key.iter().find(|column| !op.columns.comparable().any(|cell| cell.column == *column))
    {
        let complaint =
            format!("rows cannot be matched on {missing}: it is not staged, or is a number with decimals");
        return Err(Error::Plan { table: name.to_owned(), complaint });
    }
    store.execute_all(&[take_back(table), settle::clear_flags(&table.staged)]).await.map_err(failed())?;
    let unusable = keys::check(&ctx, table, key).await?;
    let mut matched = Matched { unusable, ..Matched::default() };
    for slice in store.slices(&table.staged.name(), 1_000).await.map_err(failed())? {
        let (rows, slots) = stream(&ctx, table, &unmatched(table, &op.reads(), &slice)).await?;
        let found = probe::by_key(&ctx, &op, &rows, &slots, key).await?;
        let (mut ids, mut errors) = (Vec::new(), Vec::new());
        for slot in &slots {
            let hits = found.get(&slot.row.row_id).map_or(&[][..], Vec::as_slice);
            let message = match hits {
                [hit] => {
                    if let Some(id) = probe::id_of(table, hit) {
                        ids.push((slot.row.row_id, id.to_string()));
                        matched.matched += 1;
                    }
                    continue;
                }
                [] => {
                    matched.missing += 1;
                    format!(
                        "Dataverse has no {name} with this {}; create it there, or map it to another",
                        key.join(", ")
                    )
                }
                several => {
                    matched.ambiguous += 1;
                    let ids: Vec<String> = several
                        .iter()
                        .filter_map(|row| probe::id_of(table, row))
                        .map(|id| id.to_string())
                        .collect();
                    format!(
                        "{} rows of Dataverse have this {}: {}",
                        ids.len(),
                        key.join(", "),
                        ids.join(", ")
                    )
                }
            };
            errors.push(RowError {
                row_id: slot.row.row_id,
                generation: slot.row.generation,
                attempt: 1,
                message,
                column: key.first().cloned(),
                rule: Some(RULE.to_owned()),
                ..RowError::default()
            });
        }
        if !ids.is_empty() {
            store.execute(&settle::assign_ids(&table.staged, &ids)).await.map_err(failed())?;
        }
        store.record_rows(&table.staged, Pass::Insert, &[], &errors).await.map_err(failed())?;
    }
    store.execute(&take_back_twins(table)).await.map_err(failed())?;
    store.settle_table(&table.staged).await.map_err(failed())?;
    Ok(matched)
}

/// Errors of an earlier matching do not count any more.
fn take_back(table: &LoadTable) -> Statement {
    Statement::new(
        |d| {
            format!(
                "UPDATE {} SET Retried = 1 WHERE Retried = 0 AND RuleName = {}",
                d.table(&table.staged.error()),
                d.literal(RULE)
            )
        },
        Vec::new(),
    )
}

/// Of the errors that workers wrote about one row when they matched at the same moment, the first counts. Whoever is the last to
/// end sees those of all.
fn take_back_twins(table: &LoadTable) -> Statement {
    Statement::new(
        |d| {
            let errors = table.staged.error();
            let rule = d.literal(RULE);
            let is_a_twin = format!(
                "t.Retried = 0 AND t.RuleName = {rule} AND EXISTS (SELECT 1 FROM {} AS o WHERE o.RowId = t.RowId \
                 AND o.Retried = 0 AND o.RuleName = {rule} AND o.ErrorId < t.ErrorId)",
                d.table(&errors)
            );
            d.update(&errors, "Retried = 1", &is_a_twin)
        },
        Vec::new(),
    )
}

/// Rows of a range without a GUID that have no other error.
fn unmatched(table: &LoadTable, columns: &[&str], rows: &std::ops::RangeInclusive<i64>) -> Statement {
    Statement::new(
        |d| {
            let mut names = vec![d.quote(control::ROW_ID), d.quote(control::GENERATION)];
            names.extend(columns.iter().map(|column| d.quote(column)));
            format!(
                "SELECT t.{} FROM {} AS t WHERE t.{row_id} BETWEEN {} AND {} AND t.{} IS NULL AND t.{} <> 'E' \
                 ORDER BY t.{row_id}",
                names.join(", t."),
                d.table(&table.staged.name()),
                d.param(1),
                d.param(2),
                d.quote(control::DATAVERSE_ID),
                d.quote(control::PROCESSING_FLAG),
                row_id = d.quote(control::ROW_ID),
            )
        },
        vec![(*rows.start()).into(), (*rows.end()).into()],
    )
}
