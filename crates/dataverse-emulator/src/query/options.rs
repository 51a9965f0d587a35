//! The query part of a URL, taken apart.

use std::collections::HashMap;

use crate::refusal::{self, Refusal};

/// `$select` and its kin as they were sent, with parameter aliases replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct QueryOptions {
    pub(crate) select: Option<String>,
    pub(crate) filter: Option<String>,
    pub(crate) order_by: Option<String>,
    pub(crate) top: Option<usize>,
    pub(crate) count: bool,
    pub(crate) expand: Option<String>,
    pub(crate) apply: Option<String>,
    pub(crate) skip_token: Option<String>,
    /// `$id` of a disassociation.
    pub(crate) id: Option<String>,
    /// Everything else, by name: `fetchXml`, `@p` and custom ones.
    pub(crate) others: HashMap<String, String>,
}

impl QueryOptions {
    /// Reads the text after the question mark.
    pub(crate) fn parse(query: &str) -> Result<Self, Refusal> {
        let mut options = Self::default();
        let mut pairs = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((decode(name)?, decode(value)?));
        }
        for (name, value) in &pairs {
            if name.starts_with('@') {
                options.others.insert(name.clone(), value.clone());
            }
        }
        for (name, value) in pairs {
            let value = if name.starts_with('@') { value } else { options.without_aliases(&value) };
            match name.as_str() {
                "$select" => options.select = Some(value),
                "$filter" => options.filter = Some(value),
                "$orderby" => options.order_by = Some(value),
                "$expand" => options.expand = Some(value),
                "$apply" => options.apply = Some(value),
                "$skiptoken" => options.skip_token = Some(value),
                "$id" => options.id = Some(value),
                "$count" => options.count = value == "true",
                "$top" => {
                    let top = value.parse().map_err(|_| {
                        refusal::bad_query(format_args!(
                            "Invalid value '{value}' for $top query option found."
                        ))
                    })?;
                    options.top = Some(top);
                }
                "$skip" => {
                    return Err(refusal::bad_query("Skip Clause is not supported in CRM"));
                }
                _ => {
                    options.others.insert(name, value);
                }
            }
        }
        Ok(options)
    }

    /// Puts the values of `@p` parameters in their places, outside of quoted text.
    fn without_aliases(&self, text: &str) -> String {
        if !text.contains('@') || self.others.is_empty() {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len());
        let mut in_quotes = false;
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if c == '\'' {
                in_quotes = !in_quotes;
            }
            if c == '@' && !in_quotes {
                let end = rest[1..]
                    .find(|c: char| !c.is_alphanumeric() && c != '_')
                    .map_or(rest.len(), |at| at + 1);
                if let Some(value) = self.others.get(&rest[..end]) {
                    out.push_str(value);
                    rest = &rest[end..];
                    continue;
                }
            }
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
        out
    }
}

/// Percent signs and, as forms write them, pluses.
fn decode(text: &str) -> Result<String, Refusal> {
    dataverse_wire::literal::percent_decode(&text.replace('+', " "))
        .ok_or_else(|| refusal::bad_query(format_args!("The query part '{text}' is not UTF-8.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_replaced_outside_of_quotes() {
        let options =
            QueryOptions::parse("$filter=a%20eq%20@p%20and%20b%20eq%20'@p'&@p='x'&$count=true&tag=1")
                .unwrap();
        assert_eq!(options.filter.as_deref(), Some("a eq 'x' and b eq '@p'"));
        assert!(options.count);
        assert_eq!(options.others.get("tag").map(String::as_str), Some("1"));
    }

    #[test]
    fn forms_may_write_blanks_as_pluses() {
        let options = QueryOptions::parse("%24filter=LogicalName+eq+%27account%27").unwrap();
        assert_eq!(options.filter.as_deref(), Some("LogicalName eq 'account'"));
    }

    #[test]
    fn skip_is_refused_as_documented() {
        assert!(QueryOptions::parse("$skip=10").is_err());
    }
}
