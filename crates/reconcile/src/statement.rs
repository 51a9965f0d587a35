//! The statements of verification, and the tables that hold what it found.

use staging_schema::control;
use staging_schema::{ActionFlag, Dialect, Pass, Statement, TableName, TargetTable, Value};

use crate::table::Compared;

/// `migration.Difference`: one row per value that differs, row that is missing, or row that nobody staged; of the latest
/// verification of each table.
pub fn difference_table() -> TableName {
    TableName::migration("Difference")
}

/// Columns of [`difference_table`] in the order in which they are appended.
pub(crate) const DIFFERENCE_COLUMNS: [&str; 8] =
    ["TargetTable", "RowId", "SourceKey", "DataverseId", "ColumnName", "Rule", "Staged", "ReadBack"];

/// `migration.Verified`: the rows that the latest verification of each table has seen in Dataverse.
pub fn verified_table() -> TableName {
    TableName::migration("Verified")
}

/// Columns of [`verified_table`] in the order in which they are appended.
pub(crate) const VERIFIED_COLUMNS: [&str; 2] = ["TargetTable", "RowId"];

/// Forgets what an earlier verification found in this table.
pub(crate) fn forget(table: &TargetTable) -> [Statement; 2] {
    [difference_table(), verified_table()].map(|kept| {
        Statement::new(
            |d| {
                let target = d.quote("TargetTable");
                format!("DELETE FROM {} WHERE {target} IN ({}, {})", d.table(&kept), d.param(1), d.param(2))
            },
            vec![Value::Text(table.logical_name.clone()), Value::Text(parties_label(table))],
        )
    })
}

/// The largest RowId.
pub(crate) fn last_row(table: &TargetTable) -> Statement {
    Statement::new(
        |d| format!("SELECT MAX({}) FROM {}", d.quote(control::ROW_ID), d.table(&table.name())),
        Vec::new(),
    )
}

/// RowId, source key, GUID and the compared columns of the staged rows with these GUIDs.
///
/// The GUIDs travel as one JSON array of objects `{"i": guid}`, so that a page of any size is one parameter.
pub(crate) fn staged_rows(table: &TargetTable, columns: &[Compared], guids: String) -> Statement {
    Statement::new(
        |d| {
            let mut names = vec![control::ROW_ID, control::SOURCE_KEY, control::DATAVERSE_ID];
            names.extend(columns.iter().map(|column| column.column.as_str()));
            let list = names.iter().map(|name| d.quote(name)).collect::<Vec<_>>().join(", ");
            format!(
                "SELECT {list} FROM {table} WHERE {id} IN (SELECT {guid} FROM {array})",
                table = d.table(&table.name()),
                id = d.quote(control::DATAVERSE_ID),
                guid = d.json_member("page", "i"),
                array = d.json_array(&d.param(1), "page"),
            )
        },
        vec![Value::Text(guids)],
    )
}

/// RowId, source key and GUID of the staged rows that were given one of these GUIDs before they were sent, and that staging does
/// not know to have arrived; the GUIDs travel as for [`staged_rows`].
pub(crate) fn sent_with(table: &TargetTable, guids: String) -> Statement {
    Statement::new(
        |d| {
            let client_id = d.quote(control::CLIENT_ID);
            format!(
                "SELECT {row_id}, {key}, {client_id} FROM {table} WHERE {id} IS NULL \
                 AND {client_id} IN (SELECT {guid} FROM {array}) ORDER BY {row_id}",
                row_id = d.quote(control::ROW_ID),
                key = d.quote(control::SOURCE_KEY),
                table = d.table(&table.name()),
                id = d.quote(control::DATAVERSE_ID),
                guid = d.json_member("page", "i"),
                array = d.json_array(&d.param(1), "page"),
            )
        },
        vec![Value::Text(guids)],
    )
}

