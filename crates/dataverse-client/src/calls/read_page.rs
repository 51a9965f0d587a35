//! One GET of many rows: as such, or inside of a batch where its URL is too long.

use bytes::Bytes;
use dataverse_wire::batch::{BatchRequest, Method as PartMethod, Operation};
use dataverse_wire::limits;
use serde::de::DeserializeOwned;

use super::batch::ContinueOnError;
use super::outcome::PartOutcome;
use crate::error::RequestSummary;
use crate::send::Request;
use crate::{Client, Error, WriteOptions};

/// Longest path that goes as an ordinary `GET`; longer ones travel inside a batch (reference §13).
const PLAIN_PATH_CHARS: usize = limits::URL_CHARS / 2;

/// Reads answers of many rows, each with the same preferences.
#[derive(Debug)]
pub(crate) struct PageReader {
    pub(crate) client: Client,
    /// What is being done, for errors.
    pub(crate) operation: &'static str,
    /// The entity set, for errors.
    pub(crate) target: String,
    pub(crate) prefer: Option<String>,
}

/// An answer that has been read.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) body: Bytes,
    summary: RequestSummary,
}

impl PageReader {
    pub(crate) async fn read(&self, path: &str) -> Result<Fetched, Error> {
        if path.len() > PLAIN_PATH_CHARS {
            return self.read_in_batch(path).await;
        }
        let mut request = Request::get(self.operation, self.target.as_str(), path);
        if let Some(prefer) = &self.prefer {
            request = request.header("Prefer", prefer.as_str());
        }
        let answer = self.client.send(request).await?;
        Ok(Fetched { body: answer.body, summary: answer.summary })
    }

    async fn read_in_batch(&self, path: &str) -> Result<Fetched, Error> {
        let mut operation = Operation::new(PartMethod::Get, path).with_header("Accept", "application/json");
        if let Some(prefer) = &self.prefer {
            operation = operation.with_header("Prefer", prefer.as_str());
        }
        let batch: BatchRequest = [operation].into_iter().collect();
        let outcomes =
            self.client.execute_batch(batch, ContinueOnError::No, &WriteOptions::default()).await?;
        let summary = RequestSummary {
            operation: self.operation,
            target: self.target.clone(),
            row: None,
            client_request_id: uuid::Uuid::nil(),
            sent_at: None,
            attempts: 1,
            elapsed: std::time::Duration::ZERO,
        };
        match outcomes.into_iter().next() {
            Some(PartOutcome::Done { body, .. }) => Ok(Fetched { body, summary }),
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

    /// Refuses links that lead elsewhere: tokens go to no other host.
    pub(crate) fn own_link(&self, fetched: &Fetched, link: Option<String>) -> Result<Option<String>, Error> {
        match link {
            Some(link) if !self.client.is_own(&link) => {
                Err(fetched.unreadable("its next link leads to another host"))
            }
            link => Ok(link),
        }
    }
}

impl Fetched {
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| self.unreadable(error))
    }

    pub(crate) fn unreadable(&self, reason: impl std::fmt::Display) -> Error {
        Error::Unreadable { request: Box::new(self.summary.clone()), reason: reason.to_string() }
    }
}
