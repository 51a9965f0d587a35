//! Where a page ends and the next begins: next links and the cookies in them.

use uuid::Uuid;

use super::changes::DeltaToken;
use crate::refusal::{self, Refusal};

/// The URL of the next page: the same query with another token.
pub(super) fn next_link(root: &str, target: &str, cookie: &str) -> String {
    query_link(root, target, "$skiptoken", cookie)
}

/// The same query with another token; a delta token replaces a place in pages, too.
pub(super) fn query_link(root: &str, target: &str, token: &str, value: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let is_replaced = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default().replace("%24", "$");
        name == token || name == "$skiptoken"
    };
    let mut link = format!("{root}{path}?");
    for pair in query.split('&').filter(|pair| !pair.is_empty() && !is_replaced(pair)) {
        link.push_str(pair);
        link.push('&');
    }
    link.push_str(token);
    link.push('=');
    link.push_str(&dataverse_wire::literal::percent_encode(value));
    link
}

/// A place in a result: opaque to clients, and of the service's own form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cookie {
    pub(super) page: usize,
    pub(super) last: Option<Uuid>,
    /// Changes are tracked, from this point on.
    pub(super) tracking: Option<DeltaToken>,
}

impl Cookie {
    pub(super) fn write(self, primary: &str, first: Uuid) -> String {
        let last = self.last.unwrap_or_default();
        let inner = format!(
            "<cookie page=\"{}\"><{primary} last=\"{{{}}}\" first=\"{{{}}}\" /></cookie>",
            self.page - 1,
            last.hyphenated().to_string().to_uppercase(),
            first.hyphenated().to_string().to_uppercase()
        );
        let twice = encode_all(&encode_all(&inner));
        let tracking = match self.tracking {
            Some(token) => format!("istracking=\"True\" since=\"{}\"", token.write()),
            None => "istracking=\"False\"".to_owned(),
        };
        format!("<cookie pagenumber=\"{}\" pagingcookie=\"{twice}\" {tracking} />", self.page)
    }

    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let malformed = || refusal::refusal(400, 0x8004_0203, "Malformed XML in the Paging Cookie.");
        let page = text
            .split_once("pagenumber=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .and_then(|(number, _)| number.parse().ok())
            .filter(|page| *page > 1)
            .ok_or_else(malformed)?;
        let mut inner = text.to_owned();
        for _ in 0..2 {
            inner = dataverse_wire::literal::percent_decode(&inner).ok_or_else(malformed)?;
        }
        let last = inner
            .split_once("last=\"{")
            .and_then(|(_, rest)| rest.get(..36))
            .and_then(|id| Uuid::try_parse(id).ok())
            .ok_or_else(malformed)?;
        let tracking = text
            .split_once("since=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .and_then(|(token, _)| DeltaToken::parse(token));
        Ok(Self { page, last: Some(last), tracking })
    }
}

/// Encodes everything but letters and digits, as the service does inside of cookies.
pub(super) fn encode_all(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_comes_back_from_its_link() {
        let cookie = Cookie { page: 3, last: Some(Uuid::from_u128(99)), tracking: None };
        let text = cookie.write("accountid", Uuid::from_u128(1));
        assert!(text.contains("pagingcookie=\"%253ccookie"), "{text}");
        assert_eq!(Cookie::parse(&text).unwrap(), cookie);
        assert!(Cookie::parse("<cookie pagenumber=\"2\" />").is_err());
    }

    #[test]
    fn a_next_link_repeats_the_query_without_the_old_token() {
        let link = next_link("http://h/api/data/v9.2/", "accounts?$select=name&$skiptoken=old", "new");
        assert_eq!(link, "http://h/api/data/v9.2/accounts?$select=name&$skiptoken=new");
    }
}
