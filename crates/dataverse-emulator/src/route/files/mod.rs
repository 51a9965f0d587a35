//! Files and images over HTTP: uploads in one piece, in chunks and in blocks; downloads, whole and in parts.

mod blocks;
mod download;
mod session;
mod upload;

use std::sync::PoisonError;

use uuid::Uuid;

pub(crate) use session::Sessions;

use super::apply::must_find;
use super::dispatch::Context;
use super::exchange::{Answer, Request};
use super::path::Segment;
use crate::refusal::{self, Refusal};
use crate::schema::{Content, Schema, Table};
use crate::state::Transaction;
use crate::state::row::ColumnId;
use crate::write::{clear_file, content_column, resolve};

/// What the service recommends as size of a part.
const CHUNK_BYTES: usize = 4 << 20;
/// What one request may bring at most.
const ONE_REQUEST_BYTES: usize = 128 << 20;
/// Longer files would have to be kept in memory as a whole; the service takes up to ten gigabytes.
const MOST_BYTES: u64 = 1 << 30;

/// Answers what is about files; `None` for everything else.
pub(super) fn answer(
    context: &Context<'_>,
    request: &Request,
    path: &[Segment],
) -> Result<Option<Answer>, Refusal> {
    if let ("POST", [message]) = (request.method.as_str(), path)
        && let Some(message) = blocks::Message::named(&message.name)
    {
        return blocks::answer(context, request, message).map(Some);
    }
    // Most requests are not about files, and are not to wait for a lock to find that out.
    if path.len() < 2 || path[0].key.is_none() || path[1].name == "$ref" {
        return Ok(None);
    }
    let schema = context.service.schema();
    let Some((table, column, holds)) = place(&schema, path) else { return Ok(None) };
    match (request.method.as_str(), path, holds) {
        ("PATCH", [_, _], _) => upload::patch(context, request, table, &path[0], column).map(Some),
        ("GET", [_, _, value], _) if value.name == "$value" => {
            download::get(context, request, table, &path[0], column, Form::Bytes).map(Some)
        }
        ("GET", [_, _], Content::File) => {
            download::get(context, request, table, &path[0], column, Form::Value).map(Some)
        }
        ("DELETE", [_, _], Content::File) => delete(context, table, &path[0], column).map(Some),
        ("PUT", [_, _], Content::File) => Err(refusal::wrong_method("PUT", &path[1].name)),
        _ => Ok(None),
    }
}

/// How a file is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `…/$value`: as it is.
    Bytes,
    /// Without `$value`: as base64 in the property `value`.
    Value,
}

/// The file column that a path leads to.
fn place<'s>(schema: &'s Schema, path: &[Segment]) -> Option<(&'s Table, ColumnId, Content)> {
    let [row, column, ..] = path else { return None };
    let table = schema.by_entity_set(&row.name)?;
    let (column, content) = content_column(table, &column.name)?;
    Some((table, column, content))
}

/// The row that the first segment of a path names.
fn row_of(tx: &Transaction<'_>, table: &Table, segment: &Segment) -> Result<Uuid, Refusal> {
    let key = segment.row_key()?.ok_or_else(|| refusal::no_segment(&segment.name))?;
    let id = must_find(tx, table.id, &key)?;
    if tx.exists(table.id, id) { Ok(id) } else { Err(refusal::no_row(&table.name, id)) }
}

/// Runs a write under the organisation's lock.
fn write<T>(
    context: &Context<'_>,
    act: impl FnOnce(&mut Transaction<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let service = context.service;
    let mut organisation = service.organisation().write().unwrap_or_else(PoisonError::into_inner);
    let mut tx = Transaction::begin(&mut organisation, service.settings(), context.caller);
    let outcome = act(&mut tx)?;
    context.charge(&tx, &super::exchange::Headers::default());
    tx.commit()?;
    Ok(outcome)
}

fn delete(context: &Context<'_>, table: &Table, row: &Segment, column: ColumnId) -> Result<Answer, Refusal> {
    write(context, |tx| {
        let id = row_of(tx, table, row)?;
        clear_file(tx, table, id, column)
    })?;
    Ok(Answer::no_content())
}

/// The row that a key names, for reading.
fn find_row(context: &Context<'_>, table: &Table, segment: &Segment) -> Result<Uuid, Refusal> {
    let organisation = context.service.organisation().read().unwrap_or_else(PoisonError::into_inner);
    let key = segment.row_key()?.ok_or_else(|| refusal::no_segment(&segment.name))?;
    let id = resolve(&organisation, context.service.settings(), table, &key, context.caller.now)?
        .ok_or_else(|| refusal::no_row_by_key(&table.name))?;
    if organisation.row(table.id, id).is_none() {
        return Err(refusal::no_row(&table.name, id));
    }
    Ok(id)
}

fn bad(text: impl Into<String>) -> Refusal {
    refusal::refusal(400, 0x8004_0203, text)
}
