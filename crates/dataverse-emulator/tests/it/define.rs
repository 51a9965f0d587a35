//! Tables, columns and relationships made at run time (reference §7.5).

use serde_json::{Value, json};

use crate::client::{Office, office};

fn label(text: &str) -> Value {
    json!({"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": [{"Label": text, "LanguageCode": 1033}]})
}

async fn sample(office: &Office) {
    let body = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata", "SchemaName": "new_Sample",
        "DisplayName": label("Sample"), "DisplayCollectionName": label("Samples"), "HasNotes": false, "OwnershipType": "UserOwned",
        "Attributes": [
            {"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "IsPrimaryName": true,
             "SchemaName": "new_Title", "MaxLength": 100, "DisplayName": label("Title")},
            {"@odata.type": "Microsoft.Dynamics.CRM.PicklistAttributeMetadata", "SchemaName": "new_Kind",
             "OptionSet": {"@odata.type": "Microsoft.Dynamics.CRM.OptionSetMetadata", "IsGlobal": false,
                           "Options": [{"Value": 1, "Label": label("One")}]}}
        ]
    });
    let reply = office.post("EntityDefinitions", body).await;
    assert_eq!(reply.status, 204, "{}", reply.text());
    assert!(reply.header("odata-entityid").contains("EntityDefinitions("));
}

#[tokio::test]
async fn a_new_table_takes_rows_at_once() {
    let office = office().await;
    sample(&office).await;
    let id = office.create("new_samples", json!({"new_title": "x", "new_kind": 1})).await;
    let row = office.get(&format!("new_samples({id})")).await.json();
    assert_eq!(row["new_title"], "x");
    assert_eq!(row["statecode"], 0);
    assert!(row["_ownerid_value"].is_string());
    office.post("new_samples", json!({"new_kind": 2})).await.refused_with(400, "0x8004431a");
    let filter =
        "EntityDefinitions?$select=LogicalName,PrimaryIdAttribute&$filter=LogicalName eq 'new_sample'";
    assert_eq!(office.get(filter).await.rows()[0]["PrimaryIdAttribute"], "new_sampleid");
    assert_eq!(office.post("EntityDefinitions", json!({"SchemaName": "new_Sample"})).await.status, 400);
}

#[tokio::test]
async fn a_column_is_added_to_a_table_with_rows_and_taken_away_again() {
    let office = office().await;
    let id = office.create("accounts", json!({"name": "x"})).await;
    let body = json!({"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "new_Extra", "MaxLength": 5});
    let attributes = "EntityDefinitions(LogicalName='account')/Attributes";
    office.post(attributes, body).await.ok();
    office.patch(&format!("accounts({id})"), json!({"new_extra": "12345"})).await.ok();
    office
        .patch(&format!("accounts({id})"), json!({"new_extra": "123456"}))
        .await
        .refused_with(400, "0x80044331");
    let row = office.get(&format!("accounts({id})?$select=name,new_extra")).await.json();
    assert_eq!((row["name"].clone(), row["new_extra"].clone()), (json!("x"), json!("12345")));
    let found = office
        .get(&format!("{attributes}?$select=MetadataId&$filter=LogicalName eq 'new_extra'"))
        .await
        .rows();
    let column = found[0]["MetadataId"].as_str().unwrap();
    office.delete(&format!("{attributes}({column})")).await.ok();
    office.get(&format!("accounts({id})?$select=new_extra")).await.refused_with(400, "0x80060888");
    assert_eq!(office.get(&format!("accounts({id})?$select=name")).await.json()["name"], "x");
}

#[tokio::test]
async fn lookups_and_pairs_are_added_by_relationship() {
    let office = office().await;
    sample(&office).await;
    let body = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "SchemaName": "account_new_sample",
        "ReferencedEntity": "account", "ReferencingEntity": "new_sample", "ReferencedAttribute": "accountid",
        "Lookup": {"@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", "SchemaName": "new_AccountId"}
    });
    office.post("RelationshipDefinitions", body).await.ok();
    let account = office.create("accounts", json!({"name": "x"})).await;
    let body = json!({"new_title": "y", "new_AccountId@odata.bind": format!("/accounts({account})")});
    let id = office.create("new_samples", body).await;
    assert_eq!(office.get(&format!("new_samples({id})")).await.json()["_new_accountid_value"], account);
    assert_eq!(office.get(&format!("accounts({account})/account_new_sample")).await.rows().len(), 1);
    let body = json!({
        "@odata.type": "Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata", "SchemaName": "new_sample_contact",
        "Entity1LogicalName": "new_sample", "Entity2LogicalName": "contact", "IntersectEntityName": "new_sample_contact"
    });
    office.post("RelationshipDefinitions", body).await.ok();
    let contact = office.create("contacts", json!({"lastname": "z"})).await;
    let target = format!("new_samples({id})/new_sample_contact");
    office.post(&format!("{target}/$ref"), json!({"@odata.id": format!("contacts({contact})")})).await.ok();
    assert_eq!(office.get(&target).await.rows()[0]["contactid"], contact);
}

#[tokio::test]
async fn a_deleted_table_is_gone_and_standard_tables_stay() {
    let office = office().await;
    sample(&office).await;
    office.delete("EntityDefinitions(LogicalName='new_sample')").await.ok();
    office.get("new_samples").await.refused_with(404, "0x8006088a");
    sample(&office).await;
    assert_eq!(office.get("new_samples").await.ok().rows().len(), 0);
    assert_eq!(office.delete("EntityDefinitions(LogicalName='account')").await.status, 400);
    office.send("POST", "/emulator/reset", &[], b"").await.ok();
    office.get("new_samples").await.refused_with(404, "0x8006088a");
}
