//! Single rows.

use bytes::Bytes;
use dataverse_wire::literal::{Reference, RowKey, percent_encode};
use http::Method;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::send::{Repeat, Request};
use crate::{Client, Error, WriteOptions};

/// What became of a delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The row is gone.
    Removed,
    /// It was not there.
    WasGone,
}

/// What became of an association.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Associated {
    /// The pair is made.
    Made,
    /// It was there already.
    WasThere,
}

/// Single rows and pairs of rows.
impl Client {
    /// Creates a row; the service makes its id unless the body holds one. In doubt if the answer is lost.
    ///
    /// # Errors
    /// [`Error::Refused`], or [`Error::InDoubt`]: then look for the row before creating it again.
    pub async fn create(
        &self,
        entity_set: &str,
        body: impl Into<Bytes>,
        options: &WriteOptions,
    ) -> Result<Uuid, Error> {
        let request = Request::write("create", Method::POST, entity_set, entity_set, options).body(body);
        let answer = self.send(request).await?;
        let id = answer.header("OData-EntityId").map(Reference::parse).and_then(Result::ok);
        match id.and_then(|reference| reference.key.id()) {
            Some(id) => Ok(id),
            None => Err(answer.unreadable("it names no row")),
        }
    }

    /// Creates a row and returns it with the columns of `select`.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub async fn create_returning<T: DeserializeOwned>(
        &self,
        entity_set: &str,
        body: impl Into<Bytes>,
        select: &[&str],
        options: &WriteOptions,
    ) -> Result<T, Error> {
        let path = format!("{entity_set}{}", select_query(select));
        let request = Request::write("create", Method::POST, entity_set, path, options)
            .body(body)
            .header("Prefer", "return=representation");
        self.send(request).await?.json()
    }

    /// Reads a row; none if it is not there. Lookups are named `_name_value` in `select` and in the row.
    ///
    /// # Errors
    /// As every read.
    pub async fn retrieve<T: DeserializeOwned>(
        &self,
        entity_set: &str,
        key: &RowKey,
        select: &[&str],
    ) -> Result<Option<T>, Error> {
        let path = format!("{entity_set}{key}{}", select_query(select));
        match self.send(Request::get("retrieve", entity_set, path).row(key)).await {
            Ok(answer) => answer.json().map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes the columns in the body; never creates a row by accident (`If-Match: *`).
    ///
    /// # Errors
    /// [`Error::Refused`], with [`Error::is_not_found`] if there is no such row.
    pub async fn update(
        &self,
        entity_set: &str,
        key: &RowKey,
        body: impl Into<Bytes>,
        options: &WriteOptions,
    ) -> Result<(), Error> {
        self.patch("update", entity_set, key, body.into(), Some("*"), options).await
    }

    /// As [`Self::update`], but only if the row is still the one with this `@odata.etag`. In doubt if the answer is
    /// lost, since a repetition would find its own change.
    ///
    /// # Errors
    /// [`Error::Refused`] with `ConcurrencyVersionMismatch` if it has changed.
    pub async fn update_unchanged(
        &self,
        entity_set: &str,
        key: &RowKey,
        etag: &str,
        body: impl Into<Bytes>,
        options: &WriteOptions,
    ) -> Result<(), Error> {
        self.patch("update", entity_set, key, body.into(), Some(etag), options).await
    }

    /// Changes the row, or creates it if there is none of this key.
    ///
    /// # Errors
    /// As every write; never in doubt.
    pub async fn upsert(
        &self,
        entity_set: &str,
        key: &RowKey,
        body: impl Into<Bytes>,
        options: &WriteOptions,
    ) -> Result<(), Error> {
        self.patch("upsert", entity_set, key, body.into(), None, options).await
    }

    async fn patch(
        &self,
        operation: &'static str,
        entity_set: &str,
        key: &RowKey,
        body: Bytes,
        if_match: Option<&str>,
        options: &WriteOptions,
    ) -> Result<(), Error> {
        let is_conditional = if_match.is_some_and(|etag| etag != "*");
        let repeat = if is_conditional { Repeat::AskFirst } else { Repeat::Safe };
        let mut request =
            Request::write(operation, Method::PATCH, entity_set, format!("{entity_set}{key}"), options)
                .row(key)
                .body(body)
                .repeat(repeat);
        if let Some(etag) = if_match {
            request = request.header("If-Match", etag);
        }
        self.send(request).await.map(drop)
    }

    /// Deletes a row. One that is not there is no error: a repetition ends the same.
    ///
    /// # Errors
    /// [`Error::Refused`], such as when other rows refer to it.
    pub async fn delete(
        &self,
        entity_set: &str,
        key: &RowKey,
        options: &WriteOptions,
    ) -> Result<Deleted, Error> {
        let request =
            Request::write("delete", Method::DELETE, entity_set, format!("{entity_set}{key}"), options)
                .row(key)
                .repeat(Repeat::Safe);
        match self.send(request).await {
            Ok(_) => Ok(Deleted::Removed),
            Err(error) if error.is_not_found() => Ok(Deleted::WasGone),
            Err(error) => Err(error),
        }
    }

    /// Adds `member` to a collection of `row`: one pair of a many-to-many relationship, or a child of a one-to-many.
    /// A pair that is there already is no error (reference §2.8).
    ///
    /// # Errors
    /// [`Error::Refused`], with [`Error::is_not_found`] if one of the two is missing.
    pub async fn associate(
        &self,
        row: &Reference,
        collection: &str,
        member: &Reference,
        options: &WriteOptions,
    ) -> Result<Associated, Error> {
        let target = format!("{}/{collection}", row.entity_set);
        let body = serde_json::json!({ "@odata.id": format!("{}{member}", self.root()) }).to_string();
        let request =
            Request::write("associate", Method::POST, target, format!("{row}/{collection}/$ref"), options)
                .body(body)
                .repeat(Repeat::Safe);
        match self.send(request).await {
            Ok(_) => Ok(Associated::Made),
            Err(error) if error.is_duplicate() => Ok(Associated::WasThere),
            Err(error) => Err(error),
        }
    }

    /// Removes `member` from a collection of `row`. A pair that is not there is no error.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub async fn disassociate(
        &self,
        row: &Reference,
        collection: &str,
        member: &Reference,
        options: &WriteOptions,
    ) -> Result<Deleted, Error> {
        let target = format!("{}/{collection}", row.entity_set);
        let path = format!("{row}/{collection}{}/$ref", member.key);
        let request =
            Request::write("disassociate", Method::DELETE, target, path, options).repeat(Repeat::Safe);
        match self.send(request).await {
            Ok(_) => Ok(Deleted::Removed),
            Err(error) if error.is_not_found() => Ok(Deleted::WasGone),
            Err(error) => Err(error),
        }
    }
}

pub(crate) fn select_query(select: &[&str]) -> String {
    if select.is_empty() { String::new() } else { format!("?$select={}", percent_encode(&select.join(","))) }
}
