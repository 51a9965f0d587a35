//! Parties travel with their activity.

use dataverse_client::Query;
use staging_schema::{StagedColumn, StagedKind, TargetTable, Value};

use crate::world::{World, named, text, waves};

fn call() -> TargetTable {
    let parties = |name: &str| {
        let targets = vec!["contact".to_owned(), "account".to_owned()];
        StagedColumn::new(name, StagedKind::Parties { targets })
    };
    TargetTable::new("phonecall", vec![text("subject", 200), parties("to"), parties("from")]).unwrap()
}

#[tokio::test]
async fn parties_are_created_with_their_activity_and_a_missing_one_is_that_rows_error() {
    let world = World::start().await;
    let contact = TargetTable::new("contact", vec![text("lastname", 50)]).unwrap();
    let account = TargetTable::new("account", vec![text("name", 160)]).unwrap();
    let plan = waves(vec![
        vec![world.table(contact.clone()).await, world.table(account.clone()).await],
        vec![world.table(call()).await],
    ]);
    world.prepare(&plan).await;
    world.stage(&contact, &["lastname"], named("c", 2)).await;
    world.stage(&account, &["name"], named("a", 1)).await;
    world.stage(&call(), &["subject"], named("p", 4)).await;
    let columns = ["RowId", "Part", "Position", "PartyTable", "PartySourceKey", "AddressUsed"];
    let mut appender = world.store.append(&call().party(), columns);
    let mut batch = appender.batch();
    let parties: [[Value; 6]; 5] = [
        [1.into(), "to".into(), 1.into(), "contact".into(), "c0".into(), Value::Null],
        [1.into(), "to".into(), 2.into(), "contact".into(), "c1".into(), Value::Null],
        [1.into(), "from".into(), 1.into(), "account".into(), "a0".into(), Value::Null],
        [2.into(), "to".into(), 1.into(), Value::Null, Value::Null, "a@b.example".into()],
        [3.into(), "to".into(), 1.into(), "contact".into(), "nobody".into(), Value::Null],
    ];
    for value in parties.iter().flatten() {
        batch.push(value.as_ref());
    }
    appender.push(batch).await.unwrap();
    appender.finish().await.unwrap();

    let report = world.load(&plan).await.unwrap();
    let calls = &report.tables["phonecall"];
    assert_eq!((calls.loaded, calls.errors), (3, 1), "{:?}", world.errors("phonecall").await);
    let errors = world.errors("phonecall").await;
    assert_eq!((errors[0].0, errors[0].2.as_deref()), (3, Some("to")));

    let query =
        Query::new("activityparties").select(["participationtypemask", "_partyid_value", "addressused"]);
    let parties: Vec<dataverse_client::Row> = world.client.query(&query).all().await.unwrap();
    let with_mask = |mask: i64| parties.iter().filter(|row| row["participationtypemask"] == mask).count();
    assert_eq!((with_mask(2), with_mask(1)), (3, 1));
    assert!(parties.iter().any(|row| row["addressused"] == "a@b.example"));
}
