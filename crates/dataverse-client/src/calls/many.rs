//! Many rows of one table with an outcome for each, whatever the table can do (reference §4).

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use dataverse_wire::batch::{BatchRequest, Method, Operation};
use dataverse_wire::limits;
use dataverse_wire::literal::{Reference, RowKey};
use dataverse_wire::metadata::{TableDefinition, TableType};
use dataverse_wire::write::RowWriter;
use uuid::Uuid;

use super::bulk::{BulkMessage, bulk};
use super::row_outcome::{self, RowOutcome};
use crate::send::Repeat;
use crate::{Client, ContinueOnError, Error, WriteOptions};

/// A row that is named by a key of its table, and its columns as [`RowWriter`] writes them.
#[derive(Debug, Clone)]
pub struct KeyedRow {
    /// Which row: by id, by alternate key, or by id and partition ([`RowKey::in_partition`]).
    pub key: RowKey,
    /// A JSON object without the key.
    pub body: Bytes,
}

impl KeyedRow {
    /// A row of this key with these columns.
    pub fn new(key: impl Into<RowKey>, body: impl Into<Bytes>) -> Self {
        Self { key: key.into(), body: body.into() }
    }
}

/// One row of a message: what names it, and its columns.
struct Item<'a> {
    key: Option<&'a RowKey>,
    body: Cow<'a, [u8]>,
}

impl Client {
    /// Creates up to 1,000 rows in one request; `rows` are JSON objects as [`RowWriter`] makes them. The outcomes stand
    /// in the order of the rows.
    ///
    /// Sent as `CreateMultiple` where the table takes it (asked once per table): on standard tables all rows are created
    /// or none, on elastic tables each for itself. Sent as `$batch` otherwise, each row for itself. Rows of elastic
    /// tables without an id get a random one here, so that it is known whatever the service answers.
    ///
    /// # Errors
    /// [`Error::Refused`] where nothing was created, [`Error::InDoubt`] where nobody knows which rows were.
    pub async fn create_rows(
        &self,
        table: &TableDefinition,
        rows: &[Bytes],
        options: &WriteOptions,
    ) -> Result<Vec<RowOutcome>, Error> {
        let mut items = Vec::with_capacity(rows.len());
        let mut ids = vec![None; rows.len()];
        for (row, known) in rows.iter().zip(&mut ids) {
            let mut item = Item { key: None, body: Cow::Borrowed(row.as_ref()) };
            if table.table_type == TableType::Elastic {
                let (id, body) = with_id(table, row)?;
                (*known, item.body) = (Some(id), body);
            }
            items.push(item);
        }
        let mut outcomes = self.write_rows(table, BulkMessage::Create, &items, options).await?;
        for (outcome, known) in outcomes.iter_mut().zip(ids) {
            if let RowOutcome::Done { id: id @ None, .. } = outcome {
                *id = known;
            }
        }
        Ok(outcomes)
    }

    /// Changes up to 1,000 rows in one request; never creates one. As [`Self::create_rows`] otherwise.
    ///
    /// # Errors
    /// [`Error::Input`] for a row named twice: of two changes in bulk the service silently takes the first.
    /// [`Error::Refused`] where nothing was changed.
    pub async fn update_rows(
        &self,
        table: &TableDefinition,
        rows: &[KeyedRow],
        options: &WriteOptions,
    ) -> Result<Vec<RowOutcome>, Error> {
        self.write_rows(table, BulkMessage::Update, &keyed(BulkMessage::Update, rows)?, options).await
    }

    /// Changes or creates up to 1,000 rows in one request. In bulk, [`RowOutcome::created`] is known only where the
    /// service says so. On elastic tables an upsert replaces the whole row: send all columns.
    ///
    /// # Errors
    /// As [`Self::update_rows`].
    pub async fn upsert_rows(
        &self,
        table: &TableDefinition,
        rows: &[KeyedRow],
        options: &WriteOptions,
    ) -> Result<Vec<RowOutcome>, Error> {
        self.write_rows(table, BulkMessage::Upsert, &keyed(BulkMessage::Upsert, rows)?, options).await
    }

