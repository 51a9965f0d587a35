//! `BulkDelete`, definitions by query, rows made through collections, chosen rows of expanded collections.

use serde_json::{Value, json};

use crate::client::{Office, office};

fn bulk_delete(name: &str, conditions: &Value) -> Value {
    json!({
        "JobName": "clean up", "SendEmailNotification": false, "ToRecipients": [], "CCRecipients": [],
        "RecurrencePattern": "", "StartDateTime": "2026-11-21T01:00:00Z",
        "QuerySet": [{
            "@odata.type": "Microsoft.Dynamics.CRM.QueryExpression", "EntityName": name,
            "ColumnSet": {"@odata.type": "Microsoft.Dynamics.CRM.ColumnSet", "AllColumns": false, "Columns": []},
            "Criteria": {"@odata.type": "Microsoft.Dynamics.CRM.FilterExpression", "FilterOperator": "And",
                         "Conditions": conditions}
        }]
    })
}

async fn count(office: &Office, set: &str) -> usize {
    office.get(&format!("{set}/$count")).await.text().parse().unwrap()
}

#[tokio::test]
async fn a_bulk_delete_leaves_a_job_that_says_how_it_went() {
    let office = office().await;
    let mut ids = Vec::new();
    for number in 0..4 {
        ids.push(office.create("leads", json!({"lastname": format!("l{number}"), "subject": "x"})).await);
    }
    let guid = |id: &String| json!({"Value": id, "Type": "System.Guid"});
    let conditions = json!([{
        "@odata.type": "Microsoft.Dynamics.CRM.ConditionExpression", "AttributeName": "leadid", "Operator": "In",
        "Values": [guid(&ids[0]), guid(&ids[2])]
    }]);
    let job = office.post("BulkDelete", bulk_delete("lead", &conditions)).await.ok().json();
    assert_eq!(count(&office, "leads").await, 2);
    let job = job["JobId"].as_str().unwrap();
    let state = office
        .get(&format!("asyncoperations({job})?$select=statecode,statuscode,name,operationtype"))
        .await
        .json();
    assert_eq!(
        (state["statecode"].clone(), state["statuscode"].clone(), state["operationtype"].clone()),
        (json!(3), json!(30), json!(13))
    );
    assert_eq!(state["name"], "clean up");
}

#[tokio::test]
async fn a_bulk_delete_goes_on_over_pages_and_understands_filters() {
    let settings =
        dataverse_emulator::Settings { max_page_rows: 10, ..dataverse_emulator::Settings::default() };
    let options = dataverse_emulator::Options { settings, ..dataverse_emulator::Options::default() };
    let office = crate::client::office_with(options).await;
    for number in 0..35 {
        office.create("tasks", json!({"subject": format!("s{number}"), "description": "a <b> & 'c'"})).await;
    }
    let conditions = json!([
        {"AttributeName": "subject", "Operator": "BeginsWith", "Values": [{"Value": "s", "Type": "System.String"}]},
        {"AttributeName": "description", "Operator": "Equal", "Values": [{"Value": "a <b> & 'c'", "Type": "System.String"}]}
    ]);
    office.post("BulkDelete", bulk_delete("task", &conditions)).await.ok();
    assert_eq!(count(&office, "tasks").await, 0);
    let bad = json!([{"AttributeName": "subject", "Operator": "Nonsense", "Values": []}]);
    assert_eq!(office.post("BulkDelete", bulk_delete("task", &bad)).await.status, 501);
    assert_eq!(office.post("BulkDelete", json!({"JobName": "x"})).await.status, 400);
}

