//! Rows for those who have no type of their own for them.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

/// A row as the service sent it: property names with their JSON values, annotations among them.
///
/// It is a JSON object and may be used as one; the methods know the names of lookups and annotations. Those are there
/// if the query asked for them ([`crate::Query::annotations`]). Printed for debugging, it shows names only.
///
/// ```
/// # use dataverse_client::Row;
/// let row: Row = serde_json::from_str(r#"{
///     "statecode": 0, "statecode@OData.Community.Display.V1.FormattedValue": "Active",
///     "_customerid_value": "11111111-1111-1111-1111-111111111111",
///     "_customerid_value@OData.Community.Display.V1.FormattedValue": "Contoso",
///     "_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account"
/// }"#)?;
/// assert_eq!((row.integer("statecode"), row.formatted("statecode")), (Some(0), Some("Active")));
/// let customer = row.lookup("customerid").ok_or("no customer")?;
/// assert_eq!((customer.table, customer.name), (Some("account"), Some("Contoso")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Row(Map<String, Value>);

/// What a lookup points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookup<'a> {
    /// The row's id.
    pub id: Uuid,
    /// Logical name of its table, if the answer is annotated.
    pub table: Option<&'a str>,
    /// Its primary name, if the answer is annotated.
    pub name: Option<&'a str>,
    /// The navigation property it was set through, if the answer is annotated.
    pub navigation: Option<&'a str>,
}

const FORMATTED: &str = "@OData.Community.Display.V1.FormattedValue";
const LOOKUP_TABLE: &str = "@Microsoft.Dynamics.CRM.lookuplogicalname";
const NAVIGATION: &str = "@Microsoft.Dynamics.CRM.associatednavigationproperty";

impl Row {
    /// Text, also of choices of several options and of dates.
    pub fn text(&self, column: &str) -> Option<&str> {
        self.0.get(column)?.as_str()
    }

    /// An integer, an option, a state.
    pub fn integer(&self, column: &str) -> Option<i64> {
        self.0.get(column)?.as_i64()
    }

    /// A decimal, floating point or money value.
    pub fn number(&self, column: &str) -> Option<f64> {
        self.0.get(column)?.as_f64()
    }

    /// Yes or no.
    pub fn boolean(&self, column: &str) -> Option<bool> {
        self.0.get(column)?.as_bool()
    }

    /// A GUID, such as the primary key.
    pub fn id(&self, column: &str) -> Option<Uuid> {
        self.text(column)?.parse().ok()
    }

    /// What a lookup points to, by the column's logical name.
    pub fn lookup(&self, column: &str) -> Option<Lookup<'_>> {
        let property = format!("_{column}_value");
        let annotation = |name: &str| self.text(&format!("{property}{name}"));
        Some(Lookup {
            id: self.id(&property)?,
            table: annotation(LOOKUP_TABLE),
            name: annotation(FORMATTED),
            navigation: annotation(NAVIGATION),
        })
    }

    /// The value of a column as people see it, by the column's logical name: the label of a choice, a date in the user's
    /// form, the name of a lookup's row.
    pub fn formatted(&self, column: &str) -> Option<&str> {
        self.text(&format!("{column}{FORMATTED}"))
            .or_else(|| self.text(&format!("_{column}_value{FORMATTED}")))
    }

    /// The document in a JSON column of an elastic table; none where the column is empty.
    ///
    /// # Errors
    /// If it is no JSON, or does not fit the type.
    pub fn json<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, serde_json::Error> {
        self.text(column).map(serde_json::from_str).transpose()
    }

    /// The version of the row, for [`crate::Client::update_unchanged`] and its kin.
    pub fn etag(&self) -> Option<&str> {
        self.text("@odata.etag")
    }

    /// The row as a type of the caller's own.
    ///
    /// # Errors
    /// If it does not fit the type.
    pub fn into_typed<T: DeserializeOwned>(self) -> Result<T, serde_json::Error> {
        serde_json::from_value(Value::Object(self.0))
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Row ")?;
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Deref for Row {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Row {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl From<Map<String, Value>> for Row {
    fn from(fields: Map<String, Value>) -> Self {
        Self(fields)
    }
}

impl From<Row> for Map<String, Value> {
    fn from(row: Row) -> Self {
        row.0
    }
}

impl IntoIterator for Row {
    type Item = (String, Value);
    type IntoIter = serde_json::map::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debugging_shows_names_and_no_values() {
        let row: Row = serde_json::from_str(r#"{"name":"SECRET","n":1}"#).unwrap();
        let shown = format!("{row:?}");
        assert!(shown.contains("\"name\"") && !shown.contains("SECRET"), "{shown}");
    }

    #[test]
    fn a_lookup_without_annotations_is_still_its_id() {
        let text = r#"{"_a_value":"11111111-1111-1111-1111-111111111111","_b_value":null}"#;
        let row: Row = serde_json::from_str(text).unwrap();
        let lookup = row.lookup("a").unwrap();
        assert_eq!((lookup.table, lookup.name, lookup.navigation), (None, None, None));
        assert_eq!((row.lookup("b"), row.lookup("c"), row.formatted("a")), (None, None, None));
        assert!(row.clone().into_typed::<std::collections::HashMap<String, Option<Uuid>>>().is_ok());
    }
}
