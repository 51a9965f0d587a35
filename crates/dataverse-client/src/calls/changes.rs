//! Change tracking: what was written or deleted since the last time (reference §13.4).

use std::fmt;

use futures::Stream;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::query::Query;
use super::read_page::{Fetched, PageReader};
use crate::send::Request;
use crate::{Client, Error, Row};

/// Where a synchronisation ended; the next one begins there. Keep it as text: it is opaque, holds no secret, and
/// expires after a week.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeltaLink(String);

/// Reads changes page by page; afterwards [`Self::delta_link`] is where to go on.
///
/// A page that failed can be asked for again: the position moves only when a page was read.
#[derive(Debug)]
pub struct Changes {
    reader: PageReader,
    next: Option<String>,
    delta: Option<DeltaLink>,
}

/// One page of changes. A row may have changed again since, and come again with the next link.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangePage<T = Row> {
    /// New and changed rows, as they are now.
    pub rows: Vec<T>,
    /// Rows that are gone. Some may never have been seen: what comes and goes between two links is among them.
    pub deleted: Vec<Uuid>,
}

#[derive(Deserialize)]
struct RawPage {
    value: Vec<Value>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta: Option<String>,
}

impl DeltaLink {
    /// A link that was kept as text.
    pub fn new(link: impl Into<String>) -> Self {
        Self(link.into())
    }

    /// The link as the service gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The entity set, for errors, and the token, still encoded.
    fn parts(&self) -> (String, Option<&str>) {
        let (path, query) = self.0.split_once('?').unwrap_or((&self.0, ""));
        let set = path.rsplit('/').next().unwrap_or_default().to_owned();
        let token = query.split('&').find_map(|pair| {
            pair.strip_prefix("$deltatoken=").or_else(|| pair.strip_prefix("%24deltatoken="))
        });
        (set, token)
    }
}

impl fmt::Display for DeltaLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Changes {
    fn new(client: Client, target: String, path: String, prefer: Option<String>) -> Self {
        let reader = PageReader { client, operation: "changes", target, prefer };
        Self { reader, next: Some(path), delta: None }
    }

    /// Rows per page of what has changed since a link, 5,000 at most, which is also the default.
    #[must_use]
    pub fn page_rows(mut self, rows: u32) -> Self {
        let rows = format!("odata.maxpagesize={}", rows.clamp(1, dataverse_wire::limits::PAGE_ROWS));
        let kept = self.reader.prefer.iter().flat_map(|list| list.split(','));
        let kept = kept.filter(|preference| !preference.starts_with("odata.maxpagesize=")).map(str::to_owned);
        self.reader.prefer = Some(kept.chain([rows]).collect::<Vec<_>>().join(","));
        self
    }

    /// The next page, or none at the end.
    ///
    /// # Errors
    /// As every read; [`Error::is_delta_expired`] where the link is too old, [`Error::Input`] where it is of another
    /// environment.
    pub async fn next_page(&mut self) -> Result<Option<ChangePage>, Error> {
        self.next_page_as().await
    }

    /// The next page with rows of the caller's own type.
    ///
    /// # Errors
    /// As [`Self::next_page`]; [`Error::Unreadable`] if a row does not fit the type.
    pub async fn next_page_as<T: DeserializeOwned>(&mut self) -> Result<Option<ChangePage<T>>, Error> {
        let Some(path) = &self.next else { return Ok(None) };
        if path.contains("://") && !self.reader.client.is_own(path) {
            let reason = "the delta link is of another environment".to_owned();
            return Err(Error::Input { operation: "changes", reason });
        }
        let fetched = self.reader.read(path).await?;
        let raw: RawPage = fetched.json()?;
        let page = page(&fetched, raw.value)?;
        let next = self.reader.own_link(&fetched, raw.next)?;
        let delta = self.reader.own_link(&fetched, raw.delta)?;
        if next.is_none() && delta.is_none() {
            return Err(fetched.unreadable("it ends without a delta link"));
        }
        self.delta = delta.map(DeltaLink);
        self.next = next;
        Ok(Some(page))
    }

    /// Where the next synchronisation begins; none before the last page was read.
    pub fn delta_link(&self) -> Option<&DeltaLink> {
        self.delta.as_ref()
    }

    /// All pages as a stream, each with the link that it ends with: the last one has it. It ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<(ChangePage, Option<DeltaLink>), Error>> + Send {
        futures::stream::unfold(Some(self), |changes| async move {
            let mut changes = changes?;
            match changes.next_page().await {
                Ok(page) => page.map(|page| (Ok((page, changes.delta.clone())), Some(changes))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}

fn page<T: DeserializeOwned>(fetched: &Fetched, items: Vec<Value>) -> Result<ChangePage<T>, Error> {
    let mut page = ChangePage { rows: Vec::with_capacity(items.len()), deleted: Vec::new() };
    for item in items {
        let is_deleted = item["@odata.context"].as_str().is_some_and(|it| it.ends_with("/$deletedEntity"));
        if is_deleted {
            let id = item["id"].as_str().and_then(|id| id.parse().ok());
            page.deleted.push(id.ok_or_else(|| fetched.unreadable("a deleted row without id"))?);
        } else {
            page.rows.push(serde_json::from_value(item).map_err(|error| fetched.unreadable(error))?);
        }
    }
    Ok(page)
}

impl Client {
    /// Starts a synchronisation: all rows of a query, and then a link to what changes from here on. What is written while
    /// it is read is told by the link. The table must track changes, and the query must have neither filter, order,
    /// expansion nor top.
    ///
    /// ```no_run
    /// # use dataverse_client::{Client, Query};
    /// # async fn run(client: Client) -> Result<(), dataverse_client::Error> {
    /// let mut changes = client.changes(&Query::new("accounts").select(["name"]));
    /// while let Some(page) = changes.next_page().await? {
    ///     println!("{} rows", page.rows.len());
    /// }
    /// let link = changes.delta_link().cloned().expect("all pages were read");
    /// // Later, even in another process:
    /// let mut changes = client.changes_since(&link);
    /// while let Some(page) = changes.next_page().await? {
    ///     println!("{} changed, {} deleted", page.rows.len(), page.deleted.len());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn changes(&self, query: &Query) -> Changes {
        let prefer = ["odata.track-changes".to_owned()].into_iter().chain(query.prefer());
        let prefer = prefer.collect::<Vec<_>>().join(",");
        Changes::new(self.clone(), query.entity_set().to_owned(), query.to_path(), Some(prefer))
    }

    /// What has changed since a link.
    pub fn changes_since(&self, link: &DeltaLink) -> Changes {
        Changes::new(self.clone(), link.parts().0, link.0.clone(), None)
    }

    /// How many rows have changed since a link.
    ///
    /// # Errors
    /// As every read; [`Error::Input`] for a link without token.
    pub async fn count_changes(&self, link: &DeltaLink) -> Result<u64, Error> {
        let (set, Some(token)) = link.parts() else {
            let reason = "the delta link has no $deltatoken".to_owned();
            return Err(Error::Input { operation: "count of changes", reason });
        };
        let path = format!("{set}/$count?$deltatoken={token}");
        let answer = self.send(Request::get("count of changes", set.as_str(), path)).await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        // A byte order mark may come first (reference §13.2).
        text.trim_start_matches('\u{feff}').trim().parse().map_err(|error| answer.unreadable(error))
    }
}
