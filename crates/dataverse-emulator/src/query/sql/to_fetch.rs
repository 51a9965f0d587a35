//! From a SELECT to FetchXML.

use std::fmt::Write as _;

use super::parse::Join;
use super::words::unreadable;
use super::{Aggregate, Column, Condition, Item, Order, Select, Test};
use crate::refusal::{self, Refusal};
use crate::schema::{Schema, Table};

/// A SELECT as FetchXML, and under which property each of its columns comes back.
#[derive(Debug)]
pub(super) struct Translated {
    pub(super) xml: String,
    pub(super) names: Vec<(String, String)>,
}

/// A table of the statement.
struct Source<'s> {
    alias: String,
    table: &'s Table,
    /// The source it is joined to, with both columns.
    joined: Option<(usize, String, String, bool)>,
}

struct Translator<'s> {
    select: &'s Select,
    sources: Vec<Source<'s>>,
    aggregates: bool,
}

pub(super) fn translate(
    select: &Select,
    schema: &Schema,
    root: &Table,
    page: usize,
) -> Result<Translated, Refusal> {
    let named = |name: &str| schema.named(name).map(AsRef::as_ref).ok_or_else(|| refusal::no_table(name));
    let table = named(&select.table)?;
    if table.id != root.id {
        return Err(refusal::bad_query(format_args!(
            "The entity set '{}' is not that of the statement's table '{}'.",
            root.entity_set, table.name
        )));
    }
    let alias = select.alias.clone().unwrap_or_else(|| table.name.clone());
    let mut sources = vec![Source { alias, table, joined: None }];
    for join in &select.joins {
        let table = named(&join.table)?;
        let alias = join.alias.clone().unwrap_or_else(|| table.name.clone());
        let joined = ends(&sources, &alias, join)?;
        sources.push(Source { alias, table, joined: Some(joined) });
    }
    let aggregates = !select.groups.is_empty() || select.items.iter().any(|item| item.aggregate.is_some());
    Translator { select, sources, aggregates }.fetch(page)
}

