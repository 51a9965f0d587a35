//! Pages of a query.

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::fetch_position::FetchPosition;
use super::query::Query;
use super::read_page::{Fetched, PageReader};
use crate::{Client, Error, Row};

/// Reads a query page by page. Memory holds one page at a time.
///
/// A page that failed can be asked for again: the position moves only when a page was read. The streams are made of the
/// same pages.
#[derive(Debug)]
pub struct Pages {
    reader: PageReader,
    next: Position,
}

/// One page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T = Row> {
    /// Its rows.
    pub rows: Vec<T>,
    /// How many rows there are in all, where that was asked for; 5,000 at most.
    pub count: Option<u64>,
}

/// Where the next page is.
#[derive(Debug, Clone)]
enum Position {
    /// A path of ours, or a link that the service gave.
    Link(String),
    /// FetchXML names the page itself.
    Fetch(FetchPosition),
    End,
}

#[derive(Deserialize)]
struct Links {
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(rename = "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie")]
    cookie: Option<String>,
    #[serde(rename = "@Microsoft.Dynamics.CRM.morerecords", default)]
    more: bool,
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
        let target = query.entity_set().to_owned();
        let reader = PageReader { client, operation: "query", target, prefer: query.prefer() };
        Self { reader, next: Position::Link(query.to_path()) }
    }

    pub(crate) fn of_fetch(client: Client, position: FetchPosition, prefer: String) -> Self {
        let target = position.entity_set().to_owned();
        let reader = PageReader { client, operation: "query", target, prefer: Some(prefer) };
        Self { reader, next: Position::Fetch(position) }
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
        let Some((fetched, next)) = self.fetch().await? else { return Ok(None) };
        let page: RawPage<T> = fetched.json()?;
        self.next = next;
        Ok(Some(Page { rows: page.value, count: page.count }))
    }

    /// The bytes of the next page as the service sent them, `{"@odata.context":…,"value":[…]}`, for decoders that
    /// stream.
    ///
    /// # Errors
    /// As every read.
    pub async fn next_page_bytes(&mut self) -> Result<Option<Bytes>, Error> {
        let Some((fetched, next)) = self.fetch().await? else { return Ok(None) };
        self.next = next;
        Ok(Some(fetched.body))
    }

    /// All pages as a stream, which ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Page, Error>> + Send {
        self.into_stream_as()
    }

    /// All rows as a stream, in the caller's own type; it ends after the first error.
    pub fn into_rows<T: DeserializeOwned + Send>(self) -> impl Stream<Item = Result<T, Error>> + Send {
        self.into_stream_as::<T>()
            .map_ok(|page: Page<T>| futures::stream::iter(page.rows).map(Ok))
            .try_flatten()
    }

    fn into_stream_as<T: DeserializeOwned + Send>(self) -> impl Stream<Item = Result<Page<T>, Error>> + Send {
        futures::stream::unfold(Some(self), |pages| async move {
            let mut pages = pages?;
            match pages.next_page_as().await {
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

    /// The next answer, and where the one after it is.
    async fn fetch(&self) -> Result<Option<(Fetched, Position)>, Error> {
        let (fetched, fetch) = match &self.next {
            Position::Link(path) => (self.reader.read(path).await?, None),
            Position::Fetch(position) => (self.reader.read(&position.to_path()).await?, Some(position)),
            Position::End => return Ok(None),
        };
        let links: Links = fetched.json()?;
        let next = match fetch {
            None => self.reader.own_link(&fetched, links.next)?.map_or(Position::End, Position::Link),
            Some(position) if links.more => {
                let next =
                    position.next(links.cookie.as_deref()).map_err(|reason| fetched.unreadable(reason))?;
                Position::Fetch(next)
            }
            Some(_) => Position::End,
        };
        Ok(Some((fetched, next)))
    }
}
