//! Single rows under conditions, with what is expanded, and with what came of them.

use bytes::Bytes;
use dataverse_wire::literal::RowKey;
use dataverse_wire::metadata::TableDefinition;
use dataverse_wire::write::{Party, RowWriter};
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::row::{Deleted, select_query};
use crate::send::{Repeat, Request};
use crate::{Client, Error, Query, WriteOptions};

/// A row that was read only if it differs from the version that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfChanged<T> {
    /// It is still the version that is known.
    Unchanged,
    /// It has changed, to this.
    Changed(T),
    /// It is not there.
    Gone,
}

/// What an upsert did, with the row as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upserted<T> {
    /// There was none.
    Created(T),
    /// It was there.
    Updated(T),
}

impl<T> Upserted<T> {
    /// The row.
    pub fn into_row(self) -> T {
        match self {
            Self::Created(row) | Self::Updated(row) => row,
        }
    }
}

/// Single rows under conditions, and with what came of them.
impl Client {
    /// Reads one row with what a query says: columns, rows to return along, annotations. None if it is not there.
    ///
    /// # Errors
    /// As every read.
    pub async fn retrieve_with<T: DeserializeOwned>(
        &self,
        query: &Query,
        key: &RowKey,
    ) -> Result<Option<T>, Error> {
        match self.send(retrieval(query, key)).await {
            Ok(answer) => answer.json().map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// As [`Self::retrieve_with`], unless the row is still the one with this `@odata.etag`. The service compares only for
    /// tables with optimistic concurrency, and only without expansions and annotations (reference §2.5).
    ///
    /// # Errors
    /// As every read.
    pub async fn retrieve_if_changed<T: DeserializeOwned>(
        &self,
        query: &Query,
        key: &RowKey,
        etag: &str,
    ) -> Result<IfChanged<T>, Error> {
        match self.send(retrieval(query, key).header("If-None-Match", etag)).await {
            Ok(answer) => answer.json().map(IfChanged::Changed),
            Err(error) if has_status(&error, StatusCode::NOT_MODIFIED) => Ok(IfChanged::Unchanged),
            Err(error) if error.is_not_found() => Ok(IfChanged::Gone),
            Err(error) => Err(error),
        }
    }

    /// As [`Self::update`], and returns the row with the columns of `select`.
    ///
    /// # Errors
    /// As [`Self::update`].
    pub async fn update_returning<T: DeserializeOwned>(
        &self,
        entity_set: &str,
        key: &RowKey,
        body: impl Into<Bytes>,
        select: &[&str],
        options: &WriteOptions,
    ) -> Result<T, Error> {
        let request = change("update", entity_set, key, select, options)
            .body(body)
            .header("If-Match", "*")
            .header("Prefer", "return=representation");
        self.send(request).await?.json()
    }

    /// As [`Self::upsert`], and says which of the two it did, with the row's columns of `select`. Repeated after a lost
    /// answer, it may call an update what it has created itself.
    ///
    /// # Errors
    /// As [`Self::upsert`].
    pub async fn upsert_returning<T: DeserializeOwned>(
        &self,
        entity_set: &str,
        key: &RowKey,
        body: impl Into<Bytes>,
        select: &[&str],
        options: &WriteOptions,
    ) -> Result<Upserted<T>, Error> {
        let request = change("upsert", entity_set, key, select, options)
            .body(body)
            .header("Prefer", "return=representation");
        let answer = self.send(request).await?;
        match answer.status {
            StatusCode::CREATED => answer.json().map(Upserted::Created),
            _ => answer.json().map(Upserted::Updated),
        }
    }

    /// Creates the row of this key if there is none (`If-None-Match: *`); whether it did. Repeated after a lost answer,
    /// it may find the row that it has created itself.
    ///
    /// # Errors
    /// As every write; never in doubt.
    pub async fn create_if_absent(
        &self,
        entity_set: &str,
        key: &RowKey,
        body: impl Into<Bytes>,
        options: &WriteOptions,
    ) -> Result<bool, Error> {
        let request = change("create", entity_set, key, &[], options).body(body).header("If-None-Match", "*");
        match self.send(request).await {
            Ok(_) => Ok(true),
            Err(error) if has_status(&error, StatusCode::PRECONDITION_FAILED) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes a row if it is still the one with this `@odata.etag`.
    ///
    /// # Errors
    /// [`Error::Refused`] with `ConcurrencyVersionMismatch` if it has changed.
    pub async fn delete_unchanged(
        &self,
        entity_set: &str,
        key: &RowKey,
        etag: &str,
        options: &WriteOptions,
    ) -> Result<Deleted, Error> {
        let request =
            Request::write("delete", Method::DELETE, entity_set, format!("{entity_set}{key}"), options)
                .row(key)
                .header("If-Match", etag)
                .repeat(Repeat::Safe);
        match self.send(request).await {
            Ok(_) => Ok(Deleted::Removed),
            Err(error) if error.is_not_found() => Ok(Deleted::WasGone),
            Err(error) => Err(error),
        }
    }

    /// Replaces all parties of an activity (reference §2.8).
    ///
    /// # Errors
    /// [`Error::Input`] if `activity` is none, or for a part that is no party list column; otherwise as every write.
    pub async fn replace_parties(
        &self,
        activity: &TableDefinition,
        id: Uuid,
        parties: &[Party<'_>],
        options: &WriteOptions,
    ) -> Result<(), Error> {
        let refused = |reason: String| Error::Input { operation: "update", reason };
        let Some(collection) = activity.party_collection() else {
            return Err(refused(format!("{} is no activity", activity.logical_name)));
        };
        let mut body = RowWriter::new();
        body.party_items(activity, "value", parties).map_err(|error| refused(error.to_string()))?;
        let set = activity.entity_set_name.as_str();
        let key = RowKey::Id(id);
        let request = Request::write("update", Method::PUT, set, format!("{set}{key}/{collection}"), options)
            .row(&key)
            .body(body)
            .repeat(Repeat::Safe);
        self.send(request).await.map(drop)
    }
}

fn retrieval(query: &Query, key: &RowKey) -> Request {
    let request = Request::get("retrieve", query.entity_set(), query.path_of(Some(key))).row(key);
    match query.prefer() {
        Some(prefer) => request.header("Prefer", prefer),
        None => request,
    }
}

fn change(
    operation: &'static str,
    entity_set: &str,
    key: &RowKey,
    select: &[&str],
    options: &WriteOptions,
) -> Request {
    let path = format!("{entity_set}{key}{}", select_query(select));
    Request::write(operation, Method::PATCH, entity_set, path, options).row(key).repeat(Repeat::Safe)
}

fn has_status(error: &Error, status: StatusCode) -> bool {
    error.fault().is_some_and(|fault| fault.status == status.as_u16())
}
