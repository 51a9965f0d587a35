//! Associations: `$ref` on N:N, on collections and on lookups; members (reference §2.8).

use dataverse_emulator::{Options, Settings, Strictness};
use serde_json::json;

use crate::client::{office, office_with};

#[tokio::test]
async fn pairs_are_added_read_from_both_ends_and_taken_out() {
    let office = office().await;
    let lead = office.create("leads", json!({"lastname": "x"})).await;
    let contact = office.create("contacts", json!({"lastname": "y"})).await;
    let url = format!("{}/api/data/v9.2/contacts({contact})", office.emulator.url());
    let target = format!("leads({lead})/contactleads_association");
    let reply = office.post(&format!("{target}/$ref"), json!({"@odata.id": url})).await;
    assert_eq!(reply.status, 204);
    assert_eq!(office.get(&target).await.rows()[0]["contactid"], contact);
    assert_eq!(
        office.get(&format!("contacts({contact})/contactleads_association")).await.rows()[0]["leadid"],
        lead
    );
    let pairs = office.get("contactleadscollection").await.rows();
    assert_eq!((pairs[0]["contactid"].clone(), pairs[0]["leadid"].clone()), (json!(contact), json!(lead)));
    office.delete(&format!("{target}({contact})/$ref")).await.ok();
    office.delete(&format!("{target}/$ref?$id={url}")).await.ok();
    assert!(office.get(&target).await.rows().is_empty(), "taking out twice is no error");
}

#[tokio::test]
async fn a_pair_that_is_there_is_a_duplicate_or_not_by_knob() {
    for (existing_pair, expected) in [(Strictness::Refuse, 412), (Strictness::Tolerate, 204)] {
        let settings = Settings { existing_pair, ..Settings::default() };
        let office = office_with(Options { settings, ..Options::default() }).await;
        let lead = office.create("leads", json!({"lastname": "x"})).await;
        let contact = office.create("contacts", json!({"lastname": "y"})).await;
        let target = format!("leads({lead})/contactleads_association/$ref");
        let body = json!({"@odata.id": format!("contacts({contact})")});
        office.post(&target, body.clone()).await.ok();
        assert_eq!(office.post(&target, body).await.status, expected);
        assert_eq!(office.get("contactleadscollection").await.rows().len(), 1);
    }
}

#[tokio::test]
async fn intersect_rows_are_not_created_directly() {
    let office = office().await;
    office.post("contactleadscollection", json!({})).await.refused_with(400, "0x80040800");
}

#[tokio::test]
async fn a_lookup_is_set_and_cleared_by_reference() {
    let office = office().await;
    let account = office.create("accounts", json!({"name": "x"})).await;
    let contact = office.create("contacts", json!({"lastname": "y"})).await;
    let target = format!("accounts({account})/primarycontactid");
    let body = json!({"@odata.id": format!("contacts({contact})")});
    office.put(&format!("{target}/$ref"), body).await.ok();
    assert_eq!(office.get(&target).await.json()["contactid"], contact);
    office.delete(&format!("{target}/$ref")).await.ok();
    assert_eq!(office.get(&target).await.status, 204);
}

#[tokio::test]
async fn a_child_is_moved_by_its_parents_collection() {
    let office = office().await;
    let account = office.create("accounts", json!({"name": "x"})).await;
    let contact = office.create("contacts", json!({"lastname": "y"})).await;
    let body = json!({"@odata.id": format!("contacts({contact})")});
    office.post(&format!("accounts({account})/contact_customer_accounts/$ref"), body).await.ok();
    let row = office.get(&format!("contacts({contact})?$select=_parentcustomerid_value")).await.json();
    assert_eq!(row["_parentcustomerid_value"], account);
}

#[tokio::test]
async fn both_ends_must_be_there() {
    let office = office().await;
    let lead = office.create("leads", json!({"lastname": "x"})).await;
    let body = json!({"@odata.id": "contacts(00000000-0000-0000-0000-00000000dead)"});
    office
        .post(&format!("leads({lead})/contactleads_association/$ref"), body)
        .await
        .refused_with(404, "0x80040217");
}

#[tokio::test]
async fn list_members_are_added_by_their_message_only() {
    let office = office().await;
    let list = office.create("lists", json!({"listname": "l", "type": false, "createdfromcode": 2})).await;
    let contact = office.create("contacts", json!({"lastname": "y"})).await;
    let member = json!({"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": contact});
    let body = json!({"List": {"@odata.type": "Microsoft.Dynamics.CRM.list", "listid": list}, "Members": [member, member]});
    assert_eq!(office.post("AddListMembersList", body).await.status, 204);
    let members = office.get(&format!("listmembers?$filter=_listid_value eq {list}")).await.ok().rows();
    assert_eq!(members.len(), 1);
    assert_eq!(members[0]["_entityid_value"], contact);
    assert_eq!(members[0]["entitytype"], "contact");
    let reference = json!({"@odata.id": format!("contacts({contact})")});
    let reply = office.post(&format!("lists({list})/listcontact_association/$ref"), reference).await;
    assert_eq!(reply.status, 405);
    let account = office.create("accounts", json!({"name": "x"})).await;
    let member = json!({"@odata.type": "Microsoft.Dynamics.CRM.account", "accountid": account});
    let body = json!({"List": {"listid": list}, "Members": [member]});
    office.post("AddListMembersList", body).await.refused_with(400, "0x80040203");
}

#[tokio::test]
async fn team_members_come_and_go_by_message() {
    let office = office().await;
    let me = office.get("WhoAmI").await.json()["UserId"].clone();
    let team =
        office.create("teams", json!({"name": "t", "businessunitid@odata.bind": unit(&office).await})).await;
    let body = json!({"Members": [{"@odata.type": "Microsoft.Dynamics.CRM.systemuser", "ownerid": me}]});
    office.post(&format!("teams({team})/Microsoft.Dynamics.CRM.AddMembersTeam"), body.clone()).await.ok();
    assert_eq!(office.get(&format!("teams({team})/teammembership_association")).await.rows().len(), 1);
    office.post(&format!("teams({team})/Microsoft.Dynamics.CRM.RemoveMembersTeam"), body).await.ok();
    assert!(office.get(&format!("teams({team})/teammembership_association")).await.rows().is_empty());
}

async fn unit(office: &crate::client::Office) -> String {
    let who = office.get("WhoAmI").await.json();
    format!("/businessunits({})", who["BusinessUnitId"].as_str().unwrap())
}
