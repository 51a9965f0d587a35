//! `?sql=`: the read-only SQL of the Web API, as Microsoft's Python SDK describes it, done as FetchXML.

mod parse;
mod to_fetch;
mod words;

use serde_json::Value;

use super::fetch::{FetchScope, fetch};
use crate::answer::write_text;
use crate::refusal::Refusal;

pub(super) use parse::{Aggregate, Column, Condition, Item, Order, Select, Test};

/// Answers a SELECT: exactly the columns that it names, nulls included. `page` counts from 1.
pub(crate) fn sql(
    scope: &FetchScope<'_>,
    text: &str,
    page: usize,
    next: impl Fn(usize) -> String,
) -> Result<Vec<u8>, Refusal> {
    let select = Select::parse(text)?;
    let translated = to_fetch::translate(&select, &scope.organisation.schema, scope.table, page)?;
    let answered = fetch(scope, &translated.xml)?;
    let mut answered: Value = serde_json::from_slice(&answered).unwrap_or_default();
    let more = answered["@Microsoft.Dynamics.CRM.morerecords"] == true;
    let mut out = b"{\"@odata.context\":".to_vec();
    write_text(&format!("{}$metadata#{}", scope.root, scope.table.entity_set), &mut out);
    if more && select.offset.is_none() {
        out.extend_from_slice(b",\"@odata.nextLink\":");
        write_text(&next(page + 1), &mut out);
    }
    out.extend_from_slice(b",\"value\":[");
    let rows = answered["value"].as_array_mut().map(std::mem::take).unwrap_or_default();
    for (index, row) in rows.iter().enumerate() {
        out.extend_from_slice(if index > 0 { b",{" } else { b"{" });
        for (index, (name, property)) in translated.names.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_text(name, &mut out);
            out.push(b':');
            out.extend_from_slice(row[property].to_string().as_bytes());
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    Ok(out)
}
