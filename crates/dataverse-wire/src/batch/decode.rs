//! Reading, defensively: foreign bytes give an error, never a panic.

use bytes::Bytes;

use super::{Answer, BatchAnswer, BatchItem, BatchRequest, BatchResponse, Header, Method, Operation};
use crate::Error;

impl BatchRequest {
    /// Reads a request. Lines may end with CRLF or LF, as real clients mix them; the one after the closing boundary
    /// is demanded as the service demands it: one CRLF, or two line feeds (reference §3.1).
    ///
    /// # Errors
    /// [`Error::BatchNotEnded`] without that last line end, [`Error::Batch`] for anything else that is not well
    /// formed: no boundary, a part that is no request, a batch in a batch.
    pub fn decode(content_type: &str, body: &Bytes) -> Result<Self, Error> {
        let parts = split(&boundary(content_type)?, body)?;
        if !parts.is_ended {
            return Err(Error::BatchNotEnded);
        }
        let items = parts.parts.iter().map(|part| match read_part(part)? {
            Part::Http { content_id, message } => {
                read_operation(content_id, &message).map(BatchItem::Operation)
            }
            Part::Set(operations) => {
                let read = operations.into_iter().map(|(id, message)| read_operation(id, &message));
                read.collect::<Result<_, _>>().map(BatchItem::ChangeSet)
            }
        });
        Ok(Self { items: items.collect::<Result<_, _>>()? })
    }
}

impl BatchResponse {
    /// Reads an answer, however its lines end.
    ///
    /// # Errors
    /// [`Error::Batch`] for what is not well formed, such as an answer that was cut off.
    pub fn decode(content_type: &str, body: &Bytes) -> Result<Self, Error> {
        let items =
            split(&boundary(content_type)?, body)?.parts.into_iter().map(|part| match read_part(&part)? {
                Part::Http { content_id, message } => {
                    read_answer(content_id, &message).map(BatchAnswer::Answer)
                }
                Part::Set(answers) => {
                    let read = answers.into_iter().map(|(id, message)| read_answer(id, &message));
                    read.collect::<Result<_, _>>().map(BatchAnswer::ChangeSet)
                }
            });
        Ok(Self { items: items.collect::<Result<_, _>>()? })
    }
}

fn malformed(reason: impl Into<String>) -> Error {
    Error::Batch { reason: reason.into() }
}

/// The boundary that a content type names, quoted or not.
fn boundary(content_type: &str) -> Result<String, Error> {
    let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    if !kind.trim().eq_ignore_ascii_case("multipart/mixed") {
        return Err(malformed(format!("its content type is `{}`, not multipart/mixed", kind.trim())));
    }
    let named = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"').to_owned())
    });
    named
        .filter(|boundary| !boundary.is_empty())
        .ok_or_else(|| malformed("its content type names no boundary"))
}

struct Parts {
    parts: Vec<Bytes>,
    /// The closing boundary's line is ended as the service wants it.
    is_ended: bool,
}

/// Cuts a body at the lines that are `--boundary`; the line end before such a line belongs to it.
fn split(boundary: &str, body: &Bytes) -> Result<Parts, Error> {
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut part_start: Option<usize> = None;
    let mut position = 0;
    while position < body.len() {
        let line_start = position;
        let line_end = find(&body[position..], b"\n").map_or(body.len(), |offset| position + offset + 1);
        position = line_end;
        let line = body[line_start..line_end].trim_ascii_end();
        let Some(after) = line.strip_prefix(delimiter.as_bytes()) else { continue };
        let is_closing = after == b"--";
        if !is_closing && !after.is_empty() {
            continue;
        }
        if let Some(start) = part_start {
            parts.push(body.slice(start..without_line_end(body, start, line_start)));
        }
        if is_closing {
            let rest = &body[line_start + delimiter.len() + 2..];
            let is_ended =
                rest.starts_with(b"\r\n") || rest.starts_with(b"\n\n") || rest.starts_with(b"\n\r\n");
            return Ok(Parts { parts, is_ended });
        }
        part_start = Some(line_end);
    }
    Err(malformed("its closing boundary is missing"))
}