/// Records as missing every row that staging believes to be in Dataverse and that was not seen there.
pub(crate) fn record_missing(table: &TargetTable, arrived: Arrived, column: &str) -> Statement {
    let verified = verified_table();
    Statement::new(
        |d| {
            format!(
                "INSERT INTO {difference} ({columns}) SELECT {p1}, t.{row_id}, t.{key}, t.{id}, {p2}, {p3}, {staged}, NULL \
                 FROM {table} AS t WHERE {there} AND NOT EXISTS (SELECT 1 FROM {verified} AS v \
                 WHERE v.{target} = {p1} AND v.{seen} = t.{row_id})",
                difference = d.table(&difference_table()),
                columns = DIFFERENCE_COLUMNS.map(|name| d.quote(name)).join(", "),
                p1 = d.param(1),
                p2 = d.param(2),
                p3 = d.param(3),
                staged = d.guid_text(&format!("t.{}", d.quote(control::DATAVERSE_ID))),
                there = arrived.condition(table, d),
                row_id = d.quote(control::ROW_ID),
                key = d.quote(control::SOURCE_KEY),
                id = d.quote(control::DATAVERSE_ID),
                table = d.table(&table.name()),
                verified = d.table(&verified),
                target = d.quote("TargetTable"),
                seen = d.quote("RowId"),
            )
        },
        vec![
            Value::Text(table.logical_name.clone()),
            Value::Text(column.to_owned()),
            Value::Text("staged as loaded, but not in Dataverse".to_owned()),
        ],
    )
}

/// Staged rows; of those: rows with a GUID (associations: with a success), rows flagged in error, rows seen by verification,
/// associations of which an end has not arrived, rows that were deleted.
pub(crate) fn accounts(table: &TargetTable, arrived: Arrived) -> Statement {
    Statement::new(
        |d| {
            let there = arrived.condition(table, d);
            let error = format!("t.{} = 'E'", d.quote(control::PROCESSING_FLAG));
            let ends: Vec<String> = match arrived {
                Arrived::ByGuid => Vec::new(),
                Arrived::BySuccess => {
                    let ends = table.lookups().filter_map(|end| Some((&end.name, end.source_key_column()?)));
                    let waits = |(end, key): (&String, String)| {
                        format!("(t.{} IS NOT NULL AND t.{} IS NULL)", d.quote(&key), d.quote(end))
                    };
                    ends.map(waits).collect()
                }
            };
            let waiting = if ends.is_empty() { "1 = 0".to_owned() } else { ends.join(" OR ") };
            let seen = format!(
                "EXISTS (SELECT 1 FROM {verified} AS v WHERE v.{target} = {p1} AND v.{seen} = t.{row_id})",
                verified = d.table(&verified_table()),
                target = d.quote("TargetTable"),
                seen = d.quote("RowId"),
                row_id = d.quote(control::ROW_ID),
                p1 = d.param(1),
            );
            format!(
                "SELECT COUNT(*), COALESCE(SUM(there), 0), COALESCE(SUM(CASE WHEN there = 0 AND faulty = 1 THEN 1 ELSE 0 END), 0), \
                 COALESCE(SUM(seen), 0), COALESCE(SUM(CASE WHEN there = 0 AND gone = 0 AND faulty = 0 AND waiting = 1 THEN 1 ELSE 0 END), 0), \
                 COALESCE(SUM(gone), 0) FROM (SELECT {there} AS there, {faulty} AS faulty, {seen} AS seen, {waiting} AS waiting, \
                 {gone} AS gone FROM {table} AS t) AS accounted",
                there = bit(&there),
                faulty = bit(&error),
                seen = bit(&seen),
                waiting = bit(&waiting),
                gone = bit(&gone(table, d)),
                table = d.table(&table.name()),
            )
        },
        vec![Value::Text(table.logical_name.clone())],
    )
}

/// How staging knows that a row has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// It has a GUID.
    ByGuid,
    /// It is an association with a success.
    BySuccess,
}

impl Arrived {
    /// The condition on the staging table, aliased `t`.
    fn condition(self, table: &TargetTable, d: Dialect) -> String {
        let came = match self {
            Self::ByGuid => format!("t.{} IS NOT NULL", d.quote(control::DATAVERSE_ID)),
            Self::BySuccess => format!(
                "EXISTS (SELECT 1 FROM {success} AS s WHERE s.{row_id} = t.{own_row_id} AND s.{pass} = 'associate')",
                success = d.table(&table.success()),
                row_id = d.quote("RowId"),
                own_row_id = d.quote(control::ROW_ID),
                pass = d.quote("Pass"),
            ),
        };
        format!("{came} AND NOT {}", gone(table, d))
    }
}

