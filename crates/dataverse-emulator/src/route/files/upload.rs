//! `PATCH …/column`: a file in one piece, or in chunks.

use std::sync::PoisonError;

use dataverse_wire::literal::percent_decode;

use super::session::{Place, Session, unknown};
use super::{CHUNK_BYTES, MOST_BYTES, ONE_REQUEST_BYTES, bad, find_row, row_of, write};
use crate::refusal::Refusal;
use crate::route::dispatch::Context;
use crate::route::exchange::{Answer, Request};
use crate::route::path::Segment;
use crate::schema::Table;
use crate::state::row::ColumnId;
use crate::write::{NewFile, check_size, set_file};

pub(super) fn patch(
    context: &Context<'_>,
    request: &Request,
    table: &Table,
    row: &Segment,
    column: ColumnId,
) -> Result<Answer, Refusal> {
    if let Some(token) = parameter(request, "sessiontoken") {
        return chunk(context, request, table, column, &token);
    }
    if request.headers.get("x-ms-transfer-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("chunked")) {
        return begin(context, request, table, row, column);
    }
    if request.body.len() > ONE_REQUEST_BYTES {
        return Err(bad("A file of 128 MB or more is to be uploaded in chunks."));
    }
    let name = file_name(request)?;
    write(context, |tx| {
        let id = row_of(tx, table, row)?;
        set_file(tx, table, id, column, &NewFile { name: &name, mime_type: None, bytes: &request.body })
    })?;
    Ok(Answer::no_content())
}

/// The name in the header, which counts, or else in the query, which may have any letter.
fn file_name(request: &Request) -> Result<String, Refusal> {
    let name = request.headers.get("x-ms-file-name").map(str::to_owned);
    name.or_else(|| parameter(request, "x-ms-file-name")).filter(|name| !name.trim().is_empty()).ok_or_else(
        || bad("The name of the file is missing: send it as x-ms-file-name, a header or a parameter."),
    )
}

fn parameter(request: &Request, name: &str) -> Option<String> {
    request.query().split('&').find_map(|pair| {
        let (known, value) = pair.split_once('=')?;
        (percent_decode(known)? == name).then(|| percent_decode(value)).flatten()
    })
}

fn begin(
    context: &Context<'_>,
    request: &Request,
    table: &Table,
    row: &Segment,
    column: ColumnId,
) -> Result<Answer, Refusal> {
    let name = file_name(request)?;
    let id = find_row(context, table, row)?;
    let place = Place { table: table.id, row: id, column };
    let service = context.service;
    let session = Session::Chunks { place, name, total: None, parts: std::collections::BTreeMap::new() };
    let token = service.file_sessions().begin(service.next_number(), session);
    let target = request.path();
    Ok(Answer::no_content()
        .with_status(200)
        .with("location", format!("{}{target}?sessiontoken={token}", context.root))
        .with("x-ms-chunk-size", CHUNK_BYTES.to_string())
        .with("accept-ranges", "bytes")
        .with("access-control-expose-headers", "x-ms-chunk-size"))
}

/// Takes one part. Parts may come in any order and more than once; the file is there when all of it has come.
fn chunk(
    context: &Context<'_>,
    request: &Request,
    table: &Table,
    column: ColumnId,
    token: &str,
) -> Result<Answer, Refusal> {
    let (first, last, size) = content_range(request.headers.get("content-range"))?;
    if last - first + 1 != request.body.len() as u64 {
        let text =
            format!("Content-Range tells {} bytes, the body has {}.", last - first + 1, request.body.len());
        return Err(bad(text));
    }
    if size > MOST_BYTES {
        return Err(crate::refusal::not_emulated("A file of more than one gigabyte"));
    }
    {
        let organisation = context.service.organisation().read().unwrap_or_else(PoisonError::into_inner);
        check_size(&organisation, table, column, size)?;
    }
    let whole = {
        let mut sessions = context.service.file_sessions();
        let Session::Chunks { place, name, total, parts } = sessions.get(token)? else {
            return Err(unknown());
        };
        if place.table != table.id || place.column != column {
            return Err(bad("The session token is of another file."));
        }
        if *total.get_or_insert(size) != size {
            return Err(bad("The size of the file changed on the way."));
        }
        parts.insert(first, request.body.clone());
        let mut next = 0;
        for (at, part) in &*parts {
            if *at > next {
                break;
            }
            next = next.max(at + part.len() as u64);
        }
        if next < size {
            return Ok(Answer::no_content().with_status(206));
        }
        // An overlap ends in the same bytes, since every part tells its place.
        let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
        for (at, part) in &*parts {
            let at = usize::try_from(*at).unwrap_or_default();
            bytes[at..at + part.len()].copy_from_slice(part);
        }
        (*place, name.clone(), bytes)
    };
    let (place, name, bytes) = whole;
    write(context, |tx| {
        set_file(tx, table, place.row, column, &NewFile { name: &name, mime_type: None, bytes: &bytes })
    })?;
    context.service.file_sessions().end(token);
    Ok(Answer::no_content())
}

/// `bytes 0-4194303/25870370`.
fn content_range(text: Option<&str>) -> Result<(u64, u64, u64), Refusal> {
    let read = |text: &str| {
        let (range, size) = text.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last, size): (u64, u64, u64) =
            (first.trim().parse().ok()?, last.trim().parse().ok()?, size.trim().parse().ok()?);
        (first <= last && last < size).then_some((first, last, size))
    };
    text.and_then(read).ok_or_else(|| {
        bad(format!(
            "Content-Range: {} is not of the form 'bytes 0-4194303/25870370'.",
            text.unwrap_or("(missing)")
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_lie_within_the_file() {
        assert_eq!(content_range(Some("bytes 0-3/10")), Ok((0, 3, 10)));
        for wrong in [None, Some("bytes 4-3/10"), Some("bytes 0-10/10"), Some("0-3/10"), Some("bytes 0-3")] {
            assert!(content_range(wrong).is_err(), "{wrong:?}");
        }
    }
}
