//! Parties of activities, read back from `activityparty`.

use std::collections::HashMap;

use dataverse_client::Client;
use dataverse_wire::participation_mask;
use staging_schema::StagedKind;
use staging_store::Store;

use crate::page::Page;
use crate::read;
use crate::statement;
use crate::verify::{Difference, Findings, PageFindings, parse, staging};
use crate::{Error, VerifyTable};

/// Compares the staged parties of the table's rows with those that its activities have, part by part. A table that stages no
/// parties costs nothing.
pub(crate) async fn verify_parties(
    store: &Store,
    client: &Client,
    table: &VerifyTable,
    found: &mut Findings<'_>,
) -> Result<(), Error> {
    let name = &table.staged.logical_name;
    let parts: HashMap<i32, &str> = table
        .staged
        .columns
        .iter()
        .filter(|column| matches!(column.kind, StagedKind::Parties { .. }))
        .filter_map(|column| Some((participation_mask(&column.name)?, column.name.as_str())))
        .collect();
    if parts.is_empty() {
        return Ok(());
    }
    let failed = |source| staging(name, source);
    let mut pages = read::parties(client, name, parts.keys().copied());
    while let Some(page) = pages.next().await? {
        let read: Page<'_> = parse(&page, name)?;
        let parties: Vec<_> = read
            .value
            .iter()
            .filter_map(|row| {
                let mask: i32 = row.json("participationtypemask").parse().ok()?;
                Some(HashMap::from([
                    ("a", row.guid("_activityid_value")?),
                    ("p", row.guid("_partyid_value")?),
                    ("m", (*parts.get(&mask)?).to_owned()),
                ]))
            })
            .collect();
        let json =
            serde_json::to_string(&parties).map_err(|source| Error::Page { table: name.clone(), source })?;
        let matched = store.query(&statement::staged_parties(&table.staged, json)).await.map_err(failed)?;
        let mut findings = PageFindings { values: matched.len() as u64, ..PageFindings::default() };
        for row in matched {
            if let Some(party) = row.get(5).as_integer() {
                findings.seen.push(party);
            } else {
                findings.differences.push(Difference {
                    row_id: row.get(0).as_integer(),
                    source_key: row.get(1).as_text().map(str::to_owned),
                    dataverse_id: row.get(2).as_text().map(str::to_owned),
                    column: row.get(3).as_text().unwrap_or_default().to_owned(),
                    rule: "a party that was not staged",
                    staged: None,
                    read_back: row.get(4).as_text().map(str::to_owned),
                });
            }
        }
        found.keep_parties(findings).await?;
    }
    found.requests += pages.requests();
    store.execute(&statement::record_missing_parties(&table.staged)).await.map_err(failed)?;
    Ok(())
}
