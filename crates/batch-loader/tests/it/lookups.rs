//! Lookups between tables that point at each other.

use batch_loader::Plan;
use staging_schema::{StagedColumn, StagedKind, TargetTable, Value};

use crate::world::{World, lookup, text, waves};

pub(crate) fn account() -> TargetTable {
    TargetTable::new("account", vec![text("name", 160), lookup("primarycontactid", "contact")]).unwrap()
}

pub(crate) fn contact() -> TargetTable {
    let targets = vec!["account".to_owned(), "contact".to_owned()];
    let parent = StagedKind::Lookup { targets, multi_table: true, multi_source: false };
    TargetTable::new("contact", vec![text("lastname", 50), StagedColumn::new("parentcustomerid", parent)])
        .unwrap()
}

pub(crate) async fn plan(world: &World) -> Plan {
    let mut accounts = world.table(account()).await;
    accounts.deferred = vec!["primarycontactid".to_owned()];
    let plan = waves(vec![vec![accounts], vec![world.table(contact()).await]]);
    world.prepare(&plan).await;
    plan
}

/// `count` accounts, each with a contact that points back.
pub(crate) async fn stage_pairs(world: &World, count: usize) {
    let accounts: Vec<Vec<Value>> = (0..count)
        .map(|n| vec![format!("A{n}").into(), format!("Account {n:03}").into(), format!("C{n}").into()])
        .collect();
    let contacts = (0..count).map(|n| {
        vec![
            format!("C{n}").into(),
            format!("Contact {n:03}").into(),
            format!("A{n}").into(),
            "account".into(),
        ]
    });
    world.stage(&account(), &["name", "primarycontactid_SourceKey"], accounts).await;
    let columns = ["lastname", "parentcustomerid_SourceKey", "parentcustomerid_Table"];
    world.stage(&contact(), &columns, contacts.collect()).await;
}

/// What Dataverse holds, with lookups replaced by names.
pub(crate) async fn content(world: &World) -> Vec<(String, String)> {
    let accounts = world.shown("accounts", &["accountid", "name", "_primarycontactid_value"]).await;
    let contacts = world.shown("contacts", &["contactid", "lastname", "_parentcustomerid_value"]).await;
    let contact_of =
        |id: &String| contacts.iter().find(|row| row["contactid"] == *id).map(|row| row["lastname"].clone());
    let account_of =
        |id: &String| accounts.iter().find(|row| row["accountid"] == *id).map(|row| row["name"].clone());
    let mut content: Vec<(String, String)> = Vec::new();
    for row in &accounts {
        let pointed = row.get("_primarycontactid_value").and_then(contact_of);
        content.push((row["name"].clone(), pointed.unwrap_or_default()));
    }
    for row in &contacts {
        let pointed = row.get("_parentcustomerid_value").and_then(account_of);
        content.push((row["lastname"].clone(), pointed.unwrap_or_default()));
    }
    content.sort();
    content
}

/// What Dataverse must hold after [`stage_pairs`].
pub(crate) fn pairs(count: usize) -> Vec<(String, String)> {
    let accounts = (0..count).map(|n| (format!("Account {n:03}"), format!("Contact {n:03}")));
    let contacts = (0..count).map(|n| (format!("Contact {n:03}"), format!("Account {n:03}")));
    accounts.chain(contacts).collect()
}

#[tokio::test]
async fn deferred_lookups_are_owed_until_they_are_settled() {
    let world = World::start().await;
    let plan = plan(&world).await;
    stage_pairs(&world, 30).await;
    let loaded = world.load(&plan).await.unwrap();
    assert_eq!((loaded.tables["account"].loaded, loaded.tables["account"].owed), (30, 30));
    assert_eq!((loaded.tables["contact"].loaded, loaded.tables["contact"].owed), (30, 0));
    let settled = world.settle(&plan).await.unwrap();
    assert_eq!((settled.tables["account"].updated, settled.tables["account"].owed), (30, 0));
    assert_eq!(content(&world).await, pairs(30));
    let writes = world.emulator.stats().by_kind;
    assert_eq!(writes.get("UpdateMultiple"), Some(&4), "{writes:?}");
    assert_eq!(world.settle(&plan).await.unwrap().tables["account"].requests, 0);
}

#[tokio::test]
async fn a_parent_that_arrives_late_is_written_late() {
    let world = World::start().await;
    let plan = plan(&world).await;
    let orphan: Vec<Value> = vec!["A".into(), "Account".into(), "C".into()];
    world.stage(&account(), &["name", "primarycontactid_SourceKey"], vec![orphan]).await;
    world.load(&plan).await.unwrap();
    let settled = world.settle(&plan).await.unwrap();
    assert_eq!((settled.tables["account"].updated, settled.tables["account"].owed), (0, 1));
    world.stage(&contact(), &["lastname"], vec![vec!["C".into(), "Contact".into()]]).await;
    world.load(&plan).await.unwrap();
    let settled = world.settle(&plan).await.unwrap();
    assert_eq!((settled.tables["account"].updated, settled.tables["account"].owed), (1, 0));
    assert_eq!(content(&world).await[0], ("Account".to_owned(), "Contact".to_owned()));
}
