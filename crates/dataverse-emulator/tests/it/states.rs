//! States, statuses and the messages that close rows (reference §9).

use dataverse_emulator::{Options, Settings, Strictness};
use serde_json::{Value, json};

use crate::client::{Office, office, office_with};

async fn row(office: &Office, target: &str) -> Value {
    office.get(target).await.ok().json()
}

async fn case(office: &Office) -> String {
    let contact = office.create("contacts", json!({"lastname": "x"})).await;
    let body = json!({"title": "t", "customerid_contact@odata.bind": format!("/contacts({contact})")});
    office.create("incidents", body).await
}

#[tokio::test]
async fn rows_start_in_their_active_state() {
    let office = office().await;
    let message =
        office.post("tasks", json!({"subject": "x", "statuscode": 5})).await.refused_with(400, "0x80048408");
    assert!(message.starts_with("5 is not a valid status code for state code TaskState.Open"), "{message}");
    let id = office.create("tasks", json!({"subject": "x", "statecode": 1})).await;
    assert_eq!(
        row(&office, &format!("tasks({id})")).await["statecode"],
        0,
        "statecode is not valid for create"
    );
    let id = office.create("tasks", json!({"subject": "x", "statuscode": 3})).await;
    assert_eq!(row(&office, &format!("tasks({id})")).await["statuscode"], 3);
}

#[tokio::test]
async fn a_knob_lets_rows_start_inactive() {
    let settings = Settings { inactive_status_on_create: Strictness::Tolerate, ..Settings::default() };
    let office = office_with(Options { settings, ..Options::default() }).await;
    let id = office.create("tasks", json!({"subject": "x", "statecode": 1, "statuscode": 5})).await;
    assert_eq!(row(&office, &format!("tasks({id})")).await["statecode"], 1);
}

#[tokio::test]
async fn a_status_must_belong_to_the_state() {
    let office = office().await;
    let id = office.create("contacts", json!({"lastname": "x"})).await;
    let target = format!("contacts({id})");
    office.patch(&target, json!({"statecode": 1, "statuscode": 1})).await.refused_with(400, "0x80048408");
    office.patch(&target, json!({"statuscode": 2})).await.refused_with(400, "0x80048408");
    office.patch(&target, json!({"statecode": 1, "statuscode": 2})).await.ok();
    office.patch(&target, json!({"statecode": 0})).await.ok();
    assert_eq!(row(&office, &target).await["statuscode"], 1, "the state's default");
}

#[tokio::test]
async fn a_finished_activity_takes_no_changes_until_it_is_reopened() {
    let office = office().await;
    let id = office.create("tasks", json!({"subject": "x"})).await;
    let target = format!("tasks({id})");
    office.patch(&target, json!({"statecode": 1, "statuscode": 5, "subject": "done"})).await.ok();
    office.patch(&target, json!({"subject": "y"})).await.refused_with(400, "0x80040230");
    office.patch(&target, json!({"statecode": 0, "statuscode": 2, "subject": "again"})).await.ok();
    assert_eq!(row(&office, &target).await["subject"], "again");
}

#[tokio::test]
async fn a_deactivated_account_still_takes_changes() {
    let office = office().await;
    let id = office.create("accounts", json!({"name": "x"})).await;
    let target = format!("accounts({id})");
    office.patch(&target, json!({"statecode": 1, "statuscode": 2})).await.ok();
    office.patch(&target, json!({"name": "y"})).await.ok();
}

#[tokio::test]
async fn a_case_is_resolved_by_its_message_only() {
    let office = office().await;
    let id = case(&office).await;
    let target = format!("incidents({id})");
    let message =
        office.patch(&target, json!({"statecode": 1, "statuscode": 5})).await.refused_with(400, "0x80040233");
    assert!(message.contains("use the CloseIncidentRequest message instead"), "{message}");
    let body = json!({
        "IncidentResolution": {
            "@odata.type": "Microsoft.Dynamics.CRM.incidentresolution", "subject": "done", "timespent": 30,
            "incidentid@odata.bind": format!("/incidents({id})")
        },
        "Status": 5
    });
    assert_eq!(office.post("CloseIncident", body.clone()).await.status, 204);
    let closed = row(&office, &target).await;
    assert_eq!((closed["statecode"].clone(), closed["statuscode"].clone()), (json!(1), json!(5)));
    let resolutions =
        office.get("incidentresolutions?$select=subject,statecode,_incidentid_value").await.rows();
    assert_eq!(resolutions[0]["_incidentid_value"], id);
    assert_eq!(resolutions[0]["statecode"], 1);
    office.patch(&target, json!({"title": "y"})).await.refused_with(400, "0x80040230");
    office.post("CloseIncident", body).await.refused_with(400, "0x80040233");
    office.patch(&target, json!({"statecode": 0, "statuscode": 1})).await.ok();
    office.patch(&target, json!({"statecode": 2, "statuscode": 6})).await.ok();
}

