//! Error bodies.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ServiceCode;
use super::table::{self, FaultClass};

/// A refusal by the service. Serialisable, so that it can be kept beside the row that it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFault {
    /// The service's code, or [`ServiceCode::NONE`].
    pub code: ServiceCode,
    /// The service's text. It may quote values of the row.
    pub message: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened to single rows of a bulk message on an elastic table; empty otherwise (reference §4.2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowFault>,
}

/// The fault of one row of a bulk message on an elastic table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RowFault {
    /// Position in `Targets`, from 0.
    pub request_index: usize,
    /// The row's id, where the service gave one.
    #[serde(default)]
    pub id: Option<String>,
    /// HTTP status of this row.
    #[serde(default)]
    pub status_code: Option<i64>,
}

/// Where the faults of single rows stand (reference §4.2); readers go by the ending.
const ROW_FAULTS: &str = "@Microsoft.PowerApps.CDS.ErrorDetails.Plugin.BulkApiErrorDetails";

/// Longest piece of a body without JSON that is kept as the message, in characters.
const EXCERPT_CHARS: usize = 200;

impl ServiceFault {
    /// A fault, as the emulator raises it: with the status of its code, or 400 where that is unknown.
    pub fn new(code: ServiceCode, message: impl Into<String>) -> Self {
        let status = code.known().map_or(400, |known| known.status);
        Self { code, message: message.into(), status, rows: Vec::new() }
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Reads the body of an answer that is no success. Never fails: gateways answer with HTML, with nothing, or with
    /// JSON of their own (reference §12.1); what can be told is told in the message.
    pub fn parse(status: u16, body: &[u8]) -> Self {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let json: Option<Value> = serde_json::from_slice(body).ok();
        let Some(error) =
            json.as_ref().and_then(|json| json.get("error").or(json.get("Error")).or(Some(json)))
        else {
            return Self { code: ServiceCode::NONE, message: without_json(body), status, rows: Vec::new() };
        };
        let field = |lower: &str, upper: &str| error.get(lower).or_else(|| error.get(upper));
        let code = match field("code", "ErrorCode") {
            Some(Value::String(text)) => text.parse().unwrap_or_default(),
            Some(Value::Number(number)) => number.to_string().parse().unwrap_or_default(),
            _ => ServiceCode::NONE,
        };
        let message = match (error, field("message", "Message")) {
            (_, Some(Value::String(text))) | (Value::String(text), _) => text.clone(),
            // Some gateways wrap the text once more: {"message":{"value":"…"}}.
            (_, Some(inner)) => inner.get("value").and_then(Value::as_str).unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        let message = if message.is_empty() && code.is_none() { without_json(body) } else { message };
        Self { code, message, status, rows: row_faults(error) }
    }

    /// What to do about it.
    pub fn class(&self) -> FaultClass {
        if self.status == 429 {
            return FaultClass::Throttled;
        }
        let Some(known) = self.code.known() else { return self.class_without_code() };
        // Privileges of the owner are the row's own business, those of the caller everybody's (reference §8.3, §11).
        let is_about_owner =
            matches!(self.code, ServiceCode::PRIVILEGE_DENIED | ServiceCode::PRINCIPAL_PRIVILEGE_DENIED)
                && self.message.contains("prvRead");
        if is_about_owner {
            return FaultClass::Row;
        }
        // A plug-in that fails unexpectedly comes as 400 or 500 (reference §12.3): the former is about this row.
        let is_isv_refusal = self.status == 400 && known.name == "IsvUnExpected";
        // Missing rows share codes with missing resources; a `Row` class never stands for a refused caller.
        match known.class {
            FaultClass::Transient if is_isv_refusal => FaultClass::Row,
            class => class,
        }
    }

    fn class_without_code(&self) -> FaultClass {
        let names_no_resource = self.status == 404
            && (self.message.contains("No HTTP resource was found")
                || self.message.starts_with("Resource not found for the segment"));
        let cannot_be_answered_in_bulk = self.message.contains("has not yet been implemented")
            || self.message.contains("Message size exceeded when sending context to Sandbox");
        if names_no_resource {
            FaultClass::Fatal
        } else if cannot_be_answered_in_bulk {
            FaultClass::Request
        } else {
            table::class_of_status(self.status)
        }
    }

    /// What a bulk message on an elastic table did to each of its `rows`: nothing said, or the row's own fault; none unless the
    /// fault tells of single rows, and of no others than were sent (reference §4.2).
    ///
    /// The service names one error for the whole message. It is a row's own if it fits no other row; the code of the others is
    /// [`ServiceCode::NONE`], and their class follows from their status.
    pub fn of_rows(&self, rows: usize) -> Option<Vec<Option<Self>>> {
        let mut told: Vec<Option<&RowFault>> = vec![None; rows];
        for row in &self.rows {
            let place = told.get_mut(row.request_index)?;
            if place.replace(row).is_some() {
                return None;
            }
        }
        if self.rows.is_empty() {
            return None;
        }
        let is_refused = |row: &&RowFault| !row.status_code.is_some_and(|code| (200..300).contains(&code));
        let refused = self.rows.iter().filter(is_refused).count();
        let own = |row: &RowFault| {
            let status = row.status_code.and_then(|code| u16::try_from(code).ok()).unwrap_or(self.status);
            let code = if refused == 1 && status == self.status { self.code } else { ServiceCode::NONE };
            Self::new(code, self.message.clone()).with_status(status)
        };
        Some(told.into_iter().map(|row| row.filter(is_refused).map(own)).collect())
    }

    /// What was to be made is there already: a success for an association, and for a row whose content agrees.
    pub fn is_duplicate(&self) -> bool {
        self.code.known().map_or(self.status == 412 && self.code.is_none(), |known| known.is_duplicate)
    }

    /// The row that was named, or one that it was bound to, is not there.
    pub fn is_not_found(&self) -> bool {
        match self.code {
            ServiceCode::OBJECT_DOES_NOT_EXIST | ServiceCode::RECORD_NOT_FOUND_BY_KEY => true,
            ServiceCode::NONE => self.status == 404 && self.class() == FaultClass::Row,
            _ => false,
        }
    }

    /// The database chose this request as a deadlock's victim.
    pub fn is_deadlock(&self) -> bool {
        self.code == ServiceCode::SQL_ERROR && self.message.contains("Sql Number: 1205")
    }

    /// The service itself says that nothing was written, although the status is in the 500s: deadlocks, timeouts of
    /// the database, aborted transactions and requests that were turned away. Any other answer in the 500s may come
    /// after a commit.
    pub fn is_rolled_back(&self) -> bool {
        self.is_deadlock()
            || self.class() == FaultClass::Throttled
            || matches!(self.code, ServiceCode::SQL_TIMEOUT | ServiceCode::TRANSACTION_ABORTED)
    }

    /// The column that the service blames, where its text names one: `The length of the 'subject' attribute …`.
    pub fn column(&self) -> Option<&str> {
        let before = ["length of the '", "property '", "Property '", "attribute '", "The value of '", "of '"];
        let name = before.iter().find_map(|lead| {
            let start = self.message.find(lead)? + lead.len();
            let rest = &self.message[start..];
            rest.find('\'').map(|end| &rest[..end])
        })?;
        let is_name = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'@' || b == b'.');
        is_name.then(|| name.split('@').next().unwrap_or(name))
    }

    /// The body as the service writes it, with hexadecimal code; the faults of single rows as JSON text in an annotation.
    pub fn to_json(&self) -> Vec<u8> {
        let code = if self.code.is_none() { String::new() } else { self.code.to_string() };
        let mut error = serde_json::json!({ "code": code, "message": self.message });
        if !self.rows.is_empty() {
            // Structures of numbers and text: writing them does not fail.
            error[ROW_FAULTS] = serde_json::to_string(&self.rows).unwrap_or_default().into();
        }
        serde_json::json!({ "error": error }).to_string().into_bytes()
    }
}

impl fmt::Display for ServiceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = if self.message.is_empty() { "no message" } else { self.message.as_str() };
        match self.code.name() {
            Some(name) => write!(f, "{message} ({}, {name}, HTTP {})", self.code, self.status),
            None => write!(f, "{message} ({}, HTTP {})", self.code, self.status),
        }
    }
}

