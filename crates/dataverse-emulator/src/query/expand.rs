//! `$expand`: which navigation properties are served along.

use super::bind::Binder;
use super::chosen::Chosen;
use crate::answer::{Annotations, Expand, ExpandSource, Projection};
use crate::refusal::{self, Refusal};
use crate::schema::{Collection, Property, Schema, Table};
use crate::settings::Settings;

/// Reads `primarycontactid($select=fullname),createdby`.
pub(super) fn expands(
    schema: &Schema,
    settings: &Settings,
    table: &Table,
    text: &str,
    annotations: Annotations,
) -> Result<Vec<Expand>, Refusal> {
    split(text, ',')
        .into_iter()
        .map(|item| expand(schema, settings, table, item.trim(), annotations))
        .collect()
}

fn expand(
    schema: &Schema,
    settings: &Settings,
    table: &Table,
    item: &str,
    annotations: Annotations,
) -> Result<Expand, Refusal> {
    let (name, options) = match item.split_once('(') {
        Some((name, rest)) => (name, rest.strip_suffix(')').unwrap_or(rest)),
        None => (item, ""),
    };
    let (source, target) =
        find(schema, table, name).ok_or_else(|| refusal::no_query_property(table, name))?;
    let target = schema.table(target);
    let mut projection = Projection::all(target, annotations);
    let mut nested = Vec::new();
    let is_collection = !matches!(source, ExpandSource::Lookup(_));
    let mut chosen = None;
    for option in split(options, ';') {
        match option.trim().split_once('=') {
            Some(("$select", select)) => projection = Projection::select(target, select, annotations)?,
            Some(("$expand", text)) => nested = expands(schema, settings, target, text, annotations)?,
            Some((other, value)) => {
                let binder = Binder { schema, table: target, settings };
                let chosen = chosen.get_or_insert_with(|| Chosen::new(target, settings));
                if is_collection && chosen.take(binder, other, value)? {
                    continue;
                }
                return Err(refusal::not_emulated(format_args!("{other} inside of $expand={name}")));
            }
            None if option.trim().is_empty() => {}
            None => return Err(refusal::bad_query(format_args!("Syntax error in $expand at '{option}'."))),
        }
    }
    projection.expands = nested;
    Ok(Expand { name: name.to_owned(), source, table: target.id, projection, chosen })
}

fn find(schema: &Schema, table: &Table, name: &str) -> Option<(ExpandSource, u16)> {
    match table.properties.get(name) {
        // `ownerid` leads to users and teams; users are by far the most.
        Some(Property::Navigation { column, targets }) => {
            return targets.first().map(|target| (ExpandSource::Lookup(*column), *target));
        }
        Some(Property::Parties) => {
            let parties = schema.named("activityparty")?;
            let column = *parties.by_name.get("activityid")?;
            return Some((ExpandSource::Children(column), parties.id));
        }
        _ => {}
    }
    Some(match schema.collection(table.id, name)? {
        Collection::Children { table, column } => (ExpandSource::Children(column), table),
        Collection::Pairs { pair, from_first } => {
            let ends = schema.pair(pair);
            let target = if from_first { ends.second } else { ends.first };
            (ExpandSource::Pairs { pair, from_first }, target)
        }
    })
}

/// Splits at a separator that is not inside parentheses or quotes.
pub(crate) fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut in_quotes, mut start) = (0_usize, false, 0);
    for (at, c) in text.char_indices() {
        match c {
            '\'' => in_quotes = !in_quotes,
            '(' if !in_quotes => depth += 1,
            ')' if !in_quotes => depth = depth.saturating_sub(1),
            _ if c == separator && depth == 0 && !in_quotes => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}
