//! Which columns of a row are served, and with what said about them.

use crate::query::Chosen;
use crate::refusal::{self, Refusal};
use crate::schema::{Content, Table};
use crate::state::row::{ColumnId, TableId};

/// What `Prefer: odata.include-annotations` asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is asked for by itself")]
pub(crate) struct Annotations {
    pub(crate) formatted: bool,
    pub(crate) lookup_table: bool,
    pub(crate) navigation: bool,
    /// Totals and paging details of a collection.
    pub(crate) totals: bool,
    /// Where a page of FetchXML ends.
    pub(crate) paging_cookie: bool,
    pub(crate) more_records: bool,
}

impl Annotations {
    /// Reads a preference such as `*` or `OData.Community.Display.V1.FormattedValue`.
    pub(crate) fn parse(list: &str) -> Self {
        let mut annotations = Self::default();
        for pattern in list.trim_matches('"').split(',').map(str::trim).filter(|pattern| !pattern.is_empty())
        {
            let asks_for = |name: &str| match pattern.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => pattern == name,
            };
            annotations.formatted |= asks_for("OData.Community.Display.V1.FormattedValue");
            annotations.lookup_table |= asks_for("Microsoft.Dynamics.CRM.lookuplogicalname");
            annotations.navigation |= asks_for("Microsoft.Dynamics.CRM.associatednavigationproperty");
            annotations.totals |= asks_for("Microsoft.Dynamics.CRM.totalrecordcount")
                || asks_for("Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded");
            annotations.paging_cookie |= asks_for("Microsoft.Dynamics.CRM.fetchxmlpagingcookie");
            annotations.more_records |= asks_for("Microsoft.Dynamics.CRM.morerecords");
        }
        annotations
    }

    pub(crate) fn any(self) -> bool {
        self != Self::default()
    }
}

/// Columns with their JSON keys made ready.
#[derive(Debug, Clone)]
pub(crate) struct Projection {
    /// Column and `,"name":`, in column order.
    pub(crate) columns: Vec<(ColumnId, Box<[u8]>)>,
    pub(crate) expands: Vec<Expand>,
    pub(crate) annotations: Annotations,
}

/// A navigation property whose row or rows are served along.
#[derive(Debug, Clone)]
pub(crate) struct Expand {
    pub(crate) name: String,
    pub(crate) source: ExpandSource,
    pub(crate) table: TableId,
    pub(crate) projection: Projection,
    /// Of a collection: which of its rows.
    pub(crate) chosen: Option<Chosen>,
}

/// Where expanded rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExpandSource {
    /// The row that a lookup points to.
    Lookup(ColumnId),
    /// The rows whose lookup points here.
    Children(ColumnId),
    /// The other ends of an N:N relationship.
    Pairs { pair: usize, from_first: bool },
}

impl Projection {
    /// Every readable column.
    pub(crate) fn all(table: &Table, annotations: Annotations) -> Self {
        // Images are served to those only who ask for them.
        let columns = (0..)
            .zip(&table.columns)
            .filter(|(_, column)| column.read && column.content != Some(Content::Image));
        Self {
            columns: columns.map(|(id, column)| (id, json_key(&column.property))).collect(),
            expands: Vec::new(),
            annotations,
        }
    }

    /// The columns of a `$select`, and the primary key.
    pub(crate) fn select(table: &Table, select: &str, annotations: Annotations) -> Result<Self, Refusal> {
        let mut ids = vec![table.primary];
        for name in select.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if name == "*" {
                return Ok(Self::all(table, annotations));
            }
            let id = table.readable(name).ok_or_else(|| refusal::no_query_property(table, name))?;
            ids.push(id);
        }
        ids.sort_unstable();
        ids.dedup();
        let columns = ids.into_iter().map(|id| (id, json_key(&table.column(id).property))).collect();
        Ok(Self { columns, expands: Vec::new(), annotations })
    }
}

fn json_key(name: &str) -> Box<[u8]> {
    // Names of columns are plain letters, digits and underscores.
    format!(",\"{name}\":").into_bytes().into_boxed_slice()
}
