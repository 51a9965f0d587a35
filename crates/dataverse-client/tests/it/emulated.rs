//! The client against the emulator: what one sends, the other must understand, over real sockets.

use std::time::Duration;

use dataverse_client::wire::batch::{BatchItem, BatchRequest, Method, Operation};
use dataverse_client::wire::fault::{FaultClass, ServiceCode};
use dataverse_client::wire::literal::{Reference, RowKey};
use dataverse_client::wire::metadata::{AlternateKey, TableDefinition};
use dataverse_client::wire::write::{RowWriter, TargetsWriter};
use dataverse_client::{
    Associated, BulkMessage, Client, ContinueOnError, Deleted, Filter, IncidentResolution, OpportunityClose,
    QualifyLead, Query, Row, WriteOptions,
};
use dataverse_emulator::{Emulator, FaultKind, FaultPlan, FaultRule, standard_tables};
use uuid::Uuid;

use crate::office::{is_flipped, settings, start_with};

pub(crate) async fn start(metadata: Vec<TableDefinition>) -> (Emulator, Client) {
    start_with(metadata, settings()).await
}

pub(crate) async fn table(client: &Client, name: &str) -> TableDefinition {
    client.table_definition(name).await.unwrap().unwrap()
}

fn body(write: impl FnOnce(&mut RowWriter)) -> Vec<u8> {
    let mut row = RowWriter::new();
    write(&mut row);
    row.finish()
}

fn options() -> WriteOptions {
    WriteOptions::default()
}

#[tokio::test]
async fn we_learn_who_we_are_and_where() {
    let (emulator, client) = start(Vec::new()).await;
    let me = client.who_am_i().await.unwrap();
    assert_eq!(me.organization_id, emulator.organization_id());
    assert!(me.dop_hint.is_some());
    assert_eq!(client.organization().await.unwrap().id, me.organization_id);
    let names = client.table_names().await.unwrap();
    assert!(names.iter().any(|table| table.logical_name == "account" && !table.is_intersect));
    assert!(names.len() >= 170);
}

#[tokio::test]
async fn every_standard_definition_arrives_as_the_emulator_has_it() {
    let (_emulator, client) = start(Vec::new()).await;
    let standard = standard_tables().unwrap();
    let mut names: Vec<&str> = standard.iter().map(|table| table.logical_name.as_str()).collect();
    names.push("no_such_table");
    let mut found = client.table_definitions(&names).await.unwrap();
    assert_eq!(found.pop().unwrap(), None);
    for (expected, got) in standard.into_iter().zip(found) {
        let name = &expected.logical_name;
        let got = got.unwrap();
        // The emulator adds what the standard tables lack: images, columns of elastic tables.
        assert!(got.columns.len() >= expected.columns.len(), "{name}");
        for (column, definition) in &expected.columns {
            let again = got.column(column).unwrap();
            assert_eq!(again.column_type, definition.column_type, "{name}.{column}");
            assert_eq!(again.required, definition.required, "{name}.{column}");
            assert_eq!(again.valid_for_create, definition.valid_for_create, "{name}.{column}");
        }
        for navigation in expected.navigations() {
            let property = got.navigation_property(&navigation.column, &navigation.target);
            assert_eq!(property, Some(navigation.property), "{name}.{}", navigation.column);
        }
        assert_eq!(got.many_to_many.len(), expected.many_to_many.len(), "{name}");
        assert_eq!(
            (&got.entity_set_name, &got.primary_id),
            (&expected.entity_set_name, &expected.primary_id)
        );
        assert_eq!(
            (got.is_activity, got.is_intersect),
            (expected.is_activity, expected.is_intersect),
            "{name}"
        );
    }
    let account = table(&client, "account").await;
    assert_eq!(Some(account), client.table_definitions(&["account"]).await.unwrap().remove(0));
}

