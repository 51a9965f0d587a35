//! Where a page of FetchXML ends: the cookie that the next request brings back.

use roxmltree::Document;
use uuid::Uuid;

use super::super::cookie::encode_all;
use crate::refusal::{self, Refusal};

/// What a cookie says about the page it was given with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FetchCookie {
    pub(super) page: usize,
    pub(super) last: Option<Uuid>,
}

/// The annotation of a page: its cookie, percent-encoded twice within an element of its own. `values` are the first and
/// last values of each column that rows are ordered by, the primary key last.
pub(super) fn write(page: usize, values: &[(String, String, String)]) -> String {
    use std::fmt::Write as _;
    let mut inner = format!("<cookie page=\"{page}\">");
    for (column, first, last) in values {
        // Writing to a string does not fail.
        let _ = write!(inner, "<{column} last=\"{}\" first=\"{}\" />", escaped(last), escaped(first));
    }
    inner.push_str("</cookie>");
    let twice = encode_all(&encode_all(&inner));
    format!("<cookie pagenumber=\"{}\" pagingcookie=\"{twice}\" istracking=\"False\" />", page + 1)
}

/// Reads a `paging-cookie` as clients give it back: decoded.
pub(super) fn parse(text: &str, primary: &str) -> Result<FetchCookie, Refusal> {
    let malformed = || refusal::refusal(400, 0x8004_0203, "Malformed XML in the Paging Cookie.");
    let document = Document::parse(text).map_err(|_| malformed())?;
    let root = document.root_element();
    let page = root.attribute("page").and_then(|page| page.parse().ok()).ok_or_else(malformed)?;
    let last = root
        .children()
        .find(|child| child.tag_name().name() == primary)
        .and_then(|child| child.attribute("last"))
        .and_then(|id| Uuid::try_parse(id.trim_matches(['{', '}'])).ok());
    Ok(FetchCookie { page, last })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use dataverse_wire::literal::percent_decode;

    use super::*;

    #[test]
    fn a_cookie_survives_the_way_that_documents_prescribe() {
        let id = Uuid::from_u128(7);
        let values = [
            ("fullname".to_owned(), "A & \"B\"".to_owned(), "<Z>".to_owned()),
            ("contactid".to_owned(), format!("{{{id}}}"), format!("{{{id}}}")),
        ];
        let annotation = write(2, &values);
        let document = Document::parse(&annotation).unwrap();
        let encoded = document.root_element().attribute("pagingcookie").unwrap();
        assert!(encoded.starts_with("%253ccookie%2520page%253d%25222%2522%253e%253cfullname"), "{encoded}");
        let decoded = percent_decode(&percent_decode(encoded).unwrap()).unwrap();
        assert_eq!(parse(&decoded, "contactid"), Ok(FetchCookie { page: 2, last: Some(id) }));
        assert!(parse(encoded, "contactid").is_err());
    }
}
