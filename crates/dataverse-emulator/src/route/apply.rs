//! Writes, done within a transaction.

use dataverse_wire::literal::RowKey;
use uuid::Uuid;

use super::action;
use super::bulk::{self, BulkMessage};
use super::dispatch::Context;
use super::exchange::{Answer, Request};
use super::prepare::Prepared;
use crate::answer::write_row;
use crate::query::{QueryOptions, project};
use crate::refusal::{self, Refusal};
use crate::schema::{Collection, Table};
use crate::state::row::{Cell, TableId};
use crate::state::{Key, Transaction};
use crate::write::{
    Reference, RowDraft, Update, alternate_key, associate, become_row, create, delete, disassociate, meant,
    replace_parties, resolve, update,
};

/// An answer, and the row it is about: what `$1` stands for later in a change set.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) answer: Answer,
    pub(crate) row: Option<(TableId, Uuid)>,
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Self {
        Self { answer, row: None }
    }
}

/// Does a write. Nothing is kept until the transaction is committed.
pub(crate) fn apply(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    request: &Request,
    prepared: Prepared,
) -> Result<Outcome, Refusal> {
    // Deletes of elastic rows tell no session token: a known issue of the service.
    let is_elastic = match &prepared {
        Prepared::Bulk { message: BulkMessage::Delete, .. } => false,
        Prepared::Create { table, .. } | Prepared::Update { table, .. } | Prepared::Bulk { table, .. } => {
            tx.table(*table).elastic.is_some()
        }
        _ => false,
    };
    let mut outcome = write(tx, context, request, prepared)?;
    if is_elastic {
        let token = format!("240:8#{}#7=-1", tx.latest_version());
        outcome.answer = outcome.answer.with("x-ms-session-token", token);
    }
    Ok(outcome)
}

fn write(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    request: &Request,
    prepared: Prepared,
) -> Result<Outcome, Refusal> {
    match prepared {
        Prepared::Create { table, row } => {
            let id = create(tx, table, row)?;
            let answer = written(tx, context, request, table, id, true)?;
            Ok(Outcome { answer, row: Some((table, id)) })
        }
        Prepared::Update { table, key, row, how } => {
            let (id, created) = upsert(tx, table, &key, row, how)?;
            let answer = written(tx, context, request, table, id, created)?;
            Ok(Outcome { answer, row: Some((table, id)) })
        }
        Prepared::Delete { table, key, version } => {
            let id = must_find(tx, table, &key)?;
            delete(tx, table, id, version)?;
            Ok(Answer::no_content().into())
        }
        Prepared::Bulk { table, message, rows } => {
            bulk::apply(tx, context, request, table, message, rows).map(Outcome::from)
        }
        Prepared::CreateBelow { table, key, collection, child, mut row } => {
            let parent = must_find(tx, table, &key)?;
            if let Collection::Children { column, .. } = collection {
                row.cells.set(column, Cell::Lookup(table, parent));
            }
            let id = create(tx, child, row)?;
            if let Collection::Pairs { .. } = collection {
                associate(tx, table, parent, collection, id)?;
            }
            let answer = written(tx, context, request, child, id, true)?;
            Ok(Outcome { answer, row: Some((child, id)) })
        }
        Prepared::Associate { table, key, collection, other } => {
            let (id, other) = (must_find(tx, table, &key)?, must_find_reference(tx, &other)?);
            if is_by_message_only(tx, collection) {
                return Err(refusal::refusal(
                    405,
                    0x8004_0315,
                    "Members of a list are added by the message AddListMembersList.",
                ));
            }
            associate(tx, table, id, collection, other)?;
            Ok(Answer::no_content().into())
        }
        Prepared::Disassociate { table, key, collection, other } => {
            let (id, other) = (must_find(tx, table, &key)?, must_find_reference(tx, &other)?);
            disassociate(tx, table, id, collection, other)?;
            Ok(Answer::no_content().into())
        }
        Prepared::SetLookup { table, key, column, to } => {
            let id = must_find(tx, table, &key)?;
            let mut row = RowDraft::default();
            match to {
                Some(reference) => {
                    let target = must_find_reference(tx, &reference)?;
                    row.cells.set(column, Cell::Lookup(reference.table, target));
                }
                None => row.cells.clear(column),
            }
            update(tx, table, id, row, Update::Existing)?;
            Ok(Answer::no_content().into())
        }
        Prepared::ReplaceParties { table, key, parties } => {
            let id = must_find(tx, table, &key)?;
            let activity = tx.table(table);
            replace_parties(tx, &activity, id, parties)?;
            Ok(Answer::no_content().into())
        }
        Prepared::Action(action) => action::apply(tx, context, action).map(Outcome::from),
    }
}