#[tokio::test]
async fn a_row_lives_from_create_to_delete() {
    let (_emulator, client) = start(Vec::new()).await;
    let id = client
        .create(
            "contacts",
            body(|row| {
                row.text("lastname", "O'Hara \"x\" 😀");
            }),
            &options(),
        )
        .await
        .unwrap();
    let key = RowKey::Id(id);
    let read = |select: &'static [&'static str]| client.retrieve::<Row>("contacts", &key, select);
    assert_eq!(read(&["lastname"]).await.unwrap().unwrap()["lastname"], "O'Hara \"x\" 😀");

    client
        .update(
            "contacts",
            &key,
            body(|row| {
                row.text("firstname", "Bo");
            }),
            &options(),
        )
        .await
        .unwrap();
    let row = read(&["firstname", "_ownerid_value"]).await.unwrap().unwrap();
    assert_eq!(row["firstname"], "Bo");
    assert!(row["_ownerid_value"].is_string());

    let etag = row["@odata.etag"].as_str().unwrap();
    let change = || {
        body(|row| {
            row.text("firstname", "Cy");
        })
    };
    client.update_unchanged("contacts", &key, etag, change(), &options()).await.unwrap();
    let stale = client.update_unchanged("contacts", &key, etag, change(), &options()).await.unwrap_err();
    assert_eq!(stale.fault().unwrap().code, ServiceCode::CONCURRENCY_MISMATCH);

    assert_eq!(client.delete("contacts", &key, &options()).await.unwrap(), Deleted::Removed);
    assert_eq!(client.delete("contacts", &key, &options()).await.unwrap(), Deleted::WasGone);
    assert_eq!(read(&["lastname"]).await.unwrap(), None);
    let missing = client.update("contacts", &key, "{}", &options()).await.unwrap_err();
    assert!(missing.is_not_found(), "an update never creates: {missing:?}");
    client
        .upsert(
            "contacts",
            &key,
            body(|row| {
                row.text("lastname", "New");
            }),
            &options(),
        )
        .await
        .unwrap();
    assert_eq!(read(&["lastname"]).await.unwrap().unwrap()["lastname"], "New");
}

#[tokio::test]
async fn rows_are_named_by_alternate_key() {
    let mut account = standard_tables().unwrap().into_iter().find(|t| t.logical_name == "account").unwrap();
    account.keys.push(AlternateKey::new("new_Number", vec!["accountnumber".to_owned()]));
    let (_emulator, client) = start(vec![account]).await;
    assert_eq!(table(&client, "account").await.keys[0].columns, ["accountnumber"]);
    let key = RowKey::text("accountnumber", "A 'quoted', number");
    for name in ["first", "second"] {
        client
            .upsert(
                "accounts",
                &key,
                body(|row| {
                    row.text("name", name);
                }),
                &options(),
            )
            .await
            .unwrap();
    }
    let row: Row = client.retrieve("accounts", &key, &["name", "accountnumber"]).await.unwrap().unwrap();
    assert_eq!(
        (row["name"].as_str(), row["accountnumber"].as_str()),
        (Some("second"), Some("A 'quoted', number"))
    );
    let unknown = RowKey::text("accountnumber", "other");
    assert_eq!(client.retrieve::<Row>("accounts", &unknown, &[]).await.unwrap(), None);
    let duplicate = client
        .create(
            "accounts",
            body(|row| {
                row.text("name", "x").text("accountnumber", "A 'quoted', number");
            }),
            &options(),
        )
        .await
        .unwrap_err();
    assert!(duplicate.is_duplicate(), "{duplicate:?}");
}

