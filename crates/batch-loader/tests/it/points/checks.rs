//! What must hold in the end, read from the emulator and the staging database, not through the loader.

use std::collections::BTreeMap;

use batch_loader::Report;
use dataverse_client::{Query, Row};
use serde_json::Value as Json;
use staging_schema::Shape;
use staging_store::Store;
use staging_store::contract::ScratchStaging;

use super::scene::Scene;

/// Outcomes recorded so far, by table: created, adopted, other successes, errors.
pub(super) type Tally = BTreeMap<String, [u64; 4]>;

/// Primary key and name of what lookups point to.
const NAMED: [(&str, &str, &str); 12] = [
    ("accounts", "accountid", "name"),
    ("contacts", "contactid", "lastname"),
    ("leads", "leadid", "lastname"),
    ("opportunities", "opportunityid", "name"),
    ("incidents", "incidentid", "title"),
    ("quotes", "quoteid", "name"),
    ("salesorders", "salesorderid", "name"),
    ("phonecalls", "activityid", "subject"),
    ("opportunitycloses", "activityid", "subject"),
    ("incidentresolutions", "activityid", "subject"),
    ("quotecloses", "activityid", "subject"),
    ("ordercloses", "activityid", "subject"),
];

pub(super) async fn tally(scene: &Scene, ledger: &Store) -> Tally {
    let mut tally = Tally::new();
    for table in scene.act.plan.tables() {
        let name = table.name();
        let count = |condition: &str| format!("SELECT COUNT(*) FROM target_{name}_Success WHERE {condition}");
        let counts = [
            counted(ledger, &count("Pass = 'insert' AND Kind = 'created'")).await,
            counted(ledger, &count("Pass = 'insert' AND Kind = 'adopted'")).await,
            counted(ledger, &count("Pass <> 'insert'")).await,
            counted(ledger, &format!("SELECT COUNT(*) FROM target_{name}_Error")).await,
        ];
        tally.insert(name.to_owned(), counts);
    }
    tally
}

/// Everything that is not as promised.
pub(super) async fn problems(
    scene: &Scene,
    ledger: &Store,
    report: &Report,
    before: &Tally,
    after: &Tally,
) -> Vec<String> {
    let mut problems = content(scene).await;
    manifest(scene, ledger, &mut problems).await;
    for table in scene.act.plan.tables() {
        rows(scene, ledger, table.name(), table.staged.shape, &mut problems).await;
    }
    reported(scene, ledger, report, before, after, &mut problems).await;
    problems
}

/// Dataverse holds each row once, with its values, and nothing else.
async fn content(scene: &Scene) -> Vec<String> {
    let mut names = scene.users.clone();
    let mut held: Vec<Vec<Row>> = Vec::new();
    for sheet in &scene.act.sheets {
        let primary = NAMED.iter().find(|(set, _, _)| *set == sheet.set);
        let mut columns: Vec<&str> = sheet.columns.to_vec();
        columns.extend(primary.map(|(_, id, _)| *id));
        let rows: Vec<Row> = scene.client.query(&Query::new(sheet.set).select(&columns)).all().await.unwrap();
        if let Some((_, id, name)) = primary {
            for row in &rows {
                names.insert(word(row.get(*id)), word(row.get(*name)));
            }
        }
        held.push(rows);
    }
    let mut problems = Vec::new();
    for (sheet, rows) in scene.act.sheets.iter().zip(held) {
        let mut lines: Vec<String> = rows
            .iter()
            // Some services write the owner down as a party by themselves.
            .filter(|row| word(row.get("participationtypemask")) != "9")
            .map(|row| {
                let cells = sheet.columns.iter().map(|column| {
                    let cell = word(row.get(*column));
                    names.get(&cell).cloned().unwrap_or(cell)
                });
                cells.collect::<Vec<_>>().join(", ")
            })
            .collect();
        lines.sort();
        if lines != sheet.rows {
            problems.push(format!("{} holds {lines:?}, not {:?}", sheet.set, sheet.rows));
        }
    }
    problems
}

/// Nothing is in doubt, no chunk is open, and each request has the outcomes that it says.
async fn manifest(scene: &Scene, ledger: &Store, problems: &mut Vec<String>) {
    let mut none = |what: &str, rows: u64| {
        if rows > 0 {
            problems.push(format!("{rows} {what}"));
        }
    };
    let sent = "SELECT COUNT(*) FROM target_Request WHERE State = 'sent'";
    none("requests are in doubt", counted(ledger, sent).await);
    let open = "SELECT COUNT(*) FROM target_Chunk WHERE State <> 'done'";
    none("chunks are open", counted(ledger, open).await);
    for table in scene.act.plan.tables() {
        let name = table.name();
        let outcomes = |kind: &str| {
            format!("(SELECT COUNT(*) FROM target_{name}_{kind} AS o WHERE o.RequestId = q.RequestId)")
        };
        let uneven = format!(
            "SELECT COUNT(*) FROM target_Request AS q WHERE q.TargetTable = '{name}' AND q.State IN ('answered', 'resolved') \
             AND q.[RowCount] <> {} + {}",
            outcomes("Success"),
            outcomes("Error")
        );
        none("requests have other outcomes than rows", counted(ledger, &uneven).await);
    }
}

