//! What an assignment and a delete do to the rows below (reference §2.4, §18).

use dataverse_emulator::{Options, Settings};
use serde_json::{Value, json};

use crate::client::{Office, office, office_with};

/// A table `new_child` whose lookup `new_ParentId` to accounts has these cascades.
async fn child_table(assign: &str, delete: &str) -> Office {
    let office = office().await;
    let name = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "new_Name",
        "IsPrimaryName": true, "MaxLength": 100
    });
    let table = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "new_Child",
        "EntitySetName": "new_children", "OwnershipType": "UserOwned", "Attributes": [name]
    });
    office.post("EntityDefinitions", table).await.ok();
    let relation = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "new_account_child",
        "ReferencedEntity": "account", "ReferencingEntity": "new_child",
        "CascadeConfiguration": {"Assign": assign, "Delete": delete, "Merge": "NoCascade", "Reparent": "NoCascade",
            "Share": "NoCascade", "Unshare": "NoCascade"},
        "Lookup": {"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", "SchemaName": "new_ParentId"}
    });
    office.post("RelationshipDefinitions", relation).await.ok();
    office
}

async fn child_of(office: &Office, account: &str, more: Value) -> String {
    let mut body = json!({"new_name": "child", "new_ParentId@odata.bind": format!("accounts({account})")});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    office.create("new_children", body).await
}

async fn account(office: &Office) -> String {
    office.create("accounts", json!({"name": "parent"})).await
}

/// A team with a role.
async fn team(office: &Office) -> String {
    let units = office.get("businessunits?$select=businessunitid").await.rows();
    let unit = units[0]["businessunitid"].as_str().unwrap();
    let unit = format!("businessunits({unit})");
    let team = office.create("teams", json!({"name": "field", "businessunitid@odata.bind": unit})).await;
    let roles = office.get("roles?$select=roleid").await.rows();
    let role = roles[0]["roleid"].as_str().unwrap();
    let reference = json!({"@odata.id": format!("{}/api/data/v9.2/roles({role})", office.emulator.url())});
    office.post(&format!("teams({team})/teamroles_association/$ref"), reference).await.ok();
    team
}

async fn assign(office: &Office, target: &str, team: &str) {
    office.patch(target, json!({"ownerid@odata.bind": format!("teams({team})")})).await.ok();
}

