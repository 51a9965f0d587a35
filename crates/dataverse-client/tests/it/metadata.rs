//! Table definitions from many queries.

use dataverse_client::wire::metadata::{ColumnType, KeyStatus};
use serde_json::json;

use crate::server::{Server, answer, fault};

#[tokio::test]
async fn a_definition_is_merged_from_the_casts_that_its_columns_need() {
    let label = |text: &str| json!({"UserLocalizedLabel": {"Label": text, "LanguageCode": 1033}, "LocalizedLabels": []});
    let column = move |name: &str, coarse: &str, precise: &str| {
        json!({"LogicalName": name, "SchemaName": name, "AttributeType": coarse, "AttributeTypeName": {"Value": precise},
            "DisplayName": label(name), "RequiredLevel": {"Value": "None"}, "IsValidForCreate": true,
            "IsValidForUpdate": true, "IsValidForRead": true, "IsPrimaryId": false})
    };
    let server = Server::start(move |request, _| {
        let path = request.target.trim_start_matches("/api/data/v9.2/EntityDefinitions(LogicalName='account')");
        let (path, _) = path.split_once('?').unwrap_or((path, ""));
        let list = |rows: serde_json::Value| answer(200, &json!({ "value": rows }).to_string());
        let options = |value: i32, text: &str| json!({"Options": [{"Value": value, "Label": label(text)}]});
        match path {
            "" => answer(200, &json!({"LogicalName": "account", "EntitySetName": "accounts",
                "PrimaryIdAttribute": "accountid", "PrimaryNameAttribute": "name", "OwnershipType": "UserOwned",
            "Attributes": [
                column("accountid", "Uniqueidentifier", "UniqueidentifierType"),
                column("name", "String", "StringType"),
                column("new_colours", "Virtual", "MultiSelectPicklistType"),
                column("industrycode", "Picklist", "PicklistType"),
                column("ownerid", "Owner", "OwnerType"),
                column("primarycontactid", "Lookup", "LookupType"),
            ],
            "ManyToOneRelationships": [{"SchemaName": "account_primary_contact",
                "ReferencingAttribute": "primarycontactid", "ReferencedEntity": "contact",
                "ReferencingEntityNavigationPropertyName": "primarycontactid"}],
            "ManyToManyRelationships": [{"SchemaName": "accountleads_association",
                "Entity1LogicalName": "account", "Entity2LogicalName": "lead"}],
            "Keys": [{"SchemaName": "new_Key", "LogicalName": "new_key", "KeyAttributes": ["name"],
                "EntityKeyIndexStatus": "InProgress"}]}).to_string()),
            "/Attributes/Microsoft.Dynamics.CRM.StringAttributeMetadata" => list(json!([
                {"LogicalName": "name", "MaxLength": 160, "Format": "Text"},
                {"LogicalName": "unknown", "MaxLength": 1}])),
            "/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata" => list(json!([
                {"LogicalName": "industrycode", "OptionSet": options(1, "Accounting"), "GlobalOptionSet": null}])),
            "/Attributes/Microsoft.Dynamics.CRM.MultiSelectPicklistAttributeMetadata" => list(json!([
                {"LogicalName": "new_colours", "OptionSet": null, "GlobalOptionSet": options(7, "Red")}])),
            "/Attributes/Microsoft.Dynamics.CRM.LookupAttributeMetadata" => list(json!([
                {"LogicalName": "ownerid", "Targets": ["systemuser", "team"]},
                {"LogicalName": "primarycontactid", "Targets": ["contact"]}])),
            other => fault(404, "0x8006088A", &format!("Resource not found for the segment '{other}'.")),
        }
    })
    .await;
    let client = server.client();
    let table = client.table_definition("account").await.unwrap().unwrap();
    assert_eq!((table.entity_set_name.as_str(), table.columns.len()), ("accounts", 6));
    assert_eq!(table.column("name").unwrap().column_type, ColumnType::String { max_length: 160 });
    assert_eq!(table.column("new_colours").unwrap().column_type.options()[0].label, "Red");
    assert_eq!(table.column("industrycode").unwrap().column_type.options()[0].value, 1);
    assert_eq!(table.column("ownerid").unwrap().column_type.targets(), ["systemuser", "team"]);
    assert!(table.column("accountid").unwrap().is_primary_id);
    assert_eq!(table.keys[0].status, KeyStatus::InProgress);
    assert_eq!(table.many_to_many[0].table2, "lead");
    assert_eq!(table.navigation_property("primarycontactid", "contact").as_deref(), Some("primarycontactid"));
    // One for the table with its lists, and four casts; no cast that no column needs.
    assert_eq!(server.arrived().len(), 5);
}

#[tokio::test]
async fn a_table_that_is_not_there_is_none_and_a_name_that_cannot_be_is_refused() {
    let server =
        Server::scripted(vec![fault(404, "0x80060888", "Could not find an entity with name 'acount'.")])
            .await;
    let client = server.client();
    assert_eq!(client.table_definition("acount").await.unwrap(), None);
    client.table_definition("Account').x").await.unwrap_err();
    assert_eq!(server.arrived().len(), 1);
}
