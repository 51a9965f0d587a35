//! Looking for staged rows in Dataverse, and judging whether what was found is ours.

use std::collections::HashMap;

use dataverse_client::{Filter, Query, Row};
use dataverse_wire::literal;
use staging_schema::{Accents, Statement, SuccessKind, TableName, fold_key, manifest};
use staging_store::{RowError, Success};
use uuid::Uuid;

use crate::Error;
use crate::columns::{CompareAs, guid};
use crate::context::{Context, staging};
use crate::operation::{HEADER, Operation};
use crate::plan::{LoadTable, Strategy};
use crate::ranges;
use crate::rows::{Rows, Slot};

/// Ranges in the filter of one probe.
const MOST_RANGES: usize = 12;
/// Rows named one by one in a filter.
const ROWS_PER_QUERY: usize = 50;
/// The column that finds a row again.
pub(crate) const SEQUENCE_NUMBER: &str = "importsequencenumber";

/// Looks for rows by the table's strategy. Returns the successes of rows that were found, the errors of rows that
/// people must look at, and nothing for rows that are not there.
pub(crate) async fn find(
    ctx: &Context<'_>,
    op: &Operation<'_>,
    rows: &Rows,
    slots: &[Slot],
) -> Result<(Vec<Success>, Vec<RowError>), Error> {
    if slots.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    match &op.table.strategy {
        Strategy::SequenceNumber { base } => find_by_number(ctx, op, rows, slots, *base).await,
        Strategy::Sequential | Strategy::Source => find_by_id(ctx, op, rows, slots).await,
        Strategy::AlternateKey(key) => find_by_key(ctx, op, rows, slots, key).await,
        Strategy::Associate { .. } => Ok((Vec::new(), Vec::new())),
    }
}

async fn find_by_number(
    ctx: &Context<'_>,
    op: &Operation<'_>,
    rows: &Rows,
    slots: &[Slot],
    base: i64,
) -> Result<(Vec<Success>, Vec<RowError>), Error> {
    let mut numbers: Vec<i64> = slots.iter().map(|slot| base + slot.row.row_id).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let condition = ranges::filter(SEQUENCE_NUMBER, &ranges::cover(&numbers, MOST_RANGES));
    let filter = ours(ctx, op.table, Filter::raw(condition)).await?;
    let found = query(ctx, op, filter, &[SEQUENCE_NUMBER]).await?;
    let mut by_row: HashMap<i64, Vec<Row>> = HashMap::new();
    for row in found {
        if let Some(number) = row.get(SEQUENCE_NUMBER).and_then(serde_json::Value::as_i64) {
            by_row.entry(number - base).or_default().push(row);
        }
    }
    Ok(judge(op, rows, slots, |slot| by_row.remove(&slot.row.row_id).unwrap_or_default()))
}

/// Looks for rows whose ids were made by us. What is found was created by us.
pub(crate) async fn find_by_id(
    ctx: &Context<'_>,
    op: &Operation<'_>,
    rows: &Rows,
    slots: &[Slot],
) -> Result<(Vec<Success>, Vec<RowError>), Error> {
    let primary = &op.table.definition.primary_id;
    let mut by_id: HashMap<Uuid, Vec<Row>> = HashMap::new();
    let ids: Vec<Uuid> = slots.iter().filter_map(|slot| rows.id(*slot)).collect();
    for ids in ids.chunks(ROWS_PER_QUERY) {
        for row in query(ctx, op, Filter::any_of(primary, ids.iter().copied()), &[]).await? {
            if let Some(id) = id_of(op.table, &row) {
                by_id.entry(id).or_default().push(row);
            }
        }
    }
    Ok(judge(op, rows, slots, |slot| rows.id(slot).and_then(|id| by_id.remove(&id)).unwrap_or_default()))
}

async fn find_by_key(
    ctx: &Context<'_>,
    op: &Operation<'_>,
    rows: &Rows,
    slots: &[Slot],
    key: &[String],
) -> Result<(Vec<Success>, Vec<RowError>), Error> {
    let mut found = by_key(ctx, op, rows, slots, key).await?;
    Ok(judge(op, rows, slots, |slot| found.remove(&slot.row.row_id).unwrap_or_default()))
}

/// Finds the rows of Dataverse that carry the natural keys of staged rows, by RowId.
pub(crate) async fn by_key(
    ctx: &Context<'_>,
    op: &Operation<'_>,
    rows: &Rows,
    slots: &[Slot],
    key: &[String],
) -> Result<HashMap<i64, Vec<Row>>, Error> {
    let mut found: HashMap<i64, Vec<Row>> = HashMap::new();
    for slots in slots.chunks(ROWS_PER_QUERY) {
        let conditions: Vec<(Slot, Filter)> =
            slots.iter().filter_map(|slot| Some((*slot, key_filter(op, rows, *slot, key)?))).collect();
        let Some(filter) = conditions.iter().map(|(_, filter)| filter.clone()).reduce(Filter::or) else {
            continue;
        };
        for row in query(ctx, op, filter, &[]).await? {
            // Several staged rows may stand for one of Dataverse.
            for (slot, _) in conditions.iter().filter(|(slot, _)| key_agrees(op, rows, *slot, key, &row)) {
                found.entry(slot.row.row_id).or_default().push(row.clone());
            }
        }
    }
    Ok(found)
}

