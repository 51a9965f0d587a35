//! Rows with everything that can be asked of them, against the emulator.

use dataverse_client::wire::batch::{BatchRequest, Method, Operation};
use dataverse_client::wire::literal::{Reference, RowKey};
use dataverse_client::wire::write::{Party, PartyKind, RowWriter};
use dataverse_client::{
    ContinueOnError, Deleted, IfChanged, Impersonation, PartOutcome, QualifyLead, Query, Row, Upserted,
    WriteOptions,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::emulated::{start, table};
use crate::server::{Server, answer};

#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Contact {
    lastname: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    numberofchildren: Option<u32>,
}

fn options() -> WriteOptions {
    WriteOptions::default()
}

fn row(write: impl FnOnce(&mut RowWriter)) -> RowWriter {
    let mut row = RowWriter::new();
    write(&mut row);
    row
}

#[tokio::test]
async fn values_of_the_callers_own_type_go_out_and_come_back() {
    let (_emulator, client) = start(Vec::new()).await;
    let sent = Contact { lastname: "O'Hara".to_owned(), numberofchildren: Some(2) };
    let mut body = RowWriter::new();
    body.values(&sent).unwrap();
    let select = ["lastname", "numberofchildren"];
    let back: Contact = client.create_returning("contacts", body, &select, &options()).await.unwrap();
    assert_eq!(back, sent);
    let rows: Vec<Contact> = client.query(&Query::new("contacts").select(select)).all().await.unwrap();
    assert_eq!(rows, [sent]);
}

#[tokio::test]
async fn lookups_of_several_tables_are_bound_by_name_and_read_back_with_table_and_label() {
    let (_emulator, client) = start(Vec::new()).await;
    let (account, contact) = (table(&client, "account").await, table(&client, "contact").await);
    let id = client
        .create(
            "accounts",
            row(|row| {
                row.text("name", "Contoso");
            }),
            &options(),
        )
        .await
        .unwrap();
    let mut body = row(|row| {
        row.text("lastname", "Bo");
    });
    body.lookup(&contact, "parentcustomerid", &account, &id).unwrap();
    let person = RowKey::Id(client.create("contacts", body, &options()).await.unwrap());

    let query =
        Query::new("contacts").select(["lastname", "_parentcustomerid_value", "statecode"]).annotations("*");
    let read: Row = client.retrieve_with(&query, &person).await.unwrap().unwrap();
    let parent = read.lookup("parentcustomerid").unwrap();
    assert_eq!((parent.id, parent.table, parent.name), (id, Some("account"), Some("Contoso")));
    assert_eq!((read.integer("statecode"), read.formatted("statecode")), (Some(0), Some("Active")));
    assert_eq!(read.formatted("parentcustomerid"), Some("Contoso"));

    let mut body = RowWriter::new();
    body.clear_lookup(&contact, "parentcustomerid").unwrap();
    let read: Row = client
        .update_returning("contacts", &person, body, &["_parentcustomerid_value"], &options())
        .await
        .unwrap();
    assert_eq!(read.lookup("parentcustomerid"), None);
}