impl std::error::Error for ServiceFault {}

/// A short message about a body that holds no JSON error.
fn without_json(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.is_empty() {
        return "empty answer".to_owned();
    }
    if text.starts_with('<') {
        let title = text.find("<title>").and_then(|start| {
            let rest = &text[start + "<title>".len()..];
            rest.find("</title>").map(|end| rest[..end].trim())
        });
        return format!("HTML answer: {}", excerpt(title.unwrap_or("no title")));
    }
    excerpt(text)
}

fn excerpt(text: &str) -> String {
    let mut kept: String =
        text.chars().take(EXCERPT_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(EXCERPT_CHARS).is_some() {
        kept.push('…');
    }
    kept
}

/// Row faults hide as JSON text in an annotation whose exact name is not documented; its ending is (reference §4.2).
fn row_faults(error: &Value) -> Vec<RowFault> {
    let Some(properties) = error.as_object() else { return Vec::new() };
    properties
        .iter()
        .filter(|(name, _)| name.ends_with("BulkApiErrorDetails"))
        .find_map(|(_, details)| match details {
            Value::String(text) => serde_json::from_str(text).ok(),
            other => serde_json::from_value(other.clone()).ok(),
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_that_hold_no_error_still_say_something() {
        for (body, message) in [
            (&b""[..], "empty answer"),
            (b"  \r\n", "empty answer"),
            (b"<html><head><title>502 Bad Gateway</title></head></html>", "HTML answer: 502 Bad Gateway"),
            (b"<html>", "HTML answer: no title"),
            (b"upstream\nfailed", "upstream failed"),
            (b"{}", "{}"),
            (b"null", "null"),
            (b"[1]", "[1]"),
            (b"\xff\xfe", "\u{fffd}\u{fffd}"),
            (br#"{"error":"nope"}"#, "nope"),
            (br#"{"Message":"An error has occurred."}"#, "An error has occurred."),
        ] {
            let fault = ServiceFault::parse(502, body);
            assert_eq!(fault.message, message);
            assert_eq!((fault.code, fault.class()), (ServiceCode::NONE, FaultClass::Transient));
        }
        assert_eq!(ServiceFault::parse(500, &[b'x'; 500]).message.chars().count(), 201);
    }

    #[test]
    fn codes_come_in_every_spelling() {
        for code in ["\"0x80044331\"", "\"0X80044331\"", "\"-2147204303\"", "-2147204303", "2147762993"] {
            let body = format!(r#"{{"error":{{"code":{code},"message":"m"}}}}"#);
            assert_eq!(
                ServiceFault::parse(400, body.as_bytes()).code,
                ServiceCode::STRING_TOO_LONG,
                "{code}"
            );
        }
    }

    #[test]
    fn each_row_of_an_elastic_table_has_its_own_fault_and_the_reason_only_if_it_can_be_no_others() {
        let row = |index, status| RowFault { request_index: index, id: None, status_code: Some(status) };
        let fault = |rows| {
            let fault = ServiceFault::new(ServiceCode(0x8004_4331), "too long").with_status(400);
            ServiceFault { rows, ..fault }
        };
        let codes = |rows: Vec<RowFault>| {
            let told = fault(rows).of_rows(3)?;
            Some(told.into_iter().map(|row| row.map(|row| (row.code.0, row.status))).collect::<Vec<_>>())
        };
        assert_eq!(codes(vec![row(1, 400)]), Some(vec![None, Some((0x8004_4331, 400)), None]));
        // Of two, nobody knows whose reason it is; those that went well may be told as well.
        let two = vec![row(0, 400), row(1, 201), row(2, 429)];
        assert_eq!(codes(two), Some(vec![Some((0, 400)), None, Some((0, 429))]));
        assert_eq!(
            fault(vec![row(2, 429)]).of_rows(3).unwrap()[2].as_ref().unwrap().class(),
            FaultClass::Throttled
        );
        for rows in [vec![], vec![row(3, 400)], vec![row(0, 400), row(0, 400)]] {
            assert_eq!(codes(rows), None);
        }
    }

    #[test]
    fn elastic_row_faults_are_found_by_the_end_of_their_name() {
        let body = br#"{"error":{"code":"0x80040216","message":"m",
            "@Microsoft.PowerApps.CDS.ErrorDetails.Plugin.BulkApiErrorDetails":"[{\"RequestIndex\":2,\"Id\":\"x\",\"StatusCode\":412}]"}}"#;
        let fault = ServiceFault::parse(400, body);
        let expected = RowFault { request_index: 2, id: Some("x".to_owned()), status_code: Some(412) };
        assert_eq!(fault.rows, [expected]);
    }

    #[test]
    fn the_blamed_column_is_read_from_the_text() {
        for (message, column) in [
            (
                "A validation error occurred.  The length of the 'subject' attribute of the 'task' entity exceeded",
                Some("subject"),
            ),
            ("Invalid property 'Name' was found in entity 'Microsoft.Dynamics.CRM.account'.", Some("Name")),
            (
                "An undeclared property 'parentcustomerid' which only has property annotations",
                Some("parentcustomerid"),
            ),
            (
                "A validation error occurred. The value 7 of 'industrycode' on record of type 'account' is outside",
                Some("industrycode"),
            ),
            ("account With Id = 1 Does Not Exist", None),
            ("of 'not closed", None),
        ] {
            assert_eq!(ServiceFault::new(ServiceCode::NONE, message).column(), column, "{message}");
        }
    }

    #[test]
    fn an_owner_without_read_privilege_is_the_rows_fault_but_a_caller_without_create_is_fatal() {
        let denied = |message: &str| ServiceFault::new(ServiceCode::PRIVILEGE_DENIED, message).class();
        assert_eq!(denied("Principal team (Id=…) is missing prvReadAccount privilege"), FaultClass::Row);
        assert_eq!(denied("Principal user (Id=…) is missing prvCreateAccount privilege"), FaultClass::Fatal);
    }

    #[test]
    fn only_what_the_service_says_was_rolled_back_is_safe_after_a_500() {
        let sql = |number: &str| {
            let text = format!(
                "Generic SQL error. CRM ErrorCode: -2147204784 Sql ErrorCode: -2146232060 Sql Number: {number}"
            );
            ServiceFault::new(ServiceCode::SQL_ERROR, text)
        };
        assert!(sql("1205").is_rolled_back() && sql("1205").is_deadlock());
        assert!(!sql("10054").is_rolled_back());
        assert!(ServiceFault::new(ServiceCode::SQL_TIMEOUT, "").is_rolled_back());
        assert!(!ServiceFault::new(ServiceCode::UNEXPECTED, "").is_rolled_back());
        assert!(!ServiceFault::parse(503, b"").is_rolled_back());
    }

    #[test]
    fn a_fault_survives_its_own_body() {
        let fault = ServiceFault::new(ServiceCode::PAYLOAD, "with \"quotes\"");
        assert_eq!(ServiceFault::parse(400, &fault.to_json()), fault);
        let rows = vec![RowFault { request_index: 1, id: Some("x".to_owned()), status_code: Some(404) }];
        let partial = ServiceFault { rows, ..fault.clone() };
        assert_eq!(ServiceFault::parse(400, &partial.to_json()), partial);
        let stored = serde_json::to_string(&fault).unwrap();
        assert_eq!(serde_json::from_str::<ServiceFault>(&stored).unwrap(), fault);
    }
}
