//! Pages of a query.

use bytes::Bytes;
use dataverse_wire::batch::{BatchRequest, Method as PartMethod, Operation};
use dataverse_wire::limits;
use futures::Stream;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::query::Query;
use crate::calls::batch::ContinueOnError;
use crate::calls::outcome::PartOutcome;
use crate::error::RequestSummary;
use crate::send::Request;
use crate::{Client, Error, Row, WriteOptions};

/// Reads a query page by page. Memory holds one page at a time.
///
/// A page that failed can be asked for again: the position moves only when a page was read.
#[derive(Debug)]
pub struct Pages {
    client: Client,
    target: String,
    prefer: Option<String>,
    next: Option<String>,
}

/// One page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T = Row> {
    /// Its rows.
    pub rows: Vec<T>,
    /// The count that was asked for with `$count=true`; 5,000 at most.
    pub count: Option<u64>,
}

/// Longest path that goes as an ordinary `GET`; longer ones travel inside a batch (reference §13).
const PLAIN_PATH_CHARS: usize = limits::URL_CHARS / 2;

#[derive(Deserialize)]
struct Link {
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct RawPage<T> {
    value: Vec<T>,
    #[serde(rename = "@odata.count")]
    count: Option<u64>,
}

impl Pages {
    pub(crate) fn new(client: Client, query: &Query) -> Self {
        Self {
            client,
            target: query.entity_set().to_owned(),
            prefer: query.prefer(),
            next: Some(query.to_path()),
        }
    }

    /// The next page, or none at the end.
    ///
    /// # Errors
    /// As every read.
    pub async fn next_page(&mut self) -> Result<Option<Page>, Error> {
        self.next_page_as().await
    }

    /// The next page with rows of the caller's own type.
    ///
    /// # Errors
    /// As every read; [`Error::Unreadable`] if a row does not fit the type.
    pub async fn next_page_as<T: DeserializeOwned>(&mut self) -> Result<Option<Page<T>>, Error> {
        let Some(fetched) = self.fetch().await? else { return Ok(None) };
        let page: RawPage<T> = fetched.json()?;
        self.next = fetched.next;
        Ok(Some(Page { rows: page.value, count: page.count }))
    }

    /// The bytes of the next page as the service sent them, `{"@odata.context":…,"value":[…]}`, for decoders that
    /// stream.
    ///
    /// # Errors
    /// As every read.
    pub async fn next_page_bytes(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(fetched) = self.fetch().await? else { return Ok(None) };
        self.next = fetched.next;
        Ok(Some(fetched.body))
    }

    /// All pages as a stream, which ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Page, Error>> + Send {
        futures::stream::unfold(Some(self), |pages| async move {
            let mut pages = pages?;
            match pages.next_page().await {
                Ok(page) => page.map(|page| (Ok(page), Some(pages))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    /// All rows at once; for results that are known to be small.
    ///
    /// # Errors
    /// As every read.
    pub async fn all<T: DeserializeOwned>(mut self) -> Result<Vec<T>, Error> {
        let mut rows = Vec::new();
        while let Some(page) = self.next_page_as().await? {
            rows.extend(page.rows);
        }
        Ok(rows)
    }

    async fn fetch(&self) -> Result<Option<Fetched>, Error> {
        let Some(path) = &self.next else { return Ok(None) };
        let mut fetched = if path.len() > PLAIN_PATH_CHARS {
            self.fetch_in_batch(path).await?
        } else {
            let mut request = Request::get("query", self.target.as_str(), path.as_str());
            if let Some(prefer) = &self.prefer {
                request = request.header("Prefer", prefer.as_str());
            }
            let answer = self.client.send(request).await?;
            Fetched { body: answer.body, next: None, summary: answer.summary }
        };
        let link: Link = fetched.json()?;
        if let Some(next) = &link.next
            && !self.client.is_own(next)
        {
            return Err(fetched.unreadable("its next link leads to another host"));
        }
        fetched.next = link.next;
        Ok(Some(fetched))
    }

    async fn fetch_in_batch(&self, path: &str) -> Result<Fetched, Error> {
        let mut operation = Operation::new(PartMethod::Get, path).with_header("Accept", "application/json");
        if let Some(prefer) = &self.prefer {
            operation = operation.with_header("Prefer", prefer.as_str());
        }
        let batch: BatchRequest = [operation].into_iter().collect();
        let outcomes =
            self.client.execute_batch(batch, ContinueOnError::No, &WriteOptions::default()).await?;
        let summary = RequestSummary {
            operation: "query",
            target: self.target.clone(),
            row: None,
            client_request_id: uuid::Uuid::nil(),
            sent_at: None,
            attempts: 1,
            elapsed: std::time::Duration::ZERO,
        };
        match outcomes.into_iter().next() {
            Some(PartOutcome::Done { body, .. }) => Ok(Fetched { body, next: None, summary }),
            Some(PartOutcome::Refused(fault)) => Err(Error::Refused {
                request: Box::new(summary),
                fault: Box::new(fault),
                request_id: None,
                retry_after: None,
            }),
            Some(PartOutcome::NotExecuted) | None => Err(Error::Unreadable {
                request: Box::new(summary),
                reason: "the batch did not execute its only request".to_owned(),
            }),
        }
    }
}

struct Fetched {
    body: Bytes,
    next: Option<String>,
    summary: RequestSummary,
}

impl Fetched {
    fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| self.unreadable(error))
    }

    fn unreadable(&self, reason: impl std::fmt::Display) -> Error {
        Error::Unreadable { request: Box::new(self.summary.clone()), reason: reason.to_string() }
    }
}
