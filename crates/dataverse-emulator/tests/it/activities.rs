//! `activitypointers`: every activity in one table.

use serde_json::json;

use crate::client::office;

#[tokio::test]
async fn every_activity_is_read_through_the_table_that_they_have_in_common() {
    let office = office().await;
    let account = office.create("accounts", json!({"name": "a"})).await;
    let regarding = |kind: &str| format!("regardingobjectid_account_{kind}@odata.bind");
    let bind = format!("accounts({account})");
    let task = office.create("tasks", json!({"subject": "one", regarding("task"): bind})).await;
    let select = "activitypointers?$select=subject,activitytypecode,statecode&$orderby=subject";
    assert_eq!(office.get(select).await.ok().rows().len(), 1);
    // What is written later is seen as well.
    let call = office.create("phonecalls", json!({"subject": "two", regarding("phonecall"): bind})).await;
    office
        .patch(&format!("tasks({task})"), json!({"subject": "changed", "statecode": 1, "statuscode": 5}))
        .await
        .ok();
    let rows = office.get(select).await.rows();
    let shown: Vec<_> =
        rows.iter().map(|row| (row["subject"].clone(), row["activitytypecode"].clone())).collect();
    assert_eq!(shown, [(json!("changed"), json!("task")), (json!("two"), json!("phonecall"))]);
    assert_eq!(rows[0]["statecode"], 1);
    assert_eq!(
        office.get(&format!("activitypointers({call})?$select=subject")).await.json()["subject"],
        "two"
    );
    let filter = format!("activitypointers/$count?$filter=_regardingobjectid_value eq {account}");
    assert_eq!(office.get(&filter).await.text(), "2");
    office.delete(&format!("phonecalls({call})")).await.ok();
    assert_eq!(office.get("activitypointers/$count").await.text(), "1");
    let bad = json!({"subject": "three", "statuscode": 999});
    office.post("tasks", bad).await.refused_with(400, "0x80048408");
    assert_eq!(office.get("activitypointers/$count").await.text(), "1", "what was taken back is not there");
}

#[tokio::test]
async fn an_activity_is_not_written_through_the_common_table() {
    let office = office().await;
    let task = office.create("tasks", json!({"subject": "one"})).await;
    office
        .patch(&format!("activitypointers({task})"), json!({"subject": "x"}))
        .await
        .refused_with(501, "0x80040219");
    office.post("activitypointers", json!({"subject": "x"})).await.refused_with(400, "0x80040800");
}