/// Rows, aliased `t`, that were deleted because staging said so.
fn gone(table: &TargetTable, d: Dialect) -> String {
    format!(
        "(t.{action} = {delete} AND EXISTS (SELECT 1 FROM {success} AS g WHERE g.{row_id} = t.{own_row_id} \
         AND g.{generation} = t.{own_generation} AND g.{pass} = {deleted}))",
        action = d.quote(control::ACTION_FLAG),
        delete = d.literal(ActionFlag::Delete.as_str()),
        success = d.table(&table.success()),
        row_id = d.quote("RowId"),
        own_row_id = d.quote(control::ROW_ID),
        generation = d.quote("Generation"),
        own_generation = d.quote(control::GENERATION),
        pass = d.quote("Pass"),
        deleted = d.literal(Pass::Delete.as_str()),
    )
}

/// Records every row that was deleted and was seen in Dataverse all the same.
pub(crate) fn record_undeleted(table: &TargetTable, column: &str) -> Statement {
    Statement::new(
        |d| {
            format!(
                "INSERT INTO {difference} ({columns}) SELECT {p1}, t.{row_id}, t.{key}, t.{id}, {p2}, {p3}, NULL, {read} \
                 FROM {table} AS t WHERE {gone} AND EXISTS (SELECT 1 FROM {verified} AS v \
                 WHERE v.{target} = {p1} AND v.{seen} = t.{row_id})",
                difference = d.table(&difference_table()),
                columns = DIFFERENCE_COLUMNS.map(|name| d.quote(name)).join(", "),
                p1 = d.param(1),
                p2 = d.param(2),
                p3 = d.param(3),
                read = d.guid_text(&format!("t.{}", d.quote(control::DATAVERSE_ID))),
                gone = gone(table, d),
                row_id = d.quote(control::ROW_ID),
                key = d.quote(control::SOURCE_KEY),
                id = d.quote(control::DATAVERSE_ID),
                table = d.table(&table.name()),
                verified = d.table(&verified_table()),
                target = d.quote("TargetTable"),
                seen = d.quote("RowId"),
            )
        },
        vec![
            Value::Text(table.logical_name.clone()),
            Value::Text(column.to_owned()),
            Value::Text("deleted, but still in Dataverse".to_owned()),
        ],
    )
}

fn bit(condition: &str) -> String {
    format!("CASE WHEN {condition} THEN 1 ELSE 0 END")
}

/// Differences of one table, counted by column and rule, most first.
pub(crate) fn differences_by_column(table: &TargetTable) -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT {column}, {rule}, COUNT(*), COUNT(DISTINCT {row}), MIN({key}) FROM {table} WHERE {target} = {p} \
                 GROUP BY {column}, {rule} ORDER BY COUNT(*) DESC, {column}",
                column = d.quote("ColumnName"),
                rule = d.quote("Rule"),
                row = d.quote("RowId"),
                key = d.quote("SourceKey"),
                table = d.table(&difference_table()),
                target = d.quote("TargetTable"),
                p = d.param(1),
            )
        },
        vec![Value::Text(table.logical_name.clone())],
    )
}

/// Rows of one table with at least one difference.
pub(crate) fn differing_rows(table: &TargetTable) -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT COUNT(DISTINCT {row}) FROM {table} WHERE {target} = {p} AND {row} IS NOT NULL",
                row = d.quote("RowId"),
                table = d.table(&difference_table()),
                target = d.quote("TargetTable"),
                p = d.param(1),
            )
        },
        vec![Value::Text(table.logical_name.clone())],
    )
}

/// RowId, source key and both ends of the staged pairs that were associated.
pub(crate) fn staged_pairs(table: &TargetTable, first: &str, second: &str, pairs: String) -> Statement {
    Statement::new(
        |d: Dialect| {
            format!(
                "SELECT t.{row_id}, t.{key}, t.{first}, t.{second} FROM {array} JOIN {table} AS t \
                 ON t.{first} = {left} AND t.{second} = {right}",
                row_id = d.quote(control::ROW_ID),
                key = d.quote(control::SOURCE_KEY),
                first = d.quote(first),
                second = d.quote(second),
                table = d.table(&table.name()),
                array = d.json_array(&d.param(1), "page"),
                left = d.json_member("page", "a"),
                right = d.json_member("page", "b"),
            )
        },
        vec![Value::Text(pairs)],
    )
}

