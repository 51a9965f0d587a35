//! Words, values and signs of Cosmos SQL.

use crate::refusal::{self, Refusal};

/// A piece of a query.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A keyword or a name.
    Word(String),
    Text(String),
    Number(f64),
    /// `@name`.
    Parameter(String),
    /// `=`, `!=`, `<=`, `(`, `.` and so on.
    Sign(&'static str),
}

impl Token {
    /// A keyword, in whatever case.
    pub(super) fn is_word(&self, wanted: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(wanted))
    }
}

const SIGNS: [&str; 17] =
    ["!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ".", ",", "*", "+", "-", "/"];

/// Takes a query apart.
pub(super) fn tokens(query: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        let length;
        if first == '\'' || first == '"' {
            let (text, used) = quoted(rest, first).ok_or_else(|| unreadable(rest))?;
            tokens.push(Token::Text(text));
            length = used;
        } else if first.is_ascii_digit() {
            length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let number = rest[..length].parse().map_err(|_| unreadable(rest))?;
            tokens.push(Token::Number(number));
        } else if is_name(first) || first == '@' {
            length = rest[1..].find(|c: char| !is_name(c)).map_or(rest.len(), |end| end + 1);
            let word = rest[..length].to_owned();
            tokens.push(if first == '@' { Token::Parameter(word) } else { Token::Word(word) });
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign)).ok_or_else(|| unreadable(rest))?;
            tokens.push(Token::Sign(sign));
            length = sign.len();
        }
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The text in quotes, and how many bytes it takes with them.
fn quoted(rest: &str, quote: char) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => text.push(chars.next()?.1),
            _ if c == quote => return Some((text, at + c.len_utf8())),
            _ => text.push(c),
        }
    }
    None
}

pub(super) fn unreadable(rest: &str) -> Refusal {
    let near: String = rest.chars().take(40).collect();
    refusal::refusal(400, 0x8004_0203, format!("The Cosmos SQL query cannot be read near '{near}'."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_may_hold_quotes_and_signs() {
        let found = tokens(r#"c.a>=1.5 and c["b"]!='it\'s' or @p"#).unwrap();
        assert_eq!(found[3], Token::Sign(">="));
        assert_eq!(found[4], Token::Number(1.5));
        assert!(
            found.contains(&Token::Text("it's".to_owned())) && found.contains(&Token::Text("b".to_owned()))
        );
        assert_eq!(found.last(), Some(&Token::Parameter("@p".to_owned())));
        assert!(tokens("select 'open").is_err());
    }
}