#[tokio::test]
async fn bulk_messages_create_update_and_upsert_in_order() {
    let (emulator, client) = start(Vec::new()).await;
    let contact = table(&client, "contact").await;
    for message in [BulkMessage::Create, BulkMessage::Update, BulkMessage::Upsert] {
        assert!(client.supports_bulk(&contact, message).await.unwrap(), "{message:?}");
    }
    let mut targets = TargetsWriter::new("contact");
    for number in 0..250 {
        targets.row().text("lastname", &format!("n{number}")).integer("importsequencenumber", number);
    }
    let ids = client.create_multiple(&contact, targets.finish(), &options()).await.unwrap();
    assert_eq!(ids.len(), 250);

    let parent = contact.navigation_property("parentcustomerid", "contact").unwrap();
    let mut targets = TargetsWriter::new("contact");
    for id in &ids[1..] {
        targets.row().guid("contactid", id).bind(&parent, "contacts", &ids[0]);
    }
    client.update_multiple(&contact, targets.finish(), &options()).await.unwrap();

    let query = Query::new("contacts")
        .select(["lastname", "importsequencenumber", "_parentcustomerid_value"])
        .filter(Filter::at_least("importsequencenumber", 0).and(Filter::at_most("importsequencenumber", 249)))
        .page_rows(100);
    let mut pages = client.query(&query);
    let mut sizes = Vec::new();
    let mut seen = Vec::new();
    while let Some(page) = pages.next_page().await.unwrap() {
        sizes.push(page.rows.len());
        for row in page.rows {
            let number = usize::try_from(row["importsequencenumber"].as_i64().unwrap()).unwrap();
            assert_eq!(row["contactid"].as_str().unwrap(), ids[number].to_string());
            assert_eq!(row["_parentcustomerid_value"].is_null(), number == 0);
            seen.push(number);
        }
    }
    seen.sort_unstable();
    assert_eq!(sizes, [100, 100, 50]);
    assert_eq!(seen, (0..250).collect::<Vec<_>>());
    assert_eq!(client.count("contacts", None).await.unwrap(), 250);

    let mut targets = TargetsWriter::new("contact");
    targets.row().guid("contactid", &ids[0]).text("lastname", "changed");
    targets.row().guid("contactid", &Uuid::new_v4()).text("lastname", "made");
    client.upsert_multiple(&contact, targets.finish(), &options()).await.unwrap();
    assert_eq!(emulator.stats().rows["contact"], 251);

    let mut targets = TargetsWriter::new("contact");
    targets.row().guid("contactid", &ids[0]);
    let refused = client.delete_multiple(&contact, targets.finish(), &options()).await.unwrap_err();
    assert_eq!(refused.class(), FaultClass::Request, "{refused:?}");
}

#[tokio::test]
async fn one_bad_row_spoils_a_bulk_create_and_is_found_by_a_batch() {
    let (emulator, client) = start(Vec::new()).await;
    let contact = table(&client, "contact").await;
    let names = ["good".to_owned(), "x".repeat(60), "fine".to_owned()];
    let mut targets = TargetsWriter::new("contact");
    for name in &names {
        targets.row().text("lastname", name);
    }
    let refused = client.create_multiple(&contact, targets.finish(), &options()).await.unwrap_err();
    assert_eq!(refused.class(), FaultClass::Row);
    assert_eq!(refused.fault().unwrap().column(), Some("lastname"));
    assert_eq!(emulator.stats().rows.get("contact").copied().unwrap_or(0), 0, "all or nothing");

    let create = |name: &String| {
        Operation::new(Method::Post, "contacts").with_json(body(|row| {
            row.text("lastname", name);
        }))
    };
    let batch: BatchRequest = names.iter().map(create).collect();
    let outcomes = client.execute_batch(batch, ContinueOnError::Yes, &options()).await.unwrap();
    assert_eq!(
        outcomes.iter().map(|outcome| outcome.id().is_some()).collect::<Vec<_>>(),
        [true, false, true]
    );
    assert_eq!(outcomes[1].fault().unwrap().code, ServiceCode::STRING_TOO_LONG);

    let batch: BatchRequest = names.iter().map(create).collect();
    let outcomes = client.execute_batch(batch, ContinueOnError::No, &options()).await.unwrap();
    assert!(outcomes[0].is_done() && outcomes[1].fault().is_some());
    assert_eq!(outcomes[2], dataverse_client::PartOutcome::NotExecuted);
    assert_eq!(emulator.stats().rows["contact"], 3);
}

#[tokio::test]
async fn a_change_set_is_all_or_nothing_and_its_rows_refer_to_each_other() {
    let (emulator, client) = start(Vec::new()).await;
    let set = |account: Vec<u8>| {
        let contact = Operation::new(Method::Post, "contacts")
            .with_json(body(|row| {
                row.text("lastname", "L");
            }))
            .with_content_id("1");
        BatchRequest {
            items: vec![BatchItem::ChangeSet(vec![
                contact,
                Operation::new(Method::Post, "accounts").with_json(account),
            ])],
        }
    };
    let good = body(|row| {
        row.text("name", "A").bind_reference("primarycontactid", "$1");
    });
    let outcomes = client.execute_batch(set(good), ContinueOnError::No, &options()).await.unwrap();
    let (contact, account) = (outcomes[0].id().unwrap(), outcomes[1].id().unwrap());
    let row: Row = client
        .retrieve("accounts", &RowKey::Id(account), &["_primarycontactid_value"])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row["_primarycontactid_value"].as_str().unwrap(), contact.to_string());

    let bad = body(|row| {
        row.text("name", &"x".repeat(200));
    });
    let outcomes = client.execute_batch(set(bad), ContinueOnError::Yes, &options()).await.unwrap();
    assert!(outcomes.iter().all(|outcome| outcome.fault().is_some()), "{outcomes:?}");
    assert_eq!(emulator.stats().rows["contact"], 1);
}

