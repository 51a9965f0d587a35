//! One row, from bytes to JSON.

use super::formatted::write_annotated;
use super::projection::{Expand, ExpandSource, Projection};
use crate::schema::Table;
use crate::state::row::{self, Cell, Form};
use crate::state::{Key, Organisation, sort_key};
use crate::write::{format_day, format_instant, pair_rows};

/// Appends a JSON text.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

/// Appends a value as the service serves it.
pub(crate) fn write_cell(cell: &Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Cell::Null => out.extend_from_slice(b"null"),
        Cell::Text(text) => write_text(text, out),
        Cell::Integer(value) => {
            let mut digits = [0; 20];
            out.extend_from_slice(format_integer(*value, &mut digits));
        }
        Cell::Digits(digits) => out.extend_from_slice(digits.as_bytes()),
        Cell::Double(value) => {
            let _ = serde_json::to_writer(out, value);
        }
        Cell::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Cell::Instant(seconds) => {
            out.push(b'"');
            format_instant(*seconds, out);
            out.push(b'"');
        }
        Cell::Day(days) => {
            out.push(b'"');
            format_day(i64::from(*days), out);
            out.push(b'"');
        }
        Cell::Id(id) | Cell::Lookup(_, id) => {
            out.push(b'"');
            let mut text = [0; 36];
            out.extend_from_slice(id.hyphenated().encode_lower(&mut text).as_bytes());
            out.push(b'"');
        }
    }
}

fn format_integer(value: i64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut position = buffer.len();
    let mut rest = value.unsigned_abs();
    loop {
        position -= 1;
        buffer[position] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        position -= 1;
        buffer[position] = b'-';
    }
    &buffer[position..]
}

/// Appends a row as an object; `context` comes first where the row is the whole answer.
pub(crate) fn write_row(
    organisation: &Organisation,
    table: &Table,
    key: Key,
    bytes: &[u8],
    projection: &Projection,
    context: Option<&str>,
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    if let Some(context) = context {
        out.extend_from_slice(b"\"@odata.context\":");
        write_text(context, out);
        out.push(b',');
    }
    out.extend_from_slice(b"\"@odata.etag\":\"W/\\\"");
    let mut digits = [0; 20];
    let version = i64::try_from(row::version(bytes)).unwrap_or(i64::MAX);
    out.extend_from_slice(format_integer(version, &mut digits));
    out.extend_from_slice(b"\\\"\"");
    // Both the row and the projection are in column order: one pass over each.
    let mut cells = row::cells(bytes).peekable();
    for (id, json_key) in &projection.columns {
        let column = table.column(*id);
        while cells.next_if(|(cell, _)| cell < id).is_some() {}
        let kept = cells.next_if(|(cell, _)| cell == id).map(|(_, bytes)| bytes);
        let cell = match (kept, column.kind.form()) {
            (Some(bytes), Some(form)) if column.view_of.is_none() && *id != table.primary => {
                row::decode(bytes, form)
            }
            _ => table.read(key, bytes, *id),
        };
        if projection.annotations.any() && cell != Cell::Null {
            write_annotated(
                organisation,
                table,
                column,
                &column.property,
                &cell,
                projection.annotations,
                out,
            );
        }
        out.extend_from_slice(json_key);
        write_cell(&cell, out);
    }
    for expand in &projection.expands {
        write_expand(organisation, table, key, bytes, expand, out);
    }
    out.push(b'}');
}

fn write_expand(
    organisation: &Organisation,
    table: &Table,
    key: Key,
    bytes: &[u8],
    expand: &Expand,
    out: &mut Vec<u8>,
) {
    out.push(b',');
    write_text(&expand.name, out);
    out.push(b':');
    let target = organisation.schema.table(expand.table);
    let rows = organisation.rows(expand.table);
    let found: Vec<Key> = match expand.source {
        ExpandSource::Lookup(column) => {
            let there = match table.read(key, bytes, column) {
                Cell::Lookup(kind, id) if kind == expand.table => rows.get(id.into()).map(|row| (Key::from(id), row)),
                _ => None,
            };
            match there {
                Some((key, row)) => write_row(organisation, target, key, row, &expand.projection, None, out),
                None => out.extend_from_slice(b"null"),
            }
            return;
        }
        ExpandSource::Children(column) if rows.is_sorted_by(column) => match sort_key(Cell::Id(key.id())) {
            Some(wanted) => rows.in_range(column, &(wanted..=wanted)),
            None => Vec::new(),
        },
        ExpandSource::Children(column) => rows
            .after(None)
            .filter(|(_, row)| matches!(row::get(row, column, Form::Lookup), Some(Cell::Lookup(_, id)) if id == key.id()))
            .map(|(key, _)| key)
            .collect(),
        ExpandSource::Pairs { pair, from_first } => {
            let pair = organisation.schema.pair(pair);
            pair_rows(organisation, pair, from_first, key.id()).into_iter().map(Key::from).collect()
        }
    };
    let found = match &expand.chosen {
        Some(chosen) => chosen.of(organisation, found),
        None => found,
    };
    out.push(b'[');
    let mut first = true;
    for key in found {
        let Some(row) = rows.get(key) else { continue };
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        write_row(organisation, target, key, row, &expand.projection, None, out);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_written_whole() {
        for value in [0, 7, -1, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            write_cell(&Cell::Integer(value), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }
}
