//! Addresses that appear by themselves (reference §18).

use dataverse_emulator::{Options, Settings};
use serde_json::json;

use crate::client::{office, office_with};

#[tokio::test]
async fn an_account_comes_with_two_addresses_that_show_its_values() {
    let office = office().await;
    let id = office.create("accounts", json!({"name": "x", "address1_city": "Graz"})).await;
    let target = format!("customeraddresses?$filter=_parentid_value eq {id}&$orderby=addressnumber");
    let addresses = office.get(&target).await.ok().rows();
    assert_eq!(addresses.len(), 2);
    assert_eq!(addresses[0]["city"], "Graz");
    assert_eq!(addresses[0]["objecttypecode"], "account");
    assert_eq!(addresses[1]["addressnumber"], 2);
    let account = office.get(&format!("accounts({id})")).await.json();
    assert_eq!(account["address1_addressid"], addresses[0]["customeraddressid"]);
    office.patch(&format!("accounts({id})"), json!({"address2_city": "Wien"})).await.ok();
    assert_eq!(office.get(&target).await.rows()[1]["city"], "Wien");
    let second = addresses[1]["customeraddressid"].as_str().unwrap();
    office.patch(&format!("customeraddresses({second})"), json!({"city": "Linz"})).await.ok();
    assert_eq!(office.get(&format!("accounts({id})")).await.json()["address2_city"], "Linz");
    office.delete(&format!("accounts({id})")).await.ok();
    assert!(office.get("customeraddresses").await.rows().is_empty());
}

#[tokio::test]
async fn contacts_have_three_addresses_and_leads_theirs_in_a_table_of_their_own() {
    let office = office().await;
    office.create("contacts", json!({"lastname": "x"})).await;
    office.create("leads", json!({"lastname": "x"})).await;
    assert_eq!(office.get("customeraddresses").await.rows().len(), 3);
    assert_eq!(office.get("leadaddresses").await.rows().len(), 2);
}

#[tokio::test]
async fn an_organisation_may_keep_only_addresses_with_content() {
    let settings = Settings { only_non_empty_addresses: true, ..Settings::default() };
    let office = office_with(Options { settings, ..Options::default() }).await;
    let id = office.create("accounts", json!({"name": "x", "address1_city": "Graz"})).await;
    assert_eq!(office.get("customeraddresses").await.rows().len(), 1);
    office.patch(&format!("accounts({id})"), json!({"address2_city": "Wien"})).await.ok();
    assert_eq!(office.get("customeraddresses").await.rows().len(), 2);
}
