//! Alternate keys in URLs, binds and upserts (reference §2.6).

use dataverse_emulator::{Options, Settings};
use serde_json::json;

use crate::client::{Office, office_with};

/// An office whose accounts have the key `accountnumber`, and whose contacts that of name and mail.
async fn keyed_with(settings: Settings) -> Office {
    let office = office_with(Options { settings, ..Options::default() }).await;
    for (table, key) in [
        ("account", json!({"SchemaName": "new_number", "KeyAttributes": ["accountnumber"]})),
        ("contact", json!({"SchemaName": "new_who", "KeyAttributes": ["firstname", "emailaddress1"]})),
        ("lead", json!({"SchemaName": "new_parent", "KeyAttributes": ["parentaccountid"]})),
    ] {
        office.post(&format!("EntityDefinitions(LogicalName='{table}')/Keys"), key).await.ok();
    }
    office
}

async fn keyed() -> Office {
    keyed_with(Settings::default()).await
}

#[tokio::test]
async fn rows_are_read_by_one_column_or_several() {
    let office = keyed().await;
    office.create("accounts", json!({"name": "x", "accountnumber": "O'H 1"})).await;
    let row = office.get("accounts(accountnumber='O''H%201')?$select=name").await.ok().json();
    assert_eq!(row["name"], "x");
    office
        .create("contacts", json!({"firstname": "Joe", "emailaddress1": "abc@example.com", "lastname": "y"}))
        .await;
    let target = "contacts(firstname='joe',emailaddress1='ABC@example.com')?$select=lastname";
    assert_eq!(office.get(target).await.ok().json()["lastname"], "y", "case does not matter");
    let message = office.get("accounts(accountnumber='2')").await.refused_with(404, "0x80060891");
    assert_eq!(message, "A record with the specified key values does not exist in account entity");
}

#[tokio::test]
async fn columns_that_are_no_key_are_refused() {
    let office = keyed().await;
    let message = office.get("accounts(name='x')").await.refused_with(400, "0x80060890");
    assert!(message.starts_with(
        "The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.account'."
    ));
    office.get("contacts(firstname='Joe')").await.refused_with(400, "0x80060890");
}

#[tokio::test]
async fn the_primary_key_may_be_named_but_not_for_principals() {
    let office = keyed().await;
    let id = office.create("accounts", json!({"name": "x"})).await;
    office.get(&format!("accounts(accountid={id})")).await.ok();
    let me = office.get("WhoAmI").await.json()["UserId"].as_str().unwrap().to_owned();
    office.get(&format!("systemusers({me})")).await.ok();
    office.get(&format!("systemusers(systemuserid={me})")).await.refused_with(400, "0x80060890");
}

#[tokio::test]
async fn a_lookup_in_a_key_goes_by_its_value() {
    let office = keyed().await;
    let account = office.create("accounts", json!({"name": "x"})).await;
    let body = json!({"lastname": "l", "parentaccountid@odata.bind": format!("/accounts({account})")});
    let lead = office.create("leads", body).await;
    let row = office.get(&format!("leads(_parentaccountid_value={account})")).await.ok().json();
    assert_eq!(row["leadid"], lead);
}

#[tokio::test]
async fn an_upsert_by_key_writes_the_key_and_never_changes_it() {
    let office = keyed().await;
    let target = "accounts(accountnumber='A1')";
    let id = office.patch(target, json!({"name": "made"})).await.id();
    let row = office.get(&format!("accounts({id})")).await.json();
    assert_eq!((row["accountnumber"].clone(), row["name"].clone()), (json!("A1"), json!("made")));
    office.patch(target, json!({"name": "changed", "accountnumber": "A2"})).await.ok();
    let row = office.get(&format!("accounts({id})")).await.json();
    assert_eq!((row["accountnumber"].clone(), row["name"].clone()), (json!("A1"), json!("changed")));
    office
        .send("PATCH", "accounts(accountnumber='A9')", &[("If-Match", "*")], b"{}")
        .await
        .refused_with(404, "0x80060891");
}

#[tokio::test]
async fn a_second_row_with_the_key_is_412_and_names_the_first() {
    let office = keyed().await;
    let id = office.create("accounts", json!({"accountnumber": "A1"})).await;
    let message =
        office.post("accounts", json!({"accountnumber": "a1 "})).await.refused_with(412, "0x80060892");
    assert!(
        message.contains("<DuplicateAttributes><accountnumber>a1 </accountnumber></DuplicateAttributes>"),
        "{message}"
    );
    assert!(message.ends_with(&format!("<Id>{id}</Id>")));
    office.create("accounts", json!({"name": "no number"})).await;
    office.create("accounts", json!({"name": "nor this"})).await;
    let other = office.create("accounts", json!({"accountnumber": "A2"})).await;
    office
        .patch(&format!("accounts({other})"), json!({"accountnumber": "A1"}))
        .await
        .refused_with(412, "0x80060892");
}

