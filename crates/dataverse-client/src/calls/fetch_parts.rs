//! The parts of FetchXML queries: conditions, joined tables, and what both sides of a join have in common.

use std::fmt::Write as _;

/// What an entity and a link have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Body {
    columns: String,
    orders: String,
    filters: String,
    links: String,
}

/// A table joined to another: where its column `from` equals the other's column `to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    table: String,
    from: String,
    to: String,
    kind: &'static str,
    alias: Option<String>,
    body: Body,
}

/// A condition of FetchXML; values are escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition(String);

/// What is computed over the rows of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// Rows.
    Count,
    /// Rows with a value.
    CountColumn,
    /// Different values.
    CountDistinct,
    /// Their sum.
    Sum,
    /// Their mean; of whole numbers a whole one.
    Average,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

/// Escapes for element content and for attributes in either quotes; blanks of all kinds survive too.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            // Readers of attributes make blanks of these.
            '\t' => escaped.push_str("&#9;"),
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            other => escaped.push(other),
        }
    }
    escaped
}

impl Body {
    pub(super) fn select<S: AsRef<str>>(&mut self, columns: impl IntoIterator<Item = S>) {
        for column in columns {
            let _ = write!(self.columns, "<attribute name=\"{}\"/>", escape(column.as_ref()));
        }
    }

    pub(super) fn filter(&mut self, condition: Condition) {
        let Condition(inside) = condition;
        let _ = write!(self.filters, "<filter>{inside}</filter>");
    }

    pub(super) fn order(&mut self, what: &str, name: &str, descending: bool) {
        let descending = if descending { " descending=\"true\"" } else { "" };
        let _ = write!(self.orders, "<order {what}=\"{}\"{descending}/>", escape(name));
    }

    pub(super) fn aggregate(&mut self, column: &str, aggregate: Aggregate, alias: &str) {
        let function = match aggregate {
            Aggregate::Count => "count\"",
            Aggregate::CountColumn => "countcolumn\"",
            Aggregate::CountDistinct => "countcolumn\" distinct=\"true\"",
            Aggregate::Sum => "sum\"",
            Aggregate::Average => "avg\"",
            Aggregate::Min => "min\"",
            Aggregate::Max => "max\"",
        };
        let (column, alias) = (escape(column), escape(alias));
        let _ =
            write!(self.columns, "<attribute name=\"{column}\" alias=\"{alias}\" aggregate=\"{function}/>");
    }

    pub(super) fn group(&mut self, column: &str, alias: &str, part: Option<&str>) {
        let part = part.map(|part| format!(" dategrouping=\"{}\"", escape(part))).unwrap_or_default();
        let (column, alias) = (escape(column), escape(alias));
        let _ =
            write!(self.columns, "<attribute name=\"{column}\" alias=\"{alias}\" groupby=\"true\"{part}/>");
    }

    pub(super) fn write(&self, xml: &mut String) {
        for part in [&self.columns, &self.orders, &self.filters, &self.links] {
            xml.push_str(part);
        }
    }

    pub(super) fn link(&mut self, link: Link) {
        self.links.push_str(&link.into_xml());
    }
}

impl Link {
    fn new(table: &str, from: &str, to: &str, kind: &'static str) -> Self {
        Self {
            table: table.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            kind,
            alias: None,
            body: Body::default(),
        }
    }

    /// Only rows with a match, once for each.
    pub fn inner(table: &str, from: &str, to: &str) -> Self {
        Self::new(table, from, to, "inner")
    }

    /// All rows, those without a match too.
    pub fn outer(table: &str, from: &str, to: &str) -> Self {
        Self::new(table, from, to, "outer")
    }

    /// Only rows with a match, each once; columns of the match cannot be selected.
    pub fn exists(table: &str, from: &str, to: &str) -> Self {
        Self::new(table, from, to, "exists")
    }

    /// Inside of a [`Condition::linked`]: no match.
    pub fn not_any(table: &str, from: &str, to: &str) -> Self {
        Self::new(table, from, to, "not any")
    }

