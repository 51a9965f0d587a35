//! From the text of a filter to its words.

use dataverse_wire::literal::parse_guid;

use super::ast::Literal;
use crate::refusal::{self, Refusal};

/// A word of a filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Open,
    Close,
    Comma,
    Equals,
    OpenList,
    CloseList,
    /// Names, operators, paths with slashes and dots.
    Word(String),
    Literal(Literal),
}

/// Splits a filter into words. Aliases (`@p`) have been replaced before.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let single = match first {
            '(' => Some(Token::Open),
            ')' => Some(Token::Close),
            ',' => Some(Token::Comma),
            '=' => Some(Token::Equals),
            '[' => Some(Token::OpenList),
            ']' => Some(Token::CloseList),
            _ => None,
        };
        if let Some(token) = single {
            tokens.push(token);
            rest = &rest[1..];
        } else if first.is_whitespace() {
            rest = &rest[first.len_utf8()..];
        } else if first == '\'' || first == '"' {
            let (text, after) = quoted(rest, first)?;
            tokens.push(Token::Literal(Literal::Text(text)));
            rest = after;
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || "(),=[]'\"".contains(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after;
            // `Microsoft.Dynamics.CRM.OwnershipTypes'UserOwned'`: an enum member, by its name.
            if after.starts_with('\'') && word.contains('.') {
                let (member, after) = quoted(after, '\'')?;
                tokens.push(Token::Literal(Literal::Text(member)));
                rest = after;
                continue;
            }
            tokens.push(word_token(word));
        }
    }
    Ok(tokens)
}

fn quoted(text: &str, quote: char) -> Result<(String, &str), Refusal> {
    let mut value = String::new();
    let mut rest = &text[1..];
    loop {
        let Some(end) = rest.find(quote) else {
            return Err(refusal::bad_query(format_args!(
                "There is an unterminated string literal in '{text}'."
            )));
        };
        value.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix(quote) {
            Some(after) => {
                value.push(quote);
                rest = after;
            }
            None => return Ok((value, rest)),
        }
    }
}

/// A word as it stands: a literal, or a name.
pub(super) fn word_token(word: &str) -> Token {
    let literal = match word {
        "null" => Some(Literal::Null),
        "true" => Some(Literal::Boolean(true)),
        "false" => Some(Literal::Boolean(false)),
        _ => parse_guid(word).map(Literal::Guid).or_else(|| number_or_date(word)),
    };
    literal.map_or_else(|| Token::Word(word.to_owned()), Token::Literal)
}

fn number_or_date(word: &str) -> Option<Literal> {
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let is_date = word.len() >= 10 && word.as_bytes()[4] == b'-' && word.as_bytes()[7] == b'-';
    if is_date {
        return Some(Literal::Date(word.to_owned()));
    }
    word.parse::<f64>().ok().map(|_| Literal::Number(word.to_owned()))
}
