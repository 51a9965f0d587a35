//! Alternate keys, and the wait for their index.

use std::time::Duration;

use dataverse_wire::metadata::KeyStatus;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Define, named, schema_name};
use crate::send::{Repeat, Request};
use crate::{Deleted, Error};

/// An alternate key to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Its name with a publisher's prefix: `new_CodeKey`.
    pub schema_name: String,
    /// Label.
    pub label: String,
    /// The columns by their names: texts, whole and decimal numbers, dates, lookups, choices.
    pub columns: Vec<String>,
}

impl NewKey {
    /// A key of some columns.
    pub fn new<C: Into<String>>(
        schema_name: impl Into<String>,
        label: impl Into<String>,
        columns: impl IntoIterator<Item = C>,
    ) -> Self {
        Self {
            schema_name: schema_name.into(),
            label: label.into(),
            columns: columns.into_iter().map(Into::into).collect(),
        }
    }
}

#[derive(Deserialize)]
struct Listed {
    value: Vec<ServedKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ServedKey {
    metadata_id: Uuid,
    schema_name: String,
    entity_key_index_status: Option<String>,
}

/// The first look comes soon, since small tables are indexed at once; the others take their time.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

impl Define {
    /// Makes an alternate key. Its index is built later: rows can be addressed by it after
    /// [`Self::wait_for_key`].
    ///
    /// # Errors
    /// [`Error::Input`] for names that cannot be, otherwise as every write.
    pub async fn key(&self, table: &str, key: &NewKey) -> Result<Uuid, Error> {
        let table = named("create key", table)?;
        schema_name("create key", &key.schema_name)?;
        let body = json!({
            "SchemaName": key.schema_name, "DisplayName": self.label(&key.label), "KeyAttributes": key.columns
        });
        let path = format!("EntityDefinitions(LogicalName='{table}')/Keys");
        self.create("create key", &format!("{table}.{}", key.schema_name), path, &body).await
    }

    /// Waits until the index of a key is built, looking ever less often.
    ///
    /// # Errors
    /// [`Error::KeyNotActive`] when it failed, over duplicates most often, or is not there after `longest`; the key
    /// itself stays. Otherwise as every read.
    pub async fn wait_for_key(&self, table: &str, schema_name: &str, longest: Duration) -> Result<(), Error> {
        let started = Instant::now();
        let mut wait = FIRST_WAIT;
        loop {
            let found = self.find_key(table, schema_name).await?;
            let status = found.map(|key| key.entity_key_index_status);
            let status =
                status.map(|name| name.as_deref().and_then(KeyStatus::from_name).unwrap_or_default());
            if status == Some(KeyStatus::Active) {
                return Ok(());
            }
            let left = longest.saturating_sub(started.elapsed());
            if left.is_zero() || matches!(status, None | Some(KeyStatus::Failed)) {
                return Err(Error::KeyNotActive {
                    table: table.to_owned(),
                    key: schema_name.to_owned(),
                    status,
                    waited: started.elapsed(),
                });
            }
            tokio::time::sleep(wait.min(left)).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Has the index of a key built again that failed; refused for any other.
    ///
    /// # Errors
    /// As every write.
    pub async fn reactivate_key(&self, table: &str, schema_name: &str) -> Result<(), Error> {
        let table = named("reactivate key", table)?;
        let body = json!({ "EntityLogicalName": table.as_str(), "EntityKeyLogicalName": schema_name.to_lowercase() });
        let target = format!("{table}.{schema_name}");
        let request = self.request("reactivate key", Method::POST, &target, "ReactivateEntityKey".to_owned());
        self.client.send(request.body(body.to_string()).repeat(Repeat::Safe)).await.map(drop)
    }

    /// Deletes a key; its columns stay.
    ///
    /// # Errors
    /// As every write; may be repeated.
    pub async fn delete_key(&self, table: &str, schema_name: &str) -> Result<Deleted, Error> {
        let Some(key) = self.find_key(table, schema_name).await? else { return Ok(Deleted::WasGone) };
        let path = format!("EntityDefinitions(LogicalName='{table}')/Keys({})", key.metadata_id);
        self.delete("delete key", &format!("{table}.{schema_name}"), path).await
    }

    async fn find_key(&self, table: &str, schema_name: &str) -> Result<Option<ServedKey>, Error> {
        let table = named("metadata", table)?;
        let path = format!(
            "EntityDefinitions(LogicalName='{table}')/Keys?$select=MetadataId,SchemaName,EntityKeyIndexStatus"
        );
        let request = self.client.of_definitions(Request::get("metadata", table.as_str(), path));
        let listed: Listed = self.client.send(request).await?.json()?;
        Ok(listed.value.into_iter().find(|key| key.schema_name.eq_ignore_ascii_case(schema_name)))
    }
}
