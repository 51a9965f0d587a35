//! CreateMultiple, UpdateMultiple, UpsertMultiple, DeleteMultiple (reference §4).

use dataverse_emulator::{Options, Settings, Strictness};
use serde_json::{Value, json};

use crate::client::{office, office_with};

fn targets(table: &str, rows: Vec<Value>) -> Value {
    let rows: Vec<Value> = rows
        .into_iter()
        .map(|mut row| {
            row["@odata.type"] = format!("Microsoft.Dynamics.CRM.{table}").into();
            row
        })
        .collect();
    json!({ "Targets": rows })
}

const CREATE: &str = "accounts/Microsoft.Dynamics.CRM.CreateMultiple";
const UPDATE: &str = "accounts/Microsoft.Dynamics.CRM.UpdateMultiple";
const UPSERT: &str = "accounts/Microsoft.Dynamics.CRM.UpsertMultiple";

#[tokio::test]
async fn create_multiple_tells_the_ids_in_the_order_of_its_targets() {
    let office = office().await;
    let rows = (0..50).map(|n| json!({"name": format!("n{n}"), "importsequencenumber": n})).collect();
    let reply = office.post(CREATE, targets("account", rows)).await.ok();
    assert_eq!(reply.status, 200);
    let ids = reply.json()["Ids"].as_array().unwrap().clone();
    assert_eq!(ids.len(), 50);
    for n in [0, 17, 49] {
        let id = ids[n].as_str().unwrap();
        assert_eq!(office.get(&format!("accounts({id})?$select=name")).await.json()["name"], format!("n{n}"));
    }
    assert!(reply.text().contains("$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse"));
}

#[tokio::test]
async fn one_bad_row_keeps_all_rows_out() {
    let office = office().await;
    let rows = vec![json!({"name": "good"}), json!({"name": "x".repeat(161)})];
    office.post(CREATE, targets("account", rows)).await.refused_with(400, "0x80044331");
    let missing = "/contacts(00000000-0000-0000-0000-00000000dead)";
    let rows = vec![json!({"name": "good"}), json!({"name": "b", "primarycontactid@odata.bind": missing})];
    office.post(CREATE, targets("account", rows)).await.refused_with(404, "0x80040217");
    assert_eq!(office.get("accounts/$count").await.text(), "0");
    assert_eq!(office.get("customeraddresses/$count").await.text(), "0", "nor what comes along with rows");
}

#[tokio::test]
async fn an_id_that_is_taken_fails_the_whole_create_multiple() {
    let office = office().await;
    let id = "00000000-0000-0000-0000-000000000001";
    let rows = vec![
        json!({"name": "a"}),
        json!({"accountid": id, "name": "b"}),
        json!({"accountid": id, "name": "c"}),
    ];
    office.post(CREATE, targets("account", rows)).await.refused_with(412, "0x80040237");
    assert_eq!(office.get("accounts/$count").await.text(), "0");
}

#[tokio::test]
async fn every_item_must_say_its_type() {
    let body = json!({"Targets": [{"name": "a"}]});
    office().await.post(CREATE, body.clone()).await.refused_with(400, "0x80048d19");
    let settings = Settings { untyped_bulk_items: Strictness::Tolerate, ..Settings::default() };
    let lax = office_with(Options { settings, ..Options::default() }).await;
    lax.post(CREATE, body).await.ok();
    lax.post(CREATE, targets("contact", vec![json!({})])).await.refused_with(400, "0x80048d19");
    let hashed = json!({"Targets": [{"@odata.type": "#Microsoft.Dynamics.CRM.account", "name": "a"}]});
    lax.post(CREATE, hashed).await.ok();
}

#[tokio::test]
async fn update_multiple_takes_the_first_of_two_changes_to_a_row() {
    let office = office().await;
    let id = office.create("accounts", json!({"name": "old"})).await;
    let rows = vec![json!({"accountid": id, "name": "first"}), json!({"accountid": id, "name": "second"})];
    let reply = office.post(UPDATE, targets("account", rows)).await;
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    assert_eq!(office.get(&format!("accounts({id})")).await.json()["name"], "first");
}

