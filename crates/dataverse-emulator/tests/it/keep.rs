//! `keep: keys`: what is stored, and what is said about the rest.

use dataverse_emulator::{Keep, Options, Settings};
use serde_json::json;

use crate::client::{Office, office_with};

fn keys_only() -> Options {
    Options { settings: Settings { keep: Keep::Keys, ..Settings::default() }, ..Options::default() }
}

async fn loaded() -> (Office, String) {
    let office = office_with(keys_only()).await;
    let account = office.create("accounts", json!({"name": "a", "importsequencenumber": 4})).await;
    (office, account)
}

#[tokio::test]
async fn ids_keys_pairs_and_sequence_numbers_are_kept() {
    let (office, account) = loaded().await;
    let row = office.get(&format!("accounts({account})?$select=importsequencenumber,versionnumber")).await;
    assert_eq!(row.ok().json()["importsequencenumber"], 4);
    let found = office.get("accounts?$select=accountid&$filter=importsequencenumber eq 4").await;
    assert_eq!(found.rows()[0]["accountid"], account);
    let key = json!({"SchemaName": "new_NumberKey", "KeyAttributes": ["accountnumber"]});
    let keys = "EntityDefinitions(LogicalName='contact')/Keys";
    let contact_key = json!({"SchemaName": "new_Key", "KeyAttributes": ["employeeid"]});
    office.post(keys, contact_key).await.ok();
    let id = office.create("contacts", json!({"lastname": "x", "employeeid": "E1"})).await;
    let found = office.get("contacts(employeeid='E1')?$select=contactid").await.ok();
    assert_eq!(found.json()["contactid"], id);
    office
        .post("contacts", json!({"lastname": "y", "employeeid": "e1"}))
        .await
        .refused_with(412, "0x80060892");
    let late = office.post("EntityDefinitions(LogicalName='account')/Keys", key).await;
    let message = late.refused_with(501, "0x80040219");
    assert!(message.contains("accountnumber") && message.contains("--keep keys"), "{message}");
    let addresses = format!("customeraddresses?$select=addressnumber&$filter=_parentid_value eq {account}");
    assert_eq!(office.get(&addresses).await.rows().len(), 2, "addresses are told apart");
    let me = office.get("WhoAmI").await.json()["UserId"].as_str().unwrap().to_owned();
    office.get(&format!("systemusers({me})?$select=fullname")).await.ok();
}

#[tokio::test]
async fn rows_of_a_number_range_can_be_asked_for_by_their_maker() {
    let (office, account) = loaded().await;
    let me = office.get("WhoAmI").await.json()["UserId"].as_str().unwrap().to_owned();
    let ours = |range: &str| {
        format!(
            "accounts?$select=accountid,importsequencenumber&$filter={range} and (_createdby_value eq {me} or _createdonbehalfby_value eq {me})"
        )
    };
    let found = office.get(&ours("importsequencenumber ge 1 and importsequencenumber le 9")).await;
    assert_eq!(found.rows()[0]["accountid"], account);
    let beyond = office.get(&ours("importsequencenumber ge 5 and importsequencenumber le 9")).await;
    assert_eq!(beyond.rows().len(), 0);
}

#[tokio::test]
async fn other_columns_are_refused_by_name_wherever_they_are_read() {
    let (office, account) = loaded().await;
    for target in [
        format!("accounts({account})"),
        format!("accounts({account})?$select=name"),
        format!("accounts({account})/name"),
        format!("accounts({account})/primarycontactid"),
        format!("accounts({account})/contact_customer_accounts"),
        "accounts".to_owned(),
        "accounts?$select=name".to_owned(),
        "accounts?$select=accountid&$filter=name eq 'a'".to_owned(),
        "accounts?$select=accountid&$orderby=name".to_owned(),
        "accounts?$select=accountid&$expand=primarycontactid($select=contactid)".to_owned(),
        "accounts?$apply=groupby((name))".to_owned(),
        "accounts?$select=accountid&$filter=contact_customer_accounts/any(c:c/lastname eq 'a')".to_owned(),
        "accounts?$select=accountid&$filter=primarycontactid/contactid ne null".to_owned(),
        "accounts?fetchXml=<fetch><entity name='account'><attribute name='name'/></entity></fetch>".to_owned(),
        "accounts?fetchXml=<fetch><entity name='account'/></fetch>".to_owned(),
        "accounts?fetchXml=<fetch><entity name='account'><attribute name='accountid'/><filter><condition attribute='name' operator='eq' value='a'/></filter></entity></fetch>".to_owned(),
        "accounts?sql=SELECT name FROM account".to_owned(),
    ] {
        let reply = office.get(&target.replace('<', "%3C").replace('>', "%3E")).await;
        assert_eq!(reply.status, 501, "{target}: {}", reply.text());
        let message = reply.refused_with(501, "0x80040219");
        assert!(message.contains("--keep keys"), "{target}: {message}");
    }
    let message = office.get("accounts?$select=name").await.refused_with(501, "0x80040219");
    assert!(message.contains("'name' of 'account'") && message.contains("importsequencenumber"), "{message}");
    let prefer = [("Prefer", "return=representation")];
    let whole = office.send("POST", "accounts", &prefer, br#"{"name":"b"}"#).await;
    whole.refused_with(501, "0x80040219");
    assert_eq!(office.get("accounts/$count").await.text(), "1", "nothing was written");
}

#[tokio::test]
async fn everything_can_still_be_written() {
    let (office, account) = loaded().await;
    office.patch(&format!("accounts({account})"), json!({"name": "b"})).await.ok();
    let contact = office
        .create(
            "contacts",
            json!({"lastname": "x", "parentcustomerid_account@odata.bind": format!("/accounts({account})")}),
        )
        .await;
    let case = json!({"title": "t", "customerid_account@odata.bind": format!("/accounts({account})")});
    let case = office.create("incidents", case).await;
    let closing = json!({"IncidentResolution": {"subject": "s", "incidentid@odata.bind": format!("/incidents({case})")}, "Status": 5});
    office.post("CloseIncident", closing).await.ok();
    let unknown =
        json!({"lastname": "x", "parentcustomerid_account@odata.bind": format!("/accounts({contact})")});
    office.post("contacts", unknown).await.refused_with(404, "0x80040217");
    office.delete(&format!("contacts({contact})")).await.ok();
    assert_eq!(office.get("contacts/$count").await.text(), "0");
}
