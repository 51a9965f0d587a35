//! Tables that point at each other while their rows do not.

use staging_schema::row_wave::Group;
use staging_schema::{TargetTable, Value};
use staging_store::Computed;

use crate::world::{Shown, World, lookup, text, waves};

/// Source key, name, parent's source key.
fn row(key: &str, parent: Option<&str>) -> Vec<Value> {
    vec![key.into(), key.into(), parent.into()]
}

fn contact() -> TargetTable {
    TargetTable::new("contact", vec![text("lastname", 50), lookup("parentcustomerid", "account")]).unwrap()
}

fn account() -> TargetTable {
    TargetTable::new("account", vec![text("name", 160), lookup("primarycontactid", "contact")]).unwrap()
}

#[tokio::test]
async fn tables_that_point_at_each_other_load_in_row_waves_without_any_second_write() {
    let world = World::start().await;
    let (mut accounts, mut contacts) = (world.table(account()).await, world.table(contact()).await);
    accounts.self_lookups = vec!["primarycontactid".to_owned()];
    contacts.self_lookups = vec!["parentcustomerid".to_owned()];
    let mut plan = waves(vec![vec![accounts, contacts]]);
    plan.row_waves = vec![vec!["account".to_owned(), "contact".to_owned()]];
    world.prepare(&plan).await;
    // A2's contact works at A1, A3's at A2: a chain back and forth between both tables.
    let rows = vec![row("A3", Some("C2")), row("A2", Some("C1")), row("A1", None)];
    world.stage(&account(), &["name", "primarycontactid_SourceKey"], rows).await;
    let rows = vec![row("C2", Some("A2")), row("C1", Some("A1")), row("C3", Some("A3"))];
    world.stage(&contact(), &["lastname", "parentcustomerid_SourceKey"], rows).await;
    let (one, other) = (account(), contact());
    let group = Group::new([&one, &other]);
    let found = world.store.compute_row_waves(&group, Computed::Written).await.unwrap();
    assert_eq!((found.levels.len(), found.without), (6, 0));

    let report = world.load(&plan).await.unwrap();
    for table in ["account", "contact"] {
        let done = &report.tables[table];
        assert_eq!((done.loaded, done.owed, done.errors, done.requests), (3, 0, 0, 3), "{table}");
    }
    let accounts = world.shown("accounts", &["accountid", "name", "_primarycontactid_value"]).await;
    let contacts = world.shown("contacts", &["contactid", "lastname", "_parentcustomerid_value"]).await;
    let mut pairs: Vec<(String, String)> = contacts
        .iter()
        .map(|contact| {
            let employer = |it: &&Shown| it["accountid"] == contact["_parentcustomerid_value"];
            (contact["lastname"].clone(), accounts.iter().find(employer).unwrap()["name"].clone())
        })
        .collect();
    pairs.sort();
    assert_eq!(pairs, [("C1", "A1"), ("C2", "A2"), ("C3", "A3")].map(|(a, b)| (a.to_owned(), b.to_owned())));
    assert_eq!(accounts.iter().filter(|it| it.contains_key("_primarycontactid_value")).count(), 2);
    let settled = world.settle(&plan).await.unwrap();
    assert_eq!(settled.tables["account"].updated + settled.tables["contact"].updated, 0);
}

#[tokio::test]
async fn a_group_of_row_waves_that_is_torn_apart_is_refused() {
    let world = World::start().await;
    let mut plan = waves(vec![vec![world.table(account()).await], vec![world.table(contact()).await]]);
    plan.row_waves = vec![vec!["account".to_owned(), "contact".to_owned()]];
    world.prepare(&plan).await;
    let refused = world.load(&plan).await.unwrap_err().to_string();
    assert!(refused.contains("account, contact") && refused.contains("load in one wave"), "{refused}");
}