/// The condition that names a row by its alternate key; none while a part of the key is empty.
fn key_filter(op: &Operation<'_>, rows: &Rows, slot: Slot, key: &[String]) -> Option<Filter> {
    let view = rows.view(slot);
    let parts = key.iter().map(|name| {
        let compared = op.columns.comparable().find(|cell| cell.column == name)?;
        let value = view.get(HEADER + compared.at);
        Some(match compared.kind {
            CompareAs::Text => Filter::eq(&compared.property, value.as_text()?),
            CompareAs::DateTime => Filter::raw(format!("{} eq {}", compared.property, value.as_text()?)),
            CompareAs::Integer => Filter::eq(&compared.property, value.as_integer()?),
            CompareAs::Boolean => Filter::eq(&compared.property, value.as_integer()? != 0),
            CompareAs::Guid | CompareAs::Lookup => Filter::eq(&compared.property, guid(value)?),
        })
    });
    let parts: Option<Vec<Filter>> = parts.collect();
    parts?.into_iter().reduce(Filter::and)
}

fn key_agrees(op: &Operation<'_>, rows: &Rows, slot: Slot, key: &[String], found: &Row) -> bool {
    let view = rows.view(slot);
    op.columns.comparable().filter(|cell| key.iter().any(|name| name == cell.column)).all(|cell| {
        let staged = view.get(HEADER + cell.at);
        match (cell.kind, found.get(&cell.property).and_then(serde_json::Value::as_str), staged.as_text()) {
            // By the database's collation; what differs by accents alone is for people.
            (CompareAs::Text, Some(there), Some(here)) => {
                fold_key(there, Accents::Distinguished) == fold_key(here, Accents::Distinguished)
            }
            _ => cell.agrees(staged, found),
        }
    })
}

/// Restricts a filter to rows made by an application user that this project has used (design, promise 3). Under
/// impersonation that user stands in `createdonbehalfby`.
pub(crate) async fn ours(ctx: &Context<'_>, table: &LoadTable, filter: Filter) -> Result<Filter, Error> {
    let has = |column: &str| table.definition.column(column).is_some();
    if !has("createdby") {
        // Some tables do not say who made a row: the number alone decides, and the columns must agree.
        return Ok(filter);
    }
    let statement = manifest::application_users();
    let known = ctx.store.query(&statement).await.map_err(staging(table.name(), "reading who has loaded"))?;
    let mut users: Vec<Uuid> = ctx.lanes.iter().map(|lane| lane.user).collect();
    users.extend(known.iter().filter_map(|row| guid(row.get(0).as_ref())));
    users.sort_unstable();
    users.dedup();
    let made = Filter::any_of("_createdby_value", users.iter().copied());
    let made = if has("createdonbehalfby") {
        made.or(Filter::any_of("_createdonbehalfby_value", users.iter().copied()))
    } else {
        made
    };
    Ok(filter.and(made))
}

/// Reads the rows that match, with every column that can be compared.
async fn query(
    ctx: &Context<'_>,
    op: &Operation<'_>,
    filter: Filter,
    more: &[&str],
) -> Result<Vec<Row>, Error> {
    let definition = &op.table.definition;
    let mut select: Vec<String> = vec![definition.primary_id.clone()];
    select.extend(more.iter().map(|&column| column.to_owned()));
    select.extend(
        op.columns
            .comparable()
            .filter(|cell| definition.column(cell.column).is_some_and(|known| known.valid_for_read))
            .map(|cell| cell.property),
    );
    select.dedup();
    let query = Query::new(&definition.entity_set_name).select(select).filter(filter);
    let client = &ctx.lanes[0].client;
    if op.table.is_elastic() {
        // What other application users have written is to be seen as well.
        for token in
            ctx.lanes.iter().filter_map(|lane| lane.client.session_token(&definition.entity_set_name))
        {
            client.set_session_token(&definition.entity_set_name, &token);
        }
    }
    client.query(&query).all().await.map_err(|source| unreadable(op.table.name(), source))
}

/// A read that failed in spite of the client's own repetitions.
pub(crate) fn unreadable(table: &str, source: dataverse_client::Error) -> Error {
    let (table, doing) = (table.to_owned(), "looking for rows");
    let attempts = source.request().map_or(1, |request| request.attempts);
    if source.is_transient() {
        Error::Unreachable { table, doing, attempts, source }
    } else {
        Error::Refused { table, doing, source }
    }
}

/// The primary key of a row that was read.
pub(crate) fn id_of(table: &LoadTable, row: &Row) -> Option<Uuid> {
    row.get(&table.definition.primary_id)?.as_str().and_then(|text| Uuid::try_parse(text).ok())
}

