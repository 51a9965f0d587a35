//! Header names in the service's spelling.
//!
//! Names are alike in any case, and the HTTP library writes them in lower case. Clients that look no further than
//! `OData-EntityId` exist nevertheless (the asynchronous one of Microsoft's Python SDK), and the service writes it so.

use std::borrow::Cow;
use std::io::IoSlice;

/// Names as documents spell them.
const NAMES: [&str; 13] = [
    "Access-Control-Expose-Headers",
    "Content-Disposition",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "Date",
    "ETag",
    "Location",
    "OData-EntityId",
    "OData-Version",
    "Preference-Applied",
    "Retry-After",
    "WWW-Authenticate",
];

/// Longer heads stay as they are: no answer has one.
const LONGEST_HEAD: usize = 8 << 10;

/// The head that `bytes` begins with, spelled as the service spells it, of the same length; `None` where they do not begin
/// with one as a whole.
pub(crate) fn spelled_head(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.starts_with(b"HTTP/1.1 ") {
        return None;
    }
    let window = &bytes[..bytes.len().min(LONGEST_HEAD)];
    let end = window.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let mut head = bytes[..end].to_vec();
    let mut at = 0;
    while let Some(length) = head[at..].windows(2).position(|two| two == b"\r\n") {
        at += length + 2;
        let line = &mut head[at..];
        let found = NAMES.iter().map(|name| name.as_bytes()).find(|name| {
            line.get(name.len()) == Some(&b':') && line[..name.len()].eq_ignore_ascii_case(name)
        });
        if let Some(name) = found {
            line[..name.len()].copy_from_slice(name);
        }
    }
    Some(head)
}

/// The bytes to write in place of `slices`, where those begin with a head.
pub(crate) fn spelled<'a>(slices: &'a [IoSlice<'a>]) -> Option<Vec<Cow<'a, [u8]>>> {
    let (first, rest) = slices.split_first()?;
    let head = spelled_head(first)?;
    let body = &first[head.len()..];
    let mut parts = vec![Cow::Owned(head), Cow::Borrowed(body)];
    parts.extend(rest.iter().map(|slice| Cow::Borrowed(&**slice)));
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_and_values_and_bodies_stay() {
        let answer = b"HTTP/1.1 204 No Content\r\nodata-entityid: x/location: y\r\nlocation: z\r\nx-other: etag\r\n\r\netag: 1";
        let head = spelled_head(answer).unwrap();
        let text = String::from_utf8(head).unwrap();
        assert_eq!(
            text,
            "HTTP/1.1 204 No Content\r\nOData-EntityId: x/location: y\r\nLocation: z\r\nx-other: etag\r\n\r\n"
        );
        assert_eq!(spelled_head(b"etag: 1\r\n\r\n"), None);
        assert_eq!(spelled_head(b"HTTP/1.1 200 OK\r\netag: 1\r\n"), None, "half a head");
        let slices = [IoSlice::new(answer), IoSlice::new(b"more")];
        let parts = spelled(&slices).unwrap();
        assert_eq!(parts[1..], [Cow::Borrowed(&b"etag: 1"[..]), Cow::Borrowed(&b"more"[..])]);
    }
}