    /// Deletes up to 1,000 rows in one request: `DeleteMultiple` on elastic tables, `$batch` on all others, where each
    /// row goes for itself. Rows that are not there count as refused ([`crate::wire::fault::ServiceFault::is_not_found`]).
    ///
    /// # Errors
    /// As [`Self::update_rows`].
    pub async fn delete_rows(
        &self,
        table: &TableDefinition,
        keys: &[RowKey],
        options: &WriteOptions,
    ) -> Result<Vec<RowOutcome>, Error> {
        let rows: Vec<KeyedRow> = keys.iter().map(|key| KeyedRow::new(key.clone(), "{}")).collect();
        self.write_rows(table, BulkMessage::Delete, &keyed(BulkMessage::Delete, &rows)?, options).await
    }

    async fn write_rows(
        &self,
        table: &TableDefinition,
        message: BulkMessage,
        items: &[Item<'_>],
        options: &WriteOptions,
    ) -> Result<Vec<RowOutcome>, Error> {
        if items.len() > limits::BATCH_OPERATIONS {
            let most = limits::BATCH_OPERATIONS;
            return Err(input(message, format!("there are {} rows, more than {most}", items.len())));
        }
        if items.is_empty() {
            return Ok(Vec::new());
        }
        if self.supports_bulk(table, message).await? {
            self.write_in_bulk(table, message, items, options).await
        } else {
            self.write_in_batch(table, message, items, options).await
        }
    }

    async fn write_in_bulk(
        &self,
        table: &TableDefinition,
        message: BulkMessage,
        items: &[Item<'_>],
        options: &WriteOptions,
    ) -> Result<Vec<RowOutcome>, Error> {
        let body = targets(table, message, items)?;
        let repeat = if message == BulkMessage::Create { Repeat::AskFirst } else { Repeat::Safe };
        match self.send(bulk(table, message, body.into(), options).repeat(repeat)).await {
            Ok(answer) => match row_outcome::all_done(table, message, &ids_of(items), &answer.body) {
                Some(outcomes) => Ok(outcomes),
                None => Err(answer.unreadable(format!("it does not tell of {} rows", items.len()))),
            },
            Err(error) if table.table_type == TableType::Elastic => {
                row_outcome::partly_done(error, message, &ids_of(items))
            }
            Err(error) => Err(error),
        }
    }

    async fn write_in_batch(
        &self,
        table: &TableDefinition,
        message: BulkMessage,
        items: &[Item<'_>],
        options: &WriteOptions,
    ) -> Result<Vec<RowOutcome>, Error> {
        let set = table.entity_set_name.as_str();
        let operation = |item: &Item<'_>| {
            let target = item.key.map_or_else(|| set.to_owned(), |key| format!("{set}{key}"));
            let body = item.body.to_vec();
            match message {
                BulkMessage::Create => Operation::new(Method::Post, target).with_json(body),
                BulkMessage::Update => {
                    Operation::new(Method::Patch, target).with_header("If-Match", "*").with_json(body)
                }
                BulkMessage::Upsert => Operation::new(Method::Patch, target).with_json(body),
                BulkMessage::Delete => Operation::new(Method::Delete, target),
            }
        };
        let batch: BatchRequest = items.iter().map(operation).collect();
        let parts = self.execute_batch(batch, ContinueOnError::Yes, options).await?;
        let outcome = |(part, id)| RowOutcome::of_part(part, message, id);
        Ok(parts.into_iter().zip(ids_of(items)).map(outcome).collect())
    }
}

fn input(message: BulkMessage, reason: String) -> Error {
    Error::Input { operation: message.as_str(), reason }
}

/// The ids by which rows were named.
fn ids_of(items: &[Item<'_>]) -> Vec<Option<Uuid>> {
    items.iter().map(|item| item.key.and_then(RowKey::id)).collect()
}

/// Rows with their keys, none named twice.
fn keyed(message: BulkMessage, rows: &[KeyedRow]) -> Result<Vec<Item<'_>>, Error> {
    let mut seen: HashMap<String, usize> = HashMap::with_capacity(rows.len());
    let mut items = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        if let Some(before) = seen.insert(row.key.to_string(), index) {
            return Err(input(message, format!("rows {before} and {index} are the same row")));
        }
        items.push(Item { key: Some(&row.key), body: Cow::Borrowed(row.body.as_ref()) });
    }
    Ok(items)
}

/// The id of a new row, and its body with the id in it.
fn with_id<'a>(table: &TableDefinition, row: &'a Bytes) -> Result<(Uuid, Cow<'a, [u8]>), Error> {
    let reason = |what: &dyn std::fmt::Display| input(BulkMessage::Create, what.to_string());
    let fields: HashMap<Cow<'_, str>, serde_json::Value> =
        serde_json::from_slice(row).map_err(|error| reason(&error))?;
    if let Some(value) = fields.get(table.primary_id.as_str()) {
        let id = value.as_str().and_then(|text| text.parse().ok());
        let id = id.ok_or_else(|| reason(&format_args!("`{}` is no GUID", table.primary_id)))?;
        return Ok((id, Cow::Borrowed(row.as_ref())));
    }
    let id = Uuid::new_v4();
    let mut head = RowWriter::new();
    head.guid(&table.primary_id, &id);
    let mut body = Vec::with_capacity(row.len() + 64);
    join(&head.finish(), row, &mut body).map_err(|what| reason(&what))?;
    Ok((id, Cow::Owned(body)))
}

