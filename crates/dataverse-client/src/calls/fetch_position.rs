//! Where a query by FetchXML stands: its XML, apart from the attributes that name the page.

use dataverse_wire::literal::{percent_decode, percent_encode};
use roxmltree::Document;

use super::fetch_parts::escape;

/// A query by FetchXML at one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FetchPosition {
    entity_set: String,
    /// Of the `fetch` element, unescaped, in the order given.
    attributes: Vec<(String, String)>,
    /// What the `fetch` element holds.
    inside: String,
}

impl FetchPosition {
    /// Takes XML apart; the reason where it is none.
    pub(crate) fn new(entity_set: &str, xml: &str) -> Result<Self, String> {
        let document = Document::parse(xml).map_err(|error| error.to_string())?;
        let root = document.root_element();
        if root.tag_name().name() != "fetch" {
            return Err(format!("FetchXML begins with <fetch>, not with <{}>", root.tag_name().name()));
        }
        let attributes = root
            .attributes()
            .map(|attribute| (attribute.name().to_owned(), attribute.value().to_owned()))
            .collect();
        let inside = match (root.first_child(), root.last_child()) {
            (Some(first), Some(last)) => xml[first.range().start..last.range().end].to_owned(),
            _ => String::new(),
        };
        Ok(Self { entity_set: entity_set.to_owned(), attributes, inside })
    }

    pub(crate) fn entity_set(&self) -> &str {
        &self.entity_set
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn set(&mut self, name: &str, value: Option<String>) {
        self.attributes.retain(|(known, _)| known != name);
        self.attributes.extend(value.map(|value| (name.to_owned(), value)));
    }

    fn to_xml(&self) -> String {
        let mut xml = "<fetch".to_owned();
        for (name, value) in &self.attributes {
            xml.push(' ');
            xml.push_str(name);
            xml.push_str("=\"");
            xml.push_str(&escape(value));
            xml.push('"');
        }
        xml.push('>');
        xml.push_str(&self.inside);
        xml.push_str("</fetch>");
        xml
    }

    /// Path and query below the service root.
    pub(crate) fn to_path(&self) -> String {
        format!("{}?fetchXml={}", self.entity_set, percent_encode(&self.to_xml()))
    }

    /// The page after this one. Without a cookie the service counts pages by itself, up to 50,000 rows.
    pub(crate) fn next(&self, annotation: Option<&str>) -> Result<Self, String> {
        let page = match self.attribute("page") {
            Some(page) => page.trim().parse::<u64>().map_err(|_| format!("`{page}` is no page"))?,
            None => 1,
        };
        let cookie = annotation.map(cookie_in).transpose()?;
        let mut next = self.clone();
        next.set("page", Some((page + 1).to_string()));
        next.set("paging-cookie", cookie);
        Ok(next)
    }
}

/// The cookie inside of the annotation: an attribute, percent-encoded twice (documented).
fn cookie_in(annotation: &str) -> Result<String, String> {
    let document = Document::parse(annotation).map_err(|error| format!("a paging cookie: {error}"))?;
    let encoded =
        document.root_element().attribute("pagingcookie").ok_or("a paging cookie without content")?;
    percent_decode(encoded)
        .and_then(|once| percent_decode(&once))
        .ok_or_else(|| "a paging cookie that is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documents' own example.
    const ANNOTATION: &str = "<cookie pagenumber=\"2\" pagingcookie=\"%253ccookie%2520page%253d%25221%2522%253e%253cfullname%2520last%253d%2522Susanna%2520Stubberod%2520%2528sample%2529%2522%2520first%253d%2522Yvonne%2520McKay%2520%2528sample%2529%2522%2520%252f%253e%253c%252fcookie%253e\" istracking=\"False\" />";

    #[test]
    fn the_next_page_takes_the_cookie_as_documented() {
        let xml = "<?xml version='1.0'?><fetch count='3' page='1'>\n <entity name='contact'><filter><condition value='a &amp; b'/></filter></entity></fetch>";
        let first = FetchPosition::new("contacts", xml).unwrap();
        let second = first.next(Some(ANNOTATION)).unwrap();
        assert_eq!(
            second.to_xml(),
            "<fetch count=\"3\" page=\"2\" paging-cookie=\"&lt;cookie page=&quot;1&quot;&gt;&lt;fullname \
             last=&quot;Susanna Stubberod (sample)&quot; first=&quot;Yvonne McKay (sample)&quot; /&gt;&lt;/cookie&gt;\">\n \
             <entity name='contact'><filter><condition value='a &amp; b'/></filter></entity></fetch>"
        );
        let third = second.next(None).unwrap();
        assert!(third.to_xml().starts_with("<fetch count=\"3\" page=\"3\">"), "{}", third.to_xml());
    }

    #[test]
    fn what_is_no_fetch_is_told_before_it_is_sent() {
        for xml in ["", "<entity/>", "<fetch>", "<fetch><entity name='&'/></fetch>", "<fetch a='\u{1}'/>"] {
            assert!(FetchPosition::new("a", xml).is_err(), "{xml}");
        }
    }
}
