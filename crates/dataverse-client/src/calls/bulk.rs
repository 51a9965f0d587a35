//! Many rows of one table in one request (reference §4).

use bytes::Bytes;
use dataverse_wire::literal::{percent_encode, text};
use dataverse_wire::metadata::{TableDefinition, TableType};
use http::Method;
use serde::Deserialize;
use uuid::Uuid;

use crate::send::{Repeat, Request};
use crate::{Client, Error, WriteOptions};

/// A bulk message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BulkMessage {
    /// `CreateMultiple`.
    Create,
    /// `UpdateMultiple`.
    Update,
    /// `UpsertMultiple`.
    Upsert,
    /// `DeleteMultiple`, on elastic tables only.
    Delete,
}

impl BulkMessage {
    /// The name of the message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CreateMultiple",
            Self::Update => "UpdateMultiple",
            Self::Upsert => "UpsertMultiple",
            Self::Delete => "DeleteMultiple",
        }
    }
}

/// Many rows of one table in one request.
impl Client {
    /// Creates the rows of a body made by [`dataverse_wire::write::TargetsWriter`]; their ids, in the same order.
    ///
    /// On standard tables all rows are created or none. In doubt if the answer is lost.
    ///
    /// # Errors
    /// [`Error::Refused`]: one row may have spoiled all, and the service does not say which. [`Error::InDoubt`].
    pub async fn create_multiple(
        &self,
        table: &TableDefinition,
        body: impl Into<Bytes>,
        options: &WriteOptions,
    ) -> Result<Vec<Uuid>, Error> {
        #[derive(Deserialize)]
        struct Created {
            #[serde(rename = "Ids")]
            ids: Vec<Uuid>,
        }
        let answer = self.send(bulk(table, BulkMessage::Create, body.into(), options)).await?;
        answer.json::<Created>().map(|created| created.ids)
    }

    /// Updates rows that are named by their primary key in the body. Of rows named twice, the service takes the first
    /// and ignores the rest: deduplicate before.
    ///
    /// # Errors
    /// [`Error::Refused`], for all rows if one is not there.
    pub async fn update_multiple(
        &self,
        table: &TableDefinition,
        body: impl Into<Bytes>,
        options: &WriteOptions,
    ) -> Result<(), Error> {
        let request = bulk(table, BulkMessage::Update, body.into(), options).repeat(Repeat::Safe);
        self.send(request).await.map(drop)
    }

    /// Updates or creates rows that are named by primary key or `@odata.id` in the body. The service does not say
    /// which were created, and refuses a row that is named twice.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub async fn upsert_multiple(
        &self,
        table: &TableDefinition,
        body: impl Into<Bytes>,
        options: &WriteOptions,
    ) -> Result<(), Error> {
        let request = bulk(table, BulkMessage::Upsert, body.into(), options).repeat(Repeat::Safe);
        self.send(request).await.map(drop)
    }

    /// Deletes rows of an elastic table, named by primary key and `partitionid`.
    ///
    /// # Errors
    /// [`Error::Refused`]; on standard tables always, with class `Request`.
    pub async fn delete_multiple(
        &self,
        table: &TableDefinition,
        body: impl Into<Bytes>,
        options: &WriteOptions,
    ) -> Result<(), Error> {
        let request = bulk(table, BulkMessage::Delete, body.into(), options).repeat(Repeat::Safe);
        self.send(request).await.map(drop)
    }

    /// Whether a table takes a bulk message. Asked once per table and message, then remembered (reference §4.3).
    ///
    /// # Errors
    /// As every read.
    pub async fn supports_bulk(&self, table: &TableDefinition, message: BulkMessage) -> Result<bool, Error> {
        match message {
            BulkMessage::Delete => Ok(table.table_type == TableType::Elastic),
            // The service answers nothing for UpsertMultiple even where it is there.
            BulkMessage::Upsert => Ok(self.is_registered(table, BulkMessage::Create).await?
                && self.is_registered(table, BulkMessage::Update).await?),
            BulkMessage::Create | BulkMessage::Update => self.is_registered(table, message).await,
        }
    }

    async fn is_registered(&self, table: &TableDefinition, message: BulkMessage) -> Result<bool, Error> {
        #[derive(Deserialize)]
        struct Found {
            value: Vec<serde::de::IgnoredAny>,
        }
        if let Some(known) = self.known_support(&table.logical_name, message) {
            return Ok(known);
        }
        let _turn = self.probing().lock().await;
        if let Some(known) = self.known_support(&table.logical_name, message) {
            return Ok(known);
        }
        let filter = "sdkmessageid/name eq @message and primaryobjecttypecode eq @table";
        let path = format!(
            "sdkmessagefilters?$select=sdkmessagefilterid&$filter={}&@message={}&@table={}",
            percent_encode(filter),
            percent_encode(&text(message.as_str())),
            percent_encode(&text(&table.logical_name)),
        );
        let found: Found = self.send(Request::get("retrieve", "sdkmessagefilters", path)).await?.json()?;
        let is_supported = !found.value.is_empty();
        self.note_support(&table.logical_name, message, is_supported);
        Ok(is_supported)
    }
}

pub(super) fn bulk(
    table: &TableDefinition,
    message: BulkMessage,
    body: Bytes,
    options: &WriteOptions,
) -> Request {
    let path = format!("{}/Microsoft.Dynamics.CRM.{}", table.entity_set_name, message.as_str());
    let request =
        Request::write(message.as_str(), Method::POST, table.entity_set_name.as_str(), path, options)
            .body(body);
    match table.table_type {
        // Which rows of an elastic table failed is told in annotations only.
        TableType::Elastic => request.header("Prefer", "odata.include-annotations=\"*\""),
        TableType::Standard | TableType::Virtual => request,
    }
}
