//! Pairs of N:N relationships, read back from their intersect table.

use std::collections::HashMap;
use std::time::Instant;

use dataverse_client::Client;
use dataverse_wire::metadata::ColumnDefinition;
use staging_store::Store;

use crate::page::Page;
use crate::read;
use crate::statement::{self, Arrived};
use crate::verify::{Findings, PageFindings, Progress, guid_of, parse, staging};
use crate::{Association, Error, TableReport, VerifyTable};

/// Checks that every pair that staging believes to be associated is there. Pairs that users made are theirs and not counted.
pub(crate) async fn verify_pairs(
    store: &Store,
    client: &Client,
    table: &VerifyTable,
    association: &Association,
    progress: &dyn Progress,
) -> Result<TableReport, Error> {
    let started = Instant::now();
    let name = &table.staged.logical_name;
    let (first, second) = (&association.relationship.column1, &association.relationship.column2);
    // Most intersect tables keep plain GUIDs; in some, an end is a lookup.
    let property = |column: &str| {
        table.definition.column(column).map_or_else(|| column.to_owned(), ColumnDefinition::read_name)
    };
    let (left, right) = (property(first), property(second));
    let mut found = Findings::begin(store, &table.staged).await?;
    let mut pages = read::pairs(client, name, &association.entity_set, [&left, &right]);
    while let Some(page) = pages.next().await? {
        let read: Page<'_> = parse(&page, name)?;
        let pairs: Vec<_> = read
            .value
            .iter()
            .filter_map(|row| Some(HashMap::from([("a", row.guid(&left)?), ("b", row.guid(&right)?)])))
            .collect();
        let json =
            serde_json::to_string(&pairs).map_err(|source| Error::Page { table: name.clone(), source })?;
        let wanted = statement::staged_pairs(&table.staged, first, second, json);
        let staged = store.query(&wanted).await.map_err(|source| staging(name, source))?;
        let seen: Vec<i64> = staged
            .iter()
            .filter(|row| guid_of(row.get(2)).is_some() && guid_of(row.get(3)).is_some())
            .filter_map(|row| row.get(0).as_integer())
            .collect();
        progress.page(name, read.value.len() as u64);
        found
            .keep(PageFindings {
                rows: read.value.len() as u64,
                values: 2 * seen.len() as u64,
                seen,
                ..PageFindings::default()
            })
            .await?;
    }
    found.requests = pages.requests();
    let mut report = found.finish(&table.definition.primary_id, Arrived::BySuccess).await?;
    report.unexpected = None;
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}