/// The body of a bulk message.
fn targets(table: &TableDefinition, message: BulkMessage, items: &[Item<'_>]) -> Result<Vec<u8>, Error> {
    let mut body = b"{\"Targets\":[".to_vec();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        let mut head = RowWriter::new();
        head.odata_type(&table.logical_name);
        match item.key {
            None => {}
            Some(RowKey::Id(id)) => {
                head.guid(&table.primary_id, id);
            }
            Some(key) => {
                if let (Some(id), Some(partition)) = (key.id(), key.partition()) {
                    head.guid(&table.primary_id, &id).text("partitionid", partition);
                } else {
                    let reference = Reference { entity_set: table.entity_set_name.clone(), key: key.clone() };
                    head.odata_id(&reference.to_string());
                }
            }
        }
        join(&head.finish(), &item.body, &mut body)
            .map_err(|what| input(message, format!("row {index}: {what}")))?;
    }
    body.extend_from_slice(b"]}");
    Ok(body)
}

/// Writes two JSON objects as one.
fn join(head: &[u8], tail: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
    let tail = tail.trim_ascii();
    let inner = tail
        .strip_prefix(b"{")
        .and_then(|rest| rest.strip_suffix(b"}"))
        .ok_or("its body is no JSON object")?
        .trim_ascii();
    out.extend_from_slice(&head[..head.len() - 1]);
    if !inner.is_empty() {
        out.push(b',');
        out.extend_from_slice(inner);
    }
    out.push(b'}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_joined_with_what_names_them() {
        let table = TableDefinition::new("account", "accounts", "accountid");
        let alternate = RowKey::text("accountnumber", "A'1");
        let within = RowKey::in_partition("accountid", Uuid::nil(), "p");
        let by_id = RowKey::Id(Uuid::nil());
        let item = |key, body: &'static str| Item { key, body: Cow::Borrowed(body.as_bytes()) };
        let items = [
            item(Some(&by_id), r#" {"name":"a"} "#),
            item(Some(&alternate), "{}"),
            item(Some(&within), r#"{"n":1}"#),
            item(None, "{ }"),
        ];
        let body = targets(&table, BulkMessage::Upsert, &items).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["Targets"][0]["name"], "a");
        assert_eq!(body["Targets"][0]["accountid"], Uuid::nil().to_string());
        assert_eq!(body["Targets"][1]["@odata.id"], "accounts(accountnumber='A''1')");
        assert_eq!(body["Targets"][2]["partitionid"], "p");
        assert_eq!(body["Targets"][3]["@odata.type"], "Microsoft.Dynamics.CRM.account");
        let refused = targets(&table, BulkMessage::Create, &[item(None, "[]")]).unwrap_err();
        assert!(refused.to_string().contains("row 0"), "{refused}");
    }

    #[test]
    fn a_row_named_twice_is_not_sent() {
        let rows = [KeyedRow::new(Uuid::nil(), "{}"), KeyedRow::new(Uuid::nil(), "{}")];
        assert!(keyed(BulkMessage::Update, &rows).is_err_and(|error| error.to_string().contains("0 and 1")));
    }
}