fn without_line_end(body: &[u8], start: usize, end: usize) -> usize {
    match &body[start..end] {
        [.., b'\r', b'\n'] => end - 2,
        [.., b'\n'] => end - 1,
        _ => end,
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    match needle {
        [byte] => haystack.iter().position(|b| b == byte),
        _ => haystack.windows(needle.len()).position(|window| window == needle),
    }
}

enum Part {
    Http { content_id: Option<String>, message: Bytes },
    Set(Vec<(Option<String>, Bytes)>),
}

fn read_part(part: &Bytes) -> Result<Part, Error> {
    let (headers, content) = read_headers(part)?;
    let content_type = header(&headers, "content-type").unwrap_or_default();
    if is_http(content_type) {
        return Ok(Part::Http {
            content_id: header(&headers, "content-id").map(str::to_owned),
            message: content,
        });
    }
    let inner = split(&boundary(content_type)?, &content)?.parts;
    let operations = inner.iter().map(|part| {
        let (headers, message) = read_headers(part)?;
        if !is_http(header(&headers, "content-type").unwrap_or_default()) {
            return Err(malformed("a part of a change set is no application/http"));
        }
        Ok((header(&headers, "content-id").map(str::to_owned), message))
    });
    Ok(Part::Set(operations.collect::<Result<_, _>>()?))
}

fn is_http(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/http")
}

fn header<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    super::find_header(headers, name)
}

/// One line without its ending, and what follows.
fn take_line(bytes: &Bytes) -> Result<(String, Bytes), Error> {
    let end = find(bytes, b"\n").map_or(bytes.len(), |offset| offset + 1);
    let line = std::str::from_utf8(&bytes[..end]).map_err(|_| malformed("a header line is no UTF-8"))?;
    Ok((line.trim_end_matches(['\r', '\n']).to_owned(), bytes.slice(end..)))
}

/// Headers up to the blank line, or to the end: the blank line may be the one that belongs to the next boundary.
fn read_headers(bytes: &Bytes) -> Result<(Vec<Header>, Bytes), Error> {
    let mut headers = Vec::new();
    let mut rest = bytes.clone();
    loop {
        if rest.is_empty() {
            return Ok((headers, rest));
        }
        let (line, after) = take_line(&rest)?;
        rest = after;
        if line.is_empty() {
            return Ok((headers, rest));
        }
        let (name, value) = line.split_once(':').ok_or_else(|| malformed("a header line has no colon"))?;
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
}

/// The first line that is not blank, then headers, then the body.
fn read_message(message: &Bytes) -> Result<(String, Vec<Header>, Bytes), Error> {
    let mut rest = message.clone();
    loop {
        if rest.is_empty() {
            return Err(malformed("a part is empty"));
        }
        let (line, after) = take_line(&rest)?;
        rest = after;
        if !line.trim().is_empty() {
            let (headers, body) = read_headers(&rest)?;
            return Ok((line, headers, body));
        }
    }
}

fn read_operation(content_id: Option<String>, message: &Bytes) -> Result<Operation, Error> {
    let (line, headers, body) = read_message(message)?;
    let (method, rest) = line.split_once(' ').ok_or_else(|| malformed("a request line has no target"))?;
    let method =
        Method::from_name(method).ok_or_else(|| malformed("a request line has an unknown method"))?;
    let target = match rest.rsplit_once(' ') {
        Some((target, version)) if version.starts_with("HTTP/") => target,
        _ => return Err(malformed("a request line has no HTTP version")),
    };
    if target.trim().is_empty() {
        return Err(malformed("a request line has no target"));
    }
    // Some clients name the request among its own headers.
    let content_id = content_id.or_else(|| header(&headers, "content-id").map(str::to_owned));
    Ok(Operation { method, target: target.to_owned(), headers, content_id, body })
}

fn read_answer(content_id: Option<String>, message: &Bytes) -> Result<Answer, Error> {
    let (line, headers, body) = read_message(message)?;
    let mut words = line.split_ascii_whitespace();
    let is_http = words.next().is_some_and(|version| version.starts_with("HTTP/"));
    let status = words.next().filter(|_| is_http).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| malformed("a status line has no status"))?;
    Ok(Answer { status, headers, content_id, body })
}