#[tokio::test]
async fn a_case_with_open_activities_cannot_be_closed() {
    let office = office().await;
    let id = case(&office).await;
    let body =
        json!({"subject": "x", "regardingobjectid_incident_task@odata.bind": format!("/incidents({id})")});
    let task = office.create("tasks", body).await;
    let close = json!({
        "IncidentResolution": {"subject": "done", "incidentid@odata.bind": format!("/incidents({id})")}, "Status": -1
    });
    let message = office.post("CloseIncident", close.clone()).await.refused_with(400, "0x8004440a");
    assert!(message.contains("there are open activities for this incident"));
    assert!(office.get("incidentresolutions").await.rows().is_empty(), "nothing stays of a refused message");
    office.patch(&format!("tasks({task})"), json!({"statecode": 1})).await.ok();
    office.post("CloseIncident", close).await.ok();
}

#[tokio::test]
async fn opportunities_are_won_and_lost_by_message_with_date_and_revenue() {
    let office = office().await;
    let id = office.create("opportunities", json!({"name": "x"})).await;
    let target = format!("opportunities({id})");
    office.patch(&target, json!({"statecode": 1, "statuscode": 3})).await.refused_with(400, "0x80040233");
    let body = json!({
        "Status": 3,
        "OpportunityClose": {
            "subject": "won", "actualrevenue": 1234.5, "actualend": "2020-02-03T00:00:00Z",
            "opportunityid@odata.bind": format!("{}/api/data/v9.2/opportunities({id})", office.emulator.url())
        }
    });
    office.post("WinOpportunity", body).await.ok();
    let won = row(&office, &target).await;
    assert_eq!((won["statecode"].clone(), won["statuscode"].clone()), (json!(1), json!(3)));
    assert!(won["actualclosedate"].as_str().unwrap().starts_with("2020-02-03"));
    assert_eq!(won["actualvalue"], 1234.5);
    assert_eq!(office.get("opportunitycloses?$select=subject").await.rows()[0]["subject"], "won");
    let id = office.create("opportunities", json!({"name": "y"})).await;
    let close = json!({"subject": "lost", "opportunityid@odata.bind": format!("/opportunities({id})")});
    let wrong = json!({"Status": 3, "OpportunityClose": close});
    office.post("LoseOpportunity", wrong).await.refused_with(400, "0x80048408");
    office.post("LoseOpportunity", json!({"Status": 4, "OpportunityClose": close})).await.ok();
    assert_eq!(row(&office, &format!("opportunities({id})")).await["statecode"], 2);
}

#[tokio::test]
async fn a_qualified_lead_creates_what_is_asked_for_and_no_more() {
    let office = office().await;
    let id = office.create("leads", json!({"subject": "s", "lastname": "L", "companyname": "C"})).await;
    let body =
        json!({"CreateAccount": false, "CreateContact": true, "CreateOpportunity": false, "Status": 3});
    let reply =
        office.post(&format!("leads({id})/Microsoft.Dynamics.CRM.QualifyLead"), body.clone()).await.ok();
    assert_eq!(reply.rows().len(), 1);
    assert_eq!(office.get("accounts/$count").await.text(), "0");
    assert_eq!(office.get("contacts?$select=lastname").await.rows()[0]["lastname"], "L");
    let lead = row(&office, &format!("leads({id})")).await;
    assert_eq!((lead["statecode"].clone(), lead["statuscode"].clone()), (json!(1), json!(3)));
    office
        .post(&format!("leads({id})/Microsoft.Dynamics.CRM.QualifyLead"), body)
        .await
        .refused_with(400, "0x80040233");
    let id = office.create("leads", json!({"subject": "s", "lastname": "M"})).await;
    office.patch(&format!("leads({id})"), json!({"statecode": 1, "statuscode": 3})).await.ok();
    assert_eq!(office.get("contacts/$count").await.text(), "1", "a plain update creates nothing");
}

#[tokio::test]
async fn states_are_changed_for_many_rows_at_once() {
    let office = office().await;
    let mut rows = Vec::new();
    for n in 0..3 {
        let id = office.create("tasks", json!({"subject": n.to_string()})).await;
        rows.push(json!({"@odata.type": "Microsoft.Dynamics.CRM.task", "activityid": id, "statecode": 1, "statuscode": 5}));
    }
    office.post("tasks/Microsoft.Dynamics.CRM.UpdateMultiple", json!({ "Targets": rows })).await.ok();
    assert_eq!(office.get("tasks?$filter=statecode eq 1").await.rows().len(), 3);
}

#[tokio::test]
async fn an_unknown_message_is_no_resource() {
    let office = office().await;
    office.post("Nonsense", json!({})).await.refused_with(404, "0x8006088a");
    office.post("Merge", json!({})).await.refused_with(501, "0x80040219");
}
