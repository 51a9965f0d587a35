//! Queries (reference §13).

use dataverse_wire::literal::{RowKey, percent_encode};
use serde::Deserialize;

use super::apply::Apply;
use super::filter::Filter;
use super::page::Pages;
use crate::send::Request;
use crate::{Client, Error};

/// A query of one table. Nothing is escaped twice: names and filters are given as OData writes them, and
/// percent-encoded here.
///
/// ```
/// use dataverse_client::{Filter, Query};
/// let query = Query::new("contacts")
///     .select(["contactid", "lastname"])
///     .filter(Filter::eq("lastname", "O'Hara").and(Filter::at_least("importsequencenumber", 7)))
///     .order_by("contactid");
/// assert_eq!(
///     query.to_path(),
///     "contacts?$select=contactid,lastname&$filter=(lastname%20eq%20'O''Hara'%20and%20importsequencenumber%20ge%207)\
///      &$orderby=contactid"
/// );
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    entity_set: String,
    options: Vec<(&'static str, String)>,
    page_rows: Option<u32>,
    annotations: Option<String>,
}

impl Query {
    /// All rows with all columns; select what is needed.
    pub fn new(entity_set: impl Into<String>) -> Self {
        Self { entity_set: entity_set.into(), options: Vec::new(), page_rows: None, annotations: None }
    }

    fn option(mut self, name: &'static str, value: String) -> Self {
        self.options.push((name, value));
        self
    }

    /// The columns to return; lookups go by `_name_value`.
    #[must_use]
    pub fn select<S: AsRef<str>>(self, columns: impl IntoIterator<Item = S>) -> Self {
        let columns: Vec<String> = columns.into_iter().map(|column| column.as_ref().to_owned()).collect();
        self.option("$select", columns.join(","))
    }

    /// The rows to return: a [`Filter`], or a condition in OData's own words.
    #[must_use]
    pub fn filter(self, filter: impl Into<Filter>) -> Self {
        self.option("$filter", filter.into().as_str().to_owned())
    }

    /// Rows to return along: `primarycontactid($select=fullname)`.
    #[must_use]
    pub fn expand(self, expand: impl Into<String>) -> Self {
        self.option("$expand", expand.into())
    }

    /// The order. Leave it out to read a whole large table: the primary key's order has no limit (reference §13.1).
    #[must_use]
    pub fn order_by(self, order: impl Into<String>) -> Self {
        self.option("$orderby", order.into())
    }

    /// The first rows only. Not together with [`Self::page_rows`]: the service ignores one of the two.
    #[must_use]
    pub fn top(self, rows: u32) -> Self {
        self.option("$top", rows.to_string())
    }

    /// An aggregation: an [`crate::Apply`], or OData's own words, `groupby((statuscode),aggregate($count as count))`.
    #[must_use]
    pub fn apply(self, apply: impl Into<String>) -> Self {
        self.option("$apply", apply.into())
    }

    /// Asks for [`crate::Page::count`], which ends at 5,000.
    #[must_use]
    pub fn count(self) -> Self {
        self.option("$count", "true".to_owned())
    }

    /// Rows per page, 5,000 at most, which is also the default.
    #[must_use]
    pub fn page_rows(mut self, rows: u32) -> Self {
        self.page_rows = Some(rows.clamp(1, dataverse_wire::limits::PAGE_ROWS));
        self
    }

    /// Annotations to return along: `*` for all.
    #[must_use]
    pub fn annotations(mut self, pattern: impl Into<String>) -> Self {
        self.annotations = Some(pattern.into());
        self
    }

    /// Any other option, percent-encoded here.
    #[must_use]
    pub fn raw_option(self, name: &'static str, value: impl Into<String>) -> Self {
        self.option(name, value.into())
    }

    /// Path and query below the service root.
    pub fn to_path(&self) -> String {
        self.path_of(None)
    }

    /// The same for one row.
    pub(crate) fn path_of(&self, key: Option<&RowKey>) -> String {
        let mut path = self.entity_set.clone();
        if let Some(key) = key {
            path.push_str(&key.to_string());
        }
        for (position, (name, value)) in self.options.iter().enumerate() {
            path.push(if position == 0 { '?' } else { '&' });
            path.push_str(name);
            path.push('=');
            path.push_str(&percent_encode(value));
        }
        path
    }

    /// The `Prefer` header of every page; not carried by the links, so sent each time (reference §13.1).
    pub(crate) fn prefer(&self) -> Option<String> {
        let rows = self.page_rows.map(|rows| format!("odata.maxpagesize={rows}"));
        let annotations =
            self.annotations.as_ref().map(|pattern| format!("odata.include-annotations=\"{pattern}\""));
        let preferences: Vec<String> = rows.into_iter().chain(annotations).collect();
        (!preferences.is_empty()).then(|| preferences.join(","))
    }

    pub(crate) fn entity_set(&self) -> &str {
        &self.entity_set
    }
}

/// Queries and counts.
impl Client {
    /// Starts a query; nothing is sent before the first page is asked for.
    pub fn query(&self, query: &Query) -> Pages {
        Pages::new(self.clone(), query)
    }

    /// Counts rows by aggregation: exact, and refused above 50,000 rows (reference §13.3).
    ///
    /// # Errors
    /// [`Error::Refused`] of class `Request` above the limit: count by slices then.
    pub async fn count(&self, entity_set: &str, filter: Option<&Filter>) -> Result<u64, Error> {
        #[derive(Deserialize)]
        struct Counted {
            value: Vec<CountRow>,
        }
        #[derive(Deserialize)]
        struct CountRow {
            count: u64,
        }
        let apply = filter.cloned().into_iter().fold(Apply::new().count("count"), Apply::filter);
        let path = Query::new(entity_set).apply(apply).to_path();
        let counted: Counted = self.send(Request::get("count", entity_set, path)).await?.json()?;
        Ok(counted.value.first().map_or(0, |row| row.count))
    }

    /// Row counts of whole tables from the service's snapshot, which may be a day old (reference §13.2): for estimates,
    /// never for verification. In the order of `tables`; none where the service says nothing.
    ///
    /// # Errors
    /// As every read.
    pub async fn total_record_counts(&self, tables: &[&str]) -> Result<Vec<Option<u64>>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Totals {
            entity_record_count_collection: Collection,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Collection {
            keys: Vec<String>,
            values: Vec<u64>,
        }
        let names = serde_json::json!(tables).to_string();
        let call = format!("RetrieveTotalRecordCount(EntityNames=@p)?@p={}", percent_encode(&names));
        let totals: Totals = self.function(&call).await?;
        let found = totals.entity_record_count_collection;
        let count_of = |table: &&str| {
            let position = found.keys.iter().position(|key| key == table)?;
            found.values.get(position).copied()
        };
        Ok(tables.iter().map(count_of).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_joined_and_encoded_once() {
        assert_eq!(Query::new("accounts").to_path(), "accounts");
        let query = Query::new("accounts").filter("name eq 'a&b#c+d'").expand("x($select=a,b)").top(3);
        assert_eq!(
            query.to_path(),
            "accounts?$filter=name%20eq%20'a%26b%23c%2Bd'&$expand=x($select=a,b)&$top=3"
        );
    }

    #[test]
    fn preferences_share_one_header() {
        assert_eq!(Query::new("a").prefer(), None);
        let query = Query::new("a").page_rows(9000).annotations("*");
        assert_eq!(query.prefer().unwrap(), "odata.maxpagesize=5000,odata.include-annotations=\"*\"");
    }
}