/// Every row of a table has one end, and staging knows it by the GUID that it has in Dataverse.
async fn rows(scene: &Scene, ledger: &Store, table: &str, shape: Shape, problems: &mut Vec<String>) {
    let twice = format!(
        "SELECT COUNT(*) FROM (SELECT RowId FROM target_{table}_Success GROUP BY RowId, Pass, Generation HAVING COUNT(*) > 1) AS twice"
    );
    if counted(ledger, &twice).await > 0 {
        problems.push(format!("{table}: rows succeeded twice"));
    }
    let open = format!(
        "SELECT t.DataMigration_SourceKey, e.Pass, CONCAT(e.ColumnName, ' ', e.Message) FROM target_{table}_Error AS e \
         JOIN target_{table} AS t ON t.DataMigration_RowId = e.RowId WHERE e.Retried = 0 ORDER BY 1"
    );
    let found = ledger.query(&ScratchStaging::statement(&open)).await.unwrap();
    let expected: Vec<_> = scene.act.errors.iter().filter(|error| error[0] == table).collect();
    let is_as_expected = found.len() == expected.len()
        && found.iter().zip(&expected).all(|(row, [_, key, pass, reason])| {
            row.text(0).unwrap() == *key
                && row.text(1).unwrap() == *pass
                && row.text(2).unwrap().contains(reason)
        });
    if !is_as_expected {
        let found: Vec<String> = found.iter().map(|row| format!("{:?}", row.values())).collect();
        problems.push(format!("{table}: errors are {found:?}, not {expected:?}"));
    }
    let owed = scene.act.owed.get(table).copied().unwrap_or(0);
    let unsettled =
        "SELECT COUNT(*) FROM target_{table} WHERE DataMigration_ProcessingFlag NOT IN ('P', 'E')";
    let unsettled = counted(ledger, &unsettled.replace("{table}", table)).await;
    if unsettled != owed {
        problems.push(format!("{table}: {unsettled} rows are not settled, and {owed} should owe something"));
    }
    if shape == Shape::Standard {
        identities(scene, ledger, table, problems).await;
    }
}

/// The GUIDs that staging has of rows that are to be there are those that Dataverse has, and it has no others of ours.
async fn identities(scene: &Scene, ledger: &Store, table: &str, problems: &mut Vec<String>) {
    let definition = &scene.act.plan.tables().find(|known| known.name() == table).unwrap().definition;
    let known = format!(
        "SELECT DataMigration_DataverseId FROM target_{table} WHERE DataMigration_DataverseId IS NOT NULL \
         AND NOT (DataMigration_ActionFlag = 'D' AND DataMigration_ProcessingFlag = 'P')"
    );
    let known = ledger.query(&ScratchStaging::statement(&known)).await.unwrap();
    let mut known: Vec<String> = known.iter().map(|row| row.text(0).unwrap().to_owned()).collect();
    known.sort();
    let id = definition.primary_id.as_str();
    let there = Query::new(&definition.entity_set_name).select([id]);
    let there: Vec<Row> = scene.client.query(&there).all().await.unwrap();
    let mut there: Vec<String> = there.iter().map(|row| word(row.get(id))).collect();
    there.sort();
    let is_matched = scene
        .act
        .plan
        .tables()
        .any(|known| known.name() == table && known.staged.mode == staging_schema::Mode::Match);
    if is_matched {
        there.retain(|id| known.contains(id));
    }
    if known != there {
        problems.push(format!("{table}: staging knows {known:?}, Dataverse has {there:?}"));
    }
}

/// What the last process says it did is what was recorded while it ran.
async fn reported(
    scene: &Scene,
    ledger: &Store,
    report: &Report,
    before: &Tally,
    after: &Tally,
    problems: &mut Vec<String>,
) {
    for (name, says) in &report.tables {
        let (before, after) = (before[name], after[name]);
        let did: Vec<u64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
        let said = [says.loaded, says.adopted, says.updated, says.errors];
        if did != said {
            problems.push(format!("{name}: the report says {said:?}, recorded were {did:?}"));
        }
        let staged = counted(ledger, &format!("SELECT COUNT(*) FROM target_{name}")).await;
        let owed = scene.act.owed.get(name.as_str()).copied().unwrap_or(0);
        if (says.staged, says.owed) != (staged, owed) {
            problems.push(format!(
                "{name}: the report says {} staged and {} owed, not {staged} and {owed}",
                says.staged, says.owed
            ));
        }
        if !says.strays.is_empty() {
            problems.push(format!("{name}: the sweep found {:?}", says.strays));
        }
    }
}

async fn counted(ledger: &Store, sql: &str) -> u64 {
    ledger.count(&ScratchStaging::statement(sql)).await.unwrap()
}

/// A cell as text; numbers without regard to their digits, nothing as an empty text.
fn word(cell: Option<&Json>) -> String {
    match cell {
        None | Some(Json::Null) => String::new(),
        Some(Json::String(text)) => text.clone(),
        Some(Json::Number(number)) => number.as_f64().unwrap().to_string(),
        Some(other) => other.to_string(),
    }
}