#[tokio::test]
async fn rows_are_created_with_their_children_and_read_with_them() {
    let (_emulator, client) = start(Vec::new()).await;
    let body = row(|row| {
        row.text("name", "Contoso").object("primarycontactid", |contact| {
            contact.text("lastname", "Anna");
        });
        row.array("Account_Tasks", |tasks| {
            tasks.item().text("subject", "one");
            tasks.item().text("subject", "two");
        });
    });
    let key = RowKey::Id(client.create("accounts", body, &options()).await.unwrap());
    let query = Query::new("accounts")
        .select(["name"])
        .expand("primarycontactid($select=lastname),Account_Tasks($select=subject)");
    let read: Row = client.retrieve_with(&query, &key).await.unwrap().unwrap();
    assert_eq!(read["primarycontactid"]["lastname"], "Anna");
    assert_eq!(read["Account_Tasks"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_upsert_tells_whether_it_created_and_a_create_if_absent_never_changes_a_row() {
    let (_emulator, client) = start(Vec::new()).await;
    let key = RowKey::Id(Uuid::from_u128(7));
    let select = ["accountid", "name"];
    for (name, is_new) in [("first", true), ("second", false)] {
        let body = row(|row| {
            row.text("name", name);
        });
        let done: Upserted<Row> =
            client.upsert_returning("accounts", &key, body, &select, &options()).await.unwrap();
        assert_eq!(matches!(done, Upserted::Created(_)), is_new, "{done:?}");
        assert_eq!(done.into_row().text("name"), Some(name));
    }
    let third = || {
        row(|row| {
            row.text("name", "third");
        })
    };
    assert!(!client.create_if_absent("accounts", &key, third(), &options()).await.unwrap());
    let read: Row = client.retrieve("accounts", &key, &["name"]).await.unwrap().unwrap();
    assert_eq!(read.text("name"), Some("second"));
    let other = RowKey::Id(Uuid::from_u128(8));
    assert!(client.create_if_absent("accounts", &other, third(), &options()).await.unwrap());
}

#[tokio::test]
async fn a_row_is_read_again_only_when_it_changed_and_deleted_only_when_it_did_not() {
    let (_emulator, client) = start(Vec::new()).await;
    let id = client
        .create(
            "accounts",
            row(|row| {
                row.text("name", "a");
            }),
            &options(),
        )
        .await
        .unwrap();
    let key = RowKey::Id(id);
    let query = Query::new("accounts").select(["name"]);
    let read: Row = client.retrieve_with(&query, &key).await.unwrap().unwrap();
    let etag = read.etag().unwrap();
    assert_eq!(client.retrieve_if_changed::<Row>(&query, &key, etag).await.unwrap(), IfChanged::Unchanged);
    client
        .update(
            "accounts",
            &key,
            row(|row| {
                row.text("name", "b");
            }),
            &options(),
        )
        .await
        .unwrap();
    let IfChanged::Changed(now) = client.retrieve_if_changed::<Row>(&query, &key, etag).await.unwrap() else {
        panic!("it has changed");
    };
    assert_eq!(now.text("name"), Some("b"));

    client.delete_unchanged("accounts", &key, etag, &options()).await.unwrap_err();
    let etag = now.etag().unwrap();
    assert_eq!(client.delete_unchanged("accounts", &key, etag, &options()).await.unwrap(), Deleted::Removed);
    assert_eq!(client.delete_unchanged("accounts", &key, etag, &options()).await.unwrap(), Deleted::WasGone);
    assert_eq!(client.retrieve_if_changed::<Row>(&query, &key, etag).await.unwrap(), IfChanged::Gone);
}

#[tokio::test]
async fn parties_are_set_with_an_activity_and_replaced_as_a_whole() {
    let (_emulator, client) = start(Vec::new()).await;
    let email = table(&client, "email").await;
    let me = client.who_am_i().await.unwrap().user_id;
    let bo = client
        .create(
            "contacts",
            row(|row| {
                row.text("lastname", "Bo");
            }),
            &options(),
        )
        .await
        .unwrap();
    let of = |part, table, set: &str, id: Uuid| Party {
        part,
        who: PartyKind::Row { table, row: Reference::new(set, id) },
    };
    let mut body = row(|row| {
        row.text("subject", "hello");
    });
    body.parties(&email, &[of("from", "systemuser", "systemusers", me), of("to", "contact", "contacts", bo)])
        .unwrap();
    let id = client.create("emails", body, &options()).await.unwrap();
    let masks = || async {
        let query = Query::new("activityparties").filter(format!("_activityid_value eq {id}"));
        let rows: Vec<Row> = client.query(&query).all().await.unwrap();
        let mut masks: Vec<i64> = rows
            .iter()
            .filter_map(|row| row.integer("participationtypemask"))
            .filter(|mask| *mask < 8)
            .collect();
        masks.sort_unstable();
        masks
    };
    assert_eq!(masks().await, [1, 2]);
    let cc = [of("cc", "contact", "contacts", bo)];
    client.replace_parties(&email, id, &cc, &options()).await.unwrap();
    assert_eq!(masks().await, [3]);
    let account = table(&client, "account").await;
    client.replace_parties(&account, id, &[], &options()).await.unwrap_err();
}

#[tokio::test]
async fn qualifying_a_lead_tells_what_it_created() {
    let (_emulator, client) = start(Vec::new()).await;
    let body = row(|row| {
        row.text("lastname", "Cy").text("companyname", "Contoso").text("subject", "s");
    });
    let lead = client.create("leads", body, &options()).await.unwrap();
    let create = QualifyLead { create_account: true, create_contact: true, create_opportunity: false };
    let made = client.qualify_lead(lead, 3, create, &options()).await.unwrap();
    assert!(made.account.is_some() && made.contact.is_some() && made.opportunity.is_none(), "{made:?}");
    let key = RowKey::Id(made.contact.unwrap());
    assert!(client.retrieve::<Row>("contacts", &key, &["lastname"]).await.unwrap().is_some());
}

#[tokio::test]
async fn errors_of_a_batch_name_position_table_row_and_request() {
    let (_emulator, client) = start(Vec::new()).await;
    let missing = Uuid::from_u128(9);
    let batch: BatchRequest = [
        Operation::new(Method::Post, "accounts").with_json(r#"{"name":"a"}"#),
        Operation::new(Method::Patch, format!("accounts({missing})"))
            .with_json("{}")
            .with_header("If-Match", "*"),
    ]
    .into_iter()
    .collect();
    let outcomes = client.execute_batch(batch, ContinueOnError::Yes, &options()).await.unwrap();
    assert!(outcomes[0].is_done() && matches!(outcomes[1], PartOutcome::Refused(_)));
    let [error] = outcomes.errors() else { panic!("one error") };
    assert_eq!((error.index, error.target.as_str(), error.row), (1, "accounts", Some(missing)));
    assert!(error.request_id.is_some() && error.fault.is_not_found());
    assert!(error.to_string().starts_with("request 1 of the batch, accounts: refused (request "), "{error}");
    let error = client.update("accounts", &RowKey::Id(missing), "{}", &options()).await.unwrap_err();
    assert_eq!(error.request().unwrap().row, Some(missing));
    assert!(
        error.to_string().starts_with(&format!("update of accounts({missing}): refused (request ")),
        "{error}"
    );
}

#[tokio::test]
async fn a_client_in_somebody_elses_name_reads_and_writes_in_it() {
    let server = Server::scripted(vec![answer(200, r#"{"value":[]}"#)]).await;
    let user = Uuid::from_u128(5);
    let client = server.client().impersonating(Impersonation::SystemUser(user));
    client.query(&Query::new("accounts")).next_page().await.unwrap();
    client.update("accounts", &RowKey::Id(Uuid::nil()), "{}", &options()).await.unwrap();
    let other = Impersonation::EntraObject(Uuid::from_u128(6));
    let write = WriteOptions { impersonate: Some(other), ..options() };
    client.update("accounts", &RowKey::Id(Uuid::nil()), "{}", &write).await.unwrap();
    let arrived = server.arrived();
    let user = user.to_string();
    assert!(arrived[..2].iter().all(|request| request.header("mscrmcallerid") == Some(user.as_str())));
    assert_eq!(arrived[2].header("mscrmcallerid"), None, "the write's own comes first");
    assert!(arrived[2].header("callerobjectid").is_some());
}