#[tokio::test]
async fn a_key_with_a_forbidden_character_cannot_be_addressed_but_stays_unique() {
    let office = keyed().await;
    office.create("accounts", json!({"accountnumber": "a/b"})).await;
    assert_eq!(office.get("accounts(accountnumber='a%2Fb')").await.status, 400);
    office.post("accounts", json!({"accountnumber": "a/b"})).await.refused_with(412, "0x80060892");
}

#[tokio::test]
async fn binds_and_upsert_multiple_take_alternate_keys() {
    let office = keyed().await;
    let account = office.create("accounts", json!({"accountnumber": "A1"})).await;
    let body =
        json!({"lastname": "x", "parentcustomerid_account@odata.bind": "/accounts(accountnumber='A1')"});
    let id = office.create("contacts", body).await;
    let row = office.get(&format!("contacts({id})")).await.json();
    assert_eq!(row["_parentcustomerid_value"], account);
    let body =
        json!({"lastname": "x", "parentcustomerid_account@odata.bind": "/accounts(accountnumber='A9')"});
    office.post("contacts", body).await.refused_with(404, "0x80060891");
    let item = |number: &str, name: &str| json!({"@odata.type": "Microsoft.Dynamics.CRM.account", "@odata.id": format!("accounts(accountnumber='{number}')"), "name": name});
    let body = json!({"Targets": [item("A1", "known"), item("A2", "new")]});
    office.post("accounts/Microsoft.Dynamics.CRM.UpsertMultiple", body).await.ok();
    assert_eq!(office.get("accounts?$filter=name eq 'known' or name eq 'new'").await.rows().len(), 2);
    let body = json!({"Targets": [item("A3", "1"), item("A3", "2")]});
    office.post("accounts/Microsoft.Dynamics.CRM.UpsertMultiple", body).await.refused_with(412, "0x80040237");
}

#[tokio::test]
async fn a_key_is_no_key_until_its_index_is_built() {
    let office = keyed_with(Settings { key_activation_seconds: 3_600, ..Settings::default() }).await;
    let keys = office.get("EntityDefinitions(LogicalName='account')/Keys").await.rows();
    assert_eq!(keys[0]["EntityKeyIndexStatus"], "Pending");
    office.create("accounts", json!({"accountnumber": "A1"})).await;
    office.get("accounts(accountnumber='A1')").await.refused_with(400, "0x80060890");
}

#[tokio::test]
async fn a_key_over_duplicates_fails_and_may_be_reactivated_once_they_are_gone() {
    let office = keyed().await;
    let mut twins = Vec::new();
    for _ in 0..2 {
        twins.push(office.create("accounts", json!({"name": "twin"})).await);
    }
    let body = json!({"SchemaName": "new_Name", "KeyAttributes": ["name"]});
    office.post("EntityDefinitions(LogicalName='account')/Keys", body).await.ok();
    let keys = "EntityDefinitions(LogicalName='account')/Keys";
    let status = async || {
        let keys = office.get(keys).await.rows();
        keys.iter().find(|key| key["SchemaName"] == "new_Name").unwrap()["EntityKeyIndexStatus"].clone()
    };
    assert_eq!(status().await, "Failed");
    office.get("accounts(name='twin')").await.refused_with(400, "0x80060890");
    office.delete(&format!("accounts({})", twins[0])).await.ok();
    let again = json!({"EntityLogicalName": "account", "EntityKeyLogicalName": "new_name"});
    office.post("ReactivateEntityKey", again.clone()).await.ok();
    assert_eq!(status().await, "Active");
    assert_eq!(office.get("accounts(name='twin')").await.json()["accountid"], twins[1]);
    office.post("ReactivateEntityKey", again).await.refused_with(400, "0x80060897");
}

#[tokio::test]
async fn keys_are_made_of_texts_numbers_dates_lookups_and_choices_only() {
    let office = keyed().await;
    for column in ["description", "revenue", "donotemail"] {
        let body = json!({"SchemaName": "new_Bad", "KeyAttributes": [column]});
        let reply = office.post("EntityDefinitions(LogicalName='account')/Keys", body).await;
        assert_eq!(reply.status, 400, "{column}");
    }
    let body = json!({"SchemaName": "new_Good", "KeyAttributes": ["industrycode", "numberofemployees"]});
    let reply = office.post("EntityDefinitions(LogicalName='account')/Keys", body).await;
    let id = reply.id();
    let keys = "EntityDefinitions(LogicalName='account')/Keys";
    let before = office.get(keys).await.rows().len();
    office.delete(&format!("{keys}({id})")).await.ok();
    assert_eq!(office.get(keys).await.rows().len(), before - 1);
}