#[tokio::test]
async fn pairs_are_made_once_and_removed_once() {
    let (_emulator, client) = start(Vec::new()).await;
    let lead = client
        .create(
            "leads",
            body(|row| {
                row.text("subject", "s").text("lastname", "l");
            }),
            &options(),
        )
        .await;
    let contact = client
        .create(
            "contacts",
            body(|row| {
                row.text("lastname", "l");
            }),
            &options(),
        )
        .await;
    let definition = table(&client, "lead").await;
    let relation =
        definition.many_to_many.iter().find(|relation| relation.intersect_table == "contactleads").unwrap();
    let collection = if relation.table1 == "lead" { &relation.navigation1 } else { &relation.navigation2 };
    let lead = Reference::new("leads", lead.unwrap());
    let contact = Reference::new("contacts", contact.unwrap());
    let write = options();
    // Some versions of the service accept a pair that is there without a word.
    let again = if is_flipped() { Associated::Made } else { Associated::WasThere };
    for expected in [Associated::Made, again] {
        assert_eq!(client.associate(&lead, collection, &contact, &write).await.unwrap(), expected);
    }
    assert_eq!(client.disassociate(&lead, collection, &contact, &write).await.unwrap(), Deleted::Removed);
}

#[tokio::test]
async fn cases_opportunities_and_leads_are_closed_by_their_actions() {
    let (_emulator, client) = start(Vec::new()).await;
    let write = options();
    let account = client
        .create(
            "accounts",
            body(|row| {
                row.text("name", "A");
            }),
            &write,
        )
        .await
        .unwrap();
    let incident = client
        .create(
            "incidents",
            body(|row| {
                row.text("title", "t").bind("customerid_account", "accounts", &account);
            }),
            &write,
        )
        .await
        .unwrap();
    let resolution = IncidentResolution { subject: "done".to_owned(), minutes: Some(5) };
    client.close_incident(incident, 5, &resolution, &write).await.unwrap();
    let opportunity = |name: &'static str| {
        let client = client.clone();
        async move {
            client
                .create(
                    "opportunities",
                    body(|row| {
                        row.text("name", name);
                    }),
                    &WriteOptions::default(),
                )
                .await
                .unwrap()
        }
    };
    let close = OpportunityClose { subject: "won".to_owned(), ..OpportunityClose::default() };
    let won = opportunity("won").await;
    client.win_opportunity(won, 3, &close, &write).await.unwrap();
    let lost = opportunity("lost").await;
    client.lose_opportunity(lost, 4, &close, &write).await.unwrap();
    let lead = client
        .create(
            "leads",
            body(|row| {
                row.text("subject", "s").text("lastname", "l");
            }),
            &write,
        )
        .await
        .unwrap();
    client.qualify_lead(lead, 3, QualifyLead::default(), &write).await.unwrap();
    for (set, id, state) in [
        ("incidents", incident, 1),
        ("opportunities", won, 1),
        ("opportunities", lost, 2),
        ("leads", lead, 1),
    ] {
        let row: Row = client.retrieve(set, &RowKey::Id(id), &["statecode"]).await.unwrap().unwrap();
        assert_eq!(row["statecode"], state, "{set}");
    }
    let members = [client
        .create(
            "contacts",
            body(|row| {
                row.text("lastname", "m");
            }),
            &write,
        )
        .await
        .unwrap()];
    let marketing = client
        .create(
            "lists",
            body(|row| {
                row.text("listname", "L").integer("createdfromcode", 2);
            }),
            &write,
        )
        .await
        .unwrap();
    client.add_list_members(marketing, "contact", "contactid", &members, &write).await.unwrap();
}