/// The source a join leads to, the column there and the column here.
fn ends(sources: &[Source<'_>], alias: &str, join: &Join) -> Result<(usize, String, String, bool), Refusal> {
    let is_here = |column: &Column| column.table.as_deref() == Some(alias);
    let (here, there) = if is_here(&join.one) { (&join.one, &join.other) } else { (&join.other, &join.one) };
    let wanted = there.table.as_deref();
    let at = sources.iter().position(|source| wanted.is_none_or(|wanted| source.alias == wanted));
    match at {
        Some(at) if is_here(here) => Ok((at, there.name.clone(), here.name.clone(), join.outer)),
        _ => Err(unreadable(format_args!(
            "the ON of {alias} compares one of its columns with one of a table before"
        ))),
    }
}

impl Translator<'_> {
    fn fetch(&self, page: usize) -> Result<Translated, Refusal> {
        let select = self.select;
        let mut xml = "<fetch".to_owned();
        if let Some(top) = select.top.filter(|_| select.offset.is_none()) {
            put(&mut xml, "top", top);
        } else if let Some((offset, rows)) = select.offset {
            if rows == 0 || offset % rows != 0 {
                return Err(refusal::not_emulated("OFFSET that is no multiple of the rows fetched"));
            }
            put(&mut xml, "count", rows);
            put(&mut xml, "page", offset / rows + 1);
        } else if page > 1 {
            put(&mut xml, "page", page);
        }
        if select.distinct {
            put(&mut xml, "distinct", "true");
        }
        if self.aggregates {
            put(&mut xml, "aggregate", "true");
        }
        xml.push_str(" useraworderby='true'><entity");
        put(&mut xml, "name", &self.sources[0].table.name);
        xml.push('>');
        let names = self.names()?;
        self.inside(0, &names, &mut xml)?;
        xml.push_str("</entity></fetch>");
        let names = select.items.iter().zip(names).map(|(item, alias)| (shown(item), alias)).collect();
        Ok(Translated { xml, names })
    }

    /// Each item's alias in the FetchXML: unique, whatever the statement says.
    fn names(&self) -> Result<Vec<String>, Refusal> {
        for item in &self.select.items {
            let column = item.column.as_ref();
            let is_grouped = column.is_some_and(|column| {
                self.select.groups.iter().any(|group| self.same(group, column).unwrap_or(false))
            });
            if self.aggregates && item.aggregate.is_none() && !is_grouped {
                let name = column.map_or("", |column| column.name.as_str());
                return Err(unreadable(format_args!(
                    "the column {name} is neither grouped by nor aggregated"
                )));
            }
        }
        Ok((0..self.select.items.len()).map(|number| format!("c{number}")).collect())
    }

    fn same(&self, one: &Column, other: &Column) -> Result<bool, Refusal> {
        Ok(one.name == other.name && self.source(one)? == self.source(other)?)
    }

    /// The table that a column belongs to: by its alias, or because only that one has it.
    fn source(&self, column: &Column) -> Result<usize, Refusal> {
        let found = match &column.table {
            Some(alias) => self.sources.iter().position(|source| source.alias == *alias),
            None => self.sources.iter().position(|source| source.table.by_name.contains_key(&column.name)),
        };
        found.ok_or_else(|| {
            let name = column.table.as_deref().map_or_else(String::new, |table| format!("{table}."));
            unreadable(format_args!("the column {name}{} is of no table of the statement", column.name))
        })
    }

    /// Attributes, orders, filters and joined tables of a source.
    fn inside(&self, at: usize, aliases: &[String], xml: &mut String) -> Result<(), Refusal> {
        for (item, alias) in self.select.items.iter().zip(aliases) {
            self.attribute(at, item, alias, xml)?;
        }
        if at == 0 {
            for order in &self.select.orders {
                self.order(order, aliases, xml)?;
            }
            if let Some(filter) = &self.select.filter {
                xml.push_str("<filter>");
                self.condition(filter, xml)?;
                xml.push_str("</filter>");
            }
        }
        for (next, source) in self.sources.iter().enumerate() {
            let Some((parent, there, here, outer)) = &source.joined else { continue };
            if *parent != at {
                continue;
            }
            xml.push_str("<link-entity");
            put(xml, "name", &source.table.name);
            put(xml, "from", here);
            put(xml, "to", there);
            put(xml, "alias", &source.alias);
            put(xml, "link-type", if *outer { "outer" } else { "inner" });
            xml.push('>');
            self.inside(next, aliases, xml)?;
            xml.push_str("</link-entity>");
        }
        Ok(())
    }

    fn attribute(&self, at: usize, item: &Item, alias: &str, xml: &mut String) -> Result<(), Refusal> {
        let (source, name) = if let Some(column) = &item.column {
            (self.source(column)?, column.name.clone())
        } else {
            let root = self.sources[0].table;
            (0, root.column(root.primary).name.clone())
        };
        if source != at {
            return Ok(());
        }
        xml.push_str("<attribute");
        put(xml, "name", name);
        put(xml, "alias", alias);
        match item.aggregate {
            Some(Aggregate::Count { .. }) if item.column.is_none() => put(xml, "aggregate", "count"),
            Some(Aggregate::Count { distinct }) => {
                put(xml, "aggregate", "countcolumn");
                if distinct {
                    put(xml, "distinct", "true");
                }
            }
            Some(Aggregate::Sum) => put(xml, "aggregate", "sum"),
            Some(Aggregate::Average) => put(xml, "aggregate", "avg"),
            Some(Aggregate::Min) => put(xml, "aggregate", "min"),
            Some(Aggregate::Max) => put(xml, "aggregate", "max"),
            None if self.aggregates => put(xml, "groupby", "true"),
            None => {}
        }
        xml.push_str("/>");
        Ok(())
    }

    fn order(&self, order: &Order, aliases: &[String], xml: &mut String) -> Result<(), Refusal> {
        let selected = self.select.items.iter().position(|item| {
            let by_alias = order.column.table.is_none()
                && item.alias.as_ref().is_some_and(|alias| alias.eq_ignore_ascii_case(&order.column.name));
            let by_column = item.aggregate.is_none()
                && item
                    .column
                    .as_ref()
                    .is_some_and(|column| self.same(column, &order.column).unwrap_or(false));
            by_alias || by_column
        });
        let item = selected.map(|number| &self.select.items[number]);
        let column = item.and_then(|item| item.column.as_ref()).unwrap_or(&order.column);
        let source = match item {
            Some(item) if item.column.is_none() => 0,
            _ => self.source(column)?,
        };
        xml.push_str("<order");
        match selected {
            Some(number) if self.aggregates => put(xml, "alias", &aliases[number]),
            _ => {
                if source > 0 {
                    put(xml, "entityname", &self.sources[source].alias);
                }
                put(xml, "attribute", &column.name);
            }
        }
        if order.descending {
            put(xml, "descending", "true");
        }
        xml.push_str("/>");
        Ok(())
    }

    fn condition(&self, condition: &Condition, xml: &mut String) -> Result<(), Refusal> {
        let (kind, parts) = match condition {
            Condition::All(parts) => ("and", parts),
            Condition::Any(parts) => ("or", parts),
            Condition::Test(test) => return self.test(test, xml),
        };
        xml.push_str("<filter");
        put(xml, "type", kind);
        xml.push('>');
        for part in parts {
            self.condition(part, xml)?;
        }
        xml.push_str("</filter>");
        Ok(())
    }

    fn test(&self, test: &Test, xml: &mut String) -> Result<(), Refusal> {
        xml.push_str("<condition");
        let source = self.source(&test.column)?;
        if source > 0 {
            put(xml, "entityname", &self.sources[source].alias);
        }
        put(xml, "attribute", &test.column.name);
        put(xml, "operator", test.operator);
        xml.push('>');
        for value in &test.values {
            xml.push_str("<value>");
            escape(value, xml);
            xml.push_str("</value>");
        }
        xml.push_str("</condition>");
        Ok(())
    }
}

/// What a column is called in the answer.
fn shown(item: &Item) -> String {
    if let Some(alias) = &item.alias {
        return alias.clone();
    }
    let name = item.column.as_ref().map(|column| column.name.clone());
    match item.aggregate {
        None => name.unwrap_or_default(),
        Some(aggregate) => {
            let function = match aggregate {
                Aggregate::Count { .. } => "count",
                Aggregate::Sum => "sum",
                Aggregate::Average => "avg",
                Aggregate::Min => "min",
                Aggregate::Max => "max",
            };
            name.map_or_else(|| function.to_owned(), |name| format!("{function}_{name}"))
        }
    }
}

fn put(xml: &mut String, name: &str, value: impl std::fmt::Display) {
    xml.push(' ');
    xml.push_str(name);
    xml.push_str("='");
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(text, "{value}");
    escape(&text, xml);
    xml.push('\'');
}

fn escape(text: &str, xml: &mut String) {
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '\'' => xml.push_str("&apos;"),
            '"' => xml.push_str("&quot;"),
            c => xml.push(c),
        }
    }
}
