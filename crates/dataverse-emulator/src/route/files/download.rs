//! `GET …/column/$value`: a file, whole or a part of it; without `$value` as base64.

use std::fmt::Write as _;
use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{CHUNK_BYTES, Form, find_row};
use crate::refusal::{self, Refusal};
use crate::route::dispatch::Context;
use crate::route::exchange::{Answer, JSON, Request};
use crate::route::path::Segment;
use crate::schema::{Content, Table};
use crate::state::row::ColumnId;
use crate::write::{find_file, keeps_full_images};

pub(super) fn get(
    context: &Context<'_>,
    request: &Request,
    table: &Table,
    row: &Segment,
    column: ColumnId,
    form: Form,
) -> Result<Answer, Refusal> {
    let id = find_row(context, table, row)?;
    let settings = context.service.settings();
    settings.must_keep(table, column)?;
    let organisation = context.service.organisation().read().unwrap_or_else(PoisonError::into_inner);
    let is_image = table.column(column).content == Some(Content::Image);
    let wants_full = request.query().split('&').any(|pair| pair == "size=full");
    if is_image && wants_full && !keeps_full_images(&organisation, table, column) {
        return Ok(Answer::no_content());
    }
    let Some(file) = find_file(&organisation, table, id, column)? else {
        if is_image {
            return Ok(Answer::no_content());
        }
        let name = &table.column(column).name;
        let text = format!("No file attachment found for attribute: {name} EntityId: {id}.");
        return Err(refusal::refusal(404, 0x8004_0217, text));
    };
    let size = file.bytes.len();
    let range = match request.headers.get("range") {
        Some(text) => match part(text, size) {
            Some(range) => Some(range),
            None => {
                return Ok(Answer::text(416, "The range lies outside of the file.")
                    .with("content-range", format!("bytes */{size}")));
            }
        },
        None => None,
    };
    if range.is_some() && settings.files_in_database {
        return Err(refusal::no_chunks());
    }
    let mut answer = Answer::no_content()
        .with_status(if range.is_some() { 206 } else { 200 })
        .with("content-type", "application/octet-stream")
        .with("x-ms-file-size", size.to_string())
        .with("x-ms-file-name", ascii(&file.name))
        // By this header clients tell a file from a value.
        .with(
            "content-disposition",
            format!("attachment; filename=\"{}\"", ascii(&file.name).replace('"', "%22")),
        )
        .with("mimetype", ascii(&file.mime_type));
    let exposed = if let Some((first, last)) = range {
        answer = answer
            .with("x-ms-chunk-size", CHUNK_BYTES.to_string())
            .with("content-range", format!("bytes {first}-{last}/{size}"));
        answer.body = file.bytes.slice(first..=last);
        "x-ms-file-size; x-ms-file-name; x-ms-chunk-size; mimetype"
    } else {
        answer.body = file.bytes;
        "x-ms-file-size; x-ms-file-name; mimetype"
    };
    if form == Form::Value {
        let name = &table.column(column).name;
        let value = serde_json::json!({
            "@odata.context": format!("{}$metadata#{}({id})/{name}", context.root, table.entity_set),
            "value": BASE64.encode(&answer.body),
        });
        answer.body = value.to_string().into();
        answer.headers.retain(|(name, _)| *name != "content-type");
        answer = answer.with("content-type", JSON);
    }
    Ok(answer.with("access-control-expose-headers", exposed))
}

/// First and last byte of `bytes=0-4194303`, `bytes=100-` or `bytes=-100`.
fn part(text: &str, size: usize) -> Option<(usize, usize)> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
    let end = size.checked_sub(1)?;
    let (first, last) = match (first.trim(), last.trim()) {
        ("", length) => (size.saturating_sub(length.parse().ok()?), end),
        (first, "") => (first.parse().ok()?, end),
        (first, last) => (first.parse().ok()?, last.parse::<usize>().ok()?.min(end)),
    };
    (first <= last).then_some((first, last))
}

/// Headers are ASCII: other letters are percent-encoded.
fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte == b' ' || (byte.is_ascii_graphic() && byte != b'%') {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_ends_with_the_file_at_most() {
        assert_eq!(part("bytes=0-3", 10), Some((0, 3)));
        assert_eq!(part("bytes=8-20", 10), Some((8, 9)));
        assert_eq!(part("bytes=4-", 10), Some((4, 9)));
        assert_eq!(part("bytes=-4", 10), Some((6, 9)));
        assert_eq!(part("bytes=10-12", 10), None);
        assert_eq!(part("bytes=0-3", 0), None);
    }

    #[test]
    fn names_fit_into_a_header() {
        assert_eq!(ascii("Müller a.pdf"), "M%C3%BCller a.pdf");
    }
}