/// The row that a key names; refused when there is none.
pub(super) fn must_find(tx: &Transaction<'_>, table: TableId, key: &RowKey) -> Result<Uuid, Refusal> {
    let table = tx.table(table);
    resolve(tx.organisation(), tx.settings, &table, key, tx.caller.now)?
        .ok_or_else(|| refusal::no_row_by_key(&table.name))
}

/// Lists take their members by message.
fn is_by_message_only(tx: &Transaction<'_>, collection: Collection) -> bool {
    match collection {
        Collection::Pairs { pair, .. } => {
            let schema = tx.schema();
            schema.table(schema.pair(pair).intersect).name == "listmember"
        }
        Collection::Children { .. } => false,
    }
}

fn must_find_reference(tx: &Transaction<'_>, reference: &Reference) -> Result<Uuid, Refusal> {
    must_find(tx, reference.table, &reference.key)
}

/// Updates the row that a key names. An alternate key without row makes one with the key's values, unless
/// the request forbids it; values that the body gives for key columns do not change the key.
pub(super) fn upsert(
    tx: &mut Transaction<'_>,
    table: TableId,
    key: &RowKey,
    mut row: RowDraft,
    how: Update,
) -> Result<(Uuid, bool), Refusal> {
    let definition = tx.table(table);
    if definition.elastic.is_some() {
        let meant = meant(&definition, key, &row)?;
        become_row(&definition, &meant, &mut row);
        let slot = meant.slot();
        return update(tx, table, slot, row, how).map(|created| (slot, created));
    }
    let found = resolve(tx.organisation(), tx.settings, &definition, key, tx.caller.now)?;
    let RowKey::Alternate(columns) = key else {
        let id = found.unwrap_or_default();
        return update(tx, table, id, row, how).map(|created| (id, created));
    };
    if let Some(id) = found
        && matches!(columns.as_slice(), [(name, _)] if *name == definition.column(definition.primary).name)
    {
        return update(tx, table, id, row, how).map(|created| (id, created));
    }
    let values = alternate_key(&definition, columns, tx.settings, tx.caller.now)?;
    if let Some(id) = found {
        for column in values.columns() {
            row.cells.forget(column);
        }
        return update(tx, table, id, row, how).map(|created| (id, created));
    }
    if matches!(how, Update::Existing | Update::IfVersion(_)) {
        return Err(refusal::no_row_by_key(&definition.name));
    }
    for column in values.columns() {
        if let Some(bytes) = values.find(column) {
            row.cells.set_bytes(column, bytes);
        }
    }
    create(tx, table, row).map(|id| (id, true))
}

/// 204 with the row's URL, or the row itself where it is asked for.
fn written(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    request: &Request,
    table: TableId,
    id: Uuid,
    created: bool,
) -> Result<Answer, Refusal> {
    let table = tx.table(table);
    if !request.headers.wants_representation() {
        let url = match tx.row(table.id, id).and_then(|row| table.elastic_key_of_row(row)) {
            // As documented: a create tells the id alone, an update the partition as well.
            Some(key) if created || key.slot() == key.id => row_url(context, &table, key.id),
            Some(key) => {
                let named = table.with_partition(RowKey::Id(key.id), Some(&key.partition));
                format!("{}{}{named}", context.root, table.entity_set)
            }
            None => row_url(context, &table, id),
        };
        return Ok(Answer::no_content().with("odata-entityid", url.clone()).with("location", url));
    }
    let mut options = QueryOptions::parse(request.query())?;
    if !created {
        options.expand = None; // Ignored on update, as documented.
    }
    let organisation = tx.organisation();
    let projection = project(organisation, tx.settings, &table, &options, request.headers.annotations())?;
    let mut body = Vec::new();
    if let Some(row) = tx.row(table.id, id) {
        let metadata = format!("{}$metadata#{}/$entity", context.root, table.entity_set);
        write_row(organisation, &table, Key::from(id), row, &projection, Some(&metadata), &mut body);
    }
    let status = if created { 201 } else { 200 };
    Ok(Answer::json(body).with_status(status).with("preference-applied", "return=representation"))
}

pub(super) fn row_url(context: &Context<'_>, table: &Table, id: Uuid) -> String {
    format!("{}{}({id})", context.root, table.entity_set)
}