/// One agreeing hit is taken over; several hits, or one that disagrees, are for people.
fn judge(
    op: &Operation<'_>,
    rows: &Rows,
    slots: &[Slot],
    mut hits: impl FnMut(Slot) -> Vec<Row>,
) -> (Vec<Success>, Vec<RowError>) {
    let (mut successes, mut errors) = (Vec::new(), Vec::new());
    for slot in slots {
        let found = hits(*slot);
        let error = |message: String, column: Option<String>| RowError {
            row_id: slot.row.row_id,
            generation: slot.row.generation,
            attempt: 1,
            message,
            column,
            rule: Some("adopt".to_owned()),
            ..RowError::default()
        };
        // What was sent is gone when the row was staged anew since; its number and its maker must do.
        let is_as_sent = rows.view(*slot).get(1).as_integer() == Some(slot.row.generation);
        let differs = |row| is_as_sent.then(|| disagreement(op, rows, *slot, row)).flatten();
        match found.as_slice() {
            [] => {}
            [row] => match (differs(row), id_of(op.table, row)) {
                (None, Some(id)) => successes.push(Success {
                    row: slot.row,
                    kind: SuccessKind::Adopted,
                    dataverse_id: Some(id),
                    owed: empty_lookups(op, rows, *slot, row),
                }),
                (Some(column), id) => errors.push(error(
                    format!(
                        "a row that carries this row's number or key is in Dataverse ({}), but its {column} differs; \
                         decide whether it is the same row",
                        id.map_or_else(String::new, |id| id.to_string())
                    ),
                    Some(column),
                )),
                (None, None) => errors.push(error("a row was found in Dataverse, but without an id".to_owned(), None)),
            },
            several => {
                let ids: Vec<String> =
                    several.iter().filter_map(|row| id_of(op.table, row)).map(|id| id.to_string()).collect();
                errors.push(error(
                    format!("{} rows in Dataverse carry this row's number or key: {}", several.len(), ids.join(", ")),
                    None,
                ));
            }
        }
    }
    (successes, errors)
}

/// The first column in which a row that was found differs from the staged row.
fn disagreement(op: &Operation<'_>, rows: &Rows, slot: Slot, found: &Row) -> Option<String> {
    let view = rows.view(slot);
    op.columns
        .comparable()
        .find(|cell| found.contains_key(&cell.property) && !cell.agrees(view.get(HEADER + cell.at), found))
        .map(|cell| cell.column.to_owned())
}

/// Lookups that the row wants and that are empty in Dataverse.
fn empty_lookups(op: &Operation<'_>, rows: &Rows, slot: Slot, found: &Row) -> Vec<String> {
    let view = rows.view(slot);
    let mut owed = op.columns.owed(view, HEADER);
    for cell in op.columns.comparable().filter(|cell| cell.kind == CompareAs::Lookup) {
        let is_empty = found.get(&cell.property).is_none_or(serde_json::Value::is_null);
        if is_empty && !view.get(HEADER + cell.at).is_null() {
            owed.push(cell.column.to_owned());
        }
    }
    owed
}

impl crate::columns::Comparable<'_> {
    /// Whether Dataverse shows what is staged. Nothing staged agrees with anything: the service has defaults.
    fn agrees(&self, staged: staging_schema::ValueRef<'_>, found: &Row) -> bool {
        let there = found.get(&self.property).unwrap_or(&serde_json::Value::Null);
        if staged.is_null() {
            return true;
        }
        match self.kind {
            CompareAs::Text => {
                let plain = |text: &str| text.replace("\r\n", "\n").trim().to_owned();
                plain(there.as_str().unwrap_or_default()) == plain(staged.as_text().unwrap_or_default())
            }
            CompareAs::DateTime => {
                let normal = |text: Option<&str>| text.map(|text| literal::normalise_date_time(text).ok());
                normal(there.as_str()) == normal(staged.as_text())
            }
            CompareAs::Integer => there.as_i64() == staged.as_integer(),
            CompareAs::Boolean => there.as_bool() == staged.as_integer().map(|value| value != 0),
            CompareAs::Guid => there.as_str().and_then(|text| Uuid::try_parse(text).ok()) == guid(staged),
            // An empty one was sent before its parent had arrived: it is owed.
            CompareAs::Lookup => {
                there.is_null() || there.as_str().and_then(|text| Uuid::try_parse(text).ok()) == guid(staged)
            }
        }
    }
}

/// RowIds among those given that a request without outcome names.
pub(crate) fn in_doubt_among(table: &LoadTable, row_ids: &[i64]) -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT DISTINCT {value} FROM {request} AS q {apply} {rows} WHERE q.TargetTable = {table} \
                 AND q.State = 'sent' AND {value} IN (SELECT {asked} FROM {array})",
                value = d.json_value("j"),
                request = d.table(&TableName::target("Request")),
                apply = d.apply(),
                rows = d.json_array("q.RowIds", "j"),
                table = d.literal(table.name()),
                asked = d.json_value("a"),
                array = d.json_array(&d.param(1), "a"),
            )
        },
        vec![manifest::json(row_ids).into()],
    )
}
