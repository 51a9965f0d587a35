//! Rows that point to rows of their own table.

use batch_loader::{Event, Plan};
use dataverse_emulator::{FaultKind, FaultRule};
use staging_schema::{TargetTable, Value};

use crate::world::{World, lookup, text, waves};

fn table() -> TargetTable {
    TargetTable::new("account", vec![text("name", 160), lookup("parentaccountid", "account")]).unwrap()
}

/// Source key, name, parent's source key.
fn row(key: &str, parent: Option<&str>) -> Vec<Value> {
    vec![key.into(), key.into(), parent.into()]
}

/// Each account with the name of its parent.
async fn parents(world: &World) -> Vec<(String, Option<String>)> {
    let rows = world.shown("accounts", &["accountid", "name", "_parentaccountid_value"]).await;
    let name_of =
        |id: &String| rows.iter().find(|row| row["accountid"] == *id).map(|row| row["name"].clone());
    let mut parents: Vec<_> = rows
        .iter()
        .map(|row| (row["name"].clone(), row.get("_parentaccountid_value").and_then(name_of)))
        .collect();
    parents.sort();
    parents
}

#[tokio::test]
async fn a_hierarchy_loads_level_by_level_and_needs_no_second_write() {
    let world = World::start().await;
    let mut load = world.table(table()).await;
    load.self_lookups = vec!["parentaccountid".to_owned()];
    let plan = waves(vec![vec![load]]);
    world.prepare(&plan).await;
    // The children come first in the source.
    let rows = vec![
        row("leaf", Some("node")),
        row("node", Some("root")),
        row("twig", Some("node")),
        row("root", None),
    ];
    world.stage(&table(), &["name", "parentaccountid_SourceKey"], rows).await;
    world.store.compute_levels(&table(), &["parentaccountid"], None).await.unwrap();

    let report = world.load(&plan).await.unwrap();
    let account = &report.tables["account"];
    assert_eq!((account.loaded, account.owed, account.requests), (4, 0, 3));
    let expected = [("leaf", Some("node")), ("node", Some("root")), ("root", None), ("twig", Some("node"))];
    let expected: Vec<_> = expected.map(|(a, b)| (a.to_owned(), b.map(str::to_owned))).into();
    assert_eq!(parents(&world).await, expected);
    assert_eq!(world.settle(&plan).await.unwrap().tables["account"].updated, 0);
}

#[tokio::test]
async fn a_deep_chain_loads_row_after_row_with_one_request_each() {
    const DEPTH: usize = 60;
    let world = World::start().await;
    let mut load = world.table(table()).await;
    load.self_lookups = vec!["parentaccountid".to_owned()];
    let plan = waves(vec![vec![load]]);
    world.prepare(&plan).await;
    let name = |number: usize| format!("a{number:02}");
    let above = |number: usize| (number + 1 < DEPTH).then(|| name(number + 1));
    let rows = (0..DEPTH).map(|number| row(&name(number), above(number).as_deref())).collect();
    world.stage(&table(), &["name", "parentaccountid_SourceKey"], rows).await;
    world.store.compute_levels(&table(), &["parentaccountid"], None).await.unwrap();

    let report = world.load(&plan).await.unwrap();
    let account = &report.tables["account"];
    assert_eq!((account.loaded, account.owed, account.requests), (60, 0, 60));
    let expected: Vec<_> = (0..DEPTH).map(|number| (name(number), above(number))).collect();
    assert_eq!(parents(&world).await, expected);
}

#[tokio::test]
async fn rows_on_a_cycle_are_closed_by_the_lookups_pass() {
    let world = World::start().await;
    let mut load = world.table(table()).await;
    load.self_lookups = vec!["parentaccountid".to_owned()];
    let plan = waves(vec![vec![load]]);
    world.prepare(&plan).await;
    let rows = vec![row("a", Some("b")), row("b", Some("a")), row("below", Some("a"))];
    world.stage(&table(), &["name", "parentaccountid_SourceKey"], rows).await;
    world.store.compute_levels(&table(), &["parentaccountid"], None).await.unwrap();

    let loaded = world.load(&plan).await.unwrap();
    assert_eq!((loaded.tables["account"].loaded, loaded.tables["account"].owed), (3, 2));
    let settled = world.settle(&plan).await.unwrap();
    assert_eq!((settled.tables["account"].updated, settled.tables["account"].owed), (2, 0));
    let expected = [("a", Some("b")), ("b", Some("a")), ("below", Some("a"))];
    let expected: Vec<_> = expected.map(|(a, b)| (a.to_owned(), b.map(str::to_owned))).into();
    assert_eq!(parents(&world).await, expected);
    assert_eq!(world.settle(&plan).await.unwrap().tables["account"].updated, 0);
}

/// A root, its child and its grandchild.
async fn lineage(world: &World) -> Plan {
    let mut load = world.table(table()).await;
    load.self_lookups = vec!["parentaccountid".to_owned()];
    let plan = waves(vec![vec![load]]);
    world.prepare(&plan).await;
    let rows = vec![row("root", None), row("node", Some("root")), row("leaf", Some("node"))];
    world.stage(&table(), &["name", "parentaccountid_SourceKey"], rows).await;
    world.store.compute_levels(&table(), &["parentaccountid"], None).await.unwrap();
    plan
}

#[tokio::test]
async fn a_parent_that_was_in_doubt_is_known_to_its_children_when_they_are_created() {
    let world = World::start().await;
    let plan = lineage(&world).await;
    world.faults([FaultRule::new(FaultKind::LoseAnswer).on_path("*CreateMultiple").after(1).times(1)]);
    // The loader dies when the answer to the second level is lost.
    let (died, answers) = (tokio::sync::Notify::new(), std::sync::atomic::AtomicUsize::new(0));
    let observer = |event: &Event| {
        if matches!(event, Event::Answered { .. })
            && answers.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1
        {
            died.notify_one();
        }
    };
    tokio::select! {
        biased;
        () = died.notified() => {}
        _ = world.load_seen(&plan, &observer) => panic!("it was to die"),
    }
    let report = world.load(&plan).await.unwrap();
    let account = &report.tables["account"];
    assert_eq!((account.adopted, account.loaded, account.owed), (1, 1, 0));
    let expected = [("leaf", Some("node")), ("node", Some("root")), ("root", None)];
    let expected: Vec<_> = expected.map(|(a, b)| (a.to_owned(), b.map(str::to_owned))).into();
    assert_eq!(parents(&world).await, expected);
}

#[tokio::test]
async fn a_chunk_of_a_hierarchy_that_a_dead_worker_left_open_is_closed() {
    let world = World::start().await;
    let plan = lineage(&world).await;
    world.load(&plan).await.unwrap();
    let died = "UPDATE target_Chunk SET State = 'leased', LeaseUntil = '2000-01-01T00:00:00.000Z', Worker = 'dead' \
                WHERE ChunkId = (SELECT MAX(ChunkId) FROM target_Chunk)";
    world.execute(died).await;
    let report = world.load(&plan).await.unwrap();
    assert_eq!(report.tables["account"].requests, 0);
    assert_eq!(world.count("SELECT COUNT(*) FROM target_Chunk WHERE State <> 'done'").await, 0);
}