#[tokio::test]
async fn retrieve_metadata_changes_tells_the_properties_that_are_asked_for() {
    let office = office().await;
    let is = |value: &str| {
        json!({"Conditions": [{
        "PropertyName": "LogicalName", "ConditionOperator": "Equals", "Value": {"Type": "System.String", "Value": value}}]})
    };
    let query = json!({
        "Properties": {"PropertyNames": ["LogicalName", "Attributes"]}, "Criteria": is("task"),
        "AttributeQuery": {"Properties": {"PropertyNames": ["MaxLength", "LogicalName"]}, "Criteria": is("subject")}
    });
    let query = query.to_string().replace('{', "%7B").replace('}', "%7D").replace('"', "%22");
    let found = office.get(&format!("RetrieveMetadataChanges(Query=@p1)?@p1={query}")).await.ok().json();
    let table = &found["EntityMetadata"][0];
    assert_eq!(table["LogicalName"], "task");
    let column = &table["Attributes"][0];
    assert_eq!(column["MaxLength"], 200);
    assert_eq!(column["@odata.type"], "#Microsoft.Dynamics.CRM.ComplexStringAttributeMetadata");
    assert!(column.get("SchemaName").is_none() && table.get("SchemaName").is_none());
    assert_eq!(table["Attributes"].as_array().unwrap().len(), 1);
    assert!(found["ServerVersionStamp"].is_string());
}

#[tokio::test]
async fn a_row_made_through_a_collection_belongs_to_its_parent() {
    let office = office().await;
    let account = office.create("accounts", json!({"name": "parent"})).await;
    let below = format!("accounts({account})/contact_customer_accounts");
    let contact = office.create(&below, json!({"lastname": "child"})).await;
    let row = office.get(&format!("contacts({contact})")).await.json();
    assert_eq!(row["_parentcustomerid_value"], account);
    let lead = office.create("leads", json!({"lastname": "l", "subject": "x"})).await;
    let pairs = format!("leads({lead})/contactleads_association");
    office.create(&pairs, json!({"lastname": "paired"})).await;
    assert_eq!(office.get(&pairs).await.rows()[0]["lastname"], "paired");
}

#[tokio::test]
async fn an_expanded_collection_is_filtered_ordered_and_cut() {
    let office = office().await;
    let tasks: Vec<Value> = ["b", "a", "c", "x"].iter().map(|subject| json!({"subject": subject})).collect();
    let account = office.create("accounts", json!({"name": "parent", "Account_Tasks": tasks})).await;
    let expand = "Account_Tasks($select=subject;$filter=subject ne 'x';$orderby=subject desc;$top=2)";
    let row = office.get(&format!("accounts({account})?$select=name&$expand={expand}")).await.ok().json();
    let subjects: Vec<&str> = row["Account_Tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["subject"].as_str().unwrap())
        .collect();
    assert_eq!(subjects, ["c", "b"]);
}

#[tokio::test]
async fn a_job_that_waits_deletes_later_what_was_there_when_it_was_asked_for() {
    let settings =
        dataverse_emulator::Settings { bulk_delete_seconds: 60, ..dataverse_emulator::Settings::default() };
    let limits = dataverse_emulator::Limits { time_scale: 600.0, ..dataverse_emulator::Limits::default() };
    let options = dataverse_emulator::Options { settings, limits, ..dataverse_emulator::Options::default() };
    let office = crate::client::office_with(options).await;
    office.create("tasks", json!({"subject": "old"})).await;
    let all = json!([{"AttributeName": "subject", "Operator": "NotNull", "Values": []}]);
    let job = office.post("BulkDelete", bulk_delete("task", &all)).await.ok().json();
    let job = format!("asyncoperations({})?$select=statecode,statuscode", job["JobId"].as_str().unwrap());
    office.create("tasks", json!({"subject": "new"})).await;
    let mut states = vec![office.get(&job).await.json()["statecode"].clone()];
    while states.last() != Some(&json!(3)) && states.len() < 2_000 {
        states.push(office.get(&job).await.json()["statecode"].clone());
    }
    assert_eq!(
        (states.first(), states.last()),
        (Some(&json!(0)), Some(&json!(3))),
        "ready, and then completed"
    );
    assert_eq!(office.get("tasks?$select=subject").await.rows()[0]["subject"], "new");
    assert_eq!(count(&office, "tasks").await, 1);
}
