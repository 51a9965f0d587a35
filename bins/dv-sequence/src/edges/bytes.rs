//! From a file, or the standard input, to the text of an edge list.

use std::io::Read;
use std::path::Path;

/// The standard input, as an argument and in messages.
const STANDARD_INPUT: (&str, &str) = ("-", "the standard input");

/// What an input is called in messages.
pub(crate) fn called(path: &Path) -> String {
    if is_standard_input(path) { STANDARD_INPUT.1.to_owned() } else { path.display().to_string() }
}

pub(crate) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == STANDARD_INPUT.0
}

/// The bytes of the list, unpacked where they are packed, whatever the name says.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let taken = if is_standard_input(path) {
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| ())
    } else {
        std::fs::read(path).map(|all| bytes = all)
    };
    taken.map_err(|error| format!("{} cannot be read: {error}", called(path)))?;
    if bytes.starts_with(b"\x1f\x8b") {
        let packed = std::mem::take(&mut bytes);
        flate2::read::MultiGzDecoder::new(packed.as_slice())
            .read_to_end(&mut bytes)
            .map_err(|error| format!("{} cannot be unpacked: {error}", called(path)))?;
    }
    match foreign(&bytes) {
        Some(what) => Err(format!("{} is {what}; save it as CSV in UTF-8", called(path))),
        None => Ok(bytes),
    }
}

/// What else than a text in UTF-8 it is, by its first bytes.
fn foreign(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] => Some("in UTF-16"),
        [b'P', b'K', 3, 4, ..] => Some("a workbook or a ZIP archive"),
        _ => None,
    }
}
