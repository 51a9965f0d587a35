//! Ranges of sequence numbers: `importsequencenumber` = base + RowId finds a row again in Dataverse.

use std::collections::BTreeMap;

use dataverse_client::{Client, Filter, Query};
use dataverse_wire::metadata::TableDefinition;
use staging_schema::{Statement, TableName, Value};
use staging_store::Store;
use uuid::Uuid;

use crate::Error;
use crate::error::{at_target, in_staging};

/// Bases begin above what hand-made imports use …
const LOWEST: u32 = 1_000_000_000;
/// … and leave room for this many rows below the 32-bit limit of the column.
pub(crate) const ROOM: u32 = 100_000_000;

/// The base of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    /// RowIds are added to it.
    pub(crate) base: i64,
    /// Whether the range was found free.
    pub(crate) verified: bool,
}

/// A base at random, such that base + RowId stays within 32 bits.
pub(crate) fn random() -> i64 {
    let choices = i32::MAX.unsigned_abs() - LOWEST - ROOM;
    // A version 4 UUID is 122 random bits; the first 32 of them are enough here.
    let (bits, ..) = Uuid::new_v4().as_fields();
    i64::from(LOWEST) + i64::from(bits % choices)
}

/// Whether no row of the table has a number of the range: one ranged query.
pub(crate) async fn is_free(client: &Client, definition: &TableDefinition, base: i64) -> Result<bool, Error> {
    let range = Filter::at_least("importsequencenumber", base)
        .and(Filter::at_most("importsequencenumber", base + i64::from(ROOM)));
    let query = Query::new(&definition.entity_set_name).select([&definition.primary_id]).filter(range).top(1);
    let doing = format!("looking whether numbers from {base} are free in {}", definition.logical_name);
    let page = client.query(&query).next_page().await.map_err(at_target(doing))?;
    Ok(page.is_none_or(|page| page.rows.is_empty()))
}

/// The bases that were reserved for an organisation.
pub(crate) async fn reserved(store: &Store, organization: Uuid) -> Result<BTreeMap<String, Base>, Error> {
    let doing = || in_staging("reading migration.SequenceBase");
    let read = Statement::new(
        |d| {
            format!(
                "SELECT {}, {}, {} FROM {} WHERE {} = {}",
                d.quote("TargetTable"),
                d.quote("Base"),
                d.quote("Verified"),
                d.table(&TableName::migration("SequenceBase")),
                d.quote("OrganizationId"),
                d.param(1)
            )
        },
        vec![organization.to_string().into()],
    );
    let mut bases = BTreeMap::new();
    for row in store.query(&read).await.map_err(doing())? {
        let base =
            Base { base: row.integer(1).map_err(doing())?, verified: row.integer(2).map_err(doing())? != 0 };
        bases.insert(row.text(0).map_err(doing())?.to_owned(), base);
    }
    Ok(bases)
}

/// Reserves a base for a table, unless it has one.
pub(crate) fn reserve(organization: Uuid, table: &str, base: Base) -> Statement {
    Statement::new(
        |d| {
            format!(
                "INSERT INTO {into} ({organization}, {table}, {base}, {verified}) SELECT {p1}, {p2}, {p3}, {p4} \
                 WHERE NOT EXISTS (SELECT 1 FROM {into} WHERE {organization} = {p1} AND {table} = {p2})",
                into = d.table(&TableName::migration("SequenceBase")),
                organization = d.quote("OrganizationId"),
                table = d.quote("TargetTable"),
                base = d.quote("Base"),
                verified = d.quote("Verified"),
                p1 = d.param(1),
                p2 = d.param(2),
                p3 = d.param(3),
                p4 = d.param(4),
            )
        },
        vec![
            organization.to_string().into(),
            table.into(),
            Value::Integer(base.base),
            Value::Integer(base.verified.into()),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_leaves_room_below_the_limit_of_the_column() {
        for _ in 0..1_000 {
            let base = random();
            assert!(base >= i64::from(LOWEST));
            assert!(base + i64::from(ROOM) <= i64::from(i32::MAX));
        }
    }
}
