//! Rows that are there already.

use batch_loader::{LoadTable, Matched, Strategy, match_rows};
use dataverse_client::WriteOptions;
use dataverse_client::wire::write::RowWriter;
use staging_schema::{Mode, TargetTable};

use crate::world::{World, is_flipped, lookup, text, waves};

#[tokio::test]
async fn rows_are_found_by_their_key_and_children_point_to_them() {
    let world = World::start().await;
    for name in ["Twin", "Twin", "Only"] {
        let mut body = RowWriter::new();
        body.text("lastname", name);
        world.client.create("contacts", body.finish(), &WriteOptions::default()).await.unwrap();
    }
    let contact = TargetTable::new("contact", vec![text("lastname", 50)]).unwrap().with_mode(Mode::Match);
    let account =
        TargetTable::new("account", vec![text("name", 160), lookup("primarycontactid", "contact")]).unwrap();
    let matched =
        LoadTable::new(world.definition("contact").await, contact.clone(), Strategy::AlternateKey(vec![]));
    let plan = waves(vec![vec![matched.clone()], vec![world.table(account.clone()).await]]);
    world.prepare(&plan).await;
    // Found without regard to case, where the organisation's collation has none.
    let only = if is_flipped() { "Only" } else { "only" };
    let rows = vec![
        vec!["o".into(), only.into()],
        vec!["t".into(), "Twin".into()],
        vec!["n".into(), "Nobody".into()],
    ];
    world.stage(&contact, &["lastname"], rows).await;
    world
        .stage(
            &account,
            &["name", "primarycontactid_SourceKey"],
            vec![vec!["a".into(), "A".into(), "o".into()]],
        )
        .await;

    let key = ["lastname".to_owned()];
    let expected = Matched { matched: 1, missing: 1, ambiguous: 1, unusable: 0 };
    assert_eq!(match_rows(&world.store, &world.client, &plan, &matched, &key).await.unwrap(), expected);
    assert_eq!(world.errors("contact").await.len(), 2);
    // Somebody creates the missing one; matching again finds it and takes its error back.
    let mut body = RowWriter::new();
    body.text("lastname", "Nobody");
    world.client.create("contacts", body.finish(), &WriteOptions::default()).await.unwrap();
    let expected = Matched { matched: 1, missing: 0, ambiguous: 1, unusable: 0 };
    assert_eq!(match_rows(&world.store, &world.client, &plan, &matched, &key).await.unwrap(), expected);
    assert_eq!(world.errors("contact").await.len(), 1);

    let report = world.load(&plan).await.unwrap();
    assert_eq!((report.tables["account"].loaded, report.tables["account"].owed), (1, 0));
    let ids = world.shown("contacts", &["contactid", "lastname"]).await;
    let only = ids.iter().find(|row| row["lastname"] == "Only").unwrap();
    assert_eq!(world.values("accounts", "_primarycontactid_value").await, [only["contactid"].as_str()]);
}

#[tokio::test]
async fn workers_that_match_at_the_same_moment_write_each_error_once() {
    let world = World::start().await;
    let contact = TargetTable::new("contact", vec![text("lastname", 50)]).unwrap().with_mode(Mode::Match);
    let matched =
        LoadTable::new(world.definition("contact").await, contact.clone(), Strategy::AlternateKey(vec![]));
    let plan = waves(vec![vec![matched.clone()]]);
    world.prepare(&plan).await;
    let rows = (0..30).map(|n| vec![format!("k{n}").into(), format!("Nobody {n}").into()]).collect();
    world.stage(&contact, &["lastname"], rows).await;

    let key = ["lastname".to_owned()];
    let worker = || match_rows(&world.store, &world.client, &plan, &matched, &key);
    let (one, two, three) = tokio::join!(worker(), worker(), worker());
    let missing = [one, two, three].map(|done| done.unwrap().missing);
    assert!(missing.iter().sum::<u64>() >= 30, "{missing:?}");
    assert_eq!(world.errors("contact").await.len(), 30);
}
