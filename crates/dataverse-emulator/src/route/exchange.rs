//! A request and an answer, alike for those that came by themselves and those inside of a batch.

use bytes::Bytes;
use http::HeaderMap;

use crate::answer::Annotations;
use crate::refusal::Refusal;

/// A request as routes see it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// `GET`, `POST`, `PATCH`, `PUT`, `DELETE`.
    pub(crate) method: String,
    /// What follows the service root, query included: `accounts?$select=name`.
    pub(crate) target: String,
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
}

impl Request {
    /// The path after the service root.
    pub(crate) fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// What follows the question mark.
    pub(crate) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }
}

/// Header names in lower case, with their values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Headers(Vec<(String, String)>);

impl Headers {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of one preference, wherever it stands; `""` for one without a value.
    pub(crate) fn preference(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .filter(|(known, _)| known == "prefer")
            .flat_map(|(_, value)| preferences(value))
            .find_map(|preference| {
                let (known, value) = preference.split_once('=').unwrap_or((preference, ""));
                known.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
            })
    }

    /// Takes what counts for every part of a batch from the batch itself.
    pub(crate) fn inherit(&mut self, outer: &Self) {
        for (name, value) in &outer.0 {
            let is_common = name.starts_with("mscrm") || name == "callerobjectid" || name == "authorization";
            if is_common && self.get(name).is_none() {
                self.0.push((name.clone(), value.clone()));
            }
        }
    }

    pub(crate) fn wants_representation(&self) -> bool {
        self.preference("return") == Some("representation")
    }

    pub(crate) fn annotations(&self) -> Annotations {
        self.preference("odata.include-annotations").map(Annotations::parse).unwrap_or_default()
    }

    /// Whether errors come with their details.
    pub(crate) fn wants_error_details(&self) -> bool {
        self.preference("odata.include-annotations").is_some_and(|asked| {
            asked
                .split(',')
                .map(str::trim)
                .any(|pattern| pattern == "*" || pattern.starts_with("Microsoft.PowerApps.CDS.ErrorDetails"))
        })
    }

    /// `odata.maxpagesize`, within the service's limit.
    pub(crate) fn page_rows(&self) -> Option<usize> {
        self.preference("odata.maxpagesize").and_then(|value| value.parse().ok())
    }
}

/// Splits at commas outside of quotes.
fn preferences(value: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut in_quotes) = (0, false);
    for (at, c) in value.char_indices() {
        match c {
            '"' => in_quotes = !in_quotes,
            ',' if !in_quotes => {
                parts.push(value[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(value[start..].trim());
    parts
}

impl From<&HeaderMap> for Headers {
    fn from(map: &HeaderMap) -> Self {
        Self(
            map.iter()
                .map(|(name, value)| {
                    (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                })
                .collect(),
        )
    }
}

impl From<&[(String, String)]> for Headers {
    fn from(list: &[(String, String)]) -> Self {
        Self(list.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect())
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

/// What JSON answers are.
pub(crate) const JSON: &str = "application/json; odata.metadata=minimal";

impl Answer {
    /// 204.
    pub(crate) fn no_content() -> Self {
        Self { status: 204, headers: Vec::new(), body: Bytes::new() }
    }

    /// 200 with JSON.
    pub(crate) fn json(body: impl Into<Bytes>) -> Self {
        Self { status: 200, headers: vec![("content-type", JSON.to_owned())], body: body.into() }
    }

    pub(crate) fn value(value: &serde_json::Value) -> Self {
        Self::json(value.to_string())
    }

    pub(crate) fn text(status: u16, text: impl Into<String>) -> Self {
        let headers = vec![("content-type", "text/plain; charset=utf-8".to_owned())];
        Self { status, headers, body: text.into().into() }
    }

    pub(crate) fn refused(refusal: &Refusal) -> Self {
        Self {
            status: refusal.status,
            headers: vec![("content-type", JSON.to_owned())],
            body: refusal.to_json().into(),
        }
    }

    /// What errors tell beside code and text, to those who ask for annotations (reference §12.1).
    pub(crate) fn with_error_details(mut self, refusal: &Refusal) -> Self {
        if let Ok(mut body) = serde_json::from_slice::<serde_json::Value>(&self.body) {
            let help = format!(
                "http://go.microsoft.com/fwlink/?LinkID=398563&error=Microsoft.Crm.CrmException%3a{:x}&client=platform",
                refusal.code.0
            );
            for (name, said) in [
                ("ErrorDetails.OperationStatus", "0"),
                ("ErrorDetails.SubErrorCode", "2146233088"),
                ("HelpLink", help.as_str()),
                ("TraceText", ""),
                ("InnerError.Message", refusal.message.as_str()),
            ] {
                body["error"][format!("@Microsoft.PowerApps.CDS.{name}")] = said.into();
            }
            self.body = body.to_string().into();
        }
        self
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    #[must_use]
    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_may_share_a_line_or_not() {
        let headers = Headers::from(
            [
                ("Prefer".to_owned(), "odata.maxpagesize=3, odata.include-annotations=\"a,b*\"".to_owned()),
                ("Prefer".to_owned(), "return=representation".to_owned()),
            ]
            .as_slice(),
        );
        assert_eq!(headers.page_rows(), Some(3));
        assert_eq!(headers.preference("odata.include-annotations"), Some("a,b*"));
        assert!(headers.wants_representation());
        assert_eq!(headers.preference("odata.continue-on-error"), None);
    }
}
