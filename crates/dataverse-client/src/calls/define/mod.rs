//! Definitions made and deleted: tables, columns, relationships, choices, alternate keys (reference §7.5).

mod choice;
mod column;
mod key;
mod relation;
mod table;

use std::time::Duration;

use dataverse_wire::LogicalName;
use dataverse_wire::literal::{Reference, percent_encode};
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::send::{Answer, Repeat, Request};
use crate::{Client, Deleted, Error, WriteOptions};

pub use choice::{GlobalChoice, NewChoice, OptionsOf};
pub use column::NewColumn;
pub use key::NewKey;
pub use relation::{Cascades, NewLookup, NewManyToMany};
pub use table::NewTable;

/// English (United States).
const ENGLISH: u32 = 1033;

/// Customisation takes its time: a table alone may take half a minute.
const LONGEST: Duration = Duration::from_mins(4);

/// Makes and deletes definitions. Got from [`Client::define`].
///
/// The service makes one definition at a time for a whole environment: call one after the other. A create whose answer is
/// lost comes back in doubt; look with [`Client::table_definition`] whether it was made. Reads of definitions that follow on
/// this client are told to bypass the service's caches for a minute.
///
/// ```no_run
/// # async fn run(client: dataverse_client::Client) -> Result<(), dataverse_client::Error> {
/// use std::time::Duration;
/// use dataverse_client::wire::metadata::ColumnType;
/// use dataverse_client::{NewColumn, NewKey, NewTable};
///
/// let define = client.define().in_solution("MySolution");
/// let code = NewColumn::new("new_Code", "Code", ColumnType::String { max_length: 40 });
/// define.table(&NewTable::new("new_Project", "Project", "Projects").with_column(code)).await?;
/// define.key("new_project", &NewKey::new("new_CodeKey", "By code", ["new_code"])).await?;
/// define.wait_for_key("new_project", "new_CodeKey", Duration::from_mins(10)).await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Define {
    client: Client,
    solution: Option<String>,
    language: u32,
}

impl Client {
    /// Makes and deletes definitions: in the default solution, with labels in English.
    pub fn define(&self) -> Define {
        Define { client: self.clone(), solution: None, language: ENGLISH }
    }
}

impl Define {
    /// Adds what is made to a solution, by its unique name.
    #[must_use]
    pub fn in_solution(mut self, unique_name: impl Into<String>) -> Self {
        self.solution = Some(unique_name.into());
        self
    }

    /// The language of the labels, by its Windows code: 1033 is English, 1031 German.
    #[must_use]
    pub fn with_language(mut self, code: u32) -> Self {
        self.language = code;
        self
    }

    /// Publishes what was changed in some tables. Definitions that were made are there without it; forms and labels that
    /// were changed are not.
    ///
    /// # Errors
    /// As every write; may be repeated.
    pub async fn publish(&self, tables: &[&str]) -> Result<(), Error> {
        let names: Vec<LogicalName> =
            tables.iter().map(|table| named("publish", table)).collect::<Result<_, _>>()?;
        let entities: Vec<String> = names.iter().map(|name| format!("<entity>{name}</entity>")).collect();
        let entities = entities.concat();
        let xml = format!("<importexportxml><entities>{entities}</entities></importexportxml>");
        self.publish_by("PublishXml", &json!({ "ParameterXml": xml })).await
    }

    /// Publishes everything.
    ///
    /// # Errors
    /// As every write; may be repeated.
    pub async fn publish_all(&self) -> Result<(), Error> {
        self.publish_by("PublishAllXml", &json!({})).await
    }

    async fn publish_by(&self, action: &str, body: &Value) -> Result<(), Error> {
        let request = self.request("publish", Method::POST, action, action.to_owned());
        self.client.send(request.body(body.to_string()).repeat(Repeat::Safe)).await.map(drop)
    }

    /// Deletes a table with all its rows. Refused while lookups of other tables point to it.
    ///
    /// # Errors
    /// As every write; may be repeated.
    pub async fn delete_table(&self, table: &str) -> Result<Deleted, Error> {
        let table = named("delete table", table)?;
        self.delete("delete table", table.as_str(), format!("EntityDefinitions(LogicalName='{table}')")).await
    }

