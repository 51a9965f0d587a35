//! Queries of elastic tables in Cosmos SQL, which looks into JSON columns (reference §10).

use dataverse_wire::literal::{percent_encode, text};
use dataverse_wire::metadata::TableDefinition;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::send::Request;
use crate::{Client, Error, Row};

/// A query of one elastic table. Columns stand below `c.props`: `select c.props.new_payload.power as power from c`.
///
/// ```
/// use dataverse_client::CosmosQuery;
/// let query = CosmosQuery::new("select c.props.new_name from c where c.props.new_payload.power > @least")
///     .parameter("@least", 5)
///     .page_size(100);
/// # let _ = query;
/// ```
#[derive(Debug, Clone)]
pub struct CosmosQuery {
    text: String,
    parameters: Vec<(String, Value)>,
    page_size: Option<u32>,
    partition: Option<String>,
}

/// One page of a query in Cosmos SQL.
#[derive(Debug, Clone, PartialEq)]
pub struct CosmosPage {
    /// What was selected, by name.
    pub rows: Vec<Row>,
    /// What asks for the next page; none at the end.
    pub cookie: Option<String>,
}

impl CosmosQuery {
    /// A query in Cosmos SQL. Values belong into parameters, never into the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), parameters: Vec::new(), page_size: None, partition: None }
    }

    /// The value of `@name`: text, a number or yes and no.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Most rows of a page.
    #[must_use]
    pub fn page_size(mut self, rows: u32) -> Self {
        self.page_size = Some(rows);
        self
    }

    /// Only rows of this partition: far cheaper than looking into all of them.
    #[must_use]
    pub fn in_partition(mut self, partition: impl Into<String>) -> Self {
        self.partition = Some(partition.into());
        self
    }

    fn call(&self, table: &TableDefinition, cookie: Option<&str>) -> Result<String, Error> {
        let mut arguments =
            vec![("QueryText", text(&self.text)), ("EntityLogicalName", text(&table.logical_name))];
        if !self.parameters.is_empty() {
            let mut values = Vec::with_capacity(self.parameters.len());
            for (name, value) in &self.parameters {
                let (kind, value) = match value {
                    Value::String(value) => ("System.String", value.clone()),
                    Value::Bool(value) => ("System.Boolean", value.to_string()),
                    Value::Number(value) if value.is_i64() => {
                        let is_short = value.as_i64().is_some_and(|value| i32::try_from(value).is_ok());
                        (if is_short { "System.Int32" } else { "System.Int64" }, value.to_string())
                    }
                    Value::Number(value) => ("System.Double", value.to_string()),
                    Value::Null | Value::Array(_) | Value::Object(_) => {
                        let reason = format!("{name} is neither text nor number nor yes or no");
                        return Err(Error::Input { operation: "ExecuteCosmosSqlQuery", reason });
                    }
                };
                values.push(json!({ "Type": kind, "Value": value }));
            }
            let keys: Vec<&str> = self.parameters.iter().map(|(name, _)| name.as_str()).collect();
            arguments.push(("QueryParameters", json!({ "Keys": keys, "Values": values }).to_string()));
        }
        if let Some(rows) = self.page_size {
            arguments.push(("PageSize", rows.to_string()));
        }
        if let Some(cookie) = cookie {
            arguments.push(("PagingCookie", text(cookie)));
        }
        if let Some(partition) = &self.partition {
            arguments.push(("PartitionId", text(partition)));
        }
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (number, (name, value)) in (1..).zip(arguments) {
            names.push(format!("{name}=@p{number}"));
            values.push(format!("@p{number}={}", percent_encode(&value)));
        }
        Ok(format!("ExecuteCosmosSqlQuery({})?{}", names.join(","), values.join("&")))
    }
}

impl Client {
    /// One page of a query in Cosmos SQL: the first without `cookie`, the following ones with that of the page before.
    ///
    /// # Errors
    /// As every read; [`Error::Input`] for parameters that are lists or objects.
    pub async fn cosmos_page(
        &self,
        table: &TableDefinition,
        query: &CosmosQuery,
        cookie: Option<&str>,
    ) -> Result<CosmosPage, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Found {
            #[serde(default)]
            paging_cookie: Option<String>,
            #[serde(default)]
            has_more: bool,
            result: Vec<Row>,
        }
        let call = query.call(table, cookie)?;
        // Named by its entity set, whose session token it sends.
        let request = Request::get("ExecuteCosmosSqlQuery", table.entity_set_name.as_str(), call);
        let mut found: Found = self.send(request).await?.json()?;
        for row in &mut found.result {
            row.retain(|name, _| !name.contains("@odata."));
        }
        let cookie = found.paging_cookie.filter(|cookie| found.has_more && !cookie.is_empty());
        Ok(CosmosPage { rows: found.result, cookie })
    }
}