    /// Inside of a [`Condition::linked`]: at least one match.
    pub fn any(table: &str, from: &str, to: &str) -> Self {
        Self::new(table, from, to, "any")
    }

    /// What its columns are called by: `alias.column`. Give one: the service's own names follow no single rule.
    #[must_use]
    pub fn alias(mut self, alias: &str) -> Self {
        self.alias = Some(alias.to_owned());
        self
    }

    /// The columns to return.
    #[must_use]
    pub fn select<S: AsRef<str>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.body.select(columns);
        self
    }

    /// Conditions that joined rows must meet.
    #[must_use]
    pub fn filter(mut self, condition: Condition) -> Self {
        self.body.filter(condition);
        self
    }

    /// A table joined to this one; through an intersect table for many-to-many relationships.
    #[must_use]
    pub fn link(mut self, link: Self) -> Self {
        self.body.link(link);
        self
    }

    /// A computed column called `alias`.
    #[must_use]
    pub fn aggregate(mut self, column: &str, aggregate: Aggregate, alias: &str) -> Self {
        self.body.aggregate(column, aggregate, alias);
        self
    }

    /// Groups by a column, called `alias`.
    #[must_use]
    pub fn group_by(mut self, column: &str, alias: &str) -> Self {
        self.body.group(column, alias, None);
        self
    }

    fn into_xml(self) -> String {
        let (table, from, to) = (escape(&self.table), escape(&self.from), escape(&self.to));
        let kind = self.kind;
        let mut xml =
            format!("<link-entity name=\"{table}\" from=\"{from}\" to=\"{to}\" link-type=\"{kind}\"");
        if let Some(alias) = &self.alias {
            let _ = write!(xml, " alias=\"{}\"", escape(alias));
        }
        xml.push('>');
        self.body.write(&mut xml);
        xml.push_str("</link-entity>");
        xml
    }
}

impl Condition {
    /// One of FetchXML's operators, `eq`, `like`, `last-x-days` and many more, with the values it takes.
    pub fn new<V: ToString>(column: &str, operator: &str, values: impl IntoIterator<Item = V>) -> Self {
        let values: Vec<String> = values.into_iter().map(|value| escape(&value.to_string())).collect();
        let head = format!("<condition attribute=\"{}\" operator=\"{}\"", escape(column), escape(operator));
        Self(match values.as_slice() {
            [] => format!("{head}/>"),
            // Operators that take lists want elements even for one value.
            [value] if !matches!(operator, "in" | "not-in" | "contain-values" | "not-contain-values") => {
                format!("{head} value=\"{value}\"/>")
            }
            values => {
                format!("{head}><value>{}</value></condition>", values.join("</value><value>"))
            }
        })
    }

    /// Without value.
    pub fn is_null(column: &str) -> Self {
        Self::new::<&str>(column, "null", [])
    }

    /// Two columns compared: `eq`, `ne`, `gt`, `ge`, `lt` or `le`; the other may be a linked table's, `alias.column`.
    pub fn columns(column: &str, operator: &str, other: &str) -> Self {
        let (column, operator, other) = (escape(column), escape(operator), escape(other));
        Self(format!("<condition attribute=\"{column}\" operator=\"{operator}\" valueof=\"{other}\"/>"))
    }

    /// Rows elsewhere that must be there, or must not: [`Link::any`], [`Link::not_any`].
    pub fn linked(link: Link) -> Self {
        Self(link.into_xml())
    }

    /// All of them.
    pub fn all(conditions: impl IntoIterator<Item = Self>) -> Self {
        Self(format!("<filter type=\"and\">{}</filter>", Self::joined(conditions)))
    }

    /// At least one of them.
    pub fn any(conditions: impl IntoIterator<Item = Self>) -> Self {
        Self(format!("<filter type=\"or\">{}</filter>", Self::joined(conditions)))
    }

    fn joined(conditions: impl IntoIterator<Item = Self>) -> String {
        conditions.into_iter().map(|condition| condition.0).collect()
    }
}