/// For parties that were read back: row, source key, activity, part, party, and the staged party that it is (or NULL).
pub(crate) fn staged_parties(table: &TargetTable, parties: String) -> Statement {
    Statement::new(
        |d| {
            format!(
                "SELECT t.{row_id}, t.{key}, t.{id}, {part}, {party}, p.{party_row} FROM {array} JOIN {table} AS t ON t.{id} = {activity} \
                 LEFT JOIN {parties} AS p ON p.{row} = t.{row_id} AND p.{part_name} = {part} AND p.{party_id} = {party}",
                row_id = d.quote(control::ROW_ID),
                key = d.quote(control::SOURCE_KEY),
                id = d.quote(control::DATAVERSE_ID),
                part = d.json_member("page", "m"),
                party = d.json_member("page", "p"),
                activity = d.json_member("page", "a"),
                array = d.json_array(&d.param(1), "page"),
                party_row = d.quote("PartyRowId"),
                table = d.table(&table.name()),
                parties = d.table(&table.party()),
                row = d.quote("RowId"),
                part_name = d.quote("Part"),
                party_id = d.quote("PartyId"),
            )
        },
        vec![Value::Text(parties)],
    )
}

/// Records staged parties of loaded activities that were not read back.
pub(crate) fn record_missing_parties(table: &TargetTable) -> Statement {
    Statement::new(
        |d| {
            format!(
                "INSERT INTO {difference} ({columns}) SELECT {p1}, t.{row_id}, t.{key}, t.{id}, p.{part}, {p2}, {staged}, NULL \
                 FROM {parties} AS p JOIN {table} AS t ON t.{row_id} = p.{row} WHERE t.{id} IS NOT NULL AND p.{party} IS NOT NULL \
                 AND NOT {gone} AND NOT EXISTS (SELECT 1 FROM {verified} AS v WHERE v.{target} = {p3} AND v.{row} = p.{party_row})",
                difference = d.table(&difference_table()),
                columns = DIFFERENCE_COLUMNS.map(|name| d.quote(name)).join(", "),
                p1 = d.param(1),
                p2 = d.param(2),
                p3 = d.param(3),
                row_id = d.quote(control::ROW_ID),
                key = d.quote(control::SOURCE_KEY),
                id = d.quote(control::DATAVERSE_ID),
                part = d.quote("Part"),
                party = d.quote("PartyId"),
                staged = d.guid_text(&format!("p.{}", d.quote("PartyId"))),
                parties = d.table(&table.party()),
                table = d.table(&table.name()),
                row = d.quote("RowId"),
                party_row = d.quote("PartyRowId"),
                gone = gone(table, d),
                verified = d.table(&verified_table()),
                target = d.quote("TargetTable"),
            )
        },
        vec![
            Value::Text(table.logical_name.clone()),
            Value::Text("a staged party that the activity does not have".to_owned()),
            Value::Text(parties_label(table)),
        ],
    )
}

/// Under which name [`verified_table`] keeps parties that were seen.
pub(crate) fn parties_label(table: &TargetTable) -> String {
    table.party().name().to_owned()
}

#[cfg(test)]
mod tests {
    use staging_schema::{StagedColumn, StagedKind};

    use super::*;
    use crate::Rule;

    #[test]
    fn every_statement_reads_the_same_on_both_engines() {
        let columns = vec![
            StagedColumn::new("subject", StagedKind::Text { max: 200 }),
            StagedColumn::new("to", StagedKind::Parties { targets: vec!["contact".into()] }),
        ];
        let table = TargetTable::new("email", columns).unwrap();
        let end =
            || StagedKind::Lookup { targets: vec!["x".into()], multi_table: false, multi_source: false };
        let ends = vec![StagedColumn::new("campaignid", end()), StagedColumn::new("entityid", end())];
        let pairs = TargetTable::new("campaignitem", ends).unwrap();
        let compared = [Compared {
            column: "subject".into(),
            property: "subject".into(),
            rule: Rule::Text,
            defaulted: false,
        }];
        let statements = [
            last_row(&table),
            forget(&table)[0].clone(),
            staged_rows(&table, &compared, "[]".into()),
            record_missing(&table, Arrived::ByGuid, "activityid"),
            record_undeleted(&table, "activityid"),
            accounts(&table, Arrived::ByGuid),
            accounts(&pairs, Arrived::BySuccess),
            differing_rows(&table),
            differences_by_column(&table),
            staged_pairs(&table, "campaignid", "entityid", "[]".into()),
            staged_parties(&table, "[]".into()),
            record_missing_parties(&table),
        ];
        let text: Vec<String> = statements
            .iter()
            .flat_map(|statement| {
                Dialect::ALL.map(|dialect| format!("{dialect:?}: {}", statement.text(dialect)))
            })
            .collect();
        insta::assert_snapshot!(text.join("\n\n"));
    }
}
