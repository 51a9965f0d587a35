//! Reading from Dataverse: one page ahead of whoever compares.

use bytes::Bytes;
use dataverse_client::{Client, Filter, Query};
use tokio::task::JoinSet;

use crate::table::Compared;
use crate::{Error, VerifyTable};

/// Rows per page. The service gives 5,000 at most (reference §13.1); of wide rows that is ten megabytes, several times over.
const PAGE_ROWS: u32 = 2500;
/// Sequence numbers run from the base to base + the largest RowId, and RowIds start at 1.
const FIRST_ROW: i64 = 1;

/// Pages of a query; the next one is fetched while this one is compared. Dropped, it stops fetching.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    table: String,
    fetching: JoinSet<(dataverse_client::Pages, Result<Option<Bytes>, dataverse_client::Error>)>,
    requests: u64,
}

impl ReadAhead {
    fn begin(client: &Client, table: &str, query: &Query) -> Self {
        let mut ahead = Self { table: table.to_owned(), fetching: JoinSet::new(), requests: 0 };
        ahead.fetch(client.query(query));
        ahead
    }

    fn fetch(&mut self, mut pages: dataverse_client::Pages) {
        self.requests += 1;
        self.fetching.spawn(async move {
            let page = pages.next_page_bytes().await;
            (pages, page)
        });
    }

    /// The next page as the service sent it.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(fetched) = self.fetching.join_next().await else { return Ok(None) };
        let (pages, page) = fetched.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        let page =
            page.map_err(|source| Error::Service { table: self.table.clone(), source: Box::new(source) })?;
        if page.is_some() {
            self.fetch(pages);
        } else {
            // Asking past the last page costs no request.
            self.requests -= 1;
        }
        Ok(page)
    }

    /// Requests spent so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests
    }
}

/// The rows of a table with the columns that are compared: those of this project's number range, or all of them.
pub(crate) fn rows(client: &Client, table: &VerifyTable, compared: &[Compared], last_row: i64) -> ReadAhead {
    let mut columns = vec![table.definition.primary_id.as_str()];
    for column in compared {
        if !columns.contains(&column.property.as_str()) {
            columns.push(&column.property);
        }
    }
    let mut query = Query::new(&table.definition.entity_set_name).select(columns).page_rows(PAGE_ROWS);
    if let Some(base) = table.base {
        query = query.filter(
            Filter::at_least("importsequencenumber", base + FIRST_ROW)
                .and(Filter::at_most("importsequencenumber", base + last_row)),
        );
    }
    ReadAhead::begin(client, &table.staged.logical_name, &query)
}

/// All pairs of an intersect table.
pub(crate) fn pairs(client: &Client, table: &str, entity_set: &str, columns: [&str; 2]) -> ReadAhead {
    ReadAhead::begin(client, table, &Query::new(entity_set).select(columns).page_rows(PAGE_ROWS))
}

/// All parties that take part in activities in one of these parts.
pub(crate) fn parties(client: &Client, table: &str, masks: impl IntoIterator<Item = i32>) -> ReadAhead {
    let query = Query::new("activityparties")
        .select(["activitypartyid", "_activityid_value", "_partyid_value", "participationtypemask"])
        .filter(Filter::any_of("participationtypemask", masks))
        .page_rows(PAGE_ROWS);
    ReadAhead::begin(client, table, &query)
}
