//! CreateMultiple, UpdateMultiple and UpsertMultiple on standard tables, and why not DeleteMultiple.

use std::collections::HashSet;
use std::fmt::Write as _;

use dataverse_wire::literal::RowKey;
use uuid::Uuid;

use super::apply::{must_find, upsert};
use super::bulk_elastic;
use super::dispatch::Context;
use super::exchange::{Answer, Request};
use crate::refusal::{self, Refusal};
use crate::schema::Table;
use crate::settings::Settings;
use crate::state::Transaction;
use crate::state::row::TableId;
use crate::write::{Reader, RowDraft, Update, create, read_targets, update};

/// A message for many rows of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BulkMessage {
    Create,
    Update,
    Upsert,
    Delete,
}

impl BulkMessage {
    /// The message of a segment such as `Microsoft.Dynamics.CRM.CreateMultiple`.
    pub(crate) fn named(segment: &str) -> Option<Self> {
        Some(match segment.strip_prefix("Microsoft.Dynamics.CRM.")? {
            "CreateMultiple" => Self::Create,
            "UpdateMultiple" => Self::Update,
            "UpsertMultiple" => Self::Upsert,
            "DeleteMultiple" => Self::Delete,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "CreateMultiple",
            Self::Update => "UpdateMultiple",
            Self::Upsert => "UpsertMultiple",
            Self::Delete => "DeleteMultiple",
        }
    }
}

/// Whether a table takes bulk messages. There is no public list: intersect tables and a few system ones do not.
pub(crate) fn takes_bulk(table: &Table, settings: &Settings) -> bool {
    const NONE_OF: [&str; 3] = ["activityparty", "activitypointer", "organization"];
    !table.is_intersect
        && !NONE_OF.contains(&table.name.as_str())
        && !settings.tables_without_bulk.contains(&table.name)
}

/// Reads the rows of a message.
pub(super) fn read_bulk(
    reader: Reader<'_>,
    table: &Table,
    message: BulkMessage,
    body: &[u8],
) -> Result<Vec<RowDraft>, Refusal> {
    if message == BulkMessage::Delete && table.elastic.is_none() {
        return Err(refusal::refusal(400, 0x8004_0800, "DeleteMultiple has not yet been implemented."));
    }
    if !takes_bulk(table, reader.settings) {
        return Err(refusal::refusal(
            400,
            0x8004_0800,
            format!(
                "The '{}' method does not support entities of type '{}'. MessageProcessorCache returned \
                 MessageProcessor.Empty.",
                message.name(),
                table.name
            ),
        ));
    }
    let rows = read_targets(reader, table, body)?;
    if rows.is_empty() {
        return Err(refusal::refusal(400, 0x8004_0203, "The Targets parameter must hold at least one row."));
    }
    let most = reader.settings.max_bulk_rows;
    if most > 0 && rows.len() > most {
        let text = format!("{} holds {} rows; at most {most} are accepted.", message.name(), rows.len());
        return Err(refusal::refusal(400, 0x8004_0203, text));
    }
    if reader.settings.untyped_bulk_items.refuses() && rows.iter().any(|row| !row.typed) {
        return Err(refusal::payload(
            &table.entity_set,
            "A type named by '@odata.type' is required for every item of 'Targets'.",
        ));
    }
    Ok(rows)
}

/// What was done to one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) id: Uuid,
    pub(super) is_created: bool,
}

/// Writes all rows or none; of elastic tables, those that can be written.
pub(super) fn apply(
    tx: &mut Transaction<'_>,
    context: &Context<'_>,
    request: &Request,
    table: TableId,
    message: BulkMessage,
    rows: Vec<RowDraft>,
) -> Result<Answer, Refusal> {
    let definition = tx.table(table);
    if definition.elastic.is_some() {
        return bulk_elastic::apply(tx, context, request, &definition, message, rows);
    }
    if let Some(index) = (0..rows.len()).find(|index| context.strikes_row(*index)) {
        return Err(refusal::not_emulated(format_args!(
            "The fault partial_failure of row {index}: '{}' is no elastic table, a bulk message writes all of its rows \
             or none",
            definition.name
        )));
    }
    let mut written = Vec::with_capacity(rows.len());
    let mut seen: HashSet<Uuid> = HashSet::new();
    for row in rows {
        match message {
            BulkMessage::Create => written.push(Written { id: create(tx, table, row)?, is_created: true }),
            BulkMessage::Update => {
                let id = match (row.id, &row.target) {
                    (Some(id), _) => id,
                    (None, Some(key)) => must_find(tx, table, key)?,
                    (None, None) => return Err(nameless(&definition)),
                };
                // Of several items for one row, the first is taken and the rest silently ignored (documented).
                if seen.insert(id) {
                    update(tx, table, id, row, Update::OneOfMany)?;
                }
            }
            BulkMessage::Upsert => {
                let key = match (row.id, &row.target) {
                    (_, Some(key)) => key.clone(),
                    (Some(id), None) => RowKey::Id(id),
                    (None, None) => return Err(nameless(&definition)),
                };
                let (id, is_created) = upsert(tx, table, &key, row, Update::Upsert)?;
                if !seen.insert(id) {
                    return Err(bulk_elastic::twice(id));
                }
                written.push(Written { id, is_created });
            }
            BulkMessage::Delete => return Err(refusal::not_emulated("DeleteMultiple of a standard table")),
        }
    }
    Ok(answer_of(tx, context, &definition, message, &written))
}

/// The answer to a message that went well.
pub(super) fn answer_of(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    table: &Table,
    message: BulkMessage,
    written: &[Written],
) -> Answer {
    let root = &context.root;
    let mut body = format!(
        "{{\"@odata.context\":\"{root}$metadata#Microsoft.Dynamics.CRM.{}Response\",",
        message.name()
    );
    match message {
        BulkMessage::Create => {
            body.push_str("\"Ids\":[");
            for (index, Written { id, .. }) in written.iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                // Writing to a string does not fail.
                let _ = write!(body, "{comma}\"{id}\"");
            }
        }
        BulkMessage::Upsert if tx.settings.upsert_multiple_tells => {
            body.push_str("\"Results\":[");
            let primary = &table.column(table.primary).name;
            for (index, Written { id, is_created }) in written.iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                let _ = write!(
                    body,
                    "{comma}{{\"RecordCreated\":{is_created},\"Target\":{{\"@odata.type\":\
                     \"#Microsoft.Dynamics.CRM.{}\",\"{primary}\":\"{id}\"}}}}",
                    table.name
                );
            }
        }
        _ => return Answer::no_content(),
    }
    body.push_str("]}");
    Answer::json(body)
}

pub(super) fn nameless(table: &Table) -> Refusal {
    refusal::refusal(
        400,
        0x8004_0203,
        format!("Each item must name its row, by '{}' or by '@odata.id'.", table.column(table.primary).name),
    )
}
