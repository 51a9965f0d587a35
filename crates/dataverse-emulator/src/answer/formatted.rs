//! Annotations: labels of options, names of rows that lookups point to.

use super::projection::Annotations;
use super::row_writer::{write_cell, write_text};
use crate::schema::{Column, Kind, Table};
use crate::state::Organisation;
use crate::state::row::Cell;

/// Appends the annotations of a value that is not null, behind a comma each; `key` is what the value is called.
pub(crate) fn write_annotated(
    organisation: &Organisation,
    table: &Table,
    column: &Column,
    key: &str,
    cell: &Cell<'_>,
    annotations: Annotations,
    out: &mut Vec<u8>,
) {
    let mut annotate = |name: &str, value: &str| {
        out.push(b',');
        write_text(&format!("{key}@{name}"), out);
        out.push(b':');
        write_text(value, out);
    };
    if annotations.formatted
        && let Some(text) = formatted(organisation, column, cell)
    {
        annotate("OData.Community.Display.V1.FormattedValue", &text);
    }
    if let Cell::Lookup(kind, _) = cell {
        let target = organisation.schema.table(*kind);
        if annotations.navigation
            && let Some(property) = table.definition.navigation_property(&column.name, &target.name)
        {
            annotate("Microsoft.Dynamics.CRM.associatednavigationproperty", &property);
        }
        if annotations.lookup_table {
            annotate("Microsoft.Dynamics.CRM.lookuplogicalname", &target.name);
        }
    }
}

/// What a person would read.
fn formatted(organisation: &Organisation, column: &Column, cell: &Cell<'_>) -> Option<String> {
    match (&column.kind, cell) {
        (Kind::MultiChoice { .. }, Cell::Text(text)) => {
            let labels: Vec<&str> =
                text.split(',').filter_map(|value| column.kind.label(value.parse().ok()?)).collect();
            Some(labels.join("; "))
        }
        (Kind::Text { .. } | Kind::Name | Kind::Image, _) => None,
        (_, Cell::Lookup(kind, id)) => {
            let target = organisation.schema.table(*kind);
            let name = target.primary_name?;
            match target.read((*id).into(), organisation.row(target.id, *id)?, name) {
                Cell::Text(text) => Some(text.to_owned()),
                _ => None,
            }
        }
        (Kind::Boolean { .. }, Cell::Boolean(value)) => {
            column.kind.label(i64::from(*value)).map(str::to_owned)
        }
        (Kind::Choice { .. } | Kind::State { .. } | Kind::Status { .. }, Cell::Integer(value)) => {
            column.kind.label(*value).map(str::to_owned)
        }
        (Kind::Id, _) => None,
        _ => {
            let mut text = Vec::new();
            write_cell(cell, &mut text);
            String::from_utf8(text).ok().map(|text| text.trim_matches('"').to_owned())
        }
    }
}
