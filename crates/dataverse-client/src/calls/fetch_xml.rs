//! FetchXML as a builder (reference §13.5).

use std::fmt::Write as _;

use super::fetch_parts::{Aggregate, Body, Condition, Link, escape};
use super::fetch_position::FetchPosition;
use super::page::Pages;
use crate::{Client, Error};

/// A query by FetchXML, for what OData cannot say: joins of any kind, columns compared with columns, distinct rows,
/// distinct counts, dates grouped by their parts. Names are given as they are, values are escaped.
///
/// ```
/// use dataverse_client::{Condition, Fetch, Link};
/// let fetch = Fetch::new("contacts", "contact")
///     .select(["fullname"])
///     .filter(Condition::new("lastname", "eq", ["O'Hara & <Söhne>"]))
///     .link(Link::inner("account", "accountid", "parentcustomerid").alias("a").select(["name"]))
///     .order_by("fullname");
/// assert_eq!(
///     fetch.to_xml(),
///     "<fetch><entity name=\"contact\"><attribute name=\"fullname\"/><order attribute=\"fullname\"/><filter>\
///      <condition attribute=\"lastname\" operator=\"eq\" value=\"O&apos;Hara &amp; &lt;Söhne&gt;\"/></filter>\
///      <link-entity name=\"account\" from=\"accountid\" to=\"parentcustomerid\" link-type=\"inner\" alias=\"a\">\
///      <attribute name=\"name\"/></link-entity></entity></fetch>"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    entity_set: String,
    form: Form,
    annotations: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Built { attributes: Vec<(&'static str, String)>, table: String, body: Body },
    Raw(String),
}

impl Fetch {
    /// All rows with all columns; select what is needed. The entity set is that of the table.
    pub fn new(entity_set: impl Into<String>, table: impl Into<String>) -> Self {
        let form = Form::Built { attributes: Vec::new(), table: table.into(), body: Body::default() };
        Self { entity_set: entity_set.into(), form, annotations: None }
    }

    /// A query in FetchXML's own words; the caller answers for its escaping. The builder's other methods, but for
    /// [`Self::annotations`], do not change it. Pages go on from the one that it names.
    pub fn raw(entity_set: impl Into<String>, xml: impl Into<String>) -> Self {
        Self { entity_set: entity_set.into(), form: Form::Raw(xml.into()), annotations: None }
    }

    fn attribute(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Form::Built { attributes, .. } = &mut self.form {
            attributes.retain(|(known, _)| *known != name);
            attributes.push((name, value.into()));
        }
        self
    }

    fn change(mut self, change: impl FnOnce(&mut Body)) -> Self {
        if let Form::Built { body, .. } = &mut self.form {
            change(body);
        }
        self
    }

    /// The columns to return. Lookups go by their plain name, and come as `_name_value`.
    #[must_use]
    pub fn select<S: AsRef<str>>(self, columns: impl IntoIterator<Item = S>) -> Self {
        self.change(|body| body.select(columns))
    }

    /// Conditions that rows must meet; several filters must all be met.
    #[must_use]
    pub fn filter(self, condition: Condition) -> Self {
        self.change(|body| body.filter(condition))
    }

    /// A joined table.
    #[must_use]
    pub fn link(self, link: Link) -> Self {
        self.change(|body| body.link(link))
    }

    /// Ascending order, behind the orders given before. Lookups are ordered by the name of the row they lead to,
    /// choices by label.
    #[must_use]
    pub fn order_by(self, column: &str) -> Self {
        self.change(|body| body.order("attribute", column, false))
    }

    /// Descending order.
    #[must_use]
    pub fn order_by_descending(self, column: &str) -> Self {
        self.change(|body| body.order("attribute", column, true))
    }

    /// No row twice. Rows then come without their primary key, unless it is selected.
    #[must_use]
    pub fn distinct(self) -> Self {
        self.attribute("distinct", "true")
    }

    /// The first rows only. Not together with pages: the service refuses that.
    #[must_use]
    pub fn top(self, rows: u32) -> Self {
        self.attribute("top", rows.to_string())
    }

    /// Rows per page, 5,000 at most, which is also the default.
    #[must_use]
    pub fn page_rows(self, rows: u32) -> Self {
        self.attribute("count", rows.clamp(1, dataverse_wire::limits::PAGE_ROWS).to_string())
    }

    /// Asks for [`crate::Page::count`].
    #[must_use]
    pub fn count(self) -> Self {
        self.attribute("returntotalrecordcount", "true")
    }

    /// A computed column called `alias`; the query then gives groups instead of rows.
    #[must_use]
    pub fn aggregate(self, column: &str, aggregate: Aggregate, alias: &str) -> Self {
        self.change(|body| body.aggregate(column, aggregate, alias)).attribute("aggregate", "true")
    }

    /// Groups by a column, called `alias`.
    #[must_use]
    pub fn group_by(self, column: &str, alias: &str) -> Self {
        self.change(|body| body.group(column, alias, None)).attribute("aggregate", "true")
    }

    /// Groups by a part of a date: `day`, `week`, `month`, `quarter`, `year`, `fiscal-period`, `fiscal-year`.
    #[must_use]
    pub fn group_by_date(self, column: &str, part: &str, alias: &str) -> Self {
        self.change(|body| body.group(column, alias, Some(part))).attribute("aggregate", "true")
    }

    /// Ascending order of groups by one of their aliases.
    #[must_use]
    pub fn order_by_alias(self, alias: &str) -> Self {
        self.change(|body| body.order("alias", alias, false))
    }

    /// Annotations to return along: `*` for all.
    #[must_use]
    pub fn annotations(mut self, pattern: impl Into<String>) -> Self {
        self.annotations = Some(pattern.into());
        self
    }

    /// The query as XML.
    pub fn to_xml(&self) -> String {
        let (attributes, table, body) = match &self.form {
            Form::Raw(xml) => return xml.clone(),
            Form::Built { attributes, table, body } => (attributes, table, body),
        };
        let mut xml = "<fetch".to_owned();
        for (name, value) in attributes {
            let _ = write!(xml, " {name}=\"{}\"", escape(value));
        }
        let _ = write!(xml, "><entity name=\"{}\">", escape(table));
        body.write(&mut xml);
        xml.push_str("</entity></fetch>");
        xml
    }
}

impl Client {
    /// Starts a query by FetchXML; nothing is sent before the first page is asked for.
    ///
    /// # Errors
    /// [`Error::Input`] if it is no XML, or holds a character that XML cannot carry.
    pub fn fetch(&self, fetch: &Fetch) -> Result<Pages, Error> {
        let position = FetchPosition::new(&fetch.entity_set, &fetch.to_xml())
            .map_err(|reason| Error::Input { operation: "query by FetchXML", reason })?;
        // Both are needed to find the next page, and come only when asked for (documented).
        let needed = "Microsoft.Dynamics.CRM.fetchxmlpagingcookie,Microsoft.Dynamics.CRM.morerecords";
        let annotations = match fetch.annotations.as_deref() {
            Some("*") => "*".to_owned(),
            Some(pattern) => format!("{pattern},{needed}"),
            None => needed.to_owned(),
        };
        let prefer = format!("odata.include-annotations=\"{annotations}\"");
        Ok(Pages::of_fetch(self.clone(), position, prefer))
    }
}
