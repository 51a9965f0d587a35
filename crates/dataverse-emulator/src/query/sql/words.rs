//! SQL, cut into words.

use crate::refusal::{self, Refusal};

/// A word of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// A name or keyword as written.
    Name(String),
    /// A name in brackets or quotes, never a keyword.
    Quoted(String),
    Text(String),
    Number(String),
    /// `=`, `<>`, `(`, `,`, `.`, `*` and so on.
    Sign(&'static str),
}

const SIGNS: [&str; 14] = ["<=", ">=", "<>", "!=", "=", "<", ">", "(", ")", ",", ".", "*", "-", ";"];

pub(super) fn unreadable(detail: impl std::fmt::Display) -> Refusal {
    refusal::refusal(400, 0x8004_0201, format!("Invalid SQL: {detail}."))
}

/// Cuts a statement into words; comments are refused with everything else that is no word.
pub(super) fn words(text: &str) -> Result<Vec<Word>, Refusal> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, length) = match first {
            '\'' => quoted(rest, '\'').map(|(text, length)| (Word::Text(text), length))?,
            '"' => quoted(rest, '"').map(|(text, length)| (Word::Quoted(text), length))?,
            '[' => quoted(rest, ']').map(|(text, length)| (Word::Quoted(text), length))?,
            'N' | 'n' if rest[1..].starts_with('\'') => {
                let (text, length) = quoted(&rest[1..], '\'')?;
                (Word::Text(text), length + 1)
            }
            c if c.is_alphabetic() || c == '_' => {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                (Word::Name(rest[..end].to_owned()), end)
            }
            c if c.is_ascii_digit() => {
                let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
                (Word::Number(rest[..end].to_owned()), end)
            }
            _ => {
                let sign = SIGNS
                    .iter()
                    .find(|sign| rest.starts_with(**sign))
                    .filter(|_| !rest.starts_with("--"))
                    .ok_or_else(|| unreadable(format_args!("'{first}' has no place in a SELECT")))?;
                (Word::Sign(sign), sign.len())
            }
        };
        words.push(word);
        rest = rest[length..].trim_start();
    }
    Ok(words)
}

/// A quoted word with its doubled quotes made single, and how long it is with its quotes.
fn quoted(text: &str, end: char) -> Result<(String, usize), Refusal> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != end {
            out.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == end) {
            chars.next();
            out.push(end);
        } else {
            return Ok((out, at + end.len_utf8()));
        }
    }
    Err(unreadable(format_args!("a {end} is missing")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_doubled_inside_of_quotes() {
        let found = words("[a b] = 'it''s' AND n<>1.5").unwrap();
        let expected = [
            Word::Quoted("a b".into()),
            Word::Sign("="),
            Word::Text("it's".into()),
            Word::Name("AND".into()),
            Word::Name("n".into()),
            Word::Sign("<>"),
            Word::Number("1.5".into()),
        ];
        assert_eq!(found, expected);
        for text in ["'open", "a -- b", "a /* b */", "a; @b"] {
            assert!(words(text).is_err(), "{text}");
        }
    }
}
