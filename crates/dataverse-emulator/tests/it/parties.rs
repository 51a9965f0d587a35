//! Activity parties (reference §2.8, §2.9).

use dataverse_emulator::{Options, Settings};
use serde_json::json;

use crate::client::{Office, office, office_with};

async fn mail(office: &Office) -> (String, String) {
    let contact = office.create("contacts", json!({"lastname": "x"})).await;
    let me = office.get("WhoAmI").await.json()["UserId"].as_str().unwrap().to_owned();
    let body = json!({
        "subject": "s",
        "email_activity_parties": [
            {"partyid_systemuser@odata.bind": format!("/systemusers({me})"), "participationtypemask": 1},
            {"partyid_contact@odata.bind": format!("/contacts({contact})"), "participationtypemask": 2},
            {"addressused": "x@y.example", "participationtypemask": 3}
        ]
    });
    (office.create("emails", body).await, contact)
}

#[tokio::test]
async fn parties_come_with_their_activity_and_are_read_by_it() {
    let office = office().await;
    let (id, contact) = mail(&office).await;
    let target = format!("activityparties?$filter=_activityid_value eq {id}&$orderby=participationtypemask");
    let parties = office.get(&target).await.ok().rows();
    assert_eq!(parties.len(), 3);
    assert_eq!(parties[1]["_partyid_value"], contact);
    assert_eq!(parties[1]["participationtypemask"], 2);
    assert_eq!(parties[2]["addressused"], "x@y.example");
    let expanded =
        office.get(&format!("emails({id})?$select=subject&$expand=email_activity_parties")).await.json();
    assert_eq!(expanded["email_activity_parties"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_put_replaces_the_parties() {
    let office = office().await;
    let (id, contact) = mail(&office).await;
    let body = json!({"value": [{"partyid_contact@odata.bind": format!("contacts({contact})"), "participationtypemask": 4}]});
    assert_eq!(office.put(&format!("emails({id})/email_activity_parties"), body).await.status, 204);
    let parties = office.get(&format!("emails({id})/email_activity_parties")).await.rows();
    assert_eq!(parties.len(), 1);
    assert_eq!(parties[0]["participationtypemask"], 4);
}

#[tokio::test]
async fn parties_travel_in_create_multiple() {
    let office = office().await;
    let contact = office.create("contacts", json!({"lastname": "x"})).await;
    let party =
        json!({"partyid_contact@odata.bind": format!("/contacts({contact})"), "participationtypemask": 5});
    let row = json!({"@odata.type": "Microsoft.Dynamics.CRM.appointment", "subject": "s", "appointment_activity_parties": [party]});
    let body = json!({"Targets": [row, row]});
    office.post("appointments/Microsoft.Dynamics.CRM.CreateMultiple", body).await.ok();
    assert_eq!(office.get("activityparties").await.rows().len(), 2);
}

#[tokio::test]
async fn a_party_that_is_nobody_is_refused_with_its_activity() {
    let office = office().await;
    let missing = "/contacts(00000000-0000-0000-0000-00000000dead)";
    let body = json!({"subject": "s", "email_activity_parties": [{"partyid_contact@odata.bind": missing, "participationtypemask": 2}]});
    office.post("emails", body).await.refused_with(404, "0x80040217");
    let body = json!({"subject": "s", "email_activity_parties": [{"participationtypemask": 2}]});
    office.post("emails", body).await.refused_with(400, "0x80043506");
    assert_eq!(office.get("emails/$count").await.text(), "0");
}

#[tokio::test]
async fn parties_go_with_their_activity_and_are_not_made_alone() {
    let office = office().await;
    let (id, _) = mail(&office).await;
    office.delete(&format!("emails({id})")).await.ok();
    assert!(office.get("activityparties").await.rows().is_empty());
    office.post("activityparties", json!({"participationtypemask": 1})).await.refused_with(400, "0x80040800");
}

#[tokio::test]
async fn a_knob_makes_owner_and_regarding_row_parties_too() {
    let settings = Settings { derived_parties: true, ..Settings::default() };
    let office = office_with(Options { settings, ..Options::default() }).await;
    let account = office.create("accounts", json!({"name": "x"})).await;
    let body =
        json!({"subject": "s", "regardingobjectid_account_task@odata.bind": format!("/accounts({account})")});
    let id = office.create("tasks", body).await;
    let masks = |rows: Vec<serde_json::Value>| {
        let mut masks: Vec<i64> =
            rows.iter().map(|row| row["participationtypemask"].as_i64().unwrap()).collect();
        masks.sort_unstable();
        masks
    };
    assert_eq!(masks(office.get("activityparties").await.rows()), [8, 9]);
    office.patch(&format!("tasks({id})"), json!({"regardingobjectid_account_task": null})).await.ok();
    assert_eq!(masks(office.get("activityparties").await.rows()), [9]);
}