fn one(kind: FaultKind, path: &str) -> FaultPlan {
    FaultPlan::of([FaultRule::new(kind).on_path(path).times(1)])
}

#[tokio::test]
async fn what_is_in_doubt_may_be_there_or_not_and_a_query_tells() {
    let (emulator, client) = start(Vec::new()).await;
    let contact = table(&client, "contact").await;
    let rows = |number: i64| {
        let mut targets = TargetsWriter::new("contact");
        for _ in 0..3 {
            targets.row().text("lastname", "x").integer("importsequencenumber", number);
        }
        targets.finish()
    };
    let count = async |number: i64| {
        let query =
            Query::new("contacts").select(["contactid"]).filter(Filter::eq("importsequencenumber", number));
        client.query(&query).all::<Row>().await.unwrap().len()
    };
    for (number, (kind, found)) in
        (1..).zip([(FaultKind::LoseAnswer, 3), (FaultKind::ResetBefore, 0), (FaultKind::Unavailable, 0)])
    {
        emulator.set_faults(one(kind, "*CreateMultiple"));
        let error = client.create_multiple(&contact, rows(number), &options()).await.unwrap_err();
        assert!(error.is_in_doubt(), "{kind:?} {error:?}");
        assert_eq!(count(number).await, found, "{kind:?}");
    }
    for (number, kind) in (10..).zip([FaultKind::Deadlock, FaultKind::Throttle]) {
        emulator.set_faults(one(kind, "*CreateMultiple"));
        client.create_multiple(&contact, rows(number), &options()).await.unwrap();
        assert_eq!(count(number).await, 3, "{kind:?}");
    }
    assert_eq!(client.limits().throttled, 1);
    emulator.set_faults(one(FaultKind::SqlTimeout, "*CreateMultiple"));
    let error = client.create_multiple(&contact, rows(20), &options()).await.unwrap_err();
    assert_eq!((error.class(), error.is_in_doubt(), count(20).await), (FaultClass::Request, false, 0));
}

#[tokio::test]
async fn updates_and_deletes_survive_every_fault_by_repetition() {
    let (emulator, client) = start(Vec::new()).await;
    let write = options();
    let kinds = [
        FaultKind::LoseAnswer,
        FaultKind::ResetBefore,
        FaultKind::Unavailable,
        FaultKind::Deadlock,
        FaultKind::Throttle,
    ];
    for kind in kinds {
        let id = client
            .create(
                "contacts",
                body(|row| {
                    row.text("lastname", "x");
                }),
                &write,
            )
            .await
            .unwrap();
        let key = RowKey::Id(id);
        emulator.set_faults(one(kind, "contacts*"));
        client
            .update(
                "contacts",
                &key,
                body(|row| {
                    row.text("lastname", "y");
                }),
                &write,
            )
            .await
            .unwrap();
        let row: Row = client.retrieve("contacts", &key, &["lastname"]).await.unwrap().unwrap();
        assert_eq!(row["lastname"], "y", "{kind:?}");
        emulator.set_faults(one(kind, "contacts*"));
        client.delete("contacts", &key, &write).await.unwrap();
        assert_eq!(client.retrieve::<Row>("contacts", &key, &["lastname"]).await.unwrap(), None, "{kind:?}");
    }
}

#[tokio::test]
async fn a_commit_after_the_client_gave_up_is_found_later() {
    let (emulator, client) = start(Vec::new()).await;
    emulator.set_faults(FaultPlan::of([FaultRule::new(FaultKind::CommitLate)
        .on_path("contacts")
        .delayed_by(Duration::from_millis(300))
        .times(1)]));
    let impatient = WriteOptions { timeout: Some(Duration::from_millis(50)), ..WriteOptions::default() };
    let row = body(|row| {
        row.text("lastname", "late");
    });
    let error = client.create("contacts", row, &impatient).await.unwrap_err();
    assert!(error.is_in_doubt(), "{error:?}");
    let query = Query::new("contacts").select(["contactid"]).filter(Filter::eq("lastname", "late"));
    let found = tokio::time::timeout(Duration::from_secs(10), async {
        while client.query(&query).all::<Row>().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    });
    found.await.unwrap();
}
