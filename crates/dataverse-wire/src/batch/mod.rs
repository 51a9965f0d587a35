//! The multipart codec of `$batch` (reference §3), in both directions.
//!
//! A client encodes a [`BatchRequest`] and decodes a [`BatchResponse`]; a server does the reverse. Reading copies no
//! bodies: they are slices of the whole.
//!
//! ```
//! use dataverse_wire::batch::{BatchRequest, Method, Operation};
//! let batch = BatchRequest::from_iter([
//!     Operation::new(Method::Post, "/api/data/v9.2/tasks").with_json(r#"{"subject":"call"}"#),
//! ]);
//! let encoded = batch.encode("batch_1");
//! let read = BatchRequest::decode(&encoded.content_type, &encoded.body.into())?;
//! assert_eq!(read, batch);
//! # Ok::<(), dataverse_wire::Error>(())
//! ```

mod decode;
mod encode;

use bytes::Bytes;

/// The name and value of a header.
pub type Header = (String, String);

/// The methods that the service knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Read.
    Get,
    /// Create, associate, act.
    Post,
    /// Update, upsert.
    Patch,
    /// Set one property or reference.
    Put,
    /// Delete.
    Delete,
}

impl Method {
    const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Patch, Self::Put, Self::Delete];

    /// The word in the request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// Reads the word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
}

/// One request inside a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// What to do.
    pub method: Method,
    /// Absolute URL, absolute path, or `$1` inside a change set.
    pub target: String,
    /// Headers of this request alone.
    pub headers: Vec<Header>,
    /// Names the outcome for later requests of the same change set; demanded there.
    pub content_id: Option<String>,
    /// The body, or nothing.
    pub body: Bytes,
}

/// One piece of a batch: a request by itself, or several that succeed or fail together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchItem {
    /// By itself.
    Operation(Operation),
    /// All or nothing; no `GET` inside.
    ChangeSet(Vec<Operation>),
}

/// What is sent to `$batch`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchRequest {
    /// In the order of execution.
    pub items: Vec<BatchItem>,
}

/// One answer inside a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers of this answer.
    pub headers: Vec<Header>,
    /// The name of the request it answers, inside change sets.
    pub content_id: Option<String>,
    /// The body, or nothing.
    pub body: Bytes,
}

/// One piece of the answer to a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchAnswer {
    /// To a request by itself, or the one refusal of a whole change set.
    Answer(Answer),
    /// To a change set that succeeded.
    ChangeSet(Vec<Answer>),
}

/// What `$batch` answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchResponse {
    /// In the order of the request; shorter than it where execution stopped at a failure.
    pub items: Vec<BatchAnswer>,
}

/// A body with the content type that names its boundary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Value of `Content-Type`.
    pub content_type: String,
    /// The multipart text.
    pub body: Vec<u8>,
}

impl Operation {
    /// A request without headers and body.
    pub fn new(method: Method, target: impl Into<String>) -> Self {
        Self { method, target: target.into(), headers: Vec::new(), content_id: None, body: Bytes::new() }
    }

    /// Adds a JSON body.
    #[must_use]
    pub fn with_json(mut self, body: impl Into<Bytes>) -> Self {
        self.headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        self.body = body.into();
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Names the outcome.
    #[must_use]
    pub fn with_content_id(mut self, id: impl Into<String>) -> Self {
        self.content_id = Some(id.into());
        self
    }

    /// The first header of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find_header(&self.headers, name)
    }
}

impl Answer {
    /// An answer without headers and body.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), content_id: None, body: Bytes::new() }
    }

    /// The first header of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find_header(&self.headers, name)
    }

    /// The status is in the 200s.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

fn find_header<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

impl BatchRequest {
    /// Requests in it, those inside change sets included: what the limit of 1,000 counts.
    pub fn operation_count(&self) -> usize {
        self.items
            .iter()
            .map(|item| match item {
                BatchItem::Operation(_) => 1,
                BatchItem::ChangeSet(operations) => operations.len(),
            })
            .sum()
    }
}

impl FromIterator<Operation> for BatchRequest {
    /// Every request by itself.
    fn from_iter<I: IntoIterator<Item = Operation>>(operations: I) -> Self {
        Self { items: operations.into_iter().map(BatchItem::Operation).collect() }
    }
}

/// The phrase that goes with a status; clients ignore it.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        206 => "Partial Content",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        412 => "Precondition Failed",
        413 => "Payload Too Large",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Status",
    }
}
