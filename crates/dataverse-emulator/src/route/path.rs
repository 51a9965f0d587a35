//! Paths, taken apart into segments with their keys.

use dataverse_wire::literal::{RowKey, percent_decode};

use crate::refusal::{self, Refusal};

/// `accounts(…)`: a name and what stands in its parentheses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) name: String,
    /// Still percent-encoded; `None` without parentheses or with empty ones.
    pub(crate) key: Option<String>,
}

impl Segment {
    /// The key as a row's.
    pub(crate) fn row_key(&self) -> Result<Option<RowKey>, Refusal> {
        let Some(key) = &self.key else { return Ok(None) };
        RowKey::parse(key).map(Some).map_err(|_| {
            refusal::refusal(
                400,
                0x8006_0888,
                format!(
                    "Bad Request - Error in query syntax: the key '({key})' of '{}' cannot be read.",
                    self.name
                ),
            )
        })
    }
}

/// Splits a path at its slashes, leaving those in parentheses and quotes alone.
pub(crate) fn segments(path: &str) -> Result<Vec<Segment>, Refusal> {
    let mut segments = Vec::new();
    let bytes = path.as_bytes();
    let (mut start, mut depth, mut in_quotes) = (0, 0_usize, false);
    for at in 0..=bytes.len() {
        let is_end = at == bytes.len() || (bytes[at] == b'/' && depth == 0 && !in_quotes);
        if is_end {
            if start < at {
                segments.push(segment(&path[start..at])?);
            }
            start = at + 1;
            continue;
        }
        match bytes[at] {
            b'\'' => in_quotes = !in_quotes,
            b'%' if path[at..].starts_with("%27") => in_quotes = !in_quotes,
            b'(' if !in_quotes => depth += 1,
            b')' if !in_quotes => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(segments)
}

fn segment(text: &str) -> Result<Segment, Refusal> {
    // Parentheses may be percent-encoded as a whole.
    let decoded;
    let text = if text.contains('(') || !text.contains("%28") {
        text
    } else {
        decoded = text.replace("%28", "(").replace("%29", ")");
        decoded.as_str()
    };
    let (name, key) = match text.split_once('(') {
        Some((name, rest)) => {
            let key = rest.strip_suffix(')').ok_or_else(|| refusal::no_segment(text))?;
            (name, Some(key.trim()).filter(|key| !key.is_empty()).map(str::to_owned))
        }
        None => (text, None),
    };
    let name = percent_decode(name).ok_or_else(|| refusal::no_segment(text))?;
    Ok(Segment { name, key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_and_parentheses_in_quotes_belong_to_the_key() {
        let parts = segments("contacts(name='a/b(c',x=1)/accounts_x/$ref").unwrap();
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["contacts", "accounts_x", "$ref"]);
        assert_eq!(parts[0].key.as_deref(), Some("name='a/b(c',x=1"));
    }

    #[test]
    fn empty_parentheses_are_no_key() {
        assert_eq!(segments("WhoAmI()").unwrap(), [Segment { name: "WhoAmI".into(), key: None }]);
        assert_eq!(segments("").unwrap(), []);
    }
}