    /// Deletes a column with its values.
    ///
    /// # Errors
    /// As every write; may be repeated.
    pub async fn delete_column(&self, table: &str, column: &str) -> Result<Deleted, Error> {
        let (table, column) = (named("delete column", table)?, named("delete column", column)?);
        let path = format!("EntityDefinitions(LogicalName='{table}')/Attributes(LogicalName='{column}')");
        self.delete("delete column", &format!("{table}.{column}"), path).await
    }

    /// Deletes a relationship by its schema name: with its lookup, or with its pairs.
    ///
    /// # Errors
    /// As every write; may be repeated.
    pub async fn delete_relationship(&self, schema_name: &str) -> Result<Deleted, Error> {
        let name = quoted(schema_name);
        self.delete(
            "delete relationship",
            schema_name,
            format!("RelationshipDefinitions(SchemaName='{name}')"),
        )
        .await
    }

    /// Deletes a global choice that no column uses.
    ///
    /// # Errors
    /// As every write; may be repeated.
    pub async fn delete_choice(&self, name: &str) -> Result<Deleted, Error> {
        let path = format!("GlobalOptionSetDefinitions(Name='{}')", quoted(name));
        self.delete("delete choice", name, path).await
    }

    async fn delete(&self, operation: &'static str, target: &str, path: String) -> Result<Deleted, Error> {
        let request = self.request(operation, Method::DELETE, target, path).repeat(Repeat::Safe);
        match self.client.send(request).await {
            Ok(_) => Ok(Deleted::Removed),
            Err(error) if error.fault().is_some_and(|fault| fault.status == 404) => Ok(Deleted::WasGone),
            Err(error) => Err(error),
        }
    }

    /// Posts a definition and gives the id that the service has made for it.
    async fn create(
        &self,
        operation: &'static str,
        target: &str,
        path: String,
        body: &Value,
    ) -> Result<Uuid, Error> {
        let request = self.request(operation, Method::POST, target, path).body(body.to_string());
        let answer = self.client.send(request).await?;
        match id_of(&answer) {
            Some(id) => Ok(id),
            None => Err(answer.unreadable("it names no definition")),
        }
    }

    fn request(&self, operation: &'static str, method: Method, target: &str, path: String) -> Request {
        self.client.has_defined();
        let options = WriteOptions { timeout: Some(LONGEST), ..WriteOptions::default() };
        let mut request = Request::write(operation, method, target, path, &options);
        if let Some(solution) = &self.solution {
            request = request.header("MSCRM.SolutionUniqueName", solution.clone());
        }
        request
    }

    fn label(&self, text: &str) -> Value {
        json!({
            "@odata.type": "Microsoft.Dynamics.CRM.Label",
            "LocalizedLabels": [{
                "@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel",
                "Label": text, "LanguageCode": self.language
            }]
        })
    }
}

/// The id at the end of `OData-EntityId`: a part of a table comes behind the table's own.
fn id_of(answer: &Answer) -> Option<Uuid> {
    let url = answer.header("OData-EntityId")?;
    let last = url.rsplit_once('/').map_or(url, |(_, last)| last);
    Reference::parse(last).ok()?.key.id()
}

/// A name as it stands in URLs: lower case, letters, digits and underscores.
fn named(operation: &'static str, name: &str) -> Result<LogicalName, Error> {
    name.parse().map_err(|error: dataverse_wire::Error| Error::Input { operation, reason: error.to_string() })
}

/// A schema name, which is mixed case and needs the prefix of a publisher.
fn schema_name(operation: &'static str, name: &str) -> Result<(), Error> {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let has_prefix = name.split_once('_').is_some_and(|(prefix, rest)| prefix.len() > 1 && !rest.is_empty());
    if is_plain && has_prefix {
        return Ok(());
    }
    let reason = format!("`{name}` is no schema name: it needs a publisher's prefix, as in new_Project");
    Err(Error::Input { operation, reason })
}

/// Text for the quotes of a key in a URL.
fn quoted(text: &str) -> String {
    percent_encode(&text.replace('\'', "''"))
}