async fn owner(office: &Office, target: &str) -> String {
    let row = office.get(&format!("{target}?$select=_ownerid_value")).await.ok().json();
    row["_ownerid_value"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_restricting_relationship_keeps_the_parent() {
    let office = child_table("NoCascade", "Restrict").await;
    let parent = account(&office).await;
    let child = child_of(&office, &parent, json!({})).await;
    let target = format!("accounts({parent})");
    let message = office.delete(&target).await.refused_with(405, "0x80040227");
    assert!(message.contains(&child), "{message}");
    office.get(&target).await.ok();
    office.delete(&format!("new_children({child})")).await.ok();
    office.delete(&target).await.ok();
}

#[tokio::test]
async fn removing_links_leaves_the_children_without_a_parent() {
    let office = child_table("NoCascade", "RemoveLink").await;
    let parent = account(&office).await;
    let child = child_of(&office, &parent, json!({})).await;
    office.delete(&format!("accounts({parent})")).await.ok();
    let row = office.get(&format!("new_children({child})")).await.ok().json();
    assert_eq!(row["_new_parentid_value"], Value::Null);
}

#[tokio::test]
async fn a_parental_delete_takes_the_children_and_theirs() {
    let office = child_table("NoCascade", "Cascade").await;
    let (parent, other) = (account(&office).await, account(&office).await);
    for _ in 0..100 {
        child_of(&office, &parent, json!({})).await;
    }
    child_of(&office, &other, json!({})).await;
    let contact =
        json!({"lastname": "x", "parentcustomerid_account@odata.bind": format!("accounts({parent})")});
    let contact = office.create("contacts", contact).await;
    let task =
        json!({"subject": "t", "regardingobjectid_contact_task@odata.bind": format!("contacts({contact})")});
    let task = office.create("tasks", task).await;
    office.delete(&format!("accounts({parent})")).await.ok();
    assert_eq!(office.get("new_children/$count").await.text(), "1");
    office.get(&format!("contacts({contact})")).await.refused_with(404, "0x80040217");
    office.get(&format!("tasks({task})")).await.refused_with(404, "0x80040217");
    assert_eq!(office.get("customeraddresses/$count").await.text(), "2", "those of the other account");
}

#[tokio::test]
async fn a_cascade_that_is_refused_below_takes_nothing() {
    let office = child_table("NoCascade", "Restrict").await;
    let parent = account(&office).await;
    let lower = json!({"name": "lower", "parentaccountid@odata.bind": format!("accounts({parent})")});
    let lower = office.create("accounts", lower).await;
    child_of(&office, &lower, json!({})).await;
    let contact =
        json!({"lastname": "x", "parentcustomerid_account@odata.bind": format!("accounts({lower})")});
    let contact = office.create("contacts", contact).await;
    office.delete(&format!("accounts({lower})")).await.refused_with(405, "0x80040227");
    office.get(&format!("contacts({contact})")).await.ok();
    office.delete(&format!("accounts({parent})")).await.ok();
    let row = office.get(&format!("accounts({lower})")).await.ok().json();
    assert_eq!(row["_parentaccountid_value"], Value::Null, "accounts outlive their parents");
}

#[tokio::test]
async fn children_follow_their_parent_to_a_new_owner_as_their_relationship_says() {
    for (rule, expected) in [
        ("NoCascade", [false, false, false]),
        ("Cascade", [true, true, true]),
        ("Active", [true, false, true]),
        ("UserOwned", [true, true, false]),
    ] {
        let office = child_table(rule, "NoCascade").await;
        let (first, second) = (team(&office).await, team(&office).await);
        let parent = account(&office).await;
        let open = child_of(&office, &parent, json!({})).await;
        let closed = child_of(&office, &parent, json!({})).await;
        office.patch(&format!("new_children({closed})"), json!({"statecode": 1, "statuscode": 2})).await.ok();
        let others =
            child_of(&office, &parent, json!({"ownerid@odata.bind": format!("teams({second})")})).await;
        assign(&office, &format!("accounts({parent})"), &first).await;
        for (child, follows) in [open, closed, others].iter().zip(expected) {
            let owner = owner(&office, &format!("new_children({child})")).await;
            assert_eq!(owner == first, follows, "{rule}");
        }
    }
}

#[tokio::test]
async fn contacts_their_tasks_and_notes_follow_an_account_to_its_new_owner() {
    let office = office().await;
    let team = team(&office).await;
    let parent = account(&office).await;
    let contact =
        json!({"lastname": "x", "parentcustomerid_account@odata.bind": format!("accounts({parent})")});
    let contact = office.create("contacts", contact).await;
    let task =
        json!({"subject": "t", "regardingobjectid_contact_task@odata.bind": format!("contacts({contact})")});
    let task = office.create("tasks", task).await;
    let note = json!({"subject": "n", "objectid_account@odata.bind": format!("accounts({parent})")});
    let note = office.create("annotations", note).await;
    assign(&office, &format!("accounts({parent})"), &team).await;
    for target in [format!("contacts({contact})"), format!("tasks({task})"), format!("annotations({note})")] {
        assert_eq!(owner(&office, &target).await, team, "{target}");
    }
}

#[tokio::test]
async fn pairs_and_parties_go_with_their_ends() {
    let office = office().await;
    let lead = office.create("leads", json!({"lastname": "l", "subject": "s"})).await;
    let contact = office.create("contacts", json!({"lastname": "c"})).await;
    let reference =
        json!({"@odata.id": format!("{}/api/data/v9.2/contacts({contact})", office.emulator.url())});
    office.post(&format!("leads({lead})/contactleads_association/$ref"), reference).await.ok();
    let email = json!({"subject": "e", "email_activity_parties": [
        {"partyid_contact@odata.bind": format!("contacts({contact})"), "participationtypemask": 2},
        {"addressused": "x@y.example", "participationtypemask": 2}
    ]});
    let email = office.create("emails", email).await;
    office.delete(&format!("contacts({contact})")).await.ok();
    assert_eq!(office.get(&format!("leads({lead})/contactleads_association")).await.rows().len(), 0);
    assert_eq!(office.emulator.stats().rows.get("contactleads"), None);
    assert_eq!(office.get(&format!("emails({email})/email_activity_parties")).await.rows().len(), 1);
}

#[tokio::test]
async fn a_team_stays_as_long_as_it_owns_a_row() {
    let office = office().await;
    let team = team(&office).await;
    let parent = account(&office).await;
    assign(&office, &format!("accounts({parent})"), &team).await;
    office.delete(&format!("teams({team})")).await.refused_with(405, "0x80040227");
    office.delete(&format!("accounts({parent})")).await.ok();
    office.delete(&format!("teams({team})")).await.ok();
}

#[tokio::test]
async fn without_the_usual_cascades_lookups_are_cleared_and_no_more() {
    let settings = Settings { usual_cascades: false, ..Settings::default() };
    let office = office_with(Options { settings, ..Options::default() }).await;
    let parent = account(&office).await;
    let contact =
        json!({"lastname": "x", "parentcustomerid_account@odata.bind": format!("accounts({parent})")});
    let contact = office.create("contacts", contact).await;
    office.delete(&format!("accounts({parent})")).await.ok();
    let row = office.get(&format!("contacts({contact})")).await.ok().json();
    assert_eq!(row["_parentcustomerid_value"], Value::Null);
}
