//! Bulk messages on elastic tables: each row for itself, and a list of what became of them (reference §4.2).

use std::collections::HashSet;

use dataverse_wire::fault::RowFault;
use dataverse_wire::literal::RowKey;
use uuid::Uuid;

use super::apply::upsert;
use super::bulk::{BulkMessage, Written, answer_of, nameless};
use super::dispatch::Context;
use super::exchange::{Answer, Request};
use crate::refusal::{self, Refusal};
use crate::schema::{ElasticKey, Table};
use crate::state::Transaction;
use crate::write::{RowDraft, Update, create, delete, meant, update};

/// Writes what can be written.
pub(super) fn apply(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    request: &Request,
    table: &Table,
    message: BulkMessage,
    rows: Vec<RowDraft>,
) -> Result<Answer, Refusal> {
    let keys: Vec<Option<ElasticKey>> =
        rows.iter().map(|row| key_of(table, row)).collect::<Result<_, _>>()?;
    if message == BulkMessage::Upsert {
        let mut seen = HashSet::with_capacity(keys.len());
        if let Some(key) = keys.iter().flatten().find(|key| !seen.insert(key.slot())) {
            return Err(twice(key.id));
        }
    }
    let mut written = Vec::with_capacity(rows.len());
    let mut refused: Vec<(usize, Refusal)> = Vec::new();
    for (index, (row, key)) in rows.into_iter().zip(&keys).enumerate() {
        let mark = tx.mark();
        let struck = context.strikes_row(index).then(refusal::throttled_row);
        let outcome = match struck {
            Some(refusal) => Err(refusal),
            None => write(tx, table, message, key.as_ref(), row),
        };
        match outcome {
            Ok(one) => written.push(Some(one)),
            Err(refusal) => {
                tx.take_back_to(mark);
                written.push(None);
                refused.push((index, refusal));
            }
        }
    }
    let Some((_, first)) = refused.first() else {
        let written: Vec<Written> = written.into_iter().flatten().collect();
        return Ok(answer_of(tx, context, table, message, &written));
    };
    let mut fault = if tx.settings.elastic_failure_as_500 {
        refusal::refusal(500, 0x8004_0216, format!("Some rows of {} have failed.", message.name()))
    } else {
        // A status of 429 would say that nothing was done.
        let status = if first.status == 429 { 400 } else { first.status };
        first.with_status(status)
    };
    if request.headers.wants_error_details() {
        let details = (0..).zip(keys.iter().zip(&written)).filter_map(|(index, (key, written))| {
            let refusal = refused.iter().find(|(refused, _)| *refused == index).map(|(_, refusal)| refusal);
            let id = written.as_ref().map(|written| written.id).or(key.as_ref().map(|key| key.id));
            let status = match refusal {
                Some(refusal) => refusal.status,
                None if !tx.settings.elastic_details_of_all_rows => return None,
                None if message == BulkMessage::Create => 201,
                None => 200,
            };
            let (id, status_code) = (id.map(|id| id.to_string()), Some(status.into()));
            Some(RowFault { request_index: index, id, status_code })
        });
        fault.set_rows(details.collect());
    }
    Ok(Answer::refused(&fault))
}

/// Which row an item means; a new one means none.
fn key_of(table: &Table, row: &RowDraft) -> Result<Option<ElasticKey>, Refusal> {
    match (&row.target, row.id) {
        (Some(key), _) => meant(table, key, row).map(Some),
        (None, Some(id)) => meant(table, &RowKey::Id(id), row).map(Some),
        (None, None) => Ok(None),
    }
}

fn write(
    tx: &mut Transaction<'_>,
    table: &Table,
    message: BulkMessage,
    key: Option<&ElasticKey>,
    row: RowDraft,
) -> Result<Written, Refusal> {
    if message == BulkMessage::Create {
        let slot = create(tx, table.id, row)?;
        return Ok(Written { id: tx.public_id(table, slot), is_created: true });
    }
    let key = key.ok_or_else(|| nameless(table))?;
    let is_created = match message {
        BulkMessage::Delete => delete(tx, table.id, key.slot(), None).map(|()| false)?,
        BulkMessage::Upsert => {
            let named = table.with_partition(RowKey::Id(key.id), Some(&key.partition));
            upsert(tx, table.id, &named, row, Update::Upsert)?.1
        }
        BulkMessage::Create | BulkMessage::Update => {
            update(tx, table.id, key.slot(), row, Update::OneOfMany)?
        }
    };
    Ok(Written { id: key.id, is_created })
}

pub(super) fn twice(id: Uuid) -> Refusal {
    refusal::refusal(412, 0x8004_0237, format!("UpsertMultiple names the row {id} more than once."))
}
