//! SQLite finds rows by their keys: no statement that runs for every slice, chunk or request reads a table from end to end.

use std::collections::BTreeSet;

use rusqlite::Connection;
use staging_schema::{Dialect, StagedColumn, StagedKind, Statement, TargetTable};

use crate::sample;
use crate::world;

/// What runs for every slice, chunk or request.
const HOT: [(&str, &str); 24] = [
    ("lookup", "single"),
    ("lookup", "several tables"),
    ("lookup", "several lookups"),
    ("lookup", "parties"),
    ("lookup", "owner"),
    ("pending", "read"),
    ("pending", "read parties"),
    ("pending", "reopen late lookups"),
    ("chunk", "insert"),
    ("chunk", "open"),
    ("chunk", "take"),
    ("chunk", "held"),
    ("manifest", "answer"),
    ("manifest", "resolve"),
    ("manifest", "restamp"),
    ("settle", "activity"),
    ("settle", "intersect"),
    ("settle", "assign ids"),
    ("level", "parents"),
    ("level", "roots"),
    ("level", "look"),
    ("level", "follow"),
    ("level", "settle"),
    ("pace", "of a table"),
];

/// The tables that lookups of the samples point to.
fn parents() -> Vec<TargetTable> {
    let parents = ["account", "incident", "campaign", "contact", "lead", "systemuser", "team"];
    let named = |name: &str| {
        TargetTable::new(name, vec![StagedColumn::new("name", StagedKind::Text { max: 100 })]).unwrap()
    };
    parents.map(named).into()
}

/// The tables that a statement reads from end to end; sets that it brings along or computes first are no tables.
fn scans(connection: &Connection, statement: &Statement) -> rusqlite::Result<Vec<String>> {
    let text = format!("EXPLAIN QUERY PLAN {}", statement.text(Dialect::Sqlite));
    let mut prepared = connection.prepare(&text)?;
    let mut rows = prepared.raw_query();
    let mut steps: Vec<String> = Vec::new();
    while let Some(row) = rows.next()? {
        steps.push(row.get(3)?);
    }
    let computed: BTreeSet<&str> = steps
        .iter()
        .filter_map(|step| step.strip_prefix("MATERIALIZE ").or_else(|| step.strip_prefix("CO-ROUTINE ")))
        .collect();
    let is_table = |step: &str| {
        let name = step.split(' ').next().unwrap_or_default();
        !computed.contains(name) && !step.contains("VIRTUAL TABLE") && !step.starts_with("CONSTANT ROW")
    };
    let scanned = steps.iter().filter_map(|step| step.strip_prefix("SCAN ")).filter(|step| is_table(step));
    Ok(scanned.map(str::to_owned).collect())
}

#[tokio::test]
async fn no_statement_of_the_hot_path_scans_a_table_that_it_could_seek() {
    let (folder, store) = world::store().await;
    store.ensure_tables(&parents()).await.unwrap();
    let made = ["activity", "intersect", "matched with client ids"];
    for (_, named) in sample::all().into_iter().filter(|(topic, _)| *topic == "ddl") {
        for (_, statements) in named.into_iter().filter(|(name, _)| made.contains(name)) {
            store.execute_all(&statements).await.unwrap();
        }
    }
    let connection = Connection::open(folder.path().join("staging.db")).unwrap();
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for (topic, named) in sample::all() {
        for (name, statements) in named {
            if !HOT.contains(&(topic, name)) {
                continue;
            }
            seen.insert((topic, name));
            // What has no parameters is a report over the whole table.
            for statement in statements.iter().filter(|statement| !statement.params().is_empty()) {
                let text = statement.text(Dialect::Sqlite);
                let scanned = scans(&connection, statement);
                let scanned = scanned.unwrap_or_else(|error| panic!("{topic}, {name}: {error}\n{text}"));
                if !scanned.is_empty() {
                    found.push(format!("{topic}, {name} scans {}:\n{text}", scanned.join(" and ")));
                }
            }
        }
    }
    assert_eq!(seen, BTreeSet::from(HOT), "the samples have all of them");
    assert!(found.is_empty(), "{}", found.join("\n\n"));
    // The test sees a scan when there is one.
    let whole = Statement::same("SELECT COUNT(*) FROM target_task WHERE subject = ?1", vec!["x".into()]);
    assert_eq!(scans(&connection, &whole).unwrap(), ["target_task"]);
}