#[tokio::test]
async fn update_multiple_of_a_missing_row_changes_nothing() {
    let office = office().await;
    let id = office.create("accounts", json!({"name": "old"})).await;
    let missing = "00000000-0000-0000-0000-00000000dead";
    let rows = vec![json!({"accountid": id, "name": "new"}), json!({"accountid": missing, "name": "new"})];
    let message = office.post(UPDATE, targets("account", rows)).await.refused_with(404, "0x80040217");
    assert_eq!(message, format!("account With Ids = {missing} Do Not Exist"));
    assert_eq!(office.get(&format!("accounts({id})")).await.json()["name"], "old");
}

#[tokio::test]
async fn a_sequence_number_is_changed_by_update_multiple_only() {
    let office = office().await;
    let id = office.create("accounts", json!({"name": "x", "importsequencenumber": 1})).await;
    let target = format!("accounts({id})");
    office.patch(&target, json!({"importsequencenumber": 2})).await.ok();
    assert_eq!(office.get(&target).await.json()["importsequencenumber"], 1);
    let rows = vec![json!({"accountid": id, "importsequencenumber": 3})];
    office.post(UPDATE, targets("account", rows)).await.ok();
    assert_eq!(office.get(&target).await.json()["importsequencenumber"], 3);
}

#[tokio::test]
async fn upsert_multiple_answers_204_and_refuses_a_row_named_twice() {
    let office = office().await;
    let known = office.create("accounts", json!({"name": "old"})).await;
    let fresh = "00000000-0000-0000-0000-00000000beef";
    let rows = vec![
        json!({"accountid": known, "name": "new"}),
        json!({"@odata.id": format!("accounts({fresh})"), "name": "made"}),
    ];
    let reply = office.post(UPSERT, targets("account", rows)).await;
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    assert_eq!(office.get(&format!("accounts({known})")).await.json()["name"], "new");
    assert_eq!(office.get(&format!("accounts({fresh})")).await.json()["name"], "made");
    let rows = vec![json!({"accountid": known, "name": "1"}), json!({"accountid": known, "name": "2"})];
    office.post(UPSERT, targets("account", rows)).await.refused_with(412, "0x80040237");
    assert_eq!(office.get(&format!("accounts({known})")).await.json()["name"], "new");
}

#[tokio::test]
async fn delete_multiple_is_not_for_standard_tables() {
    let office = office().await;
    let reply =
        office.post("accounts/Microsoft.Dynamics.CRM.DeleteMultiple", targets("account", vec![])).await;
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("DeleteMultiple has not yet been implemented."));
}

#[tokio::test]
async fn support_is_probed_with_aliases_and_upsert_is_never_found() {
    let settings = Settings { tables_without_bulk: vec!["lead".to_owned()], ..Settings::default() };
    let office = office_with(Options { settings, ..Options::default() }).await;
    for (message, table, expected) in [
        ("CreateMultiple", "account", 1),
        ("UpdateMultiple", "account", 1),
        ("UpsertMultiple", "account", 0),
        ("DeleteMultiple", "account", 0),
        ("CreateMultiple", "lead", 0),
        ("CreateMultiple", "listmember", 0),
        ("CreateMultiple", "nonsense", 0),
    ] {
        let target = format!(
            "sdkmessagefilters?$select=sdkmessagefilterid&$filter=sdkmessageid/name eq @message and \
             primaryobjecttypecode eq @table&@message='{message}'&@table='{table}'"
        );
        assert_eq!(office.get(&target).await.ok().rows().len(), expected, "{message} of {table}");
    }
    let reply =
        office.post("leads/Microsoft.Dynamics.CRM.CreateMultiple", targets("lead", vec![json!({})])).await;
    assert!(reply.text().contains("MessageProcessorCache returned MessageProcessor.Empty"));
}

#[tokio::test]
async fn lookups_inside_of_targets_may_go_by_alternate_key_or_id() {
    let office = office().await;
    let contact = office.create("contacts", json!({"lastname": "x"})).await;
    let rows = vec![json!({"name": "a", "primarycontactid@odata.bind": format!("contacts({contact})")})];
    office.post(CREATE, targets("account", rows)).await.ok();
    let found = office.get(&format!("accounts?$filter=_primarycontactid_value eq {contact}")).await.rows();
    assert_eq!(found.len(), 1);
}
